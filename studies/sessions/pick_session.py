"""Which session is meant where none is named."""

from typing import Literal, TypeAlias

from sqlalchemy.engine import Engine

from search_spaces.errors import SessionError
from studies.sessions.session_row import OPEN_STATES, SessionRow, list_sessions

__all__ = ["SessionChoice", "choose_session"]

SessionChoice: TypeAlias = Literal["unfinished", "newest", "results"]
"""The newest session with work left; that one or, without any, the newest of all; the newest with
results."""


def choose_session(engine: Engine, choice: SessionChoice) -> SessionRow:
    """Return the session that is meant where none is named.

    One that an earlier system recorded is never meant: it must be named.

    Parameters
    ----------
    engine : Engine
    choice : {"unfinished", "newest", "results"}
        See :data:`SessionChoice`.

    Raises
    ------
    SessionError
        If there is no session, or none such.
    """
    listed = list_sessions(engine)
    rows = [row for row in listed if not row.is_of_earlier_system]
    if not rows:
        others = f" of this system ({len(listed)} of an earlier one)" if listed else ""
        raise SessionError(
            f"there is no session yet{others}; create one with: mass-tuning generate"
        )
    if choice == "results":
        for row in rows:
            if row.completed + row.failed:
                return row
        raise SessionError(
            f"no session has results yet; run the newest with: mass-tuning execute --session "
            f"{rows[0].session_id}"
        )
    for row in rows:
        if row.status in OPEN_STATES:
            return row
    if choice == "newest":
        return rows[0]
    raise SessionError(
        f"no session has work left; the newest is {rows[0].session_id} ({rows[0].status}); create "
        "one with: mass-tuning generate"
    )
