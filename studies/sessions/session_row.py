"""The rows of ``tuning_sessions``: which sessions there are, and what each is made of."""

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from search_spaces.errors import SessionError
from studies.database.engine import database_errors
from studies.database.tables import tuning_sessions

__all__ = [
    "ADAPTIVE",
    "GENETIC",
    "OPEN_STATES",
    "SessionRow",
    "latest_session",
    "list_sessions",
    "read_row",
]

ADAPTIVE = "adaptive"
"""Mode of a session in which a sampler chooses the strategies as it runs."""

GENETIC = "genetic"
"""Mode of a session that breeds its strategies a generation at a time."""

OPEN_STATES = ("created", "running", "paused", "failed")
"""States of a session that still has work to do."""


@dataclass(frozen=True)
class SessionRow:
    """One row of ``tuning_sessions``.

    Attributes
    ----------
    session_id, mode, method, status : str
    seed, total, completed, failed : int
        Numbers of strategies; ``completed`` does not include ``failed``.
    created_at, started_at, completed_at : datetime or None
        Naive UTC.
    config : mapping
        Snapshot of everything the session is made of.
    notes : str or None
    """

    session_id: str
    mode: str
    method: str
    seed: int
    total: int
    completed: int
    failed: int
    status: str
    created_at: datetime.datetime | None
    started_at: datetime.datetime | None
    completed_at: datetime.datetime | None
    config: Mapping[str, Any]
    notes: str | None
    space_fingerprint: str | None
    data_fingerprint: str | None

    @property
    def is_genetic(self) -> bool:
        """Whether strategies are bred and queued a generation at a time."""
        return self.mode == GENETIC

    @property
    def is_adaptive(self) -> bool:
        """Whether a sampler chooses the strategies as the session runs."""
        return self.mode == ADAPTIVE


def read_row(engine: Engine, session_id: str) -> SessionRow:
    """Read one session.

    Raises
    ------
    SessionError
        If there is no such session.
    """
    with database_errors(engine), engine.connect() as connection:
        row = connection.execute(
            sa.select(tuning_sessions).where(tuning_sessions.c.session_id == session_id)
        ).first()
    if row is None:
        raise SessionError(
            f"there is no session {session_id!r}; list them with: mass-tuning sessions"
        )
    return _to_row(row)


def list_sessions(engine: Engine) -> list[SessionRow]:
    """All sessions, newest first."""
    with database_errors(engine), engine.connect() as connection:
        rows = connection.execute(
            sa.select(tuning_sessions).order_by(
                tuning_sessions.c.created_at.desc(), tuning_sessions.c.session_id.desc()
            )
        ).all()
    return [_to_row(row) for row in rows]


def latest_session(engine: Engine, *, unfinished: bool = True) -> str:
    """Id of the newest session with work to do, or of the newest at all.

    Raises
    ------
    SessionError
        If there is none.
    """
    sessions = list_sessions(engine)
    chosen = [s for s in sessions if s.status in OPEN_STATES] if unfinished else sessions
    if not chosen:
        if sessions:
            raise SessionError(
                f"no session has work left; the newest is {sessions[0].session_id} "
                f"({sessions[0].status}); name one with --session, or create one with: "
                "mass-tuning generate"
            )
        raise SessionError("there is no session yet; create one with: mass-tuning generate")
    return chosen[0].session_id


def _to_row(row: Any) -> SessionRow:
    try:
        config = json.loads(row.config_data or "{}")
    except ValueError:
        config = {}
    return SessionRow(
        session_id=row.session_id,
        mode=row.mode or "",
        method=row.method or "",
        seed=row.seed or 0,
        total=row.total_strategies or 0,
        completed=row.completed_strategies or 0,
        failed=row.failed_strategies or 0,
        status=row.status or "",
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        config=config,
        notes=row.notes,
        space_fingerprint=row.space_fingerprint,
        data_fingerprint=row.data_fingerprint,
    )
