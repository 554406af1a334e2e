"""The loop of a worker: poisonous strategies, sick databases, stops."""

import contextlib
import os
import signal
import time

import numpy as np
import pytest
import sqlalchemy as sa

from search_spaces.errors import SessionError, StorageError
from studies import Session, queue
from studies.database import engine as storage
from studies.database import transient_errors as retry
from studies.database.engine import database_clock
from studies.database.tables import execution_log, work_chunks
from studies.database.transactions import WritePacer, write_transaction
from studies.queue.claims import LostClaimError
from studies.runs.progress import Progress
from studies.runs.stop import Stop
from studies.sessions.session_row import list_sessions
from studies.upkeep.deletion import delete_session
from studies.workers.planned_task import PlannedTask
from tests.helpers.sessions import (
    check_completed,
    chunks_of,
    queue_of,
    results_of,
    stock_study,
    table_rows,
)
from tests.helpers.wrapped import WrappedObjective

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Poisoned(WrappedObjective):
    """An objective that raises as soon as a poisonous strategy is among its points."""

    def __init__(self, objective, poison, error=None):
        super().__init__(objective)
        self.poison = set(poison)
        self.error = error or RuntimeError("division of nothing")

    def evaluate(self, points):
        if self.poison & {int(point) for point in points}:
            raise self.error
        return self.objective.evaluate(points)


def log_of(session):
    return [(row["log_level"], row["message"]) for row in table_rows(session, execution_log, "id")]


def test_one_poisonous_strategy_fails_alone(make_session, undisturbed_results):
    session = make_session()
    good = [r["strategy_id"] for r in undisturbed_results if r["net_sharpe_ratio"] is not None]
    name = good[37]
    poison = session.space.index(session.space.parse(name))
    progress = session.run(objective=Poisoned(session.objective(), [poison]))
    row = next(row for row in results_of(session) if row["strategy_id"] == name)
    assert row["net_sharpe_ratio"] is None
    assert "error: RuntimeError: division of nothing" in row["raw_result"]
    others = [row for row in results_of(session) if row["strategy_id"] != name]
    assert others == [row for row in undisturbed_results if row["strategy_id"] != name]
    queued = next(row for row in queue_of(session) if row["strategy_id"] == name)
    assert (queued["status"], queued["error_message"]) == (
        "failed",
        "error: RuntimeError: division of nothing",
    )
    trial = next(t for t in stock_study(session).trials if t.user_attrs["strategy_id"] == name)
    assert trial.state.name == "FAIL"
    assert trial.user_attrs["failure"] == "error: RuntimeError: division of nothing"
    assert session.row.status == "completed"
    assert progress.failed == session.row.failed
    check_completed(session, results_of(session))


def test_a_poisonous_strategy_alone_in_its_chunk(make_session):
    session = make_session(size=41)  # 20 + 20 + 1
    poison = int(session.design.indices(40, 41)[0])
    session.run(objective=Poisoned(session.objective(), [poison]))
    assert session.row.status == "completed"
    failed = [row for row in queue_of(session) if (row["error_message"] or "").startswith("error")]
    assert len(failed) == 1
    check_completed(session, results_of(session))


def test_every_strategy_raising_is_one_error_and_nothing_is_lost(make_session, undisturbed_results):
    session = make_session()
    broken = Poisoned(session.objective(), range(432), ValueError("no such column"))
    with pytest.raises(SessionError, match=r"every strategy .* raised.*ValueError: no such column"):
        session.run(objective=broken)
    assert results_of(session) == []
    assert {c["state"] for c in chunks_of(session)} == {"pending"}
    assert log_of(session)[-1][0] == "ERROR"
    assert "no such column" in log_of(session)[-1][1]
    assert session.refresh().status == "failed"
    with pytest.raises(SessionError, match="stopped by an error"):
        session.run()
    session.run(resume=True)
    check_completed(session, undisturbed_results)


def test_an_error_of_ours_is_not_blamed_on_strategies(make_session):
    session = make_session(size=60)
    broken = Poisoned(session.objective(), range(432), StorageError("the cube is gone"))
    with pytest.raises(StorageError, match="the cube is gone"):
        session.run(objective=broken)
    assert results_of(session) == []
    session.run(resume=True)
    assert session.row.status == "completed"


