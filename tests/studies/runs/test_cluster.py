"""Many processes on one session through Dask."""

import contextlib
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from distributed import KilledWorker
from distributed.client import FutureCancelledError

from search_spaces.errors import ConfigError, StorageError
from studies.database.tables import execution_log
from studies.runs import cluster
from studies.runs.cluster import check_scheduler, run_on_cluster
from studies.runs.stop import Stop
from studies.workers import WorkReport
from tests.helpers.sessions import (
    check_completed,
    chunks_of,
    queue_of,
    results_of,
    table_rows,
)

ROOT = Path(__file__).parents[3]
SLOW_ON_POSTGRESQL = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
SECRET = "hunter2-of-the-tests"


def workers_of_this_process():
    """Processes below this one that evaluate."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            parent = process.parent()
            # they are forks of a process that is itself a child of this one
            if parent is not None and "forkserver" in " ".join(parent.cmdline()):
                found.append(process)
    return found


def listening(processes):
    """Addresses that processes listen on."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            for socket in process.net_connections("inet"):
                if socket.status == psutil.CONN_LISTEN:
                    yield socket.laddr.ip


def test_two_workers_equal_one_process(make_session, undisturbed_results, caplog):
    """The same rows bit for bit; meanwhile nobody listens to the world, threads are limited."""
    session = make_session()
    limits, addresses, done = [], set(), []

    def look(progress):
        done.append(progress.done)
        if limits:
            return
        me = psutil.Process()
        addresses.update(listening([me, *me.children(recursive=True)]))
        limits.extend(
            [process.environ().get(f"{name}_NUM_THREADS") for name in ("NUMBA", "OMP", "OPENBLAS")]
            for process in workers_of_this_process()
        )

    with caplog.at_level(logging.DEBUG):
        progress = session.run(parallel=2, on_progress=look)
    check_completed(session, undisturbed_results)
    assert addresses == {"127.0.0.1"}
    assert limits == [["1", "1", "1"]] * 2
    assert done == sorted(done)
    assert (progress.done, progress.total) == (432, 432)
    assert progress.failed == session.row.failed
    assert progress.best_id == session.top(1).iloc[0]["strategy_id"]
    assert SECRET not in caplog.text
    assert workers_of_this_process() == []
    assert session.run(parallel=2).done_here == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database", "method"),
    [("sqlite", "exhaustive"), ("sqlite", "sobol"), ("postgresql", "exhaustive")],
    indirect=["database"],
    scope="session",  # as the fixture: others of its database are kept
)
def test_any_number_of_workers_gives_the_same_bits(make_session, method):
    runs = {}
    for parallel in (1, 2, 4):
        session = make_session(method=method, size=400)
        session.run(parallel=parallel)
        runs[parallel] = results_of(session)
        check_completed(session, runs[1])
    assert runs[2] == runs[1]
    assert runs[4] == runs[1]


def start_slow(make_session, monkeypatch, seconds, **options):
    """A session whose chunks take a while in worker processes, which load a module for it."""
    monkeypatch.setattr(cluster, "_PRELOAD", [*cluster._PRELOAD, "tests.helpers.slowness"])
    monkeypatch.setenv("TEST_SLOW_SECONDS", str(seconds))
    return make_session(**options)


@SLOW_ON_POSTGRESQL
def test_a_stop_finishes_the_chunks_in_hand(make_session, undisturbed_results, monkeypatch):
    session = start_slow(make_session, monkeypatch, 0.3)
    stop, asked = Stop(), []

    def ask(progress):
        if not asked:
            asked.append(time.monotonic())
            stop.set()

    progress = session.run(parallel=2, stop=stop, on_progress=ask)
    seconds = time.monotonic() - asked[0]
    assert session.row.status == "paused"
    assert {chunk["state"] for chunk in chunks_of(session)} == {"completed", "pending"}
    assert 0 < progress.done < 432
    assert progress.done == len(results_of(session))
    assert progress.done_here == progress.done
    # the four that were given out when the first was reported, and no wait for a worker that hangs
    assert progress.done <= 4 * 20
    assert seconds < 10.0
    monkeypatch.delenv("TEST_SLOW_SECONDS")
    session.run(parallel=1, resume=True)
    check_completed(session, undisturbed_results)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_killed_worker_is_replaced(make_session, undisturbed_results, monkeypatch):
    session = start_slow(
        make_session, monkeypatch, 0.1, execution={"chunk_size": 5, "lease_seconds": 2.0}
    )
    killed, replaced = [], []

    def kill_one(progress):
        workers = workers_of_this_process()
        if not killed and workers:
            killed.append(workers[0].pid)
            workers[0].kill()
        elif killed:
            replaced.append({w.pid for w in workers} - set(killed))

    session.run(parallel=2, on_progress=kill_one)
    assert len(killed) == 1
    assert len(replaced[-1]) == 2
    check_completed(session, undisturbed_results)


@SLOW_ON_POSTGRESQL
def test_the_memory_limit_reaches_the_workers(make_session, monkeypatch):
    seen = {}
    from distributed import LocalCluster

    class Noted(LocalCluster):
        def __init__(self, **options):
            super().__init__(**options)
            seen.update(self.scheduler_info["workers"])

    monkeypatch.setattr("distributed.LocalCluster", Noted)
    session = make_session(size=40, execution={"chunk_size": 20, "memory_limit": "1500MB"})
    session.run(parallel=1)
    assert seen == {}
    run_on_cluster(make_session(size=40, execution={"memory_limit": "1500MB"}), n_workers=1)
    assert [worker["memory_limit"] for worker in seen.values()] == [1_500_000_000]


