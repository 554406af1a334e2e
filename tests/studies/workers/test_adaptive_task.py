"""Adaptive sessions: what a slot is, what spends it, and what becomes of its trial."""

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import optuna
import pytest
import sqlalchemy as sa
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.exc import OperationalError, PendingRollbackError

from objectives import BacktestSettings, Batch
from search_spaces.errors import ConfigError, SessionError
from studies import Session
from studies.analysis.export import export_results
from studies.database.transactions import WritePacer
from studies.runs.stop import Stop
from studies.trials.running import SLOT
from studies.upkeep.deletion import delete_failed, delete_session
from studies.upkeep.retries import retry_failed
from studies.upkeep.status import read_status
from studies.workers import proposer
from studies.workers.factory import make_worker
from studies.workers.work_report import WorkReport
from tests.helpers.sessions import (
    PARAMETERS,
    check_adaptive,
    chunks_of,
    make_config,
    results_of,
    stock_study,
    table_rows,
    url_of,
)

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ROOT = Path(__file__).parents[3]


class Wrapped:
    """An objective of which some strategies go wrong."""

    def __init__(self, objective, wrong):
        self._objective, self._wrong = objective, wrong
        self.seen = []

    def __getattr__(self, name):
        return getattr(self._objective, name)

    def evaluate(self, points):
        self.seen += np.asarray(points).tolist()
        batch = self._objective.evaluate(points)
        return self._wrong(batch, len(self.seen)) or batch


def strategies(trials):
    return [t.user_attrs.get("strategy_id") for t in trials]


def test_a_session_from_beginning_to_end(make_session):
    session = make_session(method="tpe", size=30, seed=1, notes="why")
    assert (session.row.mode, session.row.method, session.row.total) == ("adaptive", "tpe", 30)
    assert session.row.status == "created"
    done = []
    progress = session.run(on_progress=lambda p: done.append(p.done))
    trials = check_adaptive(session)
    assert done == list(range(1, 31))
    assert (progress.done, progress.failed) == (30, session.row.failed)
    assert progress.best_id == session.top(1).iloc[0]["strategy_id"]
    best = stock_study(session).best_trial
    assert best.user_attrs["strategy_id"] == progress.best_id
    recorded = session.top(1).iloc[0]
    assert best.value == recorded["net_sharpe_ratio"]
    assert best.user_attrs["total_return"] == recorded["total_return"]
    assert all(t.datetime_start <= t.datetime_complete for t in trials)
    assert [t.system_attrs[SLOT] for t in trials] == list(range(30))
    assert stock_study(session).metric_names == ["net_sharpe_ratio"]


@ON_SQLITE
def test_the_same_seed_repeats_the_same_trials(make_session):
    """Also in a fresh process; another seed gives others."""
    found = []
    for seed in (5, 5, 6):
        session = make_session(method="tpe", size=20, seed=seed, execution={"reuse": False})
        if len(found) == 1:
            code = "import sys; from studies import Session; Session.open(*sys.argv[1:]).run()"
            command = [sys.executable, "-W", "ignore", "-c", code, url_of(session)]
            subprocess.run([*command, session.row.session_id], check=True, timeout=120, cwd=ROOT)
        else:
            session.run()
        trials = check_adaptive(session)
        found.append([(t.params, t.values, t.user_attrs) for t in trials])
    assert found[0] == found[1]
    assert found[0] != found[2]


@ON_SQLITE
def test_points_are_looked_up_instead_of_computed_again(make_session):
    parameters = {**PARAMETERS, "factors": {"choice": ["SR"]}, "window_size": {"choice": [5, 10]}}
    parameters["weight_method"] = {"fixed": "EQ"}
    session = make_session(method="random", mode="adaptive", size=40, parameters=parameters)
    assert f"the space has {len(session.space)}" in session.row.snapshot.warnings[-1]
    objective = Wrapped(session.objective(), lambda batch, n: None)
    session.run(objective=objective)
    trials = check_adaptive(session)
    assert sorted(objective.seen) == sorted(set(objective.seen))
    assert len(objective.seen) == len(results_of(session)) <= 16
    first = {}
    for trial in trials:
        name = trial.user_attrs["strategy_id"]
        earlier = first.setdefault(name, trial)
        assert trial.user_attrs.get("cached", False) == (earlier is not trial)
        assert trial.values == earlier.values
        assert trial.user_attrs.keys() - {"cached"} == earlier.user_attrs.keys() - {"cached"}
        assert trial.user_attrs.get("total_return") == earlier.user_attrs.get("total_return")


