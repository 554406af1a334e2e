"""Checks of the project's database, which is read only, whatever state it is in."""

import functools
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from studies.database import (
    HEAD,
    create_engine,
    database_clock,
    database_errors,
    display_url,
    hyperparameter_tuning_results,
    known_revisions,
    read_revision,
    schema_revision,
    tuning_sessions,
    work_chunks,
)
from studies.queue import ChunkState
from studies.sessions import ADAPTIVE, SessionState, Snapshot
from studies.trials import TESTED_REVISIONS, count_foreign_trials
from studies.upkeep.check_machine import clock_finding
from studies.upkeep.finding import Finding, guarded, ok, problem, warning

__all__ = ["WHOLE_CHECK_BYTES", "check_database", "patient_engine"]

WHOLE_CHECK_BYTES = 1_000_000_000
"""A larger SQLite file is checked without comparing its indexes (``PRAGMA quick_check``)."""
_PATIENCE_S = 3.0
_BACKUP = "restore a backup with: mass-tuning restore FILE"
_results = hyperparameter_tuning_results


def patient_engine(url: str) -> Engine:
    """Open an engine that waits three seconds for a locked database, not half a minute."""
    engine = create_engine(url)
    setting = "timeout" if engine.dialect.name == "sqlite" else "connect_timeout"

    @sa.event.listens_for(engine, "do_connect")
    def wait_less(
        dialect: object, record: object, words: object, options: dict[str, float]
    ) -> None:
        options[setting] = _PATIENCE_S if setting == "timeout" else int(_PATIENCE_S)

    return engine


def check_database(engine: Engine, *, quick: bool = False) -> Iterator[Finding]:
    """Everything about the database; what does not work stands for all that depends on it."""
    reached = guarded("database", lambda: _reached(engine))
    yield from reached
    if any(each.level == "problem" for each in reached):
        return
    whole = guarded("integrity", lambda: _integrity(engine, quick))
    yield from whole
    if any(each.level == "problem" for each in whole):
        return
    schema = guarded("schema", lambda: _schema(engine))
    yield from schema
    yield from guarded("clock", lambda: _clock(engine))
    if any(each.level != "ok" for each in schema):
        return
    for check, find in (
        ("counts", _counts),
        ("foreign trials", _foreign),
        ("sessions", _sessions),
        ("leases", _leases),
    ):
        yield from guarded(check, functools.partial(_in_snapshot, engine, find))


def _reached(engine: Engine) -> Iterator[Finding]:
    name = display_url(engine)
    if engine.dialect.name != "sqlite":
        yield from _server(engine, name)
        return
    file = Path(str(engine.url.database))
    if not file.exists():
        make = "name another one with --database, or begin with: mass-tuning import SOURCE"
        yield problem("database", f"there is no database {name} yet", make)
        return
    if not os.access(file, os.R_OK):
        yield problem("database", f"{file} cannot be read", "make it readable")
        return
    with database_errors(engine), engine.connect() as connection:
        connection.execute(sa.text("SELECT count(*) FROM sqlite_master")).scalar_one()
        version = connection.execute(sa.text("SELECT sqlite_version()")).scalar_one()
    if not (os.access(file, os.W_OK) and os.access(file.absolute().parent, os.W_OK)):
        yield warning(
            "database",
            f"{name} can be read only",
            "make the file and its folder writable, or nothing can be recorded",
        )
        return
    n_bytes = file.stat().st_size
    yield ok("database", f"{name}, {n_bytes / 1e6:,.1f} MB, SQLite {version}")


def _server(engine: Engine, name: str) -> Iterator[Finding]:
    with database_errors(engine), engine.connect() as connection:
        version = connection.execute(sa.text("SHOW server_version")).scalar_one()
        used = connection.execute(sa.text("SELECT count(*) FROM pg_stat_activity")).scalar_one()
        most = int(connection.execute(sa.text("SHOW max_connections")).scalar_one())
        size = connection.execute(sa.text("SELECT pg_database_size(current_database())"))
        n_bytes = int(size.scalar_one())
    text = (
        f"{name}, {n_bytes / 1e6:,.1f} MB, PostgreSQL {version}, {used} of {most} connections used"
    )
    if used > 0.8 * most:
        yield problem("database", text, "raise max_connections, or start fewer workers")
    else:
        yield ok("database", text)