@contextlib.contextmanager
def on_every_connection(engine, *statements):
    """Run pragmas on the engine's connections, those to come and those in the pool."""

    def afflict(dbapi_connection, record):
        for statement in statements:
            dbapi_connection.execute(statement)

    engine.dispose()
    sa.event.listen(engine, "connect", afflict)
    try:
        yield
    finally:
        sa.event.remove(engine, "connect", afflict)
        engine.dispose()


def run_some(session, n_chunks=5):
    """Work through some chunks and pause."""
    stop = Stop()

    def count(progress):
        if progress.done_here >= 20 * n_chunks:
            stop.set()

    session.run(resume=True, stop=stop, on_progress=count)
    assert session.row.status == "paused"


def one_line(error):
    assert "\n" not in str(error.value)
    return True


@ON_SQLITE
def test_a_read_only_database(make_session, undisturbed_results):
    session = make_session()
    run_some(session)
    with (
        on_every_connection(session.engine, "PRAGMA query_only = ON"),
        pytest.raises(StorageError, match="readonly database; make the file") as error,
    ):
        session.run(resume=True)
    assert one_line(error)
    assert session.refresh().status == "paused"
    session.run(resume=True)
    check_completed(session, undisturbed_results)


@ON_SQLITE
def test_a_full_disk(make_session, undisturbed_results):
    session = make_session()
    run_some(session)
    with session.engine.connect() as connection:
        n_pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with (
        on_every_connection(session.engine, f"PRAGMA max_page_count = {n_pages + 2}"),
        pytest.raises(StorageError, match="disk is full; free some disk space") as error,
    ):
        session.run(resume=True)
    assert one_line(error)
    n_results = len(results_of(session))
    row = session.refresh()
    assert row.completed + row.failed == n_results
    assert n_results % 20 == 0
    session.run(resume=True)
    check_completed(session, undisturbed_results)


@pytest.mark.parametrize(
    "table",
    [
        "hyperparameter_tuning_results",
        "work_chunks",
        pytest.param("strategy_queue", marks=pytest.mark.slow),
        pytest.param("trials", marks=pytest.mark.slow),
    ],
)
def test_a_table_that_is_gone_and_comes_back(make_session, undisturbed_results, database, table):
    session = make_session()
    run_some(session)
    with write_transaction(session.engine) as connection:
        if database == "sqlite":
            connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO elsewhere")
    reason = f'(no such table: {table}|relation "{table}" does not exist.*); a table is missing'
    with pytest.raises(StorageError, match=reason) as error:
        session.run(resume=True)
    assert one_line(error)
    with write_transaction(session.engine) as connection:
        connection.exec_driver_sql(f"ALTER TABLE elsewhere RENAME TO {table}")
        if database == "sqlite":
            connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")
    session.run(resume=True)
    check_completed(session, undisturbed_results)


@ON_SQLITE
def test_a_locked_database(make_session, url, monkeypatch):
    monkeypatch.setattr(storage, "BUSY_TIMEOUT_S", 0.1)
    monkeypatch.setitem(retry.retry_transient.__kwdefaults__, "patience_seconds", 0.5)
    session_id = make_session(size=60).row.session_id
    session = Session.open(url, session_id)
    other = storage.create_engine(url)
    with (
        write_transaction(other),
        pytest.raises(StorageError, match="database is locked; another process is writing"),
    ):
        session.run()
    session.run()
    assert session.row.status == "completed"
    other.dispose()
    session.engine.dispose()


def test_a_study_that_is_gone(make_session):
    session = make_session(size=60)
    with write_transaction(session.engine) as connection:
        connection.exec_driver_sql("UPDATE studies SET study_name = 'other'")
    with pytest.raises(SessionError, match=r"study .* is gone"):
        session.run()


def test_stop_after_the_chunk_in_hand(make_session, undisturbed_results):
    session = make_session()
    stop, seen = Stop(), []

    def on_progress(progress):
        seen.append(progress.done_here)
        stop.set()

    progress = session.run(stop=stop, on_progress=on_progress)
    # the next chunk was claimed with the commit of the first: it is given back
    assert seen[0] == 20
    assert progress.done_here == len(results_of(session)) <= 40
    assert session.row.status == "paused"
    assert {c["state"] for c in chunks_of(session)} == {"completed", "pending"}
    assert log_of(session)[-1] == ("INFO", "paused")
    with pytest.raises(SessionError, match="is paused; go on with: mass-tuning execute --resume"):
        session.run()
    session.run(resume=True)
    check_completed(session, undisturbed_results)


def test_a_stop_set_before_the_first_chunk(make_session):
    session = make_session(size=60)
    stop = Stop()
    stop.set()
    assert session.run(stop=stop).done_here == 0
    assert session.row.status == "paused"


