"""Warnings of a session, noted in its log while somebody looks at it or works on it."""

import logging
import time
from collections.abc import Callable

from studies.sessions import SessionState, StoredSession
from studies.upkeep.health import log_warnings, status_with_warnings
from studies.upkeep.status import SessionStatus

__all__ = ["HealthWatch", "log_health"]

_LOOK_SECONDS = 30.0
_logger = logging.getLogger(__name__)


def log_health(session: StoredSession, status: SessionStatus) -> list[str]:
    """Log what is not well with a running session, where that can be written; return what is new.

    Parameters
    ----------
    session : StoredSession
    status : SessionStatus
        As just read, with `studies.upkeep.status_with_warnings`.
    """
    n_planned = len(session.row.snapshot.warnings)
    found = status.warnings[n_planned:]
    if status.state == SessionState.RUNNING and found:
        try:
            return log_warnings(session.engine, status.session_id, found)
        except Exception:  # a question is answered from a read-only database too
            _logger.debug("%s: warnings could not be logged", status.session_id, exc_info=True)
    return []


class HealthWatch:
    """Looks after a session every 30 seconds of a run, and says once what is not well.

    Parameters
    ----------
    session : StoredSession
    on_warning : callable
        Called with each warning that the session's log has not held for an hour.
    """

    def __init__(self, session: StoredSession, on_warning: Callable[[str], object]) -> None:
        self.session = session
        self.on_warning = on_warning
        self.last = time.monotonic()

    def look(self) -> None:
        """Look, if the last time is 30 seconds ago; an error of it does not disturb the run."""
        now = time.monotonic()
        if now - self.last < _LOOK_SECONDS:
            return
        self.last = now
        try:
            # of its own, so that the row the run looks at stays as it is
            session = StoredSession(self.session.engine, self.session.row)
            for warning in log_health(session, status_with_warnings(session)):
                self.on_warning(warning)
        except Exception:  # the run itself meets what is wrong
            _logger.debug("%s: no look at its health", self.session.row.session_id, exc_info=True)
