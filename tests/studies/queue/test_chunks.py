"""Claims, leases and fences, by the rows they leave."""

import os
import socket
import subprocess
import sys
import threading

import psutil
import pytest
import sqlalchemy as sa

from studies import queue
from studies.database.engine import create_engine, database_clock
from studies.database.tables import work_chunks
from studies.database.transactions import write_transaction
from studies.queue.chunks import plan_chunks
from studies.queue.claims import LostClaimError

LEASE = 15.0


def fill(engine, total=30, chunk_size=10, session_id="s"):
    with write_transaction(engine) as connection:
        queue.insert_chunks(connection, session_id, 0, plan_chunks(total, chunk_size))


def claim(engine, worker="w", session_id="s", **options):
    with write_transaction(engine) as connection:
        return queue.claim_next(connection, session_id, worker, LEASE, **options)


def settle(engine, held, n_completed=10, n_failed=0):
    with write_transaction(engine) as connection:
        queue.settle(connection, held, n_completed, n_failed)


def expire(engine, held):
    """Let a lease have run out a second ago."""
    with write_transaction(engine) as connection:
        connection.execute(
            work_chunks.update()
            .where(work_chunks.c.chunk_no == held.chunk_no)
            .values(lease_expires_at=database_clock() - 1.0)
        )


def row_of(engine, chunk_no):
    with engine.connect() as connection:
        query = sa.select(work_chunks).where(work_chunks.c.chunk_no == chunk_no)
        return connection.execute(query).one()


@pytest.mark.parametrize(
    ("total", "size", "expected"),
    [
        (5, 2, [(0, 2), (2, 4), (4, 5), (5, 5)]),
        (4, 2, [(0, 2), (2, 4), (4, 4)]),
        (1, 100, [(0, 1), (1, 1)]),
        (0, 10, [(0, 0)]),
    ],
)
def test_chunks_cover_every_position_once(total, size, expected):
    assert plan_chunks(total, size) == expected


def test_chunks_are_claimed_in_order_and_once(engine):
    fill(engine)
    held = [claim(engine, f"w{i}") for i in range(4)]
    assert [(c.chunk_no, c.start, c.stop, c.attempt) for c in held[:3]] == [
        (0, 0, 10, 1),
        (1, 10, 20, 1),
        (2, 20, 30, 1),
    ]
    assert held[3] is None  # the finishing chunk waits for the others
    row = row_of(engine, 1)
    assert (row.state, row.worker) == ("running", "w1")
    with engine.connect() as connection:
        left = connection.execute(
            sa.select(work_chunks.c.lease_expires_at - database_clock()).where(
                work_chunks.c.chunk_no == 1
            )
        ).scalar_one()
    assert 0 < left <= LEASE


def test_the_finishing_chunk_comes_last(engine):
    fill(engine)
    held = [claim(engine) for _ in range(3)]
    settle(engine, held[0])
    settle(engine, held[2])
    assert claim(engine) is None
    settle(engine, held[1], 8, 2)
    last = claim(engine)
    assert last.finishing
    assert (last.chunk_no, last.start, last.stop) == (3, 30, 30)
    assert claim(engine, "other") is None
    settle(engine, last, 0, 0)
    assert claim(engine) is None
    with engine.connect() as connection:
        assert queue.chunk_states(connection, "s") == {"completed": 4}
    assert row_of(engine, 1).completed_strategies == 8
    assert row_of(engine, 1).failed_strategies == 2


def test_sessions_do_not_mix(engine):
    fill(engine, session_id="a")
    fill(engine, total=10, session_id="b")
    held = claim(engine, session_id="b")
    settle(engine, held)
    assert claim(engine, session_id="b").finishing
    assert claim(engine, session_id="a").chunk_no == 0


def test_a_held_chunk_is_nobody_elses(engine):
    fill(engine, total=10)
    held = claim(engine, "first")
    assert claim(engine, "second") is None
    assert claim(engine, "second", chunk_no=0) is None
    with write_transaction(engine) as connection:
        assert queue.renew(connection, held, LEASE)
        assert queue.has_live_claim(connection, "s")