def test_a_stop_that_comes_with_the_end_leaves_a_completed_session(make_session):
    session = make_session(size=20)
    stop = Stop()
    session.run(stop=stop, on_progress=lambda progress: stop.set())
    assert session.row.status == "paused"  # the empty last chunk closes it
    session.run(resume=True)
    assert session.row.status == "completed"
    assert session.row.completed_at is not None


def test_the_second_signal_releases_at_once(make_session):
    session = make_session(size=100)
    objective = session.objective()
    evaluate, calls = objective.evaluate, []

    def evaluate_and_signal(points):
        calls.append(len(points))
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
        return evaluate(points)

    objective.evaluate = evaluate_and_signal
    with pytest.raises(KeyboardInterrupt), Stop().on_signals() as stop:
        session.run(objective=objective, stop=stop)
    assert len(results_of(session)) == 20
    assert {c["state"] for c in chunks_of(session)} == {"completed", "pending"}
    assert session.refresh().status == "paused"
    session.run(resume=True)
    assert session.row.status == "completed"


def test_signals_are_given_back():
    before = signal.getsignal(signal.SIGINT)
    with Stop().on_signals() as stop:
        assert signal.getsignal(signal.SIGINT) is not before
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_set()
    assert signal.getsignal(signal.SIGINT) is before


def expire_all(engine):
    with write_transaction(engine) as connection:
        connection.execute(
            work_chunks.update()
            .where(work_chunks.c.state == "running")
            .values(lease_expires_at=database_clock() - 1)
        )


def test_a_worker_that_lost_its_claim_writes_nothing(make_session, undisturbed_results):
    session = make_session()
    with WritePacer(session.engine) as pacer:
        slow = PlannedTask(session, session.objective(), pacer, 15.0)
        held = slow.claim()
        outcome = slow.evaluate(held)
        expire_all(session.engine)
        session.run()  # takes the chunk over
        with pytest.raises(LostClaimError):
            slow.record(held, outcome)
    check_completed(session, undisturbed_results)


def test_losing_a_claim_does_not_end_a_run(make_session, undisturbed_results):
    session = make_session()
    objective = session.objective()
    evaluate, calls = objective.evaluate, []

    def be_slow_once(points):
        calls.append(1)
        if len(calls) == 3:
            expire_all(session.engine)
            with WritePacer(session.engine) as pacer:
                other = PlannedTask(session, session.objective(), pacer, 15.0)
                held = other.claim()
                other.record(held, other.evaluate(held), claim_next=False)
        return evaluate(points)

    objective.evaluate = be_slow_once
    progress = session.run(objective=objective)
    assert progress.done_here == 412
    check_completed(session, undisturbed_results)


def test_a_session_deleted_under_a_worker_ends_its_run(make_session):
    session = make_session(size=60)
    objective = session.objective()
    evaluate, calls = objective.evaluate, []

    def delete_meanwhile(points):
        calls.append(1)
        if len(calls) == 2:
            expire_all(session.engine)
            delete_session(session.engine, session.row.session_id)
        return evaluate(points)

    objective.evaluate = delete_meanwhile
    with pytest.raises(SessionError, match="was deleted while it ran"):
        session.run(objective=objective)
    assert list_sessions(session.engine) == []


def test_leases_are_renewed_while_a_chunk_is_evaluated(make_session):
    session = make_session(size=40, execution={"chunk_size": 20, "lease_seconds": 1.0})
    objective = session.objective()
    evaluate, renewed = objective.evaluate, []

    def lease():
        (row,) = [c for c in chunks_of(session) if c["state"] == "running"]
        return row["lease_expires_at"]

    def wait_for_a_renewal(points):
        first, deadline = lease(), time.monotonic() + 20.0
        while lease() == first and time.monotonic() < deadline:
            time.sleep(0.005)  # however fast the machine reads
        renewed.append(lease() > first)
        return evaluate(points)

    objective.evaluate = wait_for_a_renewal
    session.run(objective=objective)
    assert renewed == [True, True]


def test_progress_tells_rate_best_and_failures(make_session):
    session = make_session()
    seen = []
    session.run(
        on_progress=lambda p: seen.append((p.done, p.best_value, p.best_id, p.last_failure))
    )
    assert [done for done, *_ in seen] == [*range(20, 432, 20), 432]
    best = session.top(1).iloc[0]
    assert seen[-1][1:3] == (best["net_sharpe_ratio"], best["strategy_id"])
    bests = [value for _, value, *_ in seen if not np.isnan(value)]
    assert bests == sorted(bests)
    assert seen[-1][3] == "insufficient_data"