@ON_SQLITE
def test_results_of_other_sessions_are_used_and_recorded_again(make_session):
    planned = make_session()
    planned.run()
    session = make_session(method="tpe", size=12, seed=2, execution={"reuse": True})
    objective = Wrapped(session.objective(), lambda batch, n: None)
    session.run(objective=objective)
    assert all(t.user_attrs["cached"] for t in check_adaptive(session))
    assert objective.seen == []
    theirs = {row["strategy_id"]: row for row in results_of(planned)}
    assert all(row == theirs[row["strategy_id"]] for row in results_of(session))


@ON_SQLITE
def test_a_space_of_one_point(make_session):
    one = {"factors": ["SR"], "window_size": ["5"], "rebalance_frequency": ["1"]}
    one |= {"data_period": ["10"], "selection_count": ["3"], "weight_method": ["EQ"]}
    session = make_session(method="tpe", size=3, restrictions=one)
    session.run()
    trials = check_adaptive(session)
    assert [t.user_attrs.get("cached", False) for t in trials] == [False, True, True]
    assert len(results_of(session)) == 1


@ON_SQLITE
def test_proposals_that_break_a_constraint_do_not_spend_a_slot(make_session):
    rules = ["window_size <= data_period", "size(factors) <= 1"]
    session = make_session(method="random", mode="adaptive", size=15, seed=3, constraints=rules)
    session.run()
    trials = check_adaptive(session)
    broken = [t for t in trials if "strategy_id" not in t.user_attrs]
    assert len(trials) - len(broken) == 15
    assert len(broken) > 3
    assert all(t.user_attrs["failure"].startswith("constraint: ") for t in broken)
    assert {t.state.name for t in broken} == {"FAIL"}
    assert all(len(row["factors"].split(",")) == 1 for row in results_of(session))


@ON_SQLITE
def test_a_sampler_that_breaks_constraints_too_often_is_given_a_strategy(make_session, monkeypatch):
    monkeypatch.setattr(proposer, "MAX_REJECTED", 2)
    rules = ["window_size <= 5", "size(factors) <= 1", "rebalance_frequency >= 7"]
    session = make_session(method="random", mode="adaptive", size=12, constraints=rules)
    session.run()
    trials = check_adaptive(session)
    broken = [t.user_attrs.get("failure", "").startswith("constraint: ") for t in trials]
    runs = "".join("x" if each else " " for each in broken).split(" ")
    assert len(trials) - sum(broken) == 12
    assert max(map(len, runs)) == 2  # random alone finds one in twelve
    given = [t for t in trials if "fixed_params" in t.system_attrs]
    assert given
    assert len({t.user_attrs["strategy_id"] for t in given}) > 1


@ON_SQLITE
def test_a_sampler_that_has_tried_everything_repeats_itself(make_session):
    """It stops its study, which an adaptive session has no use for."""
    few = {"factors": ["SR"], "window_size": ["5"], "weight_method": ["EQ"], "data_period": ["10"]}
    session = make_session(method="optuna.samplers:BruteForceSampler", size=7, restrictions=few)
    assert len(session.space) == 4
    session.run()
    trials = check_adaptive(session)
    assert len({t.user_attrs["strategy_id"] for t in trials}) == 4
    assert len(trials) == 7


@ON_SQLITE
def test_failed_strategies_spend_their_slots(make_session, monkeypatch):
    monkeypatch.setattr(BacktestSettings, "refuse_hopeless", lambda *args: None)
    session = make_session(
        method="tpe", size=8, restrictions={"data_period": ["140"]}, execution={"reuse": False}
    )
    session.run()
    trials = check_adaptive(session)
    assert (session.row.completed, session.row.failed) == (0, 8)
    assert {t.user_attrs["failure"] for t in trials} == {"insufficient_data"}
    status = read_status(session, detailed=True)
    assert status.failures == {"insufficient_data": len(results_of(session))}


def nan_at_third(batch, n):
    if n == 3:
        return Batch(batch.names, batch.values, np.full_like(batch.objective, np.nan), (None,))
    return None


