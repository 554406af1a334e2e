"""What kind of error a database raised, and patience with the kind that passes."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from search_spaces.errors import MassTuningError, StorageError

__all__ = ["database_error", "is_transient", "retry_transient"]

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 8.0
PATIENCE_SECONDS = 120.0

# PostgreSQL: connection exceptions, server starting or stopping, too many connections,
# serialization failures and deadlocks.
_PASSING_STATES = ("08", "57P", "53300", "40")
_PASSING_TEXTS = ("database is locked", "database table is locked", "disk I/O error (locked)")

Result = TypeVar("Result")
_logger = logging.getLogger(__name__)


def is_transient(error: BaseException) -> bool:
    """Whether the same statement may succeed a little later: a lost connection or a held lock."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return str(state).startswith(_PASSING_STATES)
    if type(error.orig).__module__.startswith("psycopg"):
        return isinstance(error, (OperationalError, InterfaceError))
    return any(text in str(error.orig) for text in _PASSING_TEXTS)


def database_error(error: BaseException) -> DBAPIError | None:
    """Return the driver's error behind an exception, None if there is none.

    Optuna's storage and `studies.database.engine.database_errors` raise errors of their own from
    it, and SQLAlchemy one of a session that it broke. Any other error of this project is not
    looked behind: it has been decided what it means.
    """
    behind: BaseException | None = error
    while behind is not None and not isinstance(behind, DBAPIError):
        if isinstance(behind, MassTuningError) and not isinstance(behind, StorageError):
            return None
        hidden = None if behind.__suppress_context__ else behind.__context__
        behind = behind.__cause__ or hidden
    return behind


def retry_transient(
    action: Callable[[], Result],
    *,
    on_retry: Callable[[BaseException, int], None] | None = None,
    on_wait: Callable[[float | None], None] | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Result:
    """Do something with the database, again and again while its errors are transient.

    Each retry is logged at INFO with its attempt and the seconds of patience that are left.

    Parameters
    ----------
    action : callable
        Must be safe to repeat: a transaction that checks that what it holds is still its own.
    on_retry : callable, optional
        Called before each pause with the error and the number of the attempt, from 1.
    on_wait : callable, optional
        Called before each pause with the seconds since the first attempt began; once with None
        when the waiting is over, however it ended. Not called if the first attempt succeeds.
    patience_seconds : float
        An error of an attempt that ends later than this is raised. Pauses double from a quarter
        of a second to 8 seconds.
    clock, sleep : callable
        Replaced in tests.

    Returns
    -------
    object
        What the action returned.
    """
    began, pause, attempt = clock(), FIRST_PAUSE_SECONDS, 0
    try:
        while True:
            try:
                return action()
            except Exception as error:
                behind = database_error(error)
                waited = clock() - began
                passes = behind is not None and is_transient(behind)
                if not passes or waited >= patience_seconds:
                    raise
                attempt += 1
                left = patience_seconds - waited
                reason = " ".join(str(getattr(behind, "orig", behind)).split())
                _logger.info(
                    "attempt %d failed, %.0f s of patience left: %s", attempt, left, reason
                )
                if on_retry is not None:
                    on_retry(error, attempt)
            if on_wait is not None:
                on_wait(clock() - began)
            sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    finally:
        if on_wait is not None and attempt:
            on_wait(None)
