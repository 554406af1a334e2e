"""Whatever dies, whenever: the results are those of an undisturbed run, each of them once."""

import contextlib
import functools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import optuna
import pandas as pd
import psutil
import pytest
import sqlalchemy as sa

from objectives import ReturnPanel
from search_spaces.errors import SessionError
from studies import Session
from studies.database.engine import database_clock
from studies.database.tables import work_chunks
from studies.database.transactions import write_transaction
from studies.market import import_panel
from studies.runs.stop import Stop
from tests.helpers import forks
from tests.helpers.databases import SqliteDatabases
from tests.helpers.sessions import (
    check_completed,
    chunks_of,
    make_config,
    results_of,
    stock_study,
    url_of,
)
from tests.studies.conftest import write_market

ROOT = Path(__file__).parents[3]

MANY = {
    "factors": {"subsets": ["SR", "DD", "TR", "ST", "WR", "SO"], "max_size": 3},
    "window_size": {"choice": [5, 8, 10, 15, 20]},
    "rebalance_frequency": {"choice": [1, 2, 3, 7]},
    "data_period": {"choice": [10, 20, 140]},
    "selection_count": {"choice": [1, 2, 3, 4, 5, 6, 7]},
    "weight_method": {"choice": ["EQ", "IC", "FS"]},
}
"""51,660 strategies."""

COORDINATOR = """
import os, signal, sys
from studies import Session
from studies.runs.stop import Stop
url, session_id, parallel, die_after = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])

def die(progress):
    if die_after and progress.done_here >= die_after:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    session = Session.open(url, session_id)
    with Stop().on_signals() as stop:
        session.run(parallel=parallel, resume=True, stop=stop, on_progress=die)
"""


def start_coordinator(session, *, parallel, die_after=0):
    """Run the session in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-c", COORDINATOR, url_of(session)]
    command += [session.row.session_id, str(parallel), str(die_after)]
    return forks.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def start_chaos(session, *, n, workers=4, at_most=4, seed=0, sleep=0.02, then_stop=False):
    """Start plain workers, of which ``3 * n`` die."""
    job = {
        "url": url_of(session),
        "session": session.row.session_id,
        "n": n,
        "workers": workers,
        "at_most": at_most,
        "seed": seed,
        "sleep": sleep,
        "then_stop": then_stop,
    }
    command = [sys.executable, "-W", "ignore", str(ROOT / "tests/helpers/chaos.py")]
    return forks.Popen(
        [*command, json.dumps(job)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def outcome_of(process, timeout=240):
    told, errors = process.communicate(timeout=timeout)
    assert process.returncode == 0, errors
    return json.loads(told.splitlines()[-1])


def wait_until(condition, *, timeout=60.0):
    """Poll for progress; the time is only how long a broken test may hang."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "no progress"
        time.sleep(0.02)


def done(session):
    row = session.refresh()
    return row.completed + row.failed


@pytest.fixture(scope="module")
def many_results(panel, tmp_path_factory):
    """Results of so many strategies of `MANY` without a disturbance: the same on any database."""
    url = SqliteDatabases(tmp_path_factory.mktemp("many")).create()
    write_market(url, panel)

    @functools.cache
    def results(size):
        config = make_config(url, parameters=MANY, execution={"chunk_size": 1_000})
        session = Session.create(config, size=size)
        session.run(parallel=1)
        found = results_of(session)
        session.engine.dispose()
        assert len(found) == size
        return found

    return results


def run_undisturbed(make_session, **options):
    session = make_session(**options)
    session.run(parallel=1)
    return results_of(session)


