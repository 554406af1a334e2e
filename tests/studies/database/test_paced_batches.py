"""The size of a batch follows the time the lock was held."""

import pytest

from studies.database.paced_batches import in_paced_batches
from studies.database.transactions import WritePacer


class Rows:
    """Rows to deal with, each of which holds the lock for some seconds."""

    def __init__(self, n_rows, seconds_each):
        self.left, self.seconds_each = n_rows, seconds_each
        self.now, self.sizes = 0.0, []

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def step(self, connection, size):
        assert connection.in_transaction()
        self.sizes.append(size)
        n_batch = min(size, self.left)
        self.left -= n_batch
        self.now += n_batch * self.seconds_each
        return n_batch


@pytest.mark.parametrize(
    ("seconds_each", "sizes"),
    [
        (0.0, [100, 100, 100, 100, 100, 100]),  # a clock that stands still
        (1e-6, [100, 200, 400]),  # at most twice as many
        (6e-4, [100, 100, 100, 100, 100, 100]),  # 0.06 s
        (6e-3, [100, 25, 10]),  # at least a quarter
    ],
)
def test_a_batch_holds_the_lock_for_0_06_seconds(engine, seconds_each, sizes):
    rows = Rows(500, seconds_each)
    with WritePacer(engine, clock=rows.clock, sleep=rows.sleep) as pacer:
        assert in_paced_batches(pacer, rows.step, 100) == 500
    assert rows.left == 0
    assert rows.sizes[: len(sizes)] == sizes


def test_one_row_at_a_time_where_each_takes_long(engine):
    rows = Rows(40, 1.0)
    with WritePacer(engine, clock=rows.clock, sleep=rows.sleep) as pacer:
        assert in_paced_batches(pacer, rows.step, 20) == 40
    assert rows.sizes[:4] == [20, 5, 1, 1]


def test_nothing_to_do(engine):
    rows = Rows(0, 1.0)
    with WritePacer(engine, clock=rows.clock, sleep=rows.sleep) as pacer:
        assert in_paced_batches(pacer, rows.step, 20) == 0
    assert rows.sizes == [20]
