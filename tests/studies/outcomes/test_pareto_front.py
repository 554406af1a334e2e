"""The Pareto front: dominance by brute force, and what is asked of a session about it."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search_spaces.errors import ConfigError
from studies import Session
from studies.analysis import export_rows
from studies.analysis.export import export_results
from studies.analysis.export_rows import Selection
from studies.analysis.leaderboard import pareto_front, result_row, top
from studies.database import bulk_insert as bulk
from studies.database.bulk_insert import in_batches
from studies.database.tables import METRIC_COLUMNS, hyperparameter_tuning_results
from studies.database.transactions import write_transaction
from studies.outcomes import pareto_front as pareto
from studies.outcomes.pareto_front import ParetoFront, pareto_mask
from tests.helpers.sessions import make_config, results_of, stock_study

TWO = {"net_sharpe_ratio": "maximize", "max_drawdown": "minimize"}
THREE = {"turnover": "minimize", "total_return": "maximize", "win_rate": "maximize"}
NAN, INF = math.nan, math.inf
WAYS = ("maximize", "minimize")


def pareto_mask_reference(values, directions):
    """Every point against every other."""
    losses = [
        [-v if way == "maximize" else v for v, way in zip(row, directions, strict=True)]
        for row in np.asarray(values).tolist()
    ]
    measured = [not any(map(math.isnan, row)) for row in losses]
    return [
        mine
        and not any(
            theirs
            and all(a <= b for a, b in zip(other, row, strict=True))
            and any(a < b for a, b in zip(other, row, strict=True))
            for theirs, other in zip(measured, losses, strict=True)
        )
        for mine, row in zip(measured, losses, strict=True)
    ]


# few different values, so that there are ties and equal points
_figures = st.sampled_from([-INF, -1.5, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, INF, NAN]) | st.floats(
    -3, 3
)


@given(st.data(), st.integers(1, 5), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_the_mask_by_brute_force(data, n_objectives, n_strategies):
    directions = data.draw(st.lists(st.sampled_from(WAYS), min_size=n_objectives).map(tuple))
    directions = directions[:n_objectives]
    values = data.draw(arrays(np.float64, (n_strategies, n_objectives), elements=_figures))
    before = values.copy()
    mask = pareto_mask(values, directions)
    assert mask.dtype == np.bool_
    assert mask.tolist() == pareto_mask_reference(values, directions)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("n_objectives", [2, 3, 4, 6])
def test_many_points_with_ties_by_brute_force(n_objectives):
    """More of them than Hypothesis tries."""
    rng = np.random.default_rng(n_objectives)
    values = rng.integers(0, 12, size=(700, n_objectives)).astype(float)
    values[:300] = rng.normal(6.0, 3.0, size=(300, n_objectives))
    values[rng.integers(0, 700, 20), 0] = NAN
    directions = [WAYS[i % 2] for i in range(n_objectives)]
    mask = pareto_mask(values, directions)
    assert mask.tolist() == pareto_mask_reference(values, directions)
    assert 0 < mask.sum() < 700
    strided = np.asfortranarray(np.repeat(values, 2, axis=0))[::2]
    np.testing.assert_array_equal(pareto_mask(strided, directions), mask)


def test_hand_made_fronts():
    values = [[1, 1], [2, 2], [2, 2], [3, 3], [3, 4], [NAN, 0], [9, NAN]]
    assert pareto_mask(values, ["maximize", "minimize"]).tolist() == [
        True, True, True, True, False, False, False,
    ]  # fmt: skip
    assert pareto_mask([[NAN, 1.0]], TWO.values()).tolist() == [False]
    assert pareto_mask(np.empty((0, 2)), list(TWO.values())).tolist() == []


@pytest.mark.parametrize(
    ("values", "directions", "message"),
    [
        (np.zeros((3, 2)), ["maximize", "up"], "maximize or minimize, got 'up'"),
        (np.zeros((3, 2)), ["maximize"], r"one column for each direction.*\(3, 2\) and .*=1"),
        (np.zeros(3), ["maximize"], r"values.shape=\(3,\)"),
        (np.zeros((3, 0)), [], r"at least one, got values.shape=\(3, 0\)"),
    ],
)
def test_impossible_values(values, directions, message):
    with pytest.raises(ConfigError, match=message):
        pareto_mask(values, directions)


def front_of(values, directions):
    n = len(values)
    return ParetoFront(
        tuple(f"S{i}" for i in range(n)),
        tuple(range(n)),
        tuple(range(1, n + 1)),
        np.array(values, dtype=float),
        directions,
    )


@pytest.mark.parametrize("n", range(12))
def test_a_spread_of_two_objectives(n):
    front = front_of([[i, i**2] for i in range(11)], {"a": "minimize", "b": "maximize"})
    chosen = [int(name[1:]) for name in front.spread(n)]
    assert len(chosen) == len(set(chosen)) == min(n, 11)
    assert chosen == sorted(chosen)
    if n:
        assert chosen[0] == 0
    if n > 1:
        assert chosen[-1] == 10
    if n > 2:
        assert np.diff(chosen).max() <= math.ceil(10 / (n - 1)) + 1


def test_a_spread_keeps_the_best_of_every_objective():
    """With three objectives the best of the third may stand anywhere."""
    values = [[100 - i, i, 0] for i in range(50)]
    values[17][2] = 1
    front = front_of(values, {"a": "maximize", "b": "maximize", "c": "maximize"})
    assert front.spread(3) == ["S0", "S17", "S49"]
    assert front.spread(2) == ["S0", "S49"]
    assert front.spread(1) == ["S0"]
    assert {"S0", "S17", "S49"} < set(front.spread(9))
    assert len(front.spread(9)) == 9


def test_batches_of_ids():
    assert [len(batch) for batch in in_batches(range(2500))] == [1000, 1000, 500]
    assert in_batches(()) == []


@pytest.fixture(scope="module", params=[TWO, THREE], ids=["two", "three"])
def several(request, databases, market):
    """A completed session with several objectives, beside one with other results."""
    url = databases.copy(market)
    other = Session.create(make_config(url, backtest={"start_date": "2024-01-11"}), size=60)
    other.run()
    other.engine.dispose()
    session = Session.create(make_config(url, objective={"metrics": request.param}))
    session.run()
    yield session
    session.engine.dispose()
    databases.drop(url)


def brute_front(session):
    """Ids of the front in its order, from the rows of the results."""
    names = list(session.directions)
    rows = results_of(session)
    values = [[NAN if row[name] is None else row[name] for name in names] for row in rows]
    mask = pareto_mask_reference(values, list(session.directions.values()))
    signs = [-1 if way == "maximize" else 1 for way in session.directions.values()]
    keyed = [
        (*(sign * row[name] for sign, name in zip(signs, names, strict=True)), row["strategy_id"])
        for row, on_front in zip(rows, mask, strict=True)
        if on_front
    ]
    return [key[-1] for key in sorted(keyed)]


def test_the_front_of_a_session(several, monkeypatch):
    frame = pareto_front(several, all_names=True)
    assert frame["strategy_id"].tolist() == brute_front(several)
    assert len(frame) >= 3
    assert frame.index.name == "rank"
    everything = top(several, 432, metric=next(iter(several.directions)), all_names=True)
    assert list(frame.columns) == list(everything.columns)
    by_id = everything.set_index("strategy_id")
    pd.testing.assert_frame_equal(
        frame.set_index("strategy_id"),
        by_id.loc[frame["strategy_id"]],
    )
    pd.testing.assert_frame_equal(pareto_front(several, 2, all_names=True), frame.head(2))
    distinct = pareto_front(several)
    pd.testing.assert_frame_equal(pareto_front(several, 2), distinct.head(2))
    monkeypatch.setattr(bulk, "IDS_PER_STATEMENT", 2)
    monkeypatch.setattr(pareto, "_ROWS_AT_ONCE", 7)
    pd.testing.assert_frame_equal(pareto_front(several, all_names=True), frame)
    pd.testing.assert_frame_equal(pareto_front(several), distinct)


def test_equal_figures_stand_on_the_front_once(several):
    every = pareto_front(several, all_names=True)
    figures = list(several.figures)
    distinct = pareto_front(several)
    assert not distinct.duplicated(figures).any()
    names_of = {}
    for row in every.to_dict("records"):
        key = str([row[name] for name in figures])
        names_of.setdefault(key, set()).add(row["strategy_id"])
    assert len(distinct) == len(names_of)
    for row in distinct.to_dict("records"):
        names = names_of[str([row[name] for name in figures])]
        assert row["strategy_id"] in names
        assert row["n_strategies"] == len(names)
    names = list(several.directions)
    once = every[names].drop_duplicates()
    assert once.to_numpy().tolist() == distinct[names].drop_duplicates().to_numpy().tolist()


def test_ranks_are_those_of_show(several):
    for rank, name in pareto_front(several)["strategy_id"].items():
        assert result_row(several, name)["rank"] == rank


def test_top_of_several_objectives_is_the_front(several):
    frame = pareto_front(several)
    pd.testing.assert_frame_equal(several.top(3), frame.head(3))
    pd.testing.assert_frame_equal(top(several, 1000), frame)
    metric = next(iter(several.directions))
    assert top(several, 3, metric=metric).index[0] == 1
    for n in (0, -1):
        with pytest.raises(ConfigError, match=f"at least 1, got {n}"):
            top(several, n)
    with pytest.raises(ConfigError, match=r"several objectives; name one with --metric, got .*'mi"):
        top(several, direction="minimize")


def test_a_strategy_knows_whether_it_is_on_the_front(several):
    front = set(brute_front(several))
    told = {
        row["strategy_id"]: result_row(several, row["strategy_id"])["pareto"]
        for row in results_of(several)[::6]
    } | {name: result_row(several, name)["pareto"] for name in front}
    failed = {r["strategy_id"] for r in results_of(several) if r["net_sharpe_ratio"] is None}
    assert set(told.values()) == {True, False, None}
    for name, on_front in told.items():
        assert on_front is (None if name in failed else name in front)


def test_optuna_has_the_same_front(several):
    study = stock_study(several)
    assert len(study.trials) == 432
    theirs = [trial.user_attrs["strategy_id"] for trial in study.best_trials]
    ours = pareto_front(several, all_names=True)["strategy_id"].tolist()
    assert sorted(theirs) == sorted(ours)


@pytest.mark.parametrize("name", ["all.csv", "all.json", "all.parquet"])
def test_exports_tell_the_front(several, tmp_path, monkeypatch, name):
    monkeypatch.setattr(export_rows, "_ROWS_AT_ONCE", 100)
    front = set(brute_front(several))
    assert export_results(several, tmp_path / name) == 432
    frame = _read(tmp_path / name)
    assert frame["pareto"].dtype == np.bool_
    assert set(frame.loc[frame["pareto"], "strategy_id"]) == front
    monkeypatch.setattr(bulk, "IDS_PER_STATEMENT", 2)
    only = tmp_path / f"front_{name}"
    assert export_results(several, only, selection=Selection(pareto=True)) == len(front)
    wanted = frame[frame["pareto"]].reset_index(drop=True)
    assert wanted["failure"].isna().all()
    pd.testing.assert_frame_equal(
        _read(only).drop(columns="failure"), wanted.drop(columns="failure"), check_dtype=False
    )


@pytest.mark.parametrize("all_names", [False, True])
@pytest.mark.parametrize("pareto", [False, True])
def test_the_best_of_several_objectives_are_the_front(several, tmp_path, all_names, pareto):
    front = pareto_front(several, all_names=all_names)
    for n in (2, 999):
        selection = Selection(n=n, all_names=all_names, pareto=pareto)
        n_rows = export_results(several, tmp_path / "x.parquet", selection=selection)
        frame = pd.read_parquet(tmp_path / "x.parquet")
        assert len(frame) == n_rows == min(n, len(front))
        assert frame["strategy_id"].tolist() == front["strategy_id"].tolist()[:n]
        assert frame["rank"].tolist() == front.index.tolist()[:n]
        assert frame["pareto"].all()
    by_one = Selection(n=5, metric="total_return", all_names=all_names)
    export_results(several, tmp_path / "x.parquet", selection=by_one)
    wanted = top(several, 5, metric="total_return", all_names=all_names)
    told = pd.read_parquet(tmp_path / "x.parquet")["strategy_id"].tolist()
    assert told == wanted["strategy_id"].tolist()
    both = Selection(n=5, metric="total_return", pareto=True)
    with pytest.raises(ConfigError, match="leave out --pareto or --metric"):
        export_results(several, tmp_path / "y.csv", selection=both)


def _read(path):
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    if path.suffix == ".csv":
        return pd.read_csv(path)
    return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])


def test_a_session_without_results_has_an_empty_front(make_session, tmp_path):
    session = make_session(size=20, objective={"metrics": TWO})
    assert pareto_front(session).empty
    assert session.top(3).empty
    assert export_results(session, tmp_path / "x.csv", selection=Selection(pareto=True)) == 0
    assert (tmp_path / "x.csv").read_text().rstrip().endswith("failure,pareto")


def test_one_objective_has_the_equally_best_as_front(completed):
    frame = pareto_front(completed)
    best = top(completed, 400)
    tied = best[best["net_sharpe_ratio"] == best["net_sharpe_ratio"].iloc[0]]
    assert frame["strategy_id"].tolist() == sorted(tied["strategy_id"])


def test_equal_strategies_stand_on_the_front_together(make_session):
    session = make_session(size=60, objective={"metrics": TWO})
    session.run()
    results = hyperparameter_tuning_results
    names = [r["strategy_id"] for r in results_of(session) if r["net_sharpe_ratio"] is not None][:3]
    with write_transaction(session.engine) as connection:
        connection.execute(
            sa.update(results)
            .where(results.c.strategy_id.in_(names[::-1]))
            .values(net_sharpe_ratio=99.0, max_drawdown=0.0)
        )
    frame = pareto_front(session)
    assert frame["strategy_id"].tolist() == sorted(names)
    assert frame.index.tolist() == [1, 1, 1]
    assert all(result_row(session, name)["pareto"] for name in names)


def test_another_session_among_the_rows(make_session):
    session = make_session(size=60, objective={"metrics": TWO})
    session.run()
    front = pareto_front(session)
    beaten = next(r["strategy_id"] for r in results_of(session) if r["net_sharpe_ratio"] is None)
    with write_transaction(session.engine) as connection:
        connection.execute(
            sa.update(hyperparameter_tuning_results)
            .where(hyperparameter_tuning_results.c.strategy_id == beaten)
            .values(session_id="session_other", net_sharpe_ratio=1e9, max_drawdown=-1.0)
        )
    pd.testing.assert_frame_equal(pareto_front(session), front)
    assert result_row(session, front["strategy_id"].iloc[0])["pareto"] is True


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_thousands_on_a_front(several):
    """A front of 5,000 among 20,000 strategies, more than a query takes as parameters at once."""
    rng = np.random.default_rng(3)
    figures = [(float(x), float(x) ** 2) for x in rng.permutation(5_000)]
    figures += [(float(x) - 1.0, float(x) ** 2 + 1.0) for x in rng.integers(0, 5_000, 15_000)]
    rows = [
        {
            "session_id": "session_large",
            "strategy_id": f"P{number}",
            **dict.fromkeys(METRIC_COLUMNS, 1.0),
            "net_sharpe_ratio": sharpe,
            "max_drawdown": drawdown,
        }
        for number, (sharpe, drawdown) in enumerate(figures)
    ]
    with write_transaction(several.engine) as connection:
        connection.execute(sa.insert(hyperparameter_tuning_results), rows)
        front = ParetoFront.read(connection, "session_large", TWO)
    assert len(front) == 5_000
    assert [row[0] for row in front.objectives.tolist()] == [float(x) for x in range(4_999, -1, -1)]
    assert all(int(name[1:]) < 5_000 for name in front.strategy_ids)
    assert len(set(front.spread(500))) == 500
