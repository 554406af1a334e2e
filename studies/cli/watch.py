"""Warnings of a session, noted in its log while a command looks at it or works on it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from studies.cli.output import warn

if TYPE_CHECKING:
    from studies.runs import Progress
    from studies.session import Session
    from studies.upkeep import SessionStatus

__all__ = ["HealthWatch", "log_health"]

_LOOK_SECONDS = 30.0


def log_health(session: Session, status: SessionStatus) -> list[str]:
    """Log what is not well with a running session, where that can be written; return what is new.

    Parameters
    ----------
    session : Session
    status : SessionStatus
        As just read.
    """
    from studies.upkeep import log_warnings

    planned = len(session.row.snapshot.warnings)
    found = status.warnings[planned:]
    if status.state == "running" and found:
        with contextlib.suppress(Exception):  # a question is answered from a read-only database too
            return log_warnings(session.engine, status.session_id, found)
    return []


class HealthWatch:
    """Looks after a session every half minute of a run, and says once what is not well.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        """Look, if it is time."""
        now = time.monotonic()
        if now - self.last < _LOOK_SECONDS:
            return
        self.last = now
        from studies.session import Session
        from studies.upkeep import status_with_warnings

        with contextlib.suppress(Exception):  # the run itself meets what is wrong
            # of its own, so that the row the run looks at stays as it is
            session = Session(self.session.engine, self.session.row)
            for text in log_health(session, status_with_warnings(session)):
                warn(text)