@pytest.mark.parametrize(
    ("database", "size", "chunk_size", "n_kills"),
    [
        ("sqlite", 3_000, 50, 3),
        pytest.param("sqlite", 20_000, 80, 10, marks=pytest.mark.slow),
        pytest.param("postgresql", 3_000, 50, 3, marks=pytest.mark.slow),
    ],
    indirect=["database"],
    scope="session",  # as the fixture: others of its database are kept
)
def test_killed_workers_and_a_killed_coordinator(
    make_session, many_results, size, chunk_size, n_kills
):
    options = {"parameters": MANY, "size": size, "execution": {"chunk_size": chunk_size}}
    expected = many_results(size)
    session = make_session(**options)
    chaos = outcome_of(start_chaos(session, n=n_kills, then_stop=True))
    assert (chaos["n_kills"], chaos["left"], set(chaos["codes"])) == (3 * n_kills, 0, {0})
    before = done(session)
    assert 0 < before < size
    killed = start_coordinator(session, parallel=1, die_after=3 * chunk_size)
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert before < done(session) < size
    session.run(parallel=1, resume=True)
    check_completed(session, expected)
    assert max(chunk["attempt"] for chunk in chunks_of(session)) > 1


@pytest.mark.slow
def test_two_coordinators_and_two_plain_workers(make_session, many_results):
    options = {"parameters": MANY, "size": 12_000, "execution": {"chunk_size": 40}}
    expected = many_results(12_000)
    session = make_session(**options)
    coordinators = [start_coordinator(session, parallel=2) for _ in range(2)]
    # which take longer to begin than the plain workers would to end
    wait_until(lambda: len({c["worker"] for c in chunks_of(session)} - {None}) >= 2)
    workers = start_chaos(session, n=0, workers=2)
    assert outcome_of(workers)["codes"] == [0, 0]
    for coordinator in coordinators:
        _, errors = coordinator.communicate(timeout=120)
        assert coordinator.returncode == 0, errors
    check_completed(session, expected)
    assert len({chunk["worker"] for chunk in chunks_of(session)}) >= 4