def raise_at_third(batch, n):
    if n == 3:
        raise ZeroDivisionError("odd")
    return


@ON_SQLITE
@pytest.mark.parametrize(
    ("wrong", "failure"),
    [(nan_at_third, "undefined_metric"), (raise_at_third, "error: ZeroDivisionError: odd")],
)
def test_nan_and_errors_fail_the_strategy(make_session, wrong, failure):
    session = make_session(
        method="random", mode="adaptive", size=8, restrictions={"data_period": ["10"]}
    )
    session.run(objective=Wrapped(session.objective(), wrong))
    trials = check_adaptive(session)
    assert (session.row.completed, session.row.failed) == (7, 1)
    assert trials[2].user_attrs["failure"] == failure
    assert trials[2].state.name == "FAIL"


def sleep_at_third(batch, n):
    if n == 3:
        time.sleep(20)


@ON_SQLITE
def test_a_strategy_that_takes_too_long_fails(make_session):
    session = make_session(
        method="random",
        mode="adaptive",
        size=5,
        restrictions={"data_period": ["10"]},
        execution={"strategy_seconds": 0.5},
    )
    session.run(objective=Wrapped(session.objective(), sleep_at_third))
    trials = check_adaptive(session)
    assert trials[2].user_attrs["failure"] == "timeout: longer than 0.5 s"
    assert (session.row.completed, session.row.failed) == (4, 1)


@ON_SQLITE
def test_a_database_that_is_locked_for_a_while_is_waited_for(make_session):
    """Optuna wraps what the driver says."""
    session = make_session(method="tpe", size=4)
    locked = OperationalError("SELECT 1", {}, Exception("database is locked"))
    with WritePacer(session.engine) as pacer:
        worker = make_worker(session, session.objective(), pacer)
        assert worker.step().n_completed + worker.session.refresh().failed == 1
        storage, n_calls = worker.task.proposer._storage, 0
        read = storage.get_all_trials

        def flaky(*args, **options):
            nonlocal n_calls
            n_calls += 1
            if n_calls == 1:
                raise StorageInternalError("wrapped") from locked
            return read(*args, **options)

        storage.get_all_trials = flaky
        report = worker.step()
        assert report.n_completed + report.n_failed == 1
        assert n_calls > 1
        worker.close()
    session.run()
    check_adaptive(session)


@ON_SQLITE
def test_a_trial_that_a_stranger_ended_is_begun_again(make_session):
    session = make_session(method="tpe", size=4, execution={"lease_seconds": 60})
    with WritePacer(session.engine) as pacer:
        worker = make_worker(session, session.objective(), pacer)
        worker.step()
        study = stock_study(session)
        running = [t for t in study.trials if not t.state.is_finished()]
        study.tell(running[0].number, state=optuna.trial.TrialState.FAIL)
        assert worker.step() == WorkReport()  # the slot is free at once
        worker.close()
    session.run()
    assert session.row.status == "completed"
    trials = stock_study(session).trials
    assert len(trials) == 5
    assert trials[running[0].number].user_attrs == {}


def test_the_strategies_are_not_known_beforehand(make_session):
    session = make_session(method="tpe", size=4)
    with pytest.raises(SessionError, match="is adaptive: its strategies are not known before"):
        _ = session.design


@ON_SQLITE
def test_a_strategy_that_raised_is_not_tried_again(make_session):
    one = {"factors": ["SR"], "window_size": ["5"], "rebalance_frequency": ["1"]}
    one |= {"data_period": ["10"], "selection_count": ["3"], "weight_method": ["EQ"]}
    session = make_session(method="tpe", size=4, restrictions=one)

    def wrong(batch, n):
        raise ZeroDivisionError("odd")

    objective = Wrapped(session.objective(), wrong)
    session.run(objective=objective)
    trials = check_adaptive(session)
    assert len(objective.seen) == 1
    assert {t.user_attrs["failure"] for t in trials} == {"error: ZeroDivisionError: odd"}
    assert [t.user_attrs.get("cached", False) for t in trials] == [False, True, True, True]


@ON_SQLITE
def test_an_objective_that_always_raises_stops_the_session(make_session):
    session = make_session(method="random", mode="adaptive", size=30)

    def wrong(batch, n):
        raise ZeroDivisionError("odd")

    with pytest.raises(SessionError, match=r"the first 5 strategies all raised.*ZeroDivisionError"):
        session.run(objective=Wrapped(session.objective(), wrong))
    assert (session.refresh().status, session.row.failed) == ("failed", 4)
    check_adaptive(session, over=False)


