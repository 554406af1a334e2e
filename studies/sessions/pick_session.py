"""Which session is meant where none is named."""

import re
from typing import Literal, TypeAlias

from sqlalchemy.engine import Engine

from search_spaces.checks import shown
from search_spaces.errors import SessionError
from studies.sessions.session_row import OPEN_STATES, SessionRow, list_sessions, read_row

__all__ = ["SessionChoice", "choose_session", "find_session"]

SessionChoice: TypeAlias = Literal["unfinished", "newest", "results"]
"""The newest session with work left; that one or, without any, the newest of all; the newest with
results."""


def find_session(engine: Engine, handle: str) -> SessionRow:
    """Return the session that a user names, not necessarily by its whole id.

    Parameters
    ----------
    engine : Engine
    handle : str
        The id, its beginning or its end, the session's notes, or ``-1`` for the newest session,
        ``-2`` for the one before.

    Raises
    ------
    SessionError
        If there is no such session, or several.
    """
    try:
        return read_row(engine, handle)
    except SessionError:
        rows = list_sessions(engine)
        if re.fullmatch("-[0-9]{1,6}", handle):
            place = -int(handle) - 1
            rows = [row for row in rows if not row.is_of_earlier_system][place : place + 1]
        else:
            rows = [row for row in rows if _is_named(row, handle)]
        if not rows:
            raise
    if len(rows) > 1:
        raise SessionError(
            f"{len(rows)} sessions are called {shown(handle)}: "
            f"{', '.join(row.session_id for row in rows[:3])}; write more of the id"
        )
    return rows[0]


def _is_named(row: SessionRow, handle: str) -> bool:
    name = row.session_id
    return row.notes == handle or name.startswith(handle) or name.endswith(handle)


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
