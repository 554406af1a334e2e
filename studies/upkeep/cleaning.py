"""What a cleaning removes: counted before it is done, so that it can be shown first."""

import contextlib
import datetime
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from search_spaces.errors import StorageError
from studies.config import RetentionConfig
from studies.database import (
    WritePacer,
    database_errors,
    execution_log,
    hyperparameter_tuning_results,
    in_paced_batches,
    metadata,
    search_generations,
    strategy_queue,
    utc_now,
    work_chunks,
)
from studies.sessions import SessionState, list_sessions, read_row
from studies.trials import count_trials
from studies.upkeep.deletion import select_failed
from studies.upkeep.restore import refuse_work

__all__ = [
    "Removal",
    "Vacuumed",
    "count_old_entries",
    "delete_old_entries",
    "sessions_older_than",
    "sessions_to_go",
    "vacuum",
    "what_goes",
]

_FIRST_BATCH = 2_000
_OF_SESSIONS = (
    hyperparameter_tuning_results,
    strategy_queue,
    work_chunks,
    search_generations,
    execution_log,
)


@dataclass(frozen=True)
class Removal:
    """Rows that go with a session, or with its failed strategies.

    Attributes
    ----------
    session_id : str
    results : int
        Of `rows` those with results.
    rows : int
        All: results, queue, chunks, generations, log, and the trials of its studies.
    """

    session_id: str
    results: int
    rows: int


@dataclass(frozen=True)
class Vacuumed:
    """Size of the database in bytes."""

    before: int
    after: int


def what_goes(engine: Engine, session_id: str, *, failed_only: bool = False) -> Removal:
    """Count what `delete_session` or `delete_failed` would delete.

    Raises
    ------
    SessionError
        If there is no such session.
    """
    row = read_row(engine, session_id)
    with database_errors(engine), engine.connect() as connection:
        if failed_only:
            failed = select_failed(row).subquery()
            ids = sa.select(failed.c.strategy_id)
            n_results, n_queued = (
                _count(connection, table, session_id, table.c.strategy_id.in_(ids))
                for table in (hyperparameter_tuning_results, strategy_queue)
            )
            return Removal(session_id, n_results, n_results + n_queued)
        counts = [_count(connection, table, session_id) for table in _OF_SESSIONS]
        n_trials = count_trials(connection, session_id)
    return Removal(session_id, counts[0], sum(counts) + n_trials)


def sessions_older_than(engine: Engine, days: float) -> list[str]:
    """Ids of the sessions that were completed more than `days` ago, oldest first.

    Others stay, however old: they have work left that somebody may go on with.
    """
    limit = utc_now() - datetime.timedelta(days=days)
    return [name for name, completed_at in _completed(engine) if completed_at < limit]


def sessions_to_go(engine: Engine, rules: RetentionConfig) -> list[str]:
    """Ids of the completed sessions that the rules of retention do not keep, oldest first."""
    going = set()
    if rules.keep_days is not None:
        going.update(sessions_older_than(engine, rules.keep_days))
    completed = [name for name, _ in _completed(engine)]
    if rules.keep_sessions is not None:
        going.update(completed[: max(0, len(completed) - rules.keep_sessions)])
    return [name for name in completed if name in going]


def count_old_entries(engine: Engine, days: float) -> int:
    """Count the entries of the execution log that are older than `days`."""
    query = sa.select(sa.func.count()).select_from(execution_log).where(_is_old(days))
    with database_errors(engine), engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def delete_old_entries(engine: Engine, days: float) -> int:
    """Delete the entries of the execution log that are older than `days`; return how many."""
    is_old = _is_old(days)

    def delete(connection: Connection, size: int) -> int:
        oldest = sa.select(execution_log.c.id).where(is_old).order_by(execution_log.c.id)
        chosen = execution_log.c.id.in_(oldest.limit(size))
        return connection.execute(execution_log.delete().where(chosen)).rowcount

    with database_errors(engine), WritePacer(engine) as pacer:
        return in_paced_batches(pacer, delete, _FIRST_BATCH)


def vacuum(engine: Engine) -> Vacuumed:
    """Give the room of deleted rows back: SQLite's to the disk, PostgreSQL's to new rows.

    Raises
    ------
    SessionError
        On SQLite, if a session is being worked on: its workers would wait for the lock.
    StorageError
        If the disk has no room: SQLite writes the database once more, and once into its log.
    """
    before = _size(engine)
    if engine.dialect.name != "sqlite":
        with engine.connect() as connection:
            own = connection.execution_options(isolation_level="AUTOCOMMIT")
            there = set(sa.inspect(own).get_table_names())
            for name in sorted(there.intersection(metadata.tables)):
                own.execute(sa.text(f"VACUUM (ANALYZE) {name}"))
        return Vacuumed(before, _size(engine))
    refuse_work(engine)
    folder = Path(str(engine.url.database)).absolute().parent
    free = shutil.disk_usage(folder).free
    if free < 2 * before:
        raise StorageError(
            f"{free / 1e6:,.0f} MB are free in {folder}, vacuum needs {2 * before / 1e6:,.0f} MB; "
            "make room first"
        )
    with database_errors(engine), contextlib.closing(engine.raw_connection()) as raw:
        cursor: Any = raw.cursor()
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA optimize"):
                cursor.execute(statement).fetchall()
        except engine.dialect.loaded_dbapi.Error as error:
            raise sa.exc.DBAPIError("VACUUM", None, error) from error
    return Vacuumed(before, _size(engine))


def _completed(engine: Engine) -> list[tuple[str, datetime.datetime]]:
    """Completed sessions and when they were, oldest first."""
    found = [
        (row.session_id, row.completed_at)
        for row in list_sessions(engine)
        if row.status == SessionState.COMPLETED and row.completed_at is not None
    ]
    return sorted(found, key=lambda each: (each[1], each[0]))


def _count(connection: Connection, table: sa.Table, session_id: str, *which: Any) -> int:
    query = sa.select(sa.func.count()).select_from(table)
    of_session = table.c.session_id == session_id
    return int(connection.execute(query.where(of_session, *which)).scalar_one())


def _is_old(days: float) -> sa.ColumnElement[bool]:
    return execution_log.c.created_at < utc_now() - datetime.timedelta(days=days)


def _size(engine: Engine) -> int:
    if engine.dialect.name == "sqlite":
        file = str(engine.url.database)
        return sum(
            Path(f"{file}{end}").stat().st_size
            for end in ("", "-wal")
            if Path(f"{file}{end}").exists()
        )
    with database_errors(engine), engine.connect() as connection:
        size = sa.text("SELECT pg_database_size(current_database())")
        return int(connection.execute(size).scalar_one())