class Failing(optuna.samplers.RandomSampler):
    """A sampler that fails as `how` says."""

    how = ""

    def sample_independent(self, study, trial, name, distribution):
        if self.how == "raise" and trial.number == 2:
            raise RuntimeError("no idea")
        if self.how == "outside" and trial.number == 2:
            return "nothing"
        return super().sample_independent(study, trial, name, distribution)

    def after_trial(self, study, trial, state, values):
        if self.how == "after" and trial.number == 2:
            raise RuntimeError("no idea")


@ON_SQLITE
@pytest.mark.parametrize("how", ["raise", "outside", "after"])
def test_a_sampler_that_fails_stops_the_session_in_one_line(make_session, monkeypatch, how):
    monkeypatch.setattr(Failing, "how", how)
    session = make_session(method=f"{__name__}:Failing", size=6)
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Failing.__module__])
    with pytest.raises(SessionError, match=r"the sampler .*:Failing failed .*another method") as e:
        session.run()
    assert "\n" not in str(e.value)
    check_adaptive(session, over=False)
    assert (session.row.status, session.row.completed + session.row.failed) == ("failed", 2)
    assert {c["state"] for c in chunks_of(session)} == {"completed", "pending"}
    monkeypatch.setattr(Failing, "how", "")
    session.run(resume=True)
    check_adaptive(session)


@ON_SQLITE
def test_a_connection_that_breaks_inside_optuna_is_waited_for(make_session, monkeypatch):
    """SQLAlchemy hides the driver's error behind one of the session that it broke."""
    session = make_session(method="tpe", size=12)
    read, n_reads = RDBStorage._get_trials, 0

    def broken_once(self, *args, **options):
        nonlocal n_reads
        n_reads += 1
        if n_reads != 9:
            return read(self, *args, **options)
        try:
            try:
                gone = sqlite3.OperationalError("gone")
                raise OperationalError("SELECT", {}, gone, connection_invalidated=True)
            except OperationalError:
                raise PendingRollbackError("a session that broke")  # noqa: B904
        except PendingRollbackError as error:
            raise StorageInternalError("in a commit") from error

    monkeypatch.setattr(RDBStorage, "_get_trials", broken_once)
    session.run()
    assert n_reads > 9
    assert len(check_adaptive(session)) == 12


@ON_SQLITE
def test_a_study_deleted_while_it_runs_is_said_to_be_gone(make_session):
    session = make_session(method="tpe", size=12)

    def delete(progress):
        if progress.done == 3:
            optuna.delete_study(study_name=session.study_name, storage=str(session.engine.url))

    with pytest.raises(SessionError, match="is gone, so its session cannot go on"):
        session.run(on_progress=delete)


def test_pause_and_resume(make_session):
    session = make_session(method="tpe", size=20, seed=1)
    for expected in (1, 2, 3):
        stop = Stop()
        session.run(resume=True, stop=stop, on_progress=lambda progress, s=stop: s.set())
        assert session.row.status == "paused"
        assert session.row.completed + session.row.failed == expected
        trials = check_adaptive(session, over=False)
        assert all(t.state.is_finished() for t in trials)
    with pytest.raises(SessionError, match="is paused"):
        session.run()
    session.run(resume=True)
    check_adaptive(session)


@pytest.mark.parametrize("moment", ["commit", "after_cursor_execute"])
def test_an_interrupted_proposal_gives_its_slot_back(make_session, moment):
    """Also when Optuna is about to commit: its lock on SQLite must not be in the way."""
    session = make_session(method="tpe", size=5, seed=1)
    session.run(stop=(stop := Stop()), on_progress=lambda progress: stop.set())
    with WritePacer(session.engine) as pacer:
        worker = make_worker(session, session.objective(), pacer)
        engine, n_calls = worker.task.proposer._rdb_storage.engine, 0

        def interrupt(*args):
            nonlocal n_calls
            n_calls += 1
            in_write = moment == "commit" or args[2].startswith("INSERT INTO trial_params")
            if in_write and n_calls > 8:
                sa.event.remove(engine, moment, interrupt)
                raise KeyboardInterrupt

        sa.event.listen(engine, moment, interrupt)
        with pytest.raises(KeyboardInterrupt):
            worker.step()
        worker.close()
    assert {c["state"] for c in chunks_of(session)} == {"completed", "pending"}
    assert all(t.state.is_finished() for t in check_adaptive(session, over=False))
    session.run(resume=True)
    check_adaptive(session)


