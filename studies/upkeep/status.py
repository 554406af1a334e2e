"""Where a session stands: counts, rate, workers, failures, warnings."""

import datetime
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from studies.database import (
    database_clock,
    database_errors,
    hyperparameter_tuning_results,
    strategy_queue,
    utc_now,
    work_chunks,
)
from studies.queue import ChunkState
from studies.sessions import LogEntry, SessionRow, SessionState, StoredSession, read_entries

__all__ = ["SessionStatus", "WorkerStatus", "read_status"]

_PAUSE_SECONDS = 10.0
_RATE_CHUNKS = 20
_WORKER_CHUNKS = 400
_LOG_ENTRIES = 10
_results = hyperparameter_tuning_results


@dataclass(frozen=True)
class WorkerStatus:
    """A chunk in hand, and who holds it.

    Attributes
    ----------
    worker : str or None
        Name of the worker, from `studies.queue.new_worker_name`.
    host : str or None
    pid : int or None
        Host and process of the worker; None if the name does not say.
    chunk : int
        Number of the chunk.
    strategies : int
        Strategies of the chunk.
    attempt : int
        How often the chunk was claimed, this time included.
    crashes : int
        Workers that died with the chunk, or lost their lease, before.
    seconds : float
        Since the claim.
    rate : float or None
        Strategies per second of the worker's newest chunks; None before its first.
    lease_seconds_left : float or None
        Negative when the lease has run out.
    """

    worker: str | None
    host: str | None
    pid: int | None
    chunk: int
    strategies: int
    attempt: int
    crashes: int
    seconds: float
    rate: float | None
    lease_seconds_left: float | None


@dataclass(frozen=True)
class SessionStatus:
    """Where a session stands.

    Attributes
    ----------
    session_id, mode, method, state : str
        ``state`` is the status in ``tuning_sessions``.
    total, completed, failed, pending : int
        Numbers of strategies.
    chunks : mapping of str to int
        Chunks of work by state.
    rate : float or None
        Strategies per second over the chunks of the last minutes; None before the first chunk.
    eta_seconds : float or None
        Seconds left at this rate, while the session runs.
    warnings : tuple of str
        What was noted when the session was planned; `studies.upkeep.status_with_warnings` adds
        what is not well now.
    n_distinct_by_construction, space_size : int or None
        Strategies of the space that the market and the settings do not make the same, and all of
        them; None where that is not known.
    workers : tuple of WorkerStatus
        Chunks in hand.
    failures : mapping of str to int
        Failed strategies by reason; in an adaptive session each counts once, however often it was
        proposed.
    errors : tuple of LogEntry
        Newest 10 errors and warnings of the execution log.
    log : tuple of LogEntry
        Newest 10 entries of the execution log.
    """

    session_id: str
    mode: str
    method: str
    seed: int
    state: str
    total: int
    completed: int
    failed: int
    pending: int
    created_at: datetime.datetime | None
    started_at: datetime.datetime | None
    completed_at: datetime.datetime | None
    notes: str | None
    warnings: tuple[str, ...]
    n_distinct_by_construction: int | None
    space_size: int | None
    directions: Mapping[str, str]
    chunks: Mapping[str, int]
    rate: float | None
    eta_seconds: float | None
    workers: tuple[WorkerStatus, ...]
    failures: Mapping[str, int]
    errors: tuple[LogEntry, ...]
    log: tuple[LogEntry, ...]


def read_status(session: StoredSession, *, detailed: bool = False) -> SessionStatus:
    """Read where a session stands.

    Parameters
    ----------
    session : StoredSession
    detailed : bool
        Also count failures by reason and read the newest log entries.

    Returns
    -------
    SessionStatus
    """
    row = session.refresh()
    with database_errors(session.engine), session.engine.connect() as connection:
        chunks = _chunk_counts(connection, row.session_id)
        recent = _recent_chunks(connection, row.session_id)
        workers = _workers(connection, row.session_id, recent)
        failures = _failures(connection, row) if detailed and row.failed else {}
        log: tuple[LogEntry, ...] = ()
        errors: tuple[LogEntry, ...] = ()
        if detailed:
            log = read_entries(connection, row.session_id, limit=_LOG_ENTRIES)
            levels = ("ERROR", "WARNING")
            errors = read_entries(connection, row.session_id, levels, limit=_LOG_ENTRIES)
    rate = _rate(recent[:_RATE_CHUNKS])
    pending = row.total - row.completed - row.failed
    running = row.status == SessionState.RUNNING and rate
    return SessionStatus(
        session_id=row.session_id,
        mode=row.mode,
        method=row.method,
        seed=row.seed,
        state=row.status,
        total=row.total,
        completed=row.completed,
        failed=row.failed,
        pending=pending,
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        notes=row.notes,
        warnings=row.snapshot.warnings,
        n_distinct_by_construction=row.snapshot.n_distinct,
        space_size=row.snapshot.space_size,
        directions=session.directions,
        chunks=chunks,
        rate=rate,
        eta_seconds=pending / rate if running and rate else None,
        workers=workers,
        failures=failures,
        errors=errors,
        log=log,
    )


