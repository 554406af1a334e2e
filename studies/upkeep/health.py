"""What is not well with a session that is worked on: the signs, each with a way out."""

import dataclasses
import re
import statistics
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Engine

from studies.database import WritePacer, utc_now
from studies.sessions import (
    OPEN_STATES,
    SessionState,
    StoredSession,
    read_entries,
    write_entry,
)
from studies.upkeep.chunk_history import RECENT_CHUNKS, ChunkHistory, read_chunk_history
from studies.upkeep.host import available_memory, database_folder, free_disk
from studies.upkeep.status import SessionStatus, WorkerStatus, read_status

__all__ = ["log_warnings", "status_with_warnings", "warnings_of"]

BYTES_PER_STRATEGY = 1_000
"""That a recorded strategy adds to a SQLite file; 700 measured, indexes of large sessions extra."""
BYTES_PER_TRIAL = 2_500
"""On top where every strategy becomes a trial; 2,100 measured."""
LEAST_DISK_BYTES = 500_000_000
LEAST_MEMORY_BYTES = 500_000_000
STALLED_SECONDS = 60.0
STALLED_TIMES_MEDIAN = 10.0
MANY_CRASHES = 3

_KNOWN_SECONDS = 3600.0
_KNOWN_ENTRIES = 100


def status_with_warnings(session: StoredSession, *, detailed: bool = False) -> SessionStatus:
    """Read where a session stands, and add what is not well with it to its warnings."""
    status = read_status(session, detailed=detailed)
    return dataclasses.replace(status, warnings=(*status.warnings, *warnings_of(session, status)))


def warnings_of(session: StoredSession, status: SessionStatus) -> tuple[str, ...]:
    """Say what is not well with a session; nothing of one that is over.

    Parameters
    ----------
    session : StoredSession
    status : SessionStatus
        As just read.

    Returns
    -------
    tuple of str
        Sentences with the way out: a worker whose lease has run out or that has had its chunk for
        more than a minute and ten times the median, a failure rate of the newest 20 chunks well
        above that of the others, workers that died, and little disk or memory on this host.
    """
    if status.state not in OPEN_STATES:
        return ()
    with session.engine.connect() as connection:
        history = read_chunk_history(connection, status.session_id)
    running = status.state == SessionState.RUNNING
    found = [
        *(_stalled(status.workers, history.recent) if running else ()),
        _failing(status, history) if history.n_completed >= 2 * RECENT_CHUNKS else None,
        _dying(history.n_crashes),
        _little_disk(session, status),
        _little_memory() if running else None,
    ]
    return tuple(warning for warning in found if warning is not None)


def log_warnings(engine: Engine, session_id: str, warnings: Sequence[str]) -> list[str]:
    """Write warnings into the execution log that it has not held for an hour; return those."""
    if not warnings:
        return []
    written = []
    with WritePacer(engine, cache_mb=1) as pacer, pacer.transaction() as connection:
        entries = read_entries(connection, session_id, ["WARNING"], limit=_KNOWN_ENTRIES)
        now = utc_now()
        known = {
            _kind(entry.message)
            for entry in entries
            if (now - entry.created_at).total_seconds() < _KNOWN_SECONDS
        }
        for warning in warnings:
            if _kind(warning) in known:
                continue
            written.append(warning)
            write_entry(connection, session_id, "WARNING", warning, {"by": "studies.health"})
    return written


def _kind(warning: str) -> str:
    """Reduce a warning to what stays the same when its numbers change."""
    return re.sub(r"\d[\d.,]*", "#", warning)


def _stalled(workers: Sequence[WorkerStatus], recent: Sequence[Any]) -> list[str]:
    """Workers that do not get on with their chunk."""
    lasted = [(chunk.completed_at - chunk.started_at).total_seconds() for chunk in recent]
    median = statistics.median(lasted) if lasted else 0.0
    limit = max(STALLED_SECONDS, STALLED_TIMES_MEDIAN * median)
    found = []
    for worker in workers:
        name = f"{worker.host}/{worker.pid}" if worker.host else worker.worker
        left = worker.lease_seconds_left
        if left is not None and left < 0:
            found.append(
                f"worker {name} has not renewed its claim of chunk {worker.chunk}: it ran out "
                f"{-left:.0f} s ago, so it is dead or cut off; another worker takes the chunk over"
            )
        elif worker.seconds > limit:
            found.append(
                f"worker {name} has had chunk {worker.chunk} for {worker.seconds:.0f} s, "
                f"others take {median:.1f} s: it may be stalled; if it does nothing, end its "
                "process, and another takes the chunk over"
            )
    return found


def _failing(status: SessionStatus, history: ChunkHistory) -> str | None:
    """Whether the newest chunks fail well above those before them."""
    n, failed = history.n_recent, history.n_recent_failed
    n_before = status.completed + status.failed - n
    if n == 0 or n_before <= 0:
        return None
    share, usual = failed / n, max(0, status.failed - failed) / n_before
    if share > usual + 0.2 or (share > 0.05 and share > 3 * usual):
        return (
            f"{share:.0%} of the strategies of the newest {len(history.recent)} chunks failed, "
            f"before {usual:.0%}; see the reasons with: mass-tuning status --detailed"
        )
    return None


def _dying(n_crashes: int) -> str | None:
    if n_crashes < MANY_CRASHES:
        return None
    return (
        f"workers died {n_crashes} times while they held a chunk, which was then tried again; if "
        "that goes on, give them more memory (execution.memory_limit) or start fewer (--parallel)"
    )


def _little_disk(session: StoredSession, status: SessionStatus) -> str | None:
    """Whether the folder of a SQLite file may be too small for the rest of the session."""
    from studies.trials import stores_all

    folder = database_folder(session.engine)
    if folder is None:
        return None
    each = BYTES_PER_STRATEGY
    if stores_all(session.config.study, status.total):
        each += BYTES_PER_TRIAL
    needed = max(LEAST_DISK_BYTES, each * status.pending)
    free = free_disk(session.engine)
    if free >= needed:
        return None
    return (
        f"{free / 1e6:,.0f} MB are free in {folder}, the rest of the session may need "
        f"{needed / 1e6:,.0f} MB; make room, or pause the session before the disk is full"
    )


def _little_memory() -> str | None:
    free = available_memory()
    if free >= LEAST_MEMORY_BYTES:
        return None
    return (
        f"{free / 1e6:,.0f} MB of memory are available on this host; start fewer workers "
        "(--parallel), or end what else needs memory"
    )
