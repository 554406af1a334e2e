"""Work in batches whose size follows the time the write lock was held."""

from collections.abc import Callable

from sqlalchemy.engine import Connection

from studies.database.transactions import WritePacer

__all__ = ["in_paced_batches"]

TARGET_HELD_SECONDS = 0.06
"""Aimed at, so that a slow moment still ends within about 0.1 s."""


def in_paced_batches(
    pacer: WritePacer, step: Callable[[Connection, int], int], first_size: int
) -> int:
    """Call `step`, each time in a transaction of its own, until it finds nothing more to do.

    After each batch the size is set to what would have held the lock for 0.06 s, but to no more
    than twice and no less than a quarter of the size before.

    Parameters
    ----------
    pacer : WritePacer
    step : callable
        Takes the connection and the largest number of rows of this batch; returns the number of
        rows it has dealt with, 0 when there are none left.
    first_size : int
        Rows of the first batch.

    Returns
    -------
    int
        Rows of all batches.
    """
    n_rows, size = 0, first_size
    while True:
        with pacer.transaction() as connection:
            n_batch = step(connection, size)
        if not n_batch:
            return n_rows
        n_rows += n_batch
        size = _next_size(size, pacer.held_s)


def _next_size(size: int, held_seconds: float) -> int:
    if held_seconds <= 0:
        return size
    aim = size * TARGET_HELD_SECONDS / held_seconds
    return max(1, round(min(max(aim, size / 4), size * 2)))
