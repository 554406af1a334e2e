"""Exactly-once work: chunks of design positions, claimed with a lease and settled under a fence.

A chunk is a range of design positions. A worker claims it by compare-and-set, renews the lease
while it works, and settles it in the transaction that writes the results: only the worker and
attempt that hold the claim can do so. A worker that dies leaves an expired lease, never a lost or
a double row. The last chunk of every session is empty: who claims it, when all others are done,
finishes the session.

Functions work in the caller's transaction and commit nothing. Lock order: chunk, session, study.
"""

import os
import socket
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psutil
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from search_spaces.errors import MassTuningError
from studies.database.engine import database_clock
from studies.database.tables import utc_now, work_chunks

__all__ = [
    "Claim",
    "LostClaimError",
    "chunk_states",
    "claim_next",
    "has_live_claim",
    "insert_chunks",
    "plan_chunks",
    "release",
    "release_dead",
    "renew",
    "settle",
    "worker_name",
]

PENDING, RUNNING, COMPLETED = "pending", "running", "completed"
CRASHES_BEFORE_SPLIT = 2
"""So many dead workers of a chunk, and its strategies go one by one."""


class LostClaimError(MassTuningError):
    """The claim ran out and somebody else has the chunk; nothing of it may be written."""


@dataclass(frozen=True)
class Claim:
    """A chunk in a worker's hands.

    Attributes
    ----------
    session_id : str
    chunk_no : int
    start, stop : int
        Design positions [start, stop); an empty range is the finishing chunk.
    worker : str
        From :func:`worker_name`.
    attempt : int
        How many times the chunk was claimed, this time included: the fence.
    crashes : int
        How many of its workers died, or lost their lease, before.
    """

    session_id: str
    chunk_no: int
    start: int
    stop: int
    worker: str
    attempt: int
    crashes: int = 0

    @property
    def finishing(self) -> bool:
        """Whether this is the empty chunk that closes a session."""
        return self.start == self.stop


def worker_name() -> str:
    """Name this process uniquely: host, process id, its start time and a random part."""
    started = int(psutil.Process().create_time() * 1000)
    return f"{socket.gethostname()}/{os.getpid()}/{started}/{uuid.uuid4().hex[:8]}"


def plan_chunks(total: int, chunk_size: int) -> list[tuple[int, int]]:
    """Cut ``total`` positions into chunks of ``chunk_size``, the empty finishing chunk last."""
    return [*cut(0, total, chunk_size), (total, total)]


def cut(start: int, stop: int, chunk_size: int) -> list[tuple[int, int]]:
    """Cut the positions from ``start`` to ``stop`` into ranges of ``chunk_size``."""
    return [(low, min(low + chunk_size, stop)) for low in range(start, stop, chunk_size)]


def next_chunk_no(connection: Connection, session_id: str) -> int:
    """Return the number after the newest chunk of a session that has one."""
    newest = sa.select(sa.func.max(work_chunks.c.chunk_no)).where(
        work_chunks.c.session_id == session_id
    )
    return int(connection.execute(newest).scalar_one()) + 1


def insert_chunks(
    connection: Connection, session_id: str, first_no: int, ranges: Iterable[tuple[int, int]]
) -> None:
    """Write chunks numbered from ``first_no``, ready to be claimed."""
    connection.execute(
        work_chunks.insert(),
        [
            {
                "session_id": session_id,
                "chunk_no": number,
                "position_start": start,
                "position_stop": stop,
                "state": PENDING,
            }
            for number, (start, stop) in enumerate(ranges, start=first_no)
        ],
    )


def claim_next(
    connection: Connection,
    session_id: str,
    worker: str,
    lease_seconds: float,
    *,
    chunk_no: int | None = None,
) -> Claim | None:
    """Claim the first chunk that is pending, else one whose lease has run out.

    A chunk whose lease has run out is held to have crashed its worker. After two crashes it is cut
    into single strategies, so that a poisonous one crashes alone. The finishing chunk is handed
    out only when every other chunk is completed. With `chunk_no` only that chunk is tried,
    whatever the state of the others.

    Returns
    -------
    Claim or None
        None: nothing to claim now; others may still hold chunks (see :func:`chunk_states`).
    """
    row = _claimable(connection, session_id, chunk_no)
    while row is not None and _is_poisonous(row):
        _split(connection, row)
        row = _claimable(connection, session_id, chunk_no)
    if row is None:
        return None
    claim = Claim(
        session_id=session_id,
        chunk_no=row.chunk_no,
        start=row.position_start,
        stop=row.position_stop,
        worker=worker,
        attempt=row.attempt + 1,
        crashes=_crashes(row),
    )
    if claim.finishing and chunk_no is None and _is_unfinished(connection, claim):
        return None
    connection.execute(
        work_chunks.update()
        .where(*_is_chunk(row))
        .values(
            state=RUNNING,
            worker=worker,
            attempt=claim.attempt,
            crashes=claim.crashes,
            lease_expires_at=database_clock() + lease_seconds,
            started_at=utc_now(),
        )
    )
    return claim


def renew(connection: Connection, claim: Claim, lease_seconds: float) -> bool:
    """Extend the lease; False when the claim is lost."""
    renewed = connection.execute(
        work_chunks.update()
        .where(*_held(claim))
        .values(lease_expires_at=database_clock() + lease_seconds)
    )
    return renewed.rowcount == 1


