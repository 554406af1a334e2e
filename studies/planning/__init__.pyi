from .creation import complete_plans as complete_plans
from .creation import create_session as create_session
from .measurable import MeasurableObjective as MeasurableObjective
from .measurable import measurable_objective as measurable_objective
from .write_plan import QUEUE_LIMIT as QUEUE_LIMIT
from .write_plan import chunk_size_for as chunk_size_for
