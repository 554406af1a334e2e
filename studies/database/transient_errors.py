"""What kind of error a database raised, and patience with the kind that passes."""

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
    patience_seconds: float = PATIENCE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Result:
    """Do something with the database, again and again while its errors are transient.

    Parameters
    ----------
    action : callable
        Must be safe to repeat: a transaction under a fence.
    on_retry : callable, optional
        Called before each pause with the error and the number of the attempt, from 1.
    patience_seconds : float
        After so long the error is raised. Pauses double from a quarter of a second to 8 seconds.
    clock, sleep : callable
        Replaced in tests.

    Returns
    -------
    object
        What the action returned.
    """
    began, pause, attempt = clock(), FIRST_PAUSE_SECONDS, 0
    while True:
        try:
            return action()
        except Exception as error:
            behind = database_error(error)
            passes = behind is not None and is_transient(behind)
            if not passes or clock() - began >= patience_seconds:
                raise
            attempt += 1
            if on_retry is not None:
                on_retry(error, attempt)
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