def _integrity(engine: Engine, quick: bool) -> Iterator[Finding]:
    if engine.dialect.name != "sqlite":
        return  # PostgreSQL has no such question; amcheck is its administrator's
    large = Path(str(engine.url.database)).stat().st_size > WHOLE_CHECK_BYTES
    pragma = "quick_check" if quick or large else "integrity_check"
    with database_errors(engine), engine.connect() as connection:
        found = list(connection.execute(sa.text(f"PRAGMA {pragma}(3)")).scalars())
    if found == ["ok"]:
        yield ok("integrity", f"{pragma}: whole")
    else:
        reason = " ".join("; ".join(map(str, found)).split())[:200]
        yield problem("integrity", f"the file is damaged: {reason}", _BACKUP)


def _schema(engine: Engine) -> Iterator[Finding]:
    with database_errors(engine), engine.connect() as connection:
        ours = schema_revision(connection)
        optunas = read_revision(connection, "alembic_version")
    if ours is None:
        make = "any command that opens it makes them, for example: mass-tuning sessions"
        yield warning("schema", "there are no tables of mass-tuning yet", make)
        return
    if ours not in known_revisions():
        newer = "upgrade mass-tuning, or use another database"
        yield problem("schema", f"our tables have schema {ours}, known is up to {HEAD}", newer)
    elif ours != HEAD:
        opening = "the next command that opens it brings them there; make a backup before"
        yield warning("schema", f"our tables have schema {ours}, the newest is {HEAD}", opening)
    else:
        yield ok("schema", f"our tables have schema {ours}")
    known = ", ".join(sorted(TESTED_REVISIONS))
    if optunas not in TESTED_REVISIONS:
        yield problem(
            "schema",
            f"Optuna's tables have revision {optunas}, this release was tested with {known}",
            "if older, run `optuna storage upgrade --storage URL`, else upgrade mass-tuning",
        )
    else:
        yield ok("schema", f"Optuna's tables have revision {optunas}")


def _clock(engine: Engine) -> Iterator[Finding]:
    if engine.dialect.name == "sqlite":
        return  # its clock is ours
    with database_errors(engine), engine.connect() as connection:
        before = time.time()
        theirs = float(connection.execute(sa.select(database_clock())).scalar_one())
        yield clock_finding(theirs - (before + time.time()) / 2, "database")


def _counts(connection: Connection) -> Iterator[Finding]:
    """Totals of sessions, sums of their chunks and their result rows, of one snapshot."""
    of_chunks = (
        sa.select(
            work_chunks.c.session_id,
            sa.func.sum(work_chunks.c.completed_strategies).label("completed"),
            sa.func.sum(work_chunks.c.failed_strategies).label("failed"),
        )
        .group_by(work_chunks.c.session_id)
        .subquery()
    )
    of_results = (
        sa.select(_results.c.session_id, sa.func.count().label("n"))
        .group_by(_results.c.session_id)
        .subquery()
    )
    session = tuning_sessions.c
    rows = connection.execute(
        sa.select(
            session.session_id,
            session.mode,
            session.config_data,
            session.completed_strategies.label("completed"),
            session.failed_strategies.label("failed"),
            of_chunks.c.completed.label("in_chunks"),
            of_chunks.c.failed.label("failed_in_chunks"),
            sa.func.coalesce(of_results.c.n, 0).label("n_results"),
        )
        .join(of_chunks, of_chunks.c.session_id == session.session_id)
        .outerjoin(of_results, of_results.c.session_id == session.session_id)
        .where(session.status != SessionState.DELETING)
        .order_by(session.session_id)
    ).all()
    # what an earlier system completed has no chunk, and what failed there no result
    rows = [row for row in rows if Snapshot.from_json(row.config_data).config is not None]
    bad = []
    for row in rows:
        settled = row.completed + row.failed
        # An adaptive session counts repeated proposals; `clean --failed-only` removes failures.
        least = (
            (0 if row.n_results == settled == 0 else 1) if row.mode == ADAPTIVE else row.completed
        )
        if (row.completed, row.failed) != (row.in_chunks, row.failed_in_chunks) or not (
            min(least, settled) <= row.n_results <= settled
        ):
            bad.append(row)
    for row in bad:
        yield problem(
            "counts",
            f"{row.session_id}: {row.completed:,} completed and {row.failed:,} failed, in chunks "
            f"{row.in_chunks:,} and {row.failed_in_chunks:,}, {row.n_results:,} result rows",
            "rows were changed from outside; restore a backup, or delete the session with clean",
        )
    if not bad:
        yield ok("counts", f"totals, chunks and result rows agree, sessions: {len(rows):,}")