def test_two_workers_at_once(make_session):
    """Both on one study: the budget is met exactly, whatever they propose."""
    parameters = {**PARAMETERS, "factors": {"choice": ["SR"]}}
    session = make_session(method="tpe", size=40, seed=1, parameters=parameters)
    others = [Session.open(url_of(session), session.row.session_id) for _ in range(2)]
    errors = []

    def run(other):
        try:
            other.run()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=[other]) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert errors == []
    check_adaptive(session)
    assert len({c["worker"] for c in chunks_of(session)}) == 2


@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
def test_two_processes_through_dask(make_session):
    session = make_session(method="tpe", size=24, seed=1)
    progress = session.run(parallel=2)
    check_adaptive(session)
    assert progress.done == 24
    assert len({c["worker"].split("/")[1] for c in chunks_of(session)}) == 2


@ON_SQLITE
def test_two_objectives(make_session):
    metrics = {"net_sharpe_ratio": "maximize", "turnover": "minimize"}
    session = make_session(
        method="nsga2",
        size=30,
        seed=1,
        objective={"metrics": metrics},
        methods={"nsga2": {"population_size": 8}},
        restrictions={"data_period": ["10"]},
    )
    session.run()
    trials = check_adaptive(session)
    study = stock_study(session)
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.best_trials
    assert max(t.system_attrs["NSGAIISampler:generation"] for t in trials) >= 2


@ON_SQLITE
def test_what_reads_and_removes_sessions(make_session, tmp_path):
    session = make_session(method="tpe", size=12, seed=1)
    session.run()
    n_results, failed = len(results_of(session)), read_status(session, detailed=True).failures
    assert export_results(session, tmp_path / "all.csv") == n_results
    with pytest.raises(SessionError, match=r"has spent its slot.*generate --mode tpe --size N"):
        retry_failed(session)
    n_failed = delete_failed(session.engine, session.row.session_id)
    assert n_failed == sum(failed.values()) > 0
    assert len(results_of(session)) == n_results - n_failed
    assert delete_session(session.engine, session.row.session_id) == n_results - n_failed
    assert chunks_of(session) == []
    with pytest.raises(KeyError):
        stock_study(session)


def test_the_plan_of_a_session_that_was_interrupted_is_completed(make_session, url, monkeypatch):
    from studies.database.tables import tuning_sessions
    from studies.planning import write_plan as planning
    from studies.planning.creation import complete_plans

    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(planning, "_write_chunks", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_session(method="tpe", size=9)
    engine = make_session(size=5).engine
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE work_chunks SET lease_expires_at = 0")
    (session_id,) = complete_plans(engine)
    session = Session.open(url, session_id)
    assert (session.row.status, session.row.mode) == ("created", "adaptive")
    assert len(table_rows(session, tuning_sessions)) == 1
    session.run()
    check_adaptive(session)


@ON_SQLITE
def test_all_trials_are_stored_whatever_the_configuration(make_session):
    study = {"trials": "digest", "all_up_to": 0, "sample": 1, "running_best": 0, "final_best": 0}
    session = make_session(method="random", mode="adaptive", size=6, study=study)
    session.run()
    assert len(check_adaptive(session)) == 6


def test_bad_plans_create_nothing(url):
    cases = [
        ({"method": "tpe"}, ConfigError, "tpe needs a size"),
        ({"method": "tpe", "size": 5, "mode": "sometimes"}, ConfigError, "planned or adaptive"),
        ({"method": "sobol", "size": 5, "mode": "adaptive"}, ConfigError, "unknown method 'sobol'"),
        ({"method": "cmaes", "size": 5}, ConfigError, "cmaes searches ranges"),
        ({"method": "tpe", "size": 5, "start_from": "session_x"}, SessionError, "no session"),
    ]
    for options, kind, message in cases:
        with pytest.raises(kind, match=message):
            Session.create(make_config(url), **options)
    with pytest.raises(SessionError, match="there is no session yet"):
        Session.open(url)
