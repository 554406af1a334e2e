"""The Optuna face of a session: which strategies are trials, and that they look native."""

import datetime
import json

import numpy as np
import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import FrozenTrial, TrialState

from search_spaces.errors import SessionError
from studies import Session
from studies.analysis.leaderboard import pareto_front, top
from studies.database.tables import (
    METRIC_COLUMNS,
    OOS_METRIC_COLUMNS,
    hyperparameter_tuning_results,
)
from studies.runs import Stop
from studies.trials.optuna_storage import open_optuna_storage
from studies.trials.session_studies import stores_all
from studies.trials.study_writer import StudyWriter
from studies.trials.trial_attributes import SHOWN_FIGURES
from studies.upkeep import delete_session
from tests.helpers.sessions import check_completed, results_of, stock_study, table_rows, url_of

LARGE = {"all_up_to": 0, "sample": 40, "running_best": 5, "final_best": 60}


def ids_of(study):
    return [trial.user_attrs["strategy_id"] for trial in study.trials]


def note_of(study):
    attrs = study._storage.get_study_system_attrs(study._study_id)
    return next(value for key, value in attrs.items() if key.startswith("dashboard:note"))


def scores_in_order(session, direction="maximize"):
    """Strategies and their values (NaN: failed), in the order of the design."""
    ids = session.space.strategy_ids(session.design.indices(0, session.row.total))
    by_id = {row["strategy_id"]: row for row in results_of(session)}
    metric = next(iter(session.directions))
    sign = 1.0 if direction == "maximize" else -1.0
    values = [by_id[name][metric] for name in ids]
    return ids, np.array([np.nan if value is None else sign * value for value in values])


def simple_key(session, name):
    params = session.space.parse(name)
    return (
        len(params.factors),
        params.window_size,
        -params.rebalance_frequency,
        params.data_period,
        params.selection_count,
        name,
    )


def distinct_in_order(session, direction="maximize"):
    """The simplest name of every distinct result, by the first objective, best first."""
    metric = next(iter(session.directions))
    groups = {}
    for row in results_of(session):
        if row[metric] is not None:
            figures = tuple(row[name] for name in METRIC_COLUMNS + OOS_METRIC_COLUMNS)
            groups.setdefault(figures, []).append(simple_key(session, row["strategy_id"]))
    sign = -1 if direction == "maximize" else 1
    place = METRIC_COLUMNS.index(metric)
    ordered = sorted((sign * figures[place], min(keys)) for figures, keys in groups.items())
    return [key[-1] for _, key in ordered]


def sample_study(session):
    return stock_study(session, session.studies.sample)


