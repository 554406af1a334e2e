"""The rows of ``tuning_sessions``: which sessions there are, and every change of one."""

import datetime
import enum
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from search_spaces.errors import SessionError
from studies.database import database_errors, strategy_queue, tuning_sessions, utc_now
from studies.sessions.snapshot import Snapshot
from studies.sessions.stored_row import as_text, as_time, as_whole, row_query

__all__ = [
    "ADAPTIVE",
    "DAMAGED",
    "GENETIC",
    "OPEN_STATES",
    "SessionRow",
    "SessionState",
    "add_totals",
    "change_notes",
    "count_queue",
    "delete_row",
    "insert_row",
    "list_sessions",
    "mark_completed",
    "mark_created",
    "mark_deleting",
    "mark_ended",
    "mark_resumable",
    "mark_running",
    "read_row",
    "reopen_failed",
]

DAMAGED = "damaged"
"""Shown as the status of a session whose row cannot be read."""

ADAPTIVE = "adaptive"
"""Mode of a session in which a sampler chooses the strategies as it runs."""

GENETIC = "genetic"
"""Mode of a session that breeds its strategies a generation at a time."""


class SessionState(enum.StrEnum):
    """The column ``status`` of a session."""

    GENERATING = "generating"
    """Its plan is being written; ``generate`` and ``execute`` complete an interrupted one."""
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    """Every strategy completed or failed."""
    FAILED = "failed"
    """A fatal error stopped it."""
    DELETING = "deleting"
    """Its deletion has begun; the next ``clean`` finishes it."""


OPEN_STATES = (
    SessionState.CREATED,
    SessionState.RUNNING,
    SessionState.PAUSED,
    SessionState.FAILED,
)
"""States of a session that still has work to do."""


@dataclass(frozen=True)
class SessionRow:
    """One row of ``tuning_sessions``.

    Attributes
    ----------
    session_id, mode, method : str
    status : SessionState or str
        A text that no release of this project writes stays a text.
    seed, total, completed, failed : int
        Numbers of strategies; ``completed`` does not include ``failed``.
    created_at, started_at, completed_at : datetime or None
        Naive UTC.
    snapshot : Snapshot
        What the session was created with.
    notes : str or None
        The user's text.
    space_fingerprint, data_fingerprint : str or None
        Hex digests that a session must find again to go on.
    """

    session_id: str
    mode: str
    method: str
    seed: int
    total: int
    completed: int
    failed: int
    status: SessionState | str
    created_at: datetime.datetime | None
    started_at: datetime.datetime | None
    completed_at: datetime.datetime | None
    snapshot: Snapshot
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

    @property
    def is_of_earlier_system(self) -> bool:
        """Whether it was recorded without the settings that its figures were measured with."""
        return self.snapshot.config is None

    @property
    def pending(self) -> int:
        """Strategies neither completed nor failed."""
        return self.total - self.completed - self.failed


def read_row(engine: Engine, session_id: str) -> SessionRow:
    """Read one session.

    Raises
    ------
    SessionError
        If there is no such session.
    """
    with database_errors(engine), engine.connect() as connection:
        row = connection.execute(row_query().where(_is(session_id))).first()
    if row is None:
        raise SessionError(_no_session(session_id))
    return _to_row(row)


def list_sessions(engine: Engine) -> list[SessionRow]:
    """All sessions, newest first."""
    with database_errors(engine), engine.connect() as connection:
        rows = connection.execute(
            row_query().order_by(
                tuning_sessions.c.created_at.desc(), tuning_sessions.c.session_id.desc()
            )
        ).all()
    return [_to_row(row) for row in rows]


def insert_row(connection: Connection, row: SessionRow) -> None:
    """Write a new session."""
    connection.execute(
        tuning_sessions.insert().values(
            session_id=row.session_id,
            mode=row.mode,
            method=row.method,
            seed=row.seed,
            total_strategies=row.total,
            status=row.status,
            created_at=row.created_at,
            config_data=row.snapshot.to_json(),
            notes=row.notes,
            space_fingerprint=row.space_fingerprint,
            data_fingerprint=row.data_fingerprint,
        )
    )


def mark_created(connection: Connection, session_id: str) -> None:
    """Say that the plan is written and the session can be run."""
    _update(connection, session_id, status=SessionState.CREATED)


def mark_resumable(connection: Connection, row: SessionRow) -> bool:
    """Note what the queue of an earlier system's session is worked through with.

    Parameters
    ----------
    connection : Connection
    row : SessionRow
        Its snapshot and fingerprints are written, if there are any.

    Returns
    -------
    bool
        False if another process has done so: nothing is written.
    """
    snapshot = row.snapshot
    values: dict[str, Any] = {"status": SessionState.CREATED, "completed_at": None}
    if snapshot.resumed_with is not None:
        values["config_data"] = snapshot.to_json()
        values["space_fingerprint"] = row.space_fingerprint
        values["data_fingerprint"] = row.data_fingerprint
    before = tuning_sessions.c.config_data.is_not_distinct_from(snapshot.earlier_text)
    written = connection.execute(
        tuning_sessions.update().where(_is(row.session_id), before).values(**values)
    )
    return written.rowcount == 1