def settle(connection: Connection, claim: Claim, n_completed: int, n_failed: int) -> None:
    """Mark a chunk completed, if the claim still holds; first statement of its transaction.

    Raises
    ------
    LostClaimError
        If the claim was lost: the caller must roll back.
    """
    settled = connection.execute(
        work_chunks.update()
        .where(*_held(claim))
        .values(
            state=COMPLETED,
            lease_expires_at=None,
            completed_strategies=n_completed,
            failed_strategies=n_failed,
            completed_at=utc_now(),
        )
    )
    if settled.rowcount != 1:
        raise LostClaimError(
            f"chunk {claim.chunk_no} of {claim.session_id} was taken over by another worker"
        )


def release(connection: Connection, claim: Claim, *, forget_crashes: bool = False) -> bool:
    """Give a chunk back unfinished, so that anybody can claim it at once.

    With `forget_crashes` it is as if no worker had died with it.
    """
    values: dict[str, Any] = {"state": PENDING, "worker": None, "lease_expires_at": None}
    if forget_crashes:
        values["crashes"] = 0
    released = connection.execute(work_chunks.update().where(*_held(claim)).values(**values))
    return released.rowcount == 1


def release_dead(connection: Connection, session_id: str) -> int:
    """End the leases of workers of this host whose process is gone; return how many.

    Without it the chunks of a killed run could be claimed only after their leases ran out.
    """
    rows = connection.execute(
        sa.select(work_chunks).where(
            work_chunks.c.session_id == session_id,
            work_chunks.c.state == RUNNING,
            work_chunks.c.lease_expires_at > 0,
        )
    ).all()
    dead = [row for row in rows if row.worker and _is_dead(row.worker)]
    for row in dead:
        connection.execute(
            work_chunks.update()
            .where(*_is_chunk(row), work_chunks.c.attempt == row.attempt)
            .values(lease_expires_at=0.0)
        )
    return len(dead)


def has_live_claim(connection: Connection, session_id: str) -> bool:
    """Whether a worker holds a chunk of the session under a lease that has not run out."""
    held = sa.select(work_chunks.c.chunk_no).where(
        work_chunks.c.session_id == session_id,
        work_chunks.c.state == RUNNING,
        work_chunks.c.lease_expires_at >= database_clock(),
    )
    return connection.execute(held.limit(1)).first() is not None


def chunk_states(connection: Connection, session_id: str) -> dict[str, int]:
    """Count the chunks of a session by state, the finishing chunk included."""
    rows = connection.execute(
        sa.select(work_chunks.c.state, sa.func.count().label("n"))
        .where(work_chunks.c.session_id == session_id)
        .group_by(work_chunks.c.state)
    )
    return {row.state: row.n for row in rows}


def _claimable(connection: Connection, session_id: str, chunk_no: int | None) -> Any:
    """Find a chunk to claim and lock its row; the finishing chunk comes last."""
    pending = work_chunks.c.state == PENDING
    expired = sa.and_(
        work_chunks.c.state == RUNNING, work_chunks.c.lease_expires_at < database_clock()
    )
    empty = work_chunks.c.position_start == work_chunks.c.position_stop
    choices: list[tuple[sa.ColumnElement[bool], ...]] = [
        (pending, ~empty),
        (expired, ~empty),
        (pending, empty),
        (expired, empty),
    ]
    if chunk_no is not None:
        choices = [(sa.or_(pending, expired), work_chunks.c.chunk_no == chunk_no)]
    for conditions in choices:
        row = connection.execute(
            sa.select(work_chunks)
            .where(work_chunks.c.session_id == session_id, *conditions)
            .order_by(work_chunks.c.chunk_no)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).first()
        if row is not None:
            return row
    return None


def _is_unfinished(connection: Connection, claim: Claim) -> bool:
    others = sa.select(work_chunks.c.chunk_no).where(
        work_chunks.c.session_id == claim.session_id,
        work_chunks.c.chunk_no != claim.chunk_no,
        work_chunks.c.state.in_((PENDING, RUNNING)),
    )
    return connection.execute(others.limit(1)).first() is not None


def _crashes(row: Any) -> int:
    return int(row.crashes) + (row.state == RUNNING)


def _is_poisonous(row: Any) -> bool:
    size = row.position_stop - row.position_start
    return size > 1 and _crashes(row) >= CRASHES_BEFORE_SPLIT


def _split(connection: Connection, row: Any) -> None:
    """Replace a chunk by chunks of one strategy each; the first takes its place."""
    following = next_chunk_no(connection, row.session_id)
    connection.execute(
        work_chunks.update()
        .where(*_is_chunk(row))
        .values(
            state=PENDING,
            worker=None,
            lease_expires_at=None,
            crashes=0,
            position_stop=row.position_start + 1,
        )
    )
    singles = [(p, p + 1) for p in range(row.position_start + 1, row.position_stop)]
    insert_chunks(connection, row.session_id, following, singles)


def _is_chunk(row: Any) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        work_chunks.c.session_id == row.session_id,
        work_chunks.c.chunk_no == row.chunk_no,
    )


def _held(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        work_chunks.c.session_id == claim.session_id,
        work_chunks.c.chunk_no == claim.chunk_no,
        work_chunks.c.state == RUNNING,
        work_chunks.c.worker == claim.worker,
        work_chunks.c.attempt == claim.attempt,
    )


def _is_dead(worker: str) -> bool:
    host, pid, started, _ = worker.rsplit("/", 3)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        if process.status() == psutil.STATUS_ZOMBIE:  # killed, and nobody has waited for it yet
            return True
        return int(process.create_time() * 1000) != int(started)
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False
