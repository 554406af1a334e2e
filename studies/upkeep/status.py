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
    execution_log,
    hyperparameter_tuning_results,
    strategy_queue,
    utc_now,
    work_chunks,
)
from studies.sessions import SessionRow, StoredSession

__all__ = ["SessionStatus", "read_status"]

_PAUSE_SECONDS = 10.0
_RATE_CHUNKS = 20
_WORKER_CHUNKS = 400
_LOG_ENTRIES = 10
_results = hyperparameter_tuning_results


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
    workers : tuple of mapping
        Chunks in hand: worker, its host and process id, chunk, strategies, attempt, crashes of
        earlier workers, seconds in hand and until the lease runs out, strategies per second of
        the worker's newest chunks.
    failures : mapping of str to int
        Failed strategies by reason; in an adaptive session each counts once, however often it was
        proposed.
    errors : tuple of mapping
        Newest errors and warnings of the execution log.
    log : tuple of mapping
        Newest entries of the execution log.
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
    directions: Mapping[str, str]
    chunks: Mapping[str, int]
    rate: float | None
    eta_seconds: float | None
    workers: tuple[Mapping[str, Any], ...]
    failures: Mapping[str, int]
    errors: tuple[Mapping[str, Any], ...]
    log: tuple[Mapping[str, Any], ...]


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
        log = _log(connection, row.session_id) if detailed else ()
        errors = _log(connection, row.session_id, ("ERROR", "WARNING")) if detailed else ()
    rate = _rate(recent[:_RATE_CHUNKS])
    pending = row.total - row.completed - row.failed
    running = row.status == "running" and rate
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
            work_chunks.c.state == "completed",
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
) -> tuple[dict[str, Any], ...]:
    left = (work_chunks.c.lease_expires_at - database_clock()).label("left")
    rows = connection.execute(
        sa.select(work_chunks, left)
        .where(work_chunks.c.session_id == session_id, work_chunks.c.state == "running")
        .order_by(work_chunks.c.chunk_no)
    )
    told = []
    for row in rows:
        host, pid = _host_and_pid(row.worker or "")
        own = [chunk for chunk in recent if chunk.worker == row.worker]
        told.append(
            {
                "worker": row.worker,
                "host": host,
                "pid": pid,
                "chunk": row.chunk_no,
                "strategies": row.position_stop - row.position_start,
                "attempt": row.attempt,
                "crashes": row.crashes,
                "seconds": (utc_now() - row.started_at).total_seconds(),
                "rate": _rate(own[:_RATE_CHUNKS]),
                "lease_seconds_left": row.left,
            }
        )
    return tuple(told)


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


def _log(
    connection: sa.Connection, session_id: str, levels: tuple[str, ...] = ()
) -> tuple[dict[str, Any], ...]:
    """Newest entries of the log, those of some levels only if given."""
    chosen = [execution_log.c.log_level.in_(levels)] if levels else []
    rows = connection.execute(
        sa.select(execution_log.c.created_at, execution_log.c.log_level, execution_log.c.message)
        .where(execution_log.c.session_id == session_id, *chosen)
        .order_by(execution_log.c.id.desc())
        .limit(_LOG_ENTRIES)
    )
    return tuple(dict(row._mapping) for row in rows)