def test_an_expired_lease_is_taken_over_and_fences_the_loser(engine):
    fill(engine, total=10)
    lost = claim(engine, "slow")
    expire(engine, lost)
    with engine.connect() as connection:
        assert not queue.has_live_claim(connection, "s")
    taken = claim(engine, "quick")
    assert (taken.chunk_no, taken.attempt) == (0, 2)
    with write_transaction(engine) as connection:
        assert not queue.renew(connection, lost, LEASE)
        assert not queue.release(connection, lost)
    with pytest.raises(LostClaimError, match="chunk 0 of s was taken over by another worker"):
        settle(engine, lost)
    row = row_of(engine, 0)
    assert (row.worker, row.state, row.attempt) == ("quick", "running", 2)
    settle(engine, taken)
    assert row_of(engine, 0).state == "completed"
    with pytest.raises(LostClaimError):
        settle(engine, lost)
    with pytest.raises(LostClaimError):
        settle(engine, taken)  # not twice either


def test_the_attempt_alone_fences_the_same_worker(engine):
    fill(engine, total=10)
    first = claim(engine, "w")
    expire(engine, first)
    second = claim(engine, "w")
    with pytest.raises(LostClaimError):
        settle(engine, first)
    settle(engine, second)


def test_an_expired_lease_that_nobody_took_still_holds(engine):
    fill(engine, total=10)
    held = claim(engine)
    expire(engine, held)
    with write_transaction(engine) as connection:
        assert queue.renew(connection, held, LEASE)
    assert claim(engine, "other") is None
    settle(engine, held)


def test_a_released_chunk_is_free_at_once(engine):
    fill(engine)
    held = claim(engine)
    with write_transaction(engine) as connection:
        assert queue.release(connection, held)
        assert not queue.release(connection, held)
    row = row_of(engine, 0)
    assert (row.state, row.worker, row.lease_expires_at) == ("pending", None, None)
    assert claim(engine, "other").attempt == 2


def test_a_chunk_number_is_claimed_whatever_the_others_do(engine):
    fill(engine)
    assert claim(engine, chunk_no=3).finishing
    assert claim(engine, chunk_no=2).start == 20
    assert claim(engine, chunk_no=99) is None


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait(timeout=30)
    return process.pid


def test_chunks_of_dead_workers_are_given_back(engine):
    fill(engine, total=50)
    host, pid = socket.gethostname(), os.getpid()
    started = int(psutil.Process().create_time() * 1000)
    names = [
        f"{host}/{dead_process()}/{started}/gone",
        f"{host}/{pid}/{started - 60_000}/recycled",
        queue.new_worker_name(),
        f"elsewhere/{dead_process()}/{started}/unknown",
    ]
    for name in names:
        claim(engine, name)
    with write_transaction(engine) as connection:
        assert queue.release_dead(connection, "s") == 2
    leases = [row_of(engine, number).lease_expires_at for number in range(4)]
    assert leases[:2] == [0.0, 0.0]
    assert all(lease > 0 for lease in leases[2:])
    assert claim(engine).chunk_no == 4  # what was never tried comes first


def test_a_killed_worker_that_nobody_waited_for_is_dead(engine):
    fill(engine, total=10)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = int(psutil.Process(process.pid).create_time() * 1000)
    name = f"{socket.gethostname()}/{process.pid}/{started}/x"
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, but still in the table
    claim(engine, name)
    with write_transaction(engine) as connection:
        assert queue.release_dead(connection, "s") == 1
    process.communicate(timeout=30)


def test_worker_names_are_unique():
    assert queue.new_worker_name() != queue.new_worker_name()
    host, pid, _, _ = queue.new_worker_name().rsplit("/", 3)
    assert (host, int(pid)) == (socket.gethostname(), os.getpid())


def test_connections_that_race_get_every_chunk_once(engine):
    fill(engine, total=400)
    got, barrier = [[] for _ in range(4)], threading.Barrier(4)

    def work(number):
        own = create_engine(engine.url)
        barrier.wait()
        while (held := claim(own, f"w{number}")) is not None and not held.finishing:
            settle(own, held)
            got[number].append(held.chunk_no)
        own.dispose()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(number for numbers in got for number in numbers) == list(range(40))
    with engine.connect() as connection:
        assert queue.chunk_states(connection, "s") == {"completed": 40, "running": 1}


def test_a_rolled_back_settlement_leaves_the_claim(engine):
    fill(engine, total=10)
    held = claim(engine)
    with engine.connect() as connection:
        connection.begin()
        queue.settle(connection, held, 10, 0)
        connection.rollback()
    assert row_of(engine, 0).state == "running"
    settle(engine, held)
