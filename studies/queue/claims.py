"""Claims on chunks: taken by compare-and-set, renewed, settled once, given back."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from search_spaces.errors import MassTuningError, SessionError
from studies.database import database_clock, utc_now, work_chunks
from studies.queue.chunks import ChunkState, append_chunks
from studies.queue.worker_name import _is_dead

__all__ = [
    "Claim",
    "LostClaimError",
    "claim_next",
    "has_live_claim",
    "refuse_busy",
    "release",
    "release_dead",
    "renew",
    "settle",
]


CRASHES_BEFORE_SPLIT = 2
"""A chunk that this number of workers died with is cut into single strategies."""


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
        How many times the chunk was claimed, this time included; who settles must hold the newest.
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
    into single strategies, so that one that crashes its worker does so alone. The finishing chunk
    is handed out only when every other chunk is completed. With `chunk_no` only that chunk is
    tried, whatever the state of the others.

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
            state=ChunkState.RUNNING,
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
            state=ChunkState.COMPLETED,
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
    values: dict[str, Any] = {"state": ChunkState.PENDING, "worker": None, "lease_expires_at": None}
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
            work_chunks.c.state == ChunkState.RUNNING,
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
        work_chunks.c.state == ChunkState.RUNNING,
        work_chunks.c.lease_expires_at >= database_clock(),
    )
    return connection.execute(held.limit(1)).first() is not None


def refuse_busy(connection: Connection, session_id: str, way_out: str) -> None:
    """Refuse to touch a session that a worker holds a chunk of.

    Raises
    ------
    SessionError
        With the way out.
    """
    release_dead(connection, session_id)
    if has_live_claim(connection, session_id):
        raise SessionError(f"{session_id} is being worked on; {way_out}")


def _claimable(connection: Connection, session_id: str, chunk_no: int | None) -> Any:
    """Find a chunk to claim and lock its row; the finishing chunk comes last."""
    pending = work_chunks.c.state == ChunkState.PENDING
    expired = sa.and_(
        work_chunks.c.state == ChunkState.RUNNING, work_chunks.c.lease_expires_at < database_clock()
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
        work_chunks.c.state.in_((ChunkState.PENDING, ChunkState.RUNNING)),
    )
    return connection.execute(others.limit(1)).first() is not None


def _crashes(row: Any) -> int:
    return int(row.crashes) + (row.state == ChunkState.RUNNING)


def _is_poisonous(row: Any) -> bool:
    size = row.position_stop - row.position_start
    return size > 1 and _crashes(row) >= CRASHES_BEFORE_SPLIT


def _split(connection: Connection, row: Any) -> None:
    """Replace a chunk by chunks of one strategy each; the first takes its place."""
    connection.execute(
        work_chunks.update()
        .where(*_is_chunk(row))
        .values(
            state=ChunkState.PENDING,
            worker=None,
            lease_expires_at=None,
            crashes=0,
            position_stop=row.position_start + 1,
        )
    )
    singles = [(p, p + 1) for p in range(row.position_start + 1, row.position_stop)]
    append_chunks(connection, row.session_id, singles)


def _is_chunk(row: Any) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        work_chunks.c.session_id == row.session_id,
        work_chunks.c.chunk_no == row.chunk_no,
    )


def _held(claim: Claim) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        work_chunks.c.session_id == claim.session_id,
        work_chunks.c.chunk_no == claim.chunk_no,
        work_chunks.c.state == ChunkState.RUNNING,
        work_chunks.c.worker == claim.worker,
        work_chunks.c.attempt == claim.attempt,
    )