def _chunk_counts(connection: sa.Connection, session_id: str) -> dict[str, int]:
    rows = connection.execute(
        sa.select(work_chunks.c.state, sa.func.count().label("n"))
        .where(
            work_chunks.c.session_id == session_id,
            work_chunks.c.position_start < work_chunks.c.position_stop,
        )
        .group_by(work_chunks.c.state)
    )
    return {row.state: row.n for row in rows}


def _recent_chunks(connection: sa.Connection, session_id: str) -> Sequence[Any]:
    """Newest completed chunks, newest first."""
    newest = (
        sa.select(
            work_chunks.c.worker,
            work_chunks.c.started_at,
            work_chunks.c.completed_at,
            (work_chunks.c.position_stop - work_chunks.c.position_start).label("n"),
        )
        .where(
            work_chunks.c.session_id == session_id,
            work_chunks.c.state == ChunkState.COMPLETED,
            work_chunks.c.position_start < work_chunks.c.position_stop,
        )
        .order_by(work_chunks.c.completed_at.desc())
        .limit(_WORKER_CHUNKS)
    )
    return connection.execute(newest).all()


def _rate(newest_first: Sequence[Any]) -> float | None:
    """Strategies per second over chunks, those before a pause left out."""
    rows = _since_pause(newest_first)
    if not rows:
        return None
    seconds = (rows[0].completed_at - min(row.started_at for row in rows)).total_seconds()
    return sum(row.n for row in rows) / seconds if seconds > 0 else None


def _since_pause(newest_first: Sequence[Any]) -> Sequence[Any]:
    """Leave out chunks from before the last time nothing was worked on for long."""
    for position, (later, earlier) in enumerate(pairwise(newest_first), start=1):
        if (later.started_at - earlier.completed_at).total_seconds() > _PAUSE_SECONDS:
            return newest_first[:position]
    return newest_first


def _workers(
    connection: sa.Connection, session_id: str, recent: Sequence[Any]
) -> tuple[WorkerStatus, ...]:
    left = (work_chunks.c.lease_expires_at - database_clock()).label("left")
    rows = connection.execute(
        sa.select(work_chunks, left)
        .where(work_chunks.c.session_id == session_id, work_chunks.c.state == ChunkState.RUNNING)
        .order_by(work_chunks.c.chunk_no)
    )
    return tuple(_worker(row, recent) for row in rows)


def _worker(chunk: Any, recent: Sequence[Any]) -> WorkerStatus:
    host, pid = _host_and_pid(chunk.worker or "")
    own = [each for each in recent if each.worker == chunk.worker]
    return WorkerStatus(
        worker=chunk.worker,
        host=host,
        pid=pid,
        chunk=chunk.chunk_no,
        strategies=chunk.position_stop - chunk.position_start,
        attempt=chunk.attempt,
        crashes=chunk.crashes,
        seconds=(utc_now() - chunk.started_at).total_seconds(),
        rate=_rate(own[:_RATE_CHUNKS]),
        lease_seconds_left=chunk.left,
    )


def _host_and_pid(worker: str) -> tuple[str | None, int | None]:
    """Take apart a name of `studies.queue.worker_name`."""
    parts = worker.rsplit("/", 3)
    return (parts[0], int(parts[1])) if len(parts) == 4 and parts[1].isdigit() else (None, None)


def _failures(connection: sa.Connection, row: SessionRow) -> dict[str, int]:
    """Count failed strategies by reason, most frequent first."""
    session_id = row.session_id
    if row.is_adaptive:  # without a queue: the reasons are in the results
        texts = connection.execute(
            sa.select(_results.c.raw_result).where(
                _results.c.session_id == session_id, _results.c.raw_result.is_not(None)
            )
        ).scalars()
        reasons = [json.loads(text).get("failure") for text in texts]
        return dict(Counter(reason for reason in reasons if reason is not None).most_common())
    rows = connection.execute(
        sa.select(strategy_queue.c.error_message, sa.func.count())
        .where(strategy_queue.c.session_id == session_id, strategy_queue.c.status == "failed")
        .group_by(strategy_queue.c.error_message)
        .order_by(sa.func.count().desc())
    )
    return {reason or "": count for reason, count in rows}