def _foreign(connection: Connection) -> Iterator[Finding]:
    ids = list(connection.execute(sa.select(tuning_sessions.c.session_id)).scalars())
    found = {name: n for name in ids if (n := count_foreign_trials(connection, name))}
    for session_id, n in found.items():
        yield warning(
            "foreign trials",
            f"{n:,} trials in the studies of {session_id} are not of the session",
            "its results are not touched by them; let scripts of your own use studies of their own",
        )
    if not found:
        yield ok("foreign trials", "the studies of sessions hold their trials only")


def _sessions(connection: Connection) -> Iterator[Finding]:
    session = tuning_sessions.c
    listed = connection.execute(
        sa.select(session.session_id, session.status).order_by(session.session_id)
    ).all()
    live = set(
        connection.execute(
            sa.select(work_chunks.c.session_id).where(
                work_chunks.c.state == ChunkState.RUNNING,
                work_chunks.c.lease_expires_at >= database_clock(),
            )
        ).scalars()
    )
    before = False
    for session_id, status in listed:
        sign = {
            SessionState.RUNNING: (
                "counts as running, and nobody works on it",
                f"go on with: mass-tuning execute --session {session_id} --resume",
            ),
            SessionState.GENERATING: (
                "is half planned, or being planned now",
                f"complete it with: mass-tuning execute --session {session_id}",
            ),
            SessionState.DELETING: (
                "is half deleted, or being deleted now",
                f"finish that with: mass-tuning clean --session {session_id}",
            ),
            SessionState.FAILED: (
                "was stopped by an error",
                f"see why with: mass-tuning status --session {session_id} --detailed",
            ),
        }.get(status)
        if sign is not None and session_id not in live:
            before = True
            yield warning("sessions", f"{session_id} {sign[0]}", sign[1])
    if not before:
        yield ok("sessions", f"{len(listed):,}, none of them interrupted")


def _leases(connection: Connection) -> Iterator[Finding]:
    held = sa.select(
        sa.func.count().filter(work_chunks.c.lease_expires_at >= database_clock()),
        sa.func.count().filter(work_chunks.c.lease_expires_at < database_clock()),
    ).where(work_chunks.c.state == ChunkState.RUNNING)
    n_live, n_over = connection.execute(held).one()
    text = f"chunks held by workers: {n_live:,}"
    if n_over:
        yield warning(
            "leases",
            f"{text}, {n_over:,} by workers that are dead or cut off",
            "nothing is lost: whoever executes the session next takes them over",
        )
    else:
        yield ok("leases", text)


def _in_snapshot(engine: Engine, find: Callable[[Connection], Iterable[Finding]]) -> list[Finding]:
    with database_errors(engine), engine.connect() as connection:
        if engine.dialect.name != "sqlite":  # there every transaction reads one snapshot
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            return list(find(connection))
