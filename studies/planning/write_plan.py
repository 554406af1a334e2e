"""Creating a session: its row, its study, its queue, its chunks; in short transactions.

A session whose generation was interrupted is completed at the next start: everything written is
a function of the session's row, and how far it came is the lease of its generation chunk.
"""

import math
from collections.abc import Callable

from sqlalchemy.engine import Connection

from search_spaces import Design, SearchSpace
from studies import queue
from studies.database import WritePacer, utc_now, work_chunks
from studies.outcomes import RowWriter
from studies.queue import Claim
from studies.sessions import SessionRow, Slots, mark_created

__all__ = ["GENERATING", "QUEUE_LIMIT", "begin_plan", "chunk_size_for", "count_rows", "write_plan"]

GENERATING = "generating"
"""Status of a session until its last batch is written."""

QUEUE_LIMIT = 1_000_000
"""Sessions of more strategies than this write queue rows at completion only."""

_GENERATION_CHUNK = -1
_BATCH = 4_000
_CHUNKS_PER_BATCH = 2_000
_LEASE_SECONDS = 15.0
_BLOCK_CHUNK = 3_000
_SCATTERED_CHUNK = 1_000
_TRIAL_CHUNK = 1_500
_MIN_CHUNKS = 16


def chunk_size_for(design: Design, block_size: int, *, every_trial: bool = False) -> int:
    """Choose how many strategies a worker takes at a time.

    In the exhaustive order neighbours share rankings and about 3,000 take a tenth of a second;
    scattered designs take longer per strategy, and where every strategy becomes a trial it is the
    transaction that takes longer. Small sessions are cut finer, so that several workers share
    them, but not below a block.
    """
    largest = _BLOCK_CHUNK if design.method == "exhaustive" else _SCATTERED_CHUNK
    if every_trial:
        largest = min(largest, _TRIAL_CHUNK)
    fine = math.ceil(design.size / _MIN_CHUNKS)
    return max(1, min(largest, max(fine, block_size)))


def begin_plan(connection: Connection, session_id: str, worker: str) -> Claim:
    """Write the generation chunk, in the transaction that writes the session's row."""
    queue.insert_chunks(connection, session_id, _GENERATION_CHUNK, [(0, 0)])
    claim = _claim_generation(connection, session_id, worker)
    assert claim is not None
    return claim


def count_rows(row: SessionRow) -> int:
    """Count the rows that the plan of a session takes."""
    if row.is_genetic:
        return 1
    n_queued = 0 if row.is_adaptive or row.total > QUEUE_LIMIT else row.total
    return n_queued + queue.count_chunks(row.total, row.snapshot.chunk_size)


def write_plan(
    pacer: WritePacer,
    session_id: str,
    space: SearchSpace,
    plan: Design | Slots,
    chunk_size: int,
    worker: str,
    claim: Claim | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> bool:
    """Write queue rows and chunks of a session, from where an earlier attempt stopped.

    Parameters
    ----------
    pacer : WritePacer
    session_id : str
        A session whose status is ``generating``.
    space : SearchSpace
    plan : Design or Slots
        As the session's row describes it; slots have no queue rows.
    chunk_size : int
    worker : str
    claim : Claim, optional
        From :func:`begin_plan`; without it the generation chunk is claimed first.
    on_progress : callable, optional
        Called with positions written and their number.

    Returns
    -------
    bool
        False if another process is generating the session right now.
    """
    if claim is None:
        with pacer.transaction() as connection:
            claim = _claim_generation(connection, session_id, worker)
        if claim is None:
            return False
    done = claim.start
    # a genetic session begins with nothing but its end: who claims that breeds a generation
    total = 0 if isinstance(plan, Slots) and plan.generational else plan.size
    if isinstance(plan, Design) and total <= QUEUE_LIMIT:
        recorder = RowWriter(session_id, space)
        while done < total:
            stop = min(done + _BATCH, total)
            rows = recorder.prepare_queue(plan.indices(done, stop))
            with pacer.transaction() as connection:
                _advance(connection, claim, stop)
                recorder.insert_queue(connection, rows, utc_now())
            done = stop
            if on_progress is not None:
                on_progress(done, total)
        on_progress = None  # it has said all
    _write_chunks(pacer, session_id, total, chunk_size, claim, on_progress)
    return True


def _write_chunks(
    pacer: WritePacer,
    session_id: str,
    total: int,
    chunk_size: int,
    claim: Claim,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    with pacer.engine.connect() as connection:
        first = queue.next_chunk_no(connection, session_id)
    for start in range(first, queue.count_chunks(total, chunk_size), _CHUNKS_PER_BATCH):
        batch = queue.plan_chunks(total, chunk_size, start, _CHUNKS_PER_BATCH)
        with pacer.transaction() as connection:
            _advance(connection, claim, total)
            queue.insert_chunks(connection, session_id, start, batch)
        if on_progress is not None:
            on_progress(batch[-1][1], total)
    with pacer.transaction() as connection:
        _advance(connection, claim, total)
        connection.execute(
            work_chunks.delete().where(
                work_chunks.c.session_id == session_id,
                work_chunks.c.chunk_no == _GENERATION_CHUNK,
            )
        )
        mark_created(connection, session_id)


def _claim_generation(connection: Connection, session_id: str, worker: str) -> Claim | None:
    queue.release_dead(connection, session_id)
    return queue.claim_next(
        connection, session_id, worker, _LEASE_SECONDS, chunk_no=_GENERATION_CHUNK
    )


def _advance(connection: Connection, claim: Claim, done: int) -> None:
    """Note how far the generation came, and that it goes on; refuse if the claim was lost."""
    if not queue.renew(connection, claim, _LEASE_SECONDS):
        raise queue.LostClaimError(
            f"session {claim.session_id} is being generated by another process"
        )
    connection.execute(
        work_chunks.update()
        .where(
            work_chunks.c.session_id == claim.session_id,
            work_chunks.c.chunk_no == _GENERATION_CHUNK,
        )
        .values(position_start=done, position_stop=done)
    )
