"""Which session is meant: a list to choose from, and how a session is written in it."""

from collections.abc import Callable

from search_spaces.errors import SessionError
from studies.analysis import local_time
from studies.console.project import Project
from studies.console.prompts import Item, choose
from studies.console.screen import Screen
from studies.language import Message, message
from studies.reports import STATE_WORDS
from studies.session import Session
from studies.sessions import SessionRow, SessionState

__all__ = ["choose_session", "has_work_left", "session_line", "state_text"]


def state_text(row: SessionRow) -> Message | str:
    """Return the state of a session in words."""
    return STATE_WORDS.get(row.status, row.status)  # an earlier system had others


def has_work_left(row: SessionRow) -> bool:
    """Whether a session can be run."""
    return row.pending > 0 and row.status not in (SessionState.GENERATING, SessionState.DELETING)


def session_line(row: SessionRow) -> Message:
    """Write a session in a line."""
    return message(
        "{session}  {done:,} of {total:,}, {state}, {method}, {time}",
        session=row.session_id,
        done=row.completed + row.failed,
        total=row.total,
        state=state_text(row),
        method=row.method,
        time=local_time(row.created_at)[:16],
    )


def choose_session(
    screen: Screen,
    project: Project,
    suits: Callable[[SessionRow], bool] = lambda row: True,
) -> Session:
    """Ask for a session; the only one that suits is taken without asking.

    Raises
    ------
    BackError
        If the user goes back.
    SessionError
        If none suits.
    """
    rows = [row for row in project.sessions() if suits(row)]
    if not rows:
        raise SessionError(screen.text(message("there is no such session yet")))
    if len(rows) == 1:
        row = rows[0]
        screen.say(session_line(row))
    else:
        row = choose(
            screen, message("Which session?"), [Item(session_line(each), each) for each in rows]
        )
    return project.open(row)
