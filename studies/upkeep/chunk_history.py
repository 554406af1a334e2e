"""What became of the chunks of a session: the newest ones, and how often one was tried again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from studies.database import work_chunks
from studies.queue import ChunkState

__all__ = ["ChunkHistory", "read_chunk_history"]

RECENT_CHUNKS = 20


@dataclass(frozen=True)
class ChunkHistory:
    """What became of the chunks of a session.

    Attributes
    ----------
    recent : sequence of rows
        ``started_at``, ``completed_at``, ``n`` strategies and ``failed`` ones of the newest 20
        completed chunks, newest first.
    n_completed : int
        Completed chunks.
    n_crashes : int
        Workers that died with a chunk, or lost their lease.
    n_retries : int
        Claims of chunks that had been claimed before.
    """

    recent: Sequence[Any]
    n_completed: int
    n_crashes: int
    n_retries: int

    @property
    def n_recent(self) -> int:
        """Strategies of the newest chunks."""
        return sum(chunk.n for chunk in self.recent)

    @property
    def n_recent_failed(self) -> int:
        """Failed strategies of the newest chunks."""
        return sum(chunk.failed for chunk in self.recent)


def read_chunk_history(connection: Connection, session_id: str) -> ChunkHistory:
    """Read what became of the chunks of a session."""
    of_session = (
        work_chunks.c.session_id == session_id,
        work_chunks.c.position_start < work_chunks.c.position_stop,
    )
    is_done = work_chunks.c.state == ChunkState.COMPLETED
    n = work_chunks.c.completed_strategies + work_chunks.c.failed_strategies
    recent = connection.execute(
        sa.select(
            work_chunks.c.started_at,
            work_chunks.c.completed_at,
            work_chunks.c.failed_strategies.label("failed"),
            n.label("n"),
        )
        .where(*of_session, is_done)
        .order_by(work_chunks.c.completed_at.desc())
        .limit(RECENT_CHUNKS)
    ).all()
    again = sa.case((work_chunks.c.attempt > 1, work_chunks.c.attempt - 1), else_=0)
    n_completed, n_crashes, n_retries = connection.execute(
        sa.select(
            sa.func.count().filter(is_done),
            sa.func.coalesce(sa.func.sum(work_chunks.c.crashes), 0),
            sa.func.coalesce(sa.func.sum(again), 0),
        ).where(*of_session)
    ).one()
    return ChunkHistory(recent, n_completed, int(n_crashes), int(n_retries))
