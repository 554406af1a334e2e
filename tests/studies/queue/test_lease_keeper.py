"""Leases are renewed while a claim is held, not before they need it, and never after."""

import contextlib
import threading

import pytest

from studies import queue
from studies.database.tables import work_chunks
from studies.database.transactions import WritePacer, write_transaction
from studies.queue import lease_keeper as lease
from studies.queue.chunks import insert_chunks
from studies.queue.claims import claim_next
from studies.queue.lease_keeper import LeaseKeeper
from studies.workers.factory import make_worker

SESSION = "session_20260101_000000_0001"
LONG = 60.0
"""Only how long a broken test may hang."""


def chunk(engine, number=0):
    with engine.connect() as connection:
        rows = connection.execute(work_chunks.select().order_by(work_chunks.c.chunk_no)).all()
    return rows[number]


def expire(engine):
    with write_transaction(engine) as connection:
        connection.execute(work_chunks.update().values(lease_expires_at=1.0))


@pytest.fixture
def claims(engine):
    """Two claims, whose leases have almost run out."""
    with write_transaction(engine) as connection:
        insert_chunks(connection, SESSION, 0, [(0, 10), (10, 20)])
        held = [claim_next(connection, SESSION, "host/1/1/a", 15.0) for _ in range(2)]
    expire(engine)
    return held


class Looks:
    """Stands for the event that ends the thread: what happens before every look is scripted."""

    def __init__(self, *steps):
        self.steps, self.waited = list(steps), []

    def wait(self, seconds):
        self.waited.append(seconds)
        if not self.steps:
            return True
        step = self.steps.pop(0)
        if step is not None:
            step()
        return False


def renewals(monkeypatch):
    """Chunk numbers that are renewed, in a list that grows."""
    renewed = []

    def note(connection, claim, seconds):
        renewed.append(claim.chunk_no)
        return original(connection, claim, seconds)

    original = queue.renew
    monkeypatch.setattr(lease.queue, "renew", note)
    return renewed


def keep(engine, *steps, seconds=15.0):
    """Let a keeper look so many times, in this thread."""
    keeper = LeaseKeeper(engine, seconds)
    keeper._closed = Looks(*(step and (lambda step=step: step(keeper)) for step in steps))
    keeper._keep()
    return keeper._closed.waited


def hold(claim):
    return lambda keeper: setattr(keeper, "_held", claim)


def test_what_is_held_at_two_looks_is_renewed_at_every_look(engine, claims, monkeypatch):
    renewed = renewals(monkeypatch)
    keep(engine, hold(claims[0]))
    assert renewed == []
    keep(engine, hold(claims[0]), None)
    assert renewed == [0]
    keep(engine, None, hold(claims[0]), None, None, None)
    assert renewed == [0] * 4


def test_two_looks_are_within_a_third_of_a_lease(engine):
    assert keep(engine, None, None, seconds=15.0) == [2.5] * 3
    assert keep(engine, seconds=1.2) == [pytest.approx(0.2)]


def test_short_holds_are_not_worth_a_renewal(engine, claims, monkeypatch):
    renewed = renewals(monkeypatch)
    keep(engine, *[hold(claims[0]), hold(None)] * 3, hold(claims[1]), hold(claims[0]))
    assert renewed == []


def test_another_claim_begins_anew(engine, claims, monkeypatch):
    renewed = renewals(monkeypatch)
    keep(engine, hold(claims[0]), None, hold(claims[1]), None, hold(None), None, None)
    assert renewed == [0, 1]


def test_a_renewed_lease_runs_from_now(engine, claims):
    keep(engine, hold(claims[0]), None, seconds=1000.0)
    with engine.connect() as connection:
        assert chunk(engine).lease_expires_at > 1e6
        assert chunk(engine, 1).lease_expires_at == 1.0
        assert queue.has_live_claim(connection, SESSION)


@pytest.mark.parametrize("how", ["taken over", "released", "settled"])
def test_a_lease_that_was_lost_stays_lost(engine, claims, how):
    with write_transaction(engine) as connection:
        if how == "taken over":
            other = claim_next(connection, SESSION, "host/2/2/b", 15.0, chunk_no=0)
            assert (other.chunk_no, other.attempt) == (0, 2)
        elif how == "released":
            assert queue.release(connection, claims[0])
        else:
            queue.settle(connection, claims[0], 10, 0)
    before = chunk(engine)
    keep(engine, hold(claims[0]), None, None)
    assert chunk(engine) == before


def test_a_sick_database_does_not_end_the_thread(engine, claims, monkeypatch):
    calls = []

    def sick(*args):
        calls.append(1)
        if len(calls) < 3:
            raise ConnectionError("gone")
        return original(*args)

    original = queue.renew
    monkeypatch.setattr(lease.queue, "renew", sick)
    keep(engine, hold(claims[0]), None, None, None)
    assert len(calls) == 3
    assert chunk(engine).lease_expires_at > 1e6


def wait_for_renewals(monkeypatch, n=1):
    """Return an event that is set at the n-th renewal from now."""
    enough, renewed = threading.Event(), []

    def note(connection, claim, seconds):
        renewed.append(claim)
        if len(renewed) >= n:
            enough.set()
        return original(connection, claim, seconds)

    original = queue.renew
    monkeypatch.setattr(lease.queue, "renew", note)
    return enough, renewed


BEFORE = []
"""Threads of workers that other tests have left without closing them."""


@pytest.fixture(autouse=True)
def _before():
    BEFORE[:] = threading.enumerate()


def keepers():
    running = [thread for thread in threading.enumerate() if thread.name == "lease-keeper"]
    return [thread for thread in running if thread not in BEFORE]


def test_the_thread_renews_what_is_held_and_nothing_else(engine, claims, monkeypatch):
    keeper = LeaseKeeper(engine, 0.06)
    assert keepers() == []
    enough, _ = wait_for_renewals(monkeypatch, 2)
    with keeper.hold(claims[0]):
        assert enough.wait(LONG)
        (thread,) = keepers()
        assert thread.daemon
    enough, renewed = wait_for_renewals(monkeypatch, 3)
    with contextlib.suppress(KeyError), keeper.hold(claims[1]):
        assert enough.wait(LONG)
        raise KeyError
    assert keeper._held is None
    assert renewed.count(claims[0]) <= 1  # one may have been under way when it was given back
    assert keepers() == [thread]
    keeper.close()
    assert not thread.is_alive()
    assert keepers() == []


def test_a_keeper_that_held_nothing_is_closed(engine):
    LeaseKeeper(engine, 15.0).close()
    keeper = LeaseKeeper(engine, 15.0)
    keeper.close()
    keeper.close()
    assert keepers() == []


def test_a_worker_ends_its_thread(make_session):
    session = make_session(size=20)
    with WritePacer(session.engine) as pacer:
        worker = make_worker(session, session.objective(), pacer)
        worker.step()
        assert len(keepers()) == 1
        worker.close()
        assert keepers() == []
        assert worker.step().idle is False  # closes the session, with a thread of its own
        worker.close()
    assert keepers() == []
    assert session.refresh().status == "completed"