def test_the_arithmetic_of_progress():
    progress = Progress(total=100, completed=10, failed=5)
    assert (progress.done, progress.rate, progress.eta_seconds) == (15, 0.0, None)
    progress.done_here, progress.seconds = 10, 2.0
    assert (progress.rate, progress.eta_seconds) == (5.0, None)
    progress._first = (5, 1.5)  # the first chunk, which waits for what is read and compiled
    assert (progress.rate, progress.eta_seconds) == (5.0, 8.5)


def test_a_completed_session_is_not_run_again(completed):
    progress = completed.run()
    assert (progress.done_here, progress.total, progress.done) == (0, 432, 432)
    assert log_of(completed).count(("INFO", "run started")) == 1


def test_a_session_that_others_complete_while_a_run_begins_stays_completed(make_session):
    session = make_session(size=60)
    objective = session.objective()
    other = Session(session.engine, session.row)

    class Late(WrappedObjective):
        def prepare(self, folder=None):
            other.run(objective=objective)

    assert session.run(objective=Late(objective)).done_here == 0
    assert session.row.status == other.row.status == "completed"


def test_two_workers_share_a_session(make_session, undisturbed_results):
    session = make_session()
    with WritePacer(session.engine) as pacer:
        other = PlannedTask(session, session.objective(), pacer, 15.0)

        def join_in(progress):
            held = other.claim()
            if held is not None and not held.finishing:
                other.record(held, other.evaluate(held), claim_next=False)
            elif held is not None:
                other.release(held)

        session.run(on_progress=join_in)
    check_completed(session, undisturbed_results)
    workers = {c["worker"] for c in chunks_of(session)}
    assert len(workers) == 2
    assert all(queue.new_worker_name().rsplit("/", 1)[0] in name for name in workers)


class Refusing:
    """An objective that must not be asked."""

    def __init__(self, objective):
        self._objective = objective

    def __getattr__(self, name):
        return getattr(self._objective, name)

    def evaluate(self, points):
        raise AssertionError(f"{len(points)} strategies were evaluated again")


def test_what_another_session_measured_is_looked_up(make_session, undisturbed_results):
    execution = {"chunk_size": 20, "reuse": True}
    first = make_session(execution=execution)
    first.run()
    assert not any("cached" in t.user_attrs for t in stock_study(first).trials)
    second = make_session(execution=execution)
    progress = second.run(objective=Refusing(second.objective()))
    check_completed(second, undisturbed_results)
    assert results_of(first) == undisturbed_results
    assert progress.done_here == 432
    trials = stock_study(second).trials
    assert all(t.user_attrs["cached"] is True for t in trials)
    measured = {t.user_attrs["strategy_id"]: (t.state, t.values) for t in stock_study(first).trials}
    assert measured == {t.user_attrs["strategy_id"]: (t.state, t.values) for t in trials}


def test_only_what_is_not_known_is_evaluated(make_session, undisturbed_results):
    execution = {"chunk_size": 20, "reuse": True}
    part = make_session(method="random", size=130, seed=1, execution=execution)
    part.run()
    known = {row["strategy_id"] for row in results_of(part)}
    session = make_session(execution=execution)
    objective, asked = session.objective(), []
    evaluate = objective.evaluate

    def note(points):
        asked.extend(session.space.strategy_ids(points))
        return evaluate(points)

    objective.evaluate = note
    session.run(objective=objective)
    check_completed(session, undisturbed_results)
    assert len(asked) == len(set(asked)) == 432 - 130
    assert not known & set(asked)
    cached = {
        t.user_attrs["strategy_id"]
        for t in stock_study(session).trials
        if t.user_attrs.get("cached", False)
    }
    assert cached == known


@ON_SQLITE
def test_without_reuse_everything_is_evaluated(make_session, undisturbed_results):
    first = make_session()
    first.run()
    second = make_session(execution={"chunk_size": 20, "reuse": False})
    objective, asked = second.objective(), []
    evaluate = objective.evaluate

    def note(points):
        asked.extend(points.tolist())
        return evaluate(points)

    objective.evaluate = note
    second.run(objective=objective)
    assert sorted(asked) == list(range(432))
    check_completed(second, undisturbed_results)
    assert not any("cached" in t.user_attrs for t in stock_study(second).trials)
