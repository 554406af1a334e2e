from .deletion import delete_failed as delete_failed
from .deletion import delete_session as delete_session
from .deletion import finish_deletions as finish_deletions
from .health import log_warnings as log_warnings
from .health import status_with_warnings as status_with_warnings
from .retries import retry_failed as retry_failed
from .status import SessionStatus as SessionStatus
