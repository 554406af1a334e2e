"""Every warning, from constructed rows or a host that is short of something."""

import datetime
import shutil
import types

import psutil
import pytest
import sqlalchemy as sa

from studies import queue
from studies.database.engine import database_clock
from studies.database.tables import execution_log, tuning_sessions, utc_now, work_chunks
from studies.database.transactions import write_transaction
from studies.upkeep import health
from studies.upkeep.health import log_warnings, status_with_warnings, warnings_of
from studies.upkeep.status import read_status
from tests.helpers.sessions import table_rows

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def healthy_host(monkeypatch):
    """A host with plenty of everything, whatever this one has."""
    host = types.SimpleNamespace(memory=64e9, disk=1e12)

    def memory():
        return types.SimpleNamespace(available=host.memory)

    def disk(path):
        return types.SimpleNamespace(free=host.disk)

    monkeypatch.setattr(psutil, "virtual_memory", memory)
    monkeypatch.setattr(shutil, "disk_usage", disk)
    return host


@pytest.fixture
def running(completed):
    """A session with 22 completed chunks that counts as running."""
    set_status(completed, "running")
    return completed


def set_status(session, state):
    with write_transaction(session.engine) as connection:
        connection.execute(tuning_sessions.update().values(status=state))


def set_chunks(session, first, last, **values):
    with write_transaction(session.engine) as connection:
        connection.execute(
            work_chunks.update()
            .where(work_chunks.c.chunk_no >= first, work_chunks.c.chunk_no < last)
            .values(**values)
        )


def hold(session, chunk_no, *, seconds=0.0, lease=15.0, worker=None):
    """Let a worker have had a chunk for so long."""
    set_chunks(
        session,
        chunk_no,
        chunk_no + 1,
        state="running",
        worker=worker or queue.new_worker_name(),
        started_at=utc_now() - datetime.timedelta(seconds=seconds),
        completed_at=None,
        lease_expires_at=database_clock() + lease,
    )


def warnings(session):
    found = warnings_of(session, read_status(session))
    planned = session.row.snapshot.warnings
    assert read_status(session).warnings == planned
    assert status_with_warnings(session).warnings == planned + found
    return found


def test_all_is_well(running):
    hold(running, 3, seconds=5)
    assert warnings(running) == ()


def test_a_session_that_is_over_has_nothing_to_warn_of(completed, healthy_host):
    healthy_host.memory = healthy_host.disk = 0
    set_chunks(completed, 0, 5, crashes=3)
    assert warnings(completed) == ()


def test_a_lease_that_has_run_out(running):
    hold(running, 3, lease=-40.0, worker="far.example.org/123/1700000000000/abcd")
    (found,) = warnings(running)
    assert "worker far.example.org/123 has not renewed its claim of chunk 3" in found
    assert "ran out 40 s ago" in found or "ran out 41 s ago" in found


def test_a_chunk_in_hand_for_long(running):
    hold(running, 3, seconds=59)
    assert warnings(running) == ()
    hold(running, 3, seconds=70)
    (found,) = warnings(running)
    assert "has had chunk 3 for 7" in found
    assert "may be stalled" in found


def test_long_chunks_take_long(running):
    now = utc_now()
    lasted = datetime.timedelta(seconds=20)
    set_chunks(running, 0, 100, started_at=now - lasted, completed_at=now)
    hold(running, 3, seconds=190)
    assert warnings(running) == ()
    hold(running, 3, seconds=210)
    (found,) = warnings(running)
    assert "others take 20.0 s" in found


def test_nobody_is_stalled_in_a_paused_session(running):
    hold(running, 3, seconds=500, lease=-400)
    set_status(running, "paused")
    assert warnings(running) == ()


def many_chunks(session, failed_before, failed_now, n=40):
    """Chunks of 10 strategies, the newest 20 with another number of failures."""
    session_id, now = session.row.session_id, utc_now()
    with write_transaction(session.engine) as connection:
        connection.execute(work_chunks.delete())
        connection.execute(
            work_chunks.insert(),
            [
                {
                    "session_id": session_id,
                    "chunk_no": i,
                    "position_start": 10 * i,
                    "position_stop": 10 * i + 10,
                    "state": "completed",
                    "worker": "h/1/2/x",
                    "started_at": now + datetime.timedelta(seconds=i),
                    "completed_at": now + datetime.timedelta(seconds=i + 1),
                    "failed_strategies": failed_before if i < n - 20 else failed_now,
                    "completed_strategies": 10 - (failed_before if i < n - 20 else failed_now),
                }
                for i in range(n)
            ],
        )
        failed = 20 * failed_now + (n - 20) * failed_before
        connection.execute(
            tuning_sessions.update().values(
                completed_strategies=10 * n - failed, failed_strategies=failed
            )
        )