def test_a_target_shows_no_password():
    target = cluster.Target("s", "r", f"postgresql://u:{SECRET}@host/db")
    assert SECRET not in repr(target)
    assert SECRET not in str(target)
    assert SECRET not in f"{(target,)}"


@pytest.mark.parametrize(
    ("address", "url", "insecure", "message"),
    [
        ("tcp://host:8786", "postgresql://h/d", False, "not encrypted.*--insecure-scheduler"),
        ("tcp://host:8786", "sqlite:///x.db", True, "cannot share a SQLite file; use PostgreSQL"),
        ("tls://host:8786", "sqlite:///x.db", False, "cannot share a SQLite file"),
        ("host:8786", "postgresql://h/d", True, "is tls://HOST:PORT, got 'host:8786'"),
        ("", "postgresql://h/d", False, "is tls://HOST:PORT"),
    ],
)
def test_schedulers_that_are_refused(address, url, insecure, message):
    with pytest.raises(ConfigError, match=message):
        check_scheduler(address, url, insecure=insecure)


def test_schedulers_that_are_accepted():
    check_scheduler("tls://host:8786", "postgresql://h/d", insecure=False)
    check_scheduler("tcp://127.0.0.1:8786", "postgresql+psycopg://h/d", insecure=True)


@contextlib.contextmanager
def running(*arguments):
    """A Dask command in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=10)
        for child in [p for p in psutil.process_iter() if p.ppid() == process.pid]:
            child.kill()
        process.kill()
        process.communicate(timeout=10)


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_scheduler_of_the_users_own(make_session, undisturbed_results):
    session = make_session()
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
    worker = ("distributed.cli.dask_worker", address, "--nthreads", "1", "--host", "127.0.0.1")
    with running(*scheduler, "--no-dashboard"), running(*worker, "--no-dashboard"):
        session.run(scheduler=address)
        check_completed(session, undisturbed_results)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_scheduler_that_does_not_answer(make_session, monkeypatch):
    session = make_session(size=40)
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 0.5)
    with pytest.raises(ConfigError, match=r"scheduler tcp://.* does not answer") as error:
        session.run(scheduler=f"tcp://127.0.0.1:{free_port()}")
    assert "\n" not in str(error.value)
    assert session.refresh().status == "created"
    session.run(parallel=1)
    assert session.row.status == "completed"


@SLOW_ON_POSTGRESQL
def test_fatal_errors_of_workers_arrive(make_session, monkeypatch):
    session = start_slow(make_session, monkeypatch, 0.0, size=100)
    monkeypatch.setenv("TEST_FATAL", "the cube is gone")
    with pytest.raises(StorageError, match="the cube is gone"):
        session.run(parallel=2)
    assert session.refresh().status == "failed"
    log = table_rows(session, execution_log, "id")
    assert (log[-1]["log_level"], log[-1]["message"]) == ("ERROR", "the cube is gone")
    assert {chunk["state"] for chunk in chunks_of(session)} == {"pending"}
    monkeypatch.delenv("TEST_FATAL")
    session.run(parallel=1, resume=True)
    assert session.row.status == "completed"


@pytest.mark.parametrize(
    "error", [KilledWorker("task", None, 3), FutureCancelledError("task", "gone"), TimeoutError()]
)
def test_a_task_without_a_report_is_let_go(error):
    class Lost:
        released = False

        def result(self, timeout):
            assert timeout > 0
            raise error

        def release(self):
            self.released = True

    future = Lost()
    assert cluster._report(future) == WorkReport(idle=True)
    assert future.released


def poisoned(make_session, monkeypatch, how, **execution):
    """A session with one strategy that sleeps, or ends its process."""
    session = start_slow(
        make_session,
        monkeypatch,
        0.0,
        size=60,
        execution={"chunk_size": 10, "lease_seconds": 1.0, **execution},
    )
    index = int(session.design.indices(34, 35)[0])
    monkeypatch.setenv("TEST_POISON", f"{how}:{index}")
    return session, session.space.strategy_id(session.space.params(index))


@pytest.mark.slow
def test_a_strategy_that_kills_its_process_fails_alone(
    make_session, undisturbed_results, monkeypatch
):
    session, name = poisoned(make_session, monkeypatch, "die")
    session.run(parallel=2)
    check_failed_alone(session, name, "crashed: ", undisturbed_results)


@pytest.mark.slow
def test_a_strategy_that_never_ends_fails_alone(make_session, undisturbed_results, monkeypatch):
    session, name = poisoned(
        make_session, monkeypatch, "sleep", chunk_seconds=1.0, strategy_seconds=0.5
    )
    session.run(parallel=2)
    check_failed_alone(session, name, "(timeout|crashed): ", undisturbed_results)


def check_failed_alone(session, name, reason, undisturbed_results):
    import re

    check_completed(session, results_of(session))
    (row,) = [row for row in queue_of(session) if row["strategy_id"] == name]
    assert row["status"] == "failed"
    assert re.match(reason, row["error_message"]), row["error_message"]
    others = [row for row in results_of(session) if row["strategy_id"] != name]
    ids = {row["strategy_id"] for row in others}
    assert others == [row for row in undisturbed_results if row["strategy_id"] in ids]
    assert len(others) == 59
