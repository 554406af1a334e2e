"""Giving failed strategies another chance.

Every batch is one transaction that is consistent in itself: what was failed is pending, and the
counts say so. After an interruption the same call goes on with what is still failed. Trials are
never edited: a strategy that is tried again appends another one.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from search_spaces.errors import SessionError
from studies import queue
from studies.database import (
    WritePacer,
    database_errors,
    hyperparameter_tuning_results,
    in_batches,
    retry_transient,
    strategy_queue,
    work_chunks,
)
from studies.sessions import (
    OPEN_STATES,
    SessionState,
    StoredSession,
    check_definition,
    reopen_failed,
    write_entry,
)

__all__ = ["MAX_RETRIES", "retry_failed"]

MAX_RETRIES = 3
"""How often a strategy is given another chance."""

_BATCH = 1_000
_results = hyperparameter_tuning_results


def retry_failed(session: StoredSession) -> int:
    """Set the failed strategies of a session to pending again, and the session to paused.

    Parameters
    ----------
    session : StoredSession

    Returns
    -------
    int
        Number of strategies set to pending; without any the session stays as it is.

    Raises
    ------
    SessionError
        If a worker holds a chunk of the session, or the session is not ready to run.
        If the session is adaptive, or of another version of the strategy definition.
    """
    row = session.refresh()
    if row.is_adaptive:
        raise SessionError(
            f"a failed strategy has spent its slot of {row.session_id}, which is adaptive; go on "
            f"with another session: mass-tuning generate --mode {row.method} --size N --from "
            f"{row.session_id}"
        )
    check_definition(session)
    if row.status not in (*OPEN_STATES, SessionState.COMPLETED):
        raise SessionError(f"{row.session_id} is {row.status}; there is nothing to retry yet")
    n_retried = 0
    with database_errors(session.engine), WritePacer(session.engine) as pacer:
        # Newest chunks first: where an earlier retry took a strategy out of its chunk, the chunk
        # that recorded its failure is the newest one that holds its position.
        for chunk in retry_transient(lambda: _chunks_with_failures(session)):
            for start in range(chunk.position_start, chunk.position_stop, _BATCH):
                stop = min(start + _BATCH, chunk.position_stop)
                n_retried += _retry(session, pacer, chunk.chunk_no, start, stop)
        if n_retried:
            retry_transient(lambda: _log(session, pacer, n_retried))
    session.refresh()
    return n_retried


def _chunks_with_failures(session: StoredSession) -> Sequence[Any]:
    with session.engine.connect() as connection:
        return connection.execute(
            sa.select(
                work_chunks.c.chunk_no, work_chunks.c.position_start, work_chunks.c.position_stop
            )
            .where(
                work_chunks.c.session_id == session.row.session_id,
                work_chunks.c.state == queue.ChunkState.COMPLETED,
                work_chunks.c.failed_strategies > 0,
            )
            .order_by(work_chunks.c.chunk_no.desc())
        ).all()


def _retry(session: StoredSession, pacer: WritePacer, chunk_no: int, start: int, stop: int) -> int:
    """Set what failed in a range of positions of a chunk to pending, in one transaction."""
    ids = session.space.strategy_ids(session.design.indices(start, stop))
    session_id = session.row.session_id

    def transaction() -> int:
        with pacer.transaction() as connection:
            queue.refuse_busy(
                connection,
                session_id,
                "wait until it is over, or stop the run (Ctrl-C), before retrying what failed",
            )
            failed = _failed_among(connection, session_id, ids)
            positions = [start + offset for offset, name in enumerate(ids) if name in failed]
            if positions:
                _reset_rows(connection, session_id, sorted(failed))
                _reset_counts(connection, session_id, chunk_no, len(positions))
                size = session.row.snapshot.chunk_size
                queue.append_chunks(connection, session_id, _runs(positions, size))
            return len(positions)

    return retry_transient(transaction, on_retry=lambda error, attempt: pacer.close())


def _failed_among(connection: Connection, session_id: str, ids: Sequence[str]) -> set[str]:
    failed: set[str] = set()
    for some in in_batches(ids):
        rows = connection.execute(
            sa.select(strategy_queue.c.strategy_id).where(
                strategy_queue.c.session_id == session_id,
                strategy_queue.c.strategy_id.in_(some),
                strategy_queue.c.status == "failed",
                strategy_queue.c.retry_count < MAX_RETRIES,
            )
        )
        failed.update(rows.scalars())
    return failed


def _reset_rows(connection: Connection, session_id: str, ids: Sequence[str]) -> None:
    for some in in_batches(ids):
        connection.execute(
            _results.delete().where(
                _results.c.session_id == session_id, _results.c.strategy_id.in_(some)
            )
        )
        connection.execute(
            strategy_queue.update()
            .where(
                strategy_queue.c.session_id == session_id, strategy_queue.c.strategy_id.in_(some)
            )
            .values(
                status="pending",
                retry_count=strategy_queue.c.retry_count + 1,
                error_message=None,
                started_at=None,
                completed_at=None,
                execution_time_seconds=None,
            )
        )


def _reset_counts(connection: Connection, session_id: str, chunk_no: int, n: int) -> None:
    """Take strategies out of the counts, and let the session be finished once more."""
    of_session = work_chunks.c.session_id == session_id
    connection.execute(
        work_chunks.update()
        .where(of_session, work_chunks.c.chunk_no == chunk_no)
        .values(failed_strategies=work_chunks.c.failed_strategies - n)
    )
    connection.execute(
        work_chunks.update()
        .where(of_session, work_chunks.c.position_start == work_chunks.c.position_stop)
        .values(
            state=queue.ChunkState.PENDING,
            worker=None,
            lease_expires_at=None,
            crashes=0,
            completed_at=None,
        )
    )
    reopen_failed(connection, session_id, n)


def _runs(positions: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Cut ascending positions into ranges of consecutive ones, at most `size` each."""
    listed = np.asarray(positions)
    gaps = np.flatnonzero(np.diff(listed) > 1) + 1
    ranges = []
    for run in np.split(listed, gaps):
        first, last = int(run[0]), int(run[-1]) + 1
        ranges += [(start, min(start + size, last)) for start in range(first, last, size)]
    return ranges


def _log(session: StoredSession, pacer: WritePacer, n_retried: int) -> None:
    with pacer.transaction() as connection:
        message = f"{n_retried:,} failed strategies set to pending again"
        write_entry(connection, session.row.session_id, "INFO", message)
