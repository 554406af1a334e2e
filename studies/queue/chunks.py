"""Exactly-once work: chunks of design positions, claimed with a lease and settled by who holds it.

A chunk is a range of design positions. A worker claims it by compare-and-set, renews the lease
while it works, and settles it in the transaction that writes the results: only the worker and
attempt that hold the claim can do so. A worker that dies leaves an expired lease, never a lost or
a double row. The last chunk of every session is empty: who claims it, when all others are done,
finishes the session.

Functions work in the caller's transaction and commit nothing. Lock order: chunk, session, study.
"""

import enum
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from studies.database import insert_rows, work_chunks

__all__ = [
    "ChunkState",
    "append_chunks",
    "chunk_states",
    "count_chunks",
    "cut",
    "insert_chunks",
    "next_chunk_no",
    "plan_chunks",
]


class ChunkState(enum.StrEnum):
    """The column ``state`` of a chunk."""

    PENDING = "pending"
    RUNNING = "running"
    """Claimed: a worker holds it, or its lease has run out."""
    COMPLETED = "completed"


def count_chunks(total: int, chunk_size: int) -> int:
    """Count the chunks of ``total`` positions, the empty finishing chunk included."""
    return -(-total // chunk_size) + 1


def plan_chunks(
    total: int, chunk_size: int, first: int = 0, n: int | None = None
) -> list[tuple[int, int]]:
    """Cut ``total`` positions into chunks of ``chunk_size``, the empty finishing chunk last.

    Only ``n`` of them from number ``first`` on are returned, so that a plan of millions can be
    written in batches.
    """
    n_chunks = count_chunks(total, chunk_size)
    stop = n_chunks if n is None else min(first + n, n_chunks)
    finishing = [(total, total)] if first < stop == n_chunks else []
    return [
        *cut(first * chunk_size, min(stop * chunk_size, total), chunk_size),
        *finishing,
    ]


def cut(start: int, stop: int, chunk_size: int) -> list[tuple[int, int]]:
    """Cut the positions from ``start`` to ``stop`` into ranges of ``chunk_size``."""
    return [(low, min(low + chunk_size, stop)) for low in range(start, stop, chunk_size)]


def next_chunk_no(connection: Connection, session_id: str) -> int:
    """Return the number after the newest chunk of a session that has one."""
    newest = sa.select(sa.func.max(work_chunks.c.chunk_no)).where(
        work_chunks.c.session_id == session_id
    )
    return int(connection.execute(newest).scalar_one()) + 1


def append_chunks(
    connection: Connection, session_id: str, ranges: Iterable[tuple[int, int]]
) -> None:
    """Write chunks after the newest one of a session, ready to be claimed."""
    insert_chunks(connection, session_id, next_chunk_no(connection, session_id), ranges)


def insert_chunks(
    connection: Connection, session_id: str, first_no: int, ranges: Iterable[tuple[int, int]]
) -> None:
    """Write chunks numbered from ``first_no``, ready to be claimed."""
    insert_rows(
        connection,
        work_chunks.name,
        ("session_id", "chunk_no", "position_start", "position_stop", "state"),
        [
            (session_id, number, start, stop, ChunkState.PENDING.value)
            for number, (start, stop) in enumerate(ranges, start=first_no)
        ],
    )


def chunk_states(connection: Connection, session_id: str) -> dict[str, int]:
    """Count the chunks of a session by state, the finishing chunk included."""
    rows = connection.execute(
        sa.select(work_chunks.c.state, sa.func.count().label("n"))
        .where(work_chunks.c.session_id == session_id)
        .group_by(work_chunks.c.state)
    )
    return {row.state: row.n for row in rows}
