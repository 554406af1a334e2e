from .creation import complete_plans as complete_plans
from .creation import create_session as create_session
from .creation import too_large_plans as too_large_plans
from .plan import check_request as check_request
from .write_plan import QUEUE_LIMIT as QUEUE_LIMIT
from .write_plan import chunk_size_for as chunk_size_for