def count_queue(connection: Connection, session_id: str) -> None:
    """Set the totals of a session to what its queue says; those of an earlier system are stale."""

    def counted(*conditions: sa.ColumnElement[bool]) -> Any:
        of_session = strategy_queue.c.session_id == session_id
        return sa.select(sa.func.count()).where(of_session, *conditions).scalar_subquery()

    _update(
        connection,
        session_id,
        total_strategies=counted(),
        completed_strategies=counted(strategy_queue.c.status == "completed"),
        failed_strategies=counted(strategy_queue.c.status == "failed"),
    )


def mark_running(connection: Connection, session_id: str) -> None:
    """Say that a run began, unless others completed or deleted the session meanwhile."""
    connection.execute(
        tuning_sessions.update()
        .where(_is(session_id), tuning_sessions.c.status.in_(OPEN_STATES))
        .values(
            status=SessionState.RUNNING,
            started_at=sa.func.coalesce(tuning_sessions.c.started_at, utc_now()),
        )
    )


def mark_ended(connection: Connection, session_id: str, state: SessionState) -> None:
    """Say how the last run ended, if the session counts as running."""
    connection.execute(
        tuning_sessions.update()
        .where(_is(session_id), tuning_sessions.c.status == SessionState.RUNNING)
        .values(status=state)
    )


def mark_completed(connection: Connection, session_id: str) -> None:
    """Say that every strategy is completed or failed."""
    _update(connection, session_id, status=SessionState.COMPLETED, completed_at=utc_now())


def mark_deleting(connection: Connection, session_id: str) -> None:
    """Say that the session's deletion has begun."""
    _update(connection, session_id, status=SessionState.DELETING)


def delete_row(connection: Connection, session_id: str) -> None:
    """Delete the row, the last of a session's."""
    connection.execute(tuning_sessions.delete().where(_is(session_id)))


def add_totals(connection: Connection, session_id: str, n_completed: int, n_failed: int) -> None:
    """Count strategies in the session's row, which stays locked until commit."""
    _update(
        connection,
        session_id,
        completed_strategies=tuning_sessions.c.completed_strategies + n_completed,
        failed_strategies=tuning_sessions.c.failed_strategies + n_failed,
    )


def change_notes(connection: Connection, session_id: str, notes: str | None) -> None:
    """Replace the user's text.

    Raises
    ------
    SessionError
        If there is no such session.
    """
    changed = connection.execute(
        tuning_sessions.update().where(_is(session_id)).values(notes=notes)
    )
    if not changed.rowcount:
        raise SessionError(_no_session(session_id))


def reopen_failed(connection: Connection, session_id: str, n_failed: int) -> None:
    """Take failed strategies, which are pending again, out of the counts; pause the session."""
    _update(
        connection,
        session_id,
        failed_strategies=tuning_sessions.c.failed_strategies - n_failed,
        status=SessionState.PAUSED,
        completed_at=None,
    )


def _no_session(session_id: str) -> str:
    return f"there is no session {session_id!r}; list them with: mass-tuning sessions"


def _is(session_id: str) -> sa.ColumnElement[bool]:
    return tuning_sessions.c.session_id == session_id


def _update(connection: Connection, session_id: str, **values: Any) -> None:
    connection.execute(tuning_sessions.update().where(_is(session_id)).values(**values))


def _to_row(row: Any) -> SessionRow:
    try:
        return _whole_row(row)
    except (ValueError, TypeError, KeyError) as error:
        return _damaged_row(str(row.session_id), f"{type(error).__name__}: {error}")


def _whole_row(row: Any) -> SessionRow:
    status = as_text(row.status)
    return SessionRow(
        session_id=row.session_id,
        mode=as_text(row.mode),
        method=as_text(row.method or row.mode),  # an earlier system knew modes only
        seed=as_whole(row.seed),
        total=as_whole(row.total_strategies),
        completed=as_whole(row.completed_strategies),
        failed=as_whole(row.failed_strategies),
        status=SessionState(status) if status in set(SessionState) else status,
        created_at=as_time(row.created_at),
        started_at=as_time(row.started_at),
        completed_at=as_time(row.completed_at),
        snapshot=Snapshot.from_json(row.config_data),
        notes=as_text(row.notes) or row.notes,
        space_fingerprint=row.space_fingerprint,
        data_fingerprint=row.data_fingerprint,
    )


def _damaged_row(session_id: str, damage: str) -> SessionRow:
    """Stand for a row that cannot be read: it is listed and can be deleted, nothing else."""
    return SessionRow(
        session_id=session_id,
        mode="",
        method="",
        seed=0,
        total=0,
        completed=0,
        failed=0,
        status=DAMAGED,
        created_at=None,
        started_at=None,
        completed_at=None,
        snapshot=Snapshot(),
        notes=damage,
        space_fingerprint=None,
        data_fingerprint=None,
    )
