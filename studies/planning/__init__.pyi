from .creation import complete_plans as complete_plans
from .creation import create_session as create_session
from .plan import check_request as check_request
from .plan import is_too_large as is_too_large
from .write_plan import QUEUE_LIMIT as QUEUE_LIMIT
from .write_plan import chunk_size_for as chunk_size_for
from .write_plan import count_rows as count_rows