@pytest.mark.slow
def test_a_cluster_that_dies_as_a_whole(make_session, many_results):
    """The coordinator is killed; its workers notice, and another goes on."""
    options = {"parameters": MANY, "size": 12_000, "execution": {"chunk_size": 40}}
    expected = many_results(12_000)
    session = make_session(**options)
    killed = start_coordinator(session, parallel=2, die_after=1_000)
    family = psutil.Process(killed.pid)
    wait_until(lambda: done(session) > 0)
    children = family.children(recursive=True)
    killed.communicate(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert 1_000 <= done(session) < 12_000
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    session.run(parallel=2, resume=True)
    check_completed(session, expected)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("parallel", [1, 2])
def test_postgresql_is_gone_for_ten_seconds(
    make_session, many_results, request, databases, monkeypatch, parallel
):
    server = request.getfixturevalue("postgres_server")
    if "TEST_DATABASE_URL" in os.environ:
        pytest.skip("the server of TEST_DATABASE_URL is not ours to stop")
    assert databases is server.databases
    options = {"parameters": MANY, "size": 20_000, "execution": {"chunk_size": 40}}
    expected = many_results(20_000)
    session = make_session(**options)
    run = start_coordinator(session, parallel=parallel)
    wait_until(lambda: done(session) > 400)
    server.stop()
    time.sleep(10)  # what the test is about
    assert run.poll() is None
    session.engine.dispose()
    server.start()
    assert 400 < done(session) < 20_000
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 0, errors
    check_completed(session, expected)


def expire_leases(session):
    """Let every lease of a session have run out."""
    with write_transaction(session.engine) as connection:
        connection.execute(
            work_chunks.update()
            .where(work_chunks.c.session_id == session.row.session_id)
            .where(work_chunks.c.state == "running")
            .values(lease_expires_at=database_clock() - 1.0)
        )


@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
def test_a_worker_that_slept_beyond_its_lease_cannot_write(make_session):
    """SIGSTOP as when a laptop is closed, another worker takes over, SIGCONT."""
    options = {"size": 200, "execution": {"chunk_size": 10}}
    expected = run_undisturbed(make_session, **options)
    session = make_session(**options)
    sleeper = start_chaos(session, n=0, workers=1, sleep=0.5)
    wait_until(lambda: any(chunk["state"] == "running" for chunk in chunks_of(session)))
    wait_until(lambda: len(psutil.Process(sleeper.pid).children()) == 1)
    (worker,) = psutil.Process(sleeper.pid).children()
    held = hold_still(session, worker)
    expire_leases(session)
    session.run(parallel=1, resume=True)
    check_completed(session, expected)
    assert chunks_of(session)[held]["attempt"] == 2
    before = chunks_of(session)
    worker.resume()
    assert outcome_of(sleeper, timeout=60)["codes"] == [0]
    assert chunks_of(session) == before
    check_completed(session, expected)


def hold_still(session, worker):
    """Stop a process in the middle of a chunk, but not of a transaction; return the chunk."""
    while True:
        worker.suspend()
        wait_until(lambda: worker.status() == psutil.STATUS_STOPPED)
        running = [c["chunk_no"] for c in chunks_of(session) if c["state"] == "running"]
        if len(running) == 1 and not holds_locks(session):
            return running[0]
        worker.resume()
        time.sleep(0.05)


def holds_locks(session):
    """Whether a transaction that writes is open now."""
    if session.engine.dialect.name == "sqlite":
        with contextlib.closing(sqlite3.connect(session.engine.url.database, timeout=0.2)) as file:
            try:
                file.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            file.rollback()
        return False
    with session.engine.connect() as connection:
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        return connection.exec_driver_sql(f"{count} AND backend_xid IS NOT NULL").scalar_one() > 0


def test_days_that_are_appended_do_not_stop_a_session(make_session, undisturbed_results, panel):
    session = make_session()
    stop = Stop()
    session.run(stop=stop, on_progress=lambda progress: stop.set())
    assert session.row.status == "paused"
    newer = panel.to_frame()
    newer["date"] = newer["date"] + (panel.dates[-1] - panel.dates[0] + pd.Timedelta(days=1))
    import_panel(ReturnPanel.from_returns(newer), session.engine)
    session.run(resume=True)
    check_completed(session, undisturbed_results)


def scale_returns(session, factor):
    with write_transaction(session.engine) as connection:
        connection.execute(
            sa.text("UPDATE return_metrics SET return_1d = return_1d * :factor"), {"factor": factor}
        )


def test_a_changed_panel_stops_a_session_in_one_line(make_session, undisturbed_results):
    session = make_session()
    stop = Stop()
    session.run(stop=stop, on_progress=lambda progress: stop.set())
    n_done = done(session)
    scale_returns(session, 2.0)
    with pytest.raises(SessionError, match=r"changed since .* was created") as error:
        session.run(resume=True)
    assert "\n" not in str(error.value)
    assert (session.refresh().status, done(session)) == ("paused", n_done)
    scale_returns(session, 0.5)
    session.run(resume=True)
    check_completed(session, undisturbed_results)


def test_plain_optuna_in_the_sessions_own_study(make_session):
    """Others ask and tell in the study while workers append to it: numbers stay without holes."""
    session = make_session(execution={"chunk_size": 10})
    reader = stock_study(session)
    assert reader.trials == []
    errors, enough = [], threading.Event()

    def optimize():
        try:
            study = stock_study(session)
            study.sampler = optuna.samplers.RandomSampler(seed=1)
            while not enough.is_set():
                study.optimize(lambda trial: trial.suggest_float("x", -9.0, -8.0), n_trials=1)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=optimize)
    thread.start()
    try:
        session.run(parallel=1)
    finally:
        enough.set()
        thread.join(60)
    assert errors == []
    trials = stock_study(session).trials
    assert [trial.number for trial in trials] == list(range(len(trials)))
    ours = [t for t in trials if "strategy_id" in t.user_attrs]
    theirs = [t for t in trials if "strategy_id" not in t.user_attrs]
    assert len({t.user_attrs["strategy_id"] for t in ours}) == len(ours) == 432
    assert len(theirs) > 0
    assert {t.state.name for t in theirs} == {"COMPLETE"}
    assert session.row.status == "completed"
    assert {t.number: t for t in reader.trials} == {t.number: t for t in trials}