def check_studies(session, direction="maximize"):
    """One study is the sample, the other one what entered the best and the best at the end."""
    ids, scores = scores_in_order(session, direction)
    for study in (sample_study(session), stock_study(session)):
        held = ids_of(study)
        assert len(held) == len(set(held))
        assert [trial.number for trial in study.trials] == list(range(len(held)))
        assert {trial.state for trial in study.trials} <= {TrialState.COMPLETE}
    settings, total = session.config.study, len(ids)
    sample = sorted({i * total // settings.sample for i in range(settings.sample)})
    measured_sample = [ids[place] for place in sample if not np.isnan(scores[place])]
    assert ids_of(sample_study(session)) == measured_sample  # run in one process, in order
    expected, values = set(), set()
    chunk_size = session.row.snapshot.chunk_size
    for start in range(0, total, chunk_size):
        chunk = range(start, min(start + chunk_size, total))
        measured = [position for position in chunk if not np.isnan(scores[position])]
        best = sorted(values | {scores[position] for position in measured}, reverse=True)
        for value in set(best[: settings.running_best]) - values:
            equal = [ids[position] for position in measured if scores[position] == value]
            expected.add(min(equal, key=lambda name: simple_key(session, name)))
            values.add(value)
    expected |= set(distinct_in_order(session, direction)[: settings.final_best])
    assert set(ids_of(stock_study(session))) == expected


def test_a_small_session_is_stored_whole(completed):
    study = stock_study(completed)
    assert sorted(ids_of(study)) == [row["strategy_id"] for row in results_of(completed)]
    assert note_of(study).startswith("All 432 strategies of session session_")
    assert study.directions == [optuna.study.StudyDirection.MAXIMIZE]
    assert study.metric_names == ["net_sharpe_ratio"]
    assert study.user_attrs["mass_tuning"] == {
        "mode": "exhaustive",
        "method": "exhaustive",
        "seed": 0,
    }
    best = completed.top(1).iloc[0]
    assert study.best_value == best["net_sharpe_ratio"]
    assert study.best_trial.user_attrs["strategy_id"] == best["strategy_id"]


def test_failed_strategies_are_failed_trials(completed):
    failed = {
        row["strategy_id"]: json.loads(row["raw_result"])["failure"]
        for row in results_of(completed)
        if row["net_sharpe_ratio"] is None
    }
    trials = [t for t in stock_study(completed).trials if t.state == TrialState.FAIL]
    told = {t.user_attrs["strategy_id"]: t.user_attrs["failure"] for t in trials}
    assert told == failed
    assert set(failed.values()) == {"insufficient_data"}
    assert all(t.values is None for t in trials)
    others = [t for t in stock_study(completed).trials if t.state == TrialState.COMPLETE]
    assert len(others) + len(trials) == 432
    assert not any("failure" in t.user_attrs for t in others)


def test_a_large_session_has_a_sample_and_the_best(make_session):
    session = make_session(study=LARGE)
    assert session.studies.names == (f"{session.row.session_id} sample", session.study_name)
    assert session.study_name == f"{session.row.session_id} best"
    seen = {name: [] for name in session.studies.names}

    def held_by(name):
        trials = stock_study(session, name).trials
        return [(t.number, t._trial_id, t.user_attrs["strategy_id"]) for t in trials]

    def remember(progress):
        for name, states in seen.items():
            states.append(held_by(name) if progress.done % 80 == 0 else [])

    session.run(on_progress=remember)
    check_studies(session)
    for name, states in seen.items():
        final = held_by(name)
        for trials in states:
            assert trials == final[: len(trials)]  # append-only
        assert 0 < max(len(trials) for trials in states) < len(final)
    check_completed(session, results_of(session))
    note = note_of(sample_study(session))
    assert "An even sample of session" in note
    assert "40 of its 432 strategies" in note
    assert "Importances and slices of it hold for the session." in note
    note = note_of(stock_study(session))
    assert "the best 60 distinct results" in note
    assert "They are no sample" in note
    names = set(optuna.get_all_study_names(open_optuna_storage(session.engine)))
    assert names == set(session.studies.names)


def test_strategies_of_the_sample_that_failed_are_no_trials(make_session):
    session = make_session(study={**LARGE, "sample": 432})
    session.run()
    _, scores = scores_in_order(session)
    n_failed = int(np.isnan(scores).sum())
    assert n_failed > 0
    assert len(sample_study(session).trials) == 432 - n_failed


@pytest.mark.parametrize(
    "study",
    [
        {"all_up_to": 431, "sample": 0, "running_best": 0, "final_best": 7},
        {"all_up_to": 0, "sample": 432, "running_best": 1, "final_best": 1},
        {"all_up_to": 0, "sample": 7, "running_best": 500, "final_best": 0},
    ],
)
def test_studies_of_other_sizes(make_session, study):
    session = make_session(study=study)
    session.run()
    check_studies(session)


def test_studies_of_a_minimised_metric(make_session):
    session = make_session(study=LARGE, objective={"metrics": {"max_drawdown": "minimize"}})
    session.run()
    check_studies(session, "minimize")
    assert stock_study(session).best_value == session.top(1)["max_drawdown"].iloc[0]


TWO = {"net_sharpe_ratio": "maximize", "turnover": "minimize"}


def test_several_objectives(make_session):
    session = make_session(
        study={**LARGE, "running_best": 0, "final_best": 25}, objective={"metrics": TWO}
    )
    session.run()
    study = stock_study(session)
    held = ids_of(study)
    assert len(held) == len(set(held))
    front = pareto_front(session)["strategy_id"].tolist()
    best = top(session, 25, metric="net_sharpe_ratio")["strategy_id"].tolist()
    assert 1 < len(front) < 25
    final = (front + [name for name in best if name not in front])[:25]
    assert set(final) != set(best)  # so that the front matters
    assert held == final  # the front before the rest
    ids, scores = scores_in_order(session)
    sample = {ids[i * 432 // 40] for i in range(40) if not np.isnan(scores[i * 432 // 40])}
    assert set(ids_of(sample_study(session))) == sample
    assert sample_study(session).metric_names == list(TWO)
    # so the dashboard's front is that of all strategies
    assert set(front) == {t.user_attrs["strategy_id"] for t in study.best_trials}
    assert study.metric_names == list(TWO)
    rows = {row["strategy_id"]: row for row in results_of(session)}
    for trial in study.get_trials(states=[TrialState.COMPLETE]):
        row = rows[trial.user_attrs["strategy_id"]]
        assert trial.values == [row[name] for name in TWO]
    assert (
        "those that entered the running best 0 by net_sharpe_ratio as they came, and at the end 25 "
        "of the best distinct results (first the Pareto front by net_sharpe_ratio (maximize), "
        "turnover (minimize), evenly thinned along net_sharpe_ratio if it is larger, then the best "
        "by net_sharpe_ratio). They are"
    ) in note_of(study)


@pytest.mark.parametrize("final_best", [0, 1, 3])
def test_a_front_that_is_larger_than_its_place(make_session, final_best):
    study = {"all_up_to": 0, "sample": 0, "running_best": 0, "final_best": final_best}
    session = make_session(study=study, objective={"metrics": TWO})
    session.run()
    front = pareto_front(session)
    assert len(front) > 3
    held = ids_of(stock_study(session))
    assert len(held) == final_best
    assert set(held) <= set(front["strategy_id"])
    if final_best:
        assert held[0] == front["strategy_id"].iloc[0]
    if final_best == 3:
        last = front.loc[front["strategy_id"] == held[-1], list(TWO)]
        assert last.to_numpy().tolist() == [front[list(TWO)].iloc[-1].tolist()]
    with session.engine.connect() as connection:
        assert session.study_writer.missing_best(connection) == []


def test_the_running_best_goes_by_the_first_objective(make_session):
    study = {**LARGE, "sample": 0, "final_best": 0}
    one, two = (
        make_session(study=study, objective={"metrics": metrics})
        for metrics in ({"net_sharpe_ratio": "maximize"}, TWO)
    )
    for session in (one, two):
        session.run()
    assert ids_of(stock_study(one)) == ids_of(stock_study(two))


def test_full_stores_every_trial(make_session):
    session = make_session(study={**LARGE, "trials": "full"})
    session.run()
    assert len(ids_of(stock_study(session))) == 432
    assert note_of(stock_study(session)).startswith("All 432")


@pytest.mark.parametrize(
    ("trials", "total", "expected"),
    [("digest", 2000, True), ("digest", 2001, False), ("full", 10**6, True)],
)
def test_what_is_stored_whole(make_session, trials, total, expected):
    from studies.config import StudyConfig

    assert stores_all(StudyConfig(trials=trials), total) is expected


@pytest.mark.parametrize("total", [1, 7, 39, 40, 41, 1_000, 436_800])
def test_the_sample_is_even_whatever_the_chunks(total):
    from studies.config import StudyConfig

    face = StudyWriter("s", 1, None, {"x": "maximize"}, StudyConfig(**LARGE), total)
    positions = np.arange(total)
    chosen = np.flatnonzero(face._sampled(positions))
    expected = sorted({i * total // 40 for i in range(40)})
    assert chosen.tolist() == expected


def native_trial(session, row, like):
    """The trial of a result row as a plain script would make it; times are those of `like`."""
    failure = json.loads(row["raw_result"])["failure"] if row["raw_result"] else None
    figures = json.loads(row["raw_result"])["metrics"] if failure else row
    attrs = {"strategy_id": row["strategy_id"]}
    for name in SHOWN_FIGURES:
        if figures.get(name) is not None:
            attrs[name] = figures[name]
    if "trade_count" in attrs:
        attrs["trade_count"] = int(attrs["trade_count"])
    if failure:
        attrs["failure"] = failure
    return FrozenTrial(
        number=-1,
        trial_id=-1,
        state=TrialState.FAIL if failure else TrialState.COMPLETE,
        value=None if failure else row["net_sharpe_ratio"],
        datetime_start=like.datetime_start,
        datetime_complete=like.datetime_complete,
        params=session.space.trial_params(session.space.parse(row["strategy_id"])),
        distributions=session.space.distributions,
        user_attrs=attrs,
        system_attrs={},
        intermediate_values={},
    )


@pytest.mark.parametrize("study", [{}, LARGE])
def test_trials_equal_those_of_add_trials(make_session, study):
    session = make_session(study=study, size=144)
    session.run()
    ours = [t for name in session.studies.names for t in stock_study(session, name).trials]
    rows = {
        row["strategy_id"]: row for row in table_rows(session, hyperparameter_tuning_results, "id")
    }
    native = optuna.create_study(
        storage=open_optuna_storage(session.engine), study_name="native", direction="maximize"
    )
    native.add_trials([native_trial(session, rows[t.user_attrs["strategy_id"]], t) for t in ours])
    theirs = native.trials
    assert len(ours) == len(theirs) > 40
    names = (
        "number",
        "state",
        "values",
        "params",
        "distributions",
        "user_attrs",
        "system_attrs",
        "intermediate_values",
        "datetime_start",
        "datetime_complete",
    )
    for a, b in zip(ours, theirs, strict=True):
        for name in names:
            if name != "number" or not study:  # of two studies there
                assert getattr(a, name) == getattr(b, name), name
        assert list(a.params) == list(b.params)
        created = rows[a.user_attrs["strategy_id"]]["created_at"].replace(tzinfo=datetime.UTC)
        assert a.datetime_complete.astimezone(datetime.UTC) == created
        assert a.datetime_start <= a.datetime_complete
        assert session.space.from_trial_params(a.params) == session.space.parse(
            a.user_attrs["strategy_id"]
        )


def test_the_rows_in_the_tables_equal_those_of_add_trials(make_session):
    """What Optuna's reader might normalise is compared as it is stored."""
    session = make_session(size=60)
    session.run()
    rows = {row["strategy_id"]: row for row in results_of(session)}
    ours = stock_study(session).trials
    native = optuna.create_study(
        storage=open_optuna_storage(session.engine), study_name="native", direction="maximize"
    )
    native.add_trials([native_trial(session, rows[t.user_attrs["strategy_id"]], t) for t in ours])
    queries = (
        "SELECT number, state, datetime_start, datetime_complete FROM trials t "
        "WHERE study_id = :id",
        "SELECT number, objective, value, value_type FROM trial_values v "
        "JOIN trials t ON t.trial_id = v.trial_id WHERE study_id = :id",
        "SELECT number, param_name, param_value, distribution_json FROM trial_params p "
        "JOIN trials t ON t.trial_id = p.trial_id WHERE study_id = :id",
        "SELECT number, key, value_json FROM trial_user_attributes a "
        "JOIN trials t ON t.trial_id = a.trial_id WHERE study_id = :id",
    )
    with session.engine.connect() as connection:
        for query in queries:
            pair = [
                sorted(connection.execute(sa.text(query), {"id": study_id}).all(), key=repr)
                for study_id in (session.study_writer.study_id, native._study_id)
            ]
            assert pair[0] == pair[1], query


def test_a_native_trial_in_the_study_disturbs_nothing(make_session):
    """Somebody else's trials in the study of a session, with worse and with better values."""
    session = make_session(study=LARGE)
    study = stock_study(session)

    def add_one(progress):
        if progress.done in (40, 200):
            trial = study.ask()
            study.tell(trial, float(progress.done) - 100.0)

    session.run(on_progress=add_one)
    trials = stock_study(session).trials
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert sum("strategy_id" not in trial.user_attrs for trial in trials) == 2
    assert session.row.status == "completed"


def test_recorded_strategies_are_appended_in_the_order_given(completed):
    names = [row["strategy_id"] for row in results_of(completed) if row["net_sharpe_ratio"]][5:0:-1]
    with completed.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM trial_user_attributes"))
    before = len(stock_study(completed).trials)
    with completed.engine.begin() as connection:
        completed.study_writer.append_recorded(connection, [*names, "unknown"])
    added = stock_study(completed).trials[before:]
    assert [trial.user_attrs["strategy_id"] for trial in added] == names


def test_figures_that_sort_are_attributes(make_session):
    """Neither what is optimised, which is the value, nor what the session does not measure."""
    one = make_session(study=LARGE, objective={"metrics": {"max_drawdown": "minimize"}})
    one.run()
    expected = {"strategy_id", "excess_sharpe_ratio", "total_return", "trade_count"}
    for name in one.studies.names:
        for trial in stock_study(one, name).trials:
            assert set(trial.user_attrs) == expected
    rows = {row["strategy_id"]: row for row in results_of(one)}
    for trial in stock_study(one).trials:
        row = rows[trial.user_attrs["strategy_id"]]
        assert trial.user_attrs == {name: row[name] for name in trial.user_attrs}
        assert type(trial.user_attrs["trade_count"]) is int
    backtest = {"start_date": "2024-01-11", "min_active_days": 30, "split_date": "2024-04-20"}
    split = make_session(study=LARGE, backtest=backtest)
    split.run()
    assert "oos_net_sharpe_ratio" in stock_study(split).trials[0].user_attrs
    assert "oos_net_sharpe_ratio" in sample_study(split).trials[0].user_attrs


def as_of_an_earlier_release(session):
    """Turn the studies of a new session into the one that earlier releases gave it."""
    optuna.delete_study(study_name=session.studies.sample, storage=url_of(session))
    with session.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE studies SET study_name = :new WHERE study_name = :old"),
            {"new": session.row.session_id, "old": session.studies.best},
        )
    return Session.open(url_of(session), session.row.session_id)


def test_a_session_of_an_earlier_release_goes_on_with_its_one_study(make_session):
    session = make_session(study=LARGE)
    stop = Stop()

    def stop_there(progress):
        if progress.done >= 100:
            stop.set()

    earlier = as_of_an_earlier_release(session)
    earlier.run(stop=stop, on_progress=stop_there)
    assert earlier.row.status == "paused"
    earlier.run(resume=True)
    assert earlier.studies.names == (earlier.row.session_id,)
    assert optuna.get_all_study_names(url_of(session)) == [earlier.row.session_id]
    check_completed(earlier, results_of(earlier))
    ids, scores = scores_in_order(earlier)
    sample = {ids[i * 432 // 40] for i in range(40) if not np.isnan(scores[i * 432 // 40])}
    held = set(ids_of(stock_study(earlier)))
    assert sample | set(distinct_in_order(earlier)[:60]) <= held
    n_deleted = delete_session(earlier.engine, earlier.row.session_id)
    assert n_deleted == 432
    assert earlier.row.session_id not in optuna.get_all_study_names(url_of(session))


def test_both_studies_are_deleted(make_session):
    session = make_session(study=LARGE)
    kept = make_session(study=LARGE)
    for each in (session, kept):
        each.run()
    delete_session(session.engine, session.row.session_id)
    names = set(optuna.get_all_study_names(url_of(session)))
    assert names == set(kept.studies.names)
    trials = sa.text("SELECT count(*) FROM trials")
    with kept.engine.connect() as connection:
        n_trials = connection.execute(trials).scalar_one()
    assert n_trials == sum(len(stock_study(kept, name).trials) for name in kept.studies.names)


@pytest.mark.parametrize("kind", ["sample", "best"])
def test_a_missing_study_of_two_is_named(make_session, kind):
    session = make_session(study=LARGE)
    optuna.delete_study(study_name=getattr(session.studies, kind), storage=url_of(session))
    opened = Session.open(url_of(session), session.row.session_id)
    with pytest.raises(SessionError, match=rf"study 'session_.* {kind}' is gone"):
        _ = opened.study_writer


def test_a_missing_study_is_named(completed):
    with completed.engine.begin() as connection:
        connection.execute(sa.text("UPDATE studies SET study_name = 'renamed'"))
    with pytest.raises(SessionError, match=r"study 'session_.*' is gone.*create a new session"):
        _ = completed.study_writer