@pytest.mark.parametrize(
    ("before", "now", "n", "warned"),
    [
        (0, 1, 40, True),
        (1, 2, 40, False),
        (1, 4, 40, True),
        (5, 6, 40, False),
        (5, 10, 40, True),
        (5, 1, 40, False),
        (0, 10, 39, False),  # too few to compare with
    ],
)
def test_a_rising_failure_rate(running, before, now, n, warned):
    many_chunks(running, before, now, n)
    found = warnings(running)
    assert bool(found) == warned
    if warned:
        assert found[0].startswith(
            f"{now / 10:.0%} of the strategies of the newest 20 chunks failed, before "
            f"{before / 10:.0%}"
        )


def test_many_retries(running):
    set_chunks(running, 0, 2, crashes=1)
    assert warnings(running) == ()
    set_chunks(running, 0, 3, crashes=1)
    (found,) = warnings(running)
    assert found.startswith("workers died 3 times while they held a chunk")


def test_low_memory(running, healthy_host):
    healthy_host.memory = 499e6
    (found,) = warnings(running)
    assert found.startswith("499 MB of memory are available")
    set_status(running, "paused")
    assert warnings(running) == ()


@ON_SQLITE
def test_low_disk(running, healthy_host):
    healthy_host.disk = 501e6
    assert warnings(running) == ()
    healthy_host.disk = 499e6
    (found,) = warnings(running)
    assert found.startswith("499 MB are free in /")
    assert "may need 500 MB" in found


@ON_SQLITE
def test_low_disk_for_the_rest_of_a_large_session(running, healthy_host):
    with write_transaction(running.engine) as connection:
        connection.execute(tuning_sessions.update().values(total_strategies=2_000_432))
    healthy_host.disk = 2.01e9
    assert warnings(running) == ()
    healthy_host.disk = 1.99e9
    (found,) = warnings(running)
    assert found.startswith("1,990 MB are free in /")
    assert "may need 2,000 MB" in found
    with write_transaction(running.engine) as connection:
        connection.execute(tuning_sessions.update().values(completed_strategies=1_000_216))
    assert warnings(running) == ()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_disk_of_a_server_is_not_ours(running, healthy_host):
    healthy_host.disk = 0
    assert warnings(running) == ()


def test_warnings_are_logged_once_an_hour(running):
    session_id = running.row.session_id

    def logged():
        rows = table_rows(running, execution_log, "id")
        return [row["message"] for row in rows if row["log_level"] == "WARNING"]

    def log(*warnings):
        return log_warnings(running.engine, session_id, warnings)

    assert log() == []
    assert log("disk: 400 MB") == ["disk: 400 MB"]
    assert log("disk: 399 MB", "memory: 3 MB") == ["memory: 3 MB"]
    assert logged() == ["disk: 400 MB", "memory: 3 MB"]
    with write_transaction(running.engine) as connection:
        before = utc_now() - datetime.timedelta(seconds=health._KNOWN_SECONDS + 1)
        connection.execute(
            sa.update(execution_log)
            .where(execution_log.c.message == "disk: 400 MB")
            .values(created_at=before)
        )
    assert log("disk: 398 MB", "memory: 2 MB") == ["disk: 398 MB"]
    told = read_status(running, detailed=True)
    assert [entry.message for entry in told.errors] == [
        "disk: 398 MB",
        "memory: 3 MB",
        "disk: 400 MB",
    ]


def test_workers_in_the_status(running):
    worker = "host.example.org/4711/1700000000000/abcd"
    now = utc_now()
    moments = {"started_at": now - datetime.timedelta(seconds=4), "completed_at": now}
    set_chunks(running, 0, 2, worker=worker, **moments)
    hold(running, 3, seconds=2, lease=9.0, worker=worker)
    set_chunks(running, 3, 4, attempt=3, crashes=1)
    hold(running, 4, worker="other")
    told = read_status(running)
    first, second = told.workers
    assert (first.host, first.pid, first.chunk) == ("host.example.org", 4711, 3)
    assert (first.attempt, first.crashes, first.strategies) == (3, 1, 20)
    assert first.rate == pytest.approx(10.0)
    assert 2.0 <= first.seconds < 12.0
    assert -3.0 < first.lease_seconds_left <= 9.0
    assert (second.worker, second.host, second.pid) == ("other", None, None)
    assert second.rate is None
