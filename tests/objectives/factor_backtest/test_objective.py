"""FactorBacktest: batches, effects of everything, failures, Optuna, fingerprints, the cube."""

# ruff: noqa: PD011  (values of a batch and a cube, not of pandas)

import datetime as dt
import itertools
import math
import pickle

import numpy as np
import optuna
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import (
    METRIC_NAMES,
    BacktestSettings,
    FactorBacktest,
    FactorCube,
    Objective,
    ReturnPanel,
)
from search_spaces import FactorSpace
from search_spaces.errors import ConfigError, DataError, SpaceError
from tests.helpers.panels import array_panel, date_of, nasty_returns
from tests.helpers.plain import reference_ranking, small_space, strategy

SPACE = small_space()
N_DAYS = 70


def returns_of(seed=0, kind="gaps", n_days=N_DAYS, n_pairs=12):
    return nasty_returns(np.random.default_rng(seed), n_days, n_pairs, kind)


@pytest.fixture(scope="module")
def panel():
    caps = 10.0 ** np.random.default_rng(1).uniform(6, 11, size=12)
    caps[3] = np.nan
    return array_panel(returns_of(), caps)


@pytest.fixture(scope="module")
def objective(panel):
    return FactorBacktest(panel, BacktestSettings(min_active_days=10), space=SPACE)


@pytest.fixture(scope="module")
def whole(objective):
    return objective.evaluate(np.arange(len(SPACE)))


def same(one, other):
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.objective, other.objective)
    assert one.failure == other.failure
    assert one.names == other.names


def test_indices_and_parameters_are_the_same_points(objective, whole):
    same(objective.evaluate([SPACE.params(i) for i in range(len(SPACE))]), whole)
    assert len(whole) == len(SPACE)
    assert whole.metrics["final_balance"].shape == (len(SPACE),)


@given(st.data())
@settings(max_examples=15, deadline=None)
def test_order_and_batches_change_nothing(objective, whole, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    points = rng.permutation(len(SPACE))[: data.draw(st.integers(1, 150))]
    fresh = FactorBacktest(objective.panel, objective.settings, space=SPACE)
    cuts = np.sort(rng.integers(0, len(points) + 1, size=data.draw(st.integers(0, 4))))
    for part in np.split(points, cuts):
        batch = fresh.evaluate(part)
        np.testing.assert_array_equal(batch.values, whole.values[part])
        np.testing.assert_array_equal(batch.objective, whole.objective[part])
        assert batch.failure == tuple(whole.failure[i] for i in part)


def test_run_is_evaluate(objective, whole):
    for index in range(0, len(SPACE), 37):
        result = objective.run(SPACE.params(index))
        assert dict(result.metrics) == whole.row(index)
        assert result.failure == whole.failure[index]
        assert result.equity.iloc[-1] == result.metrics["final_balance"]
        assert list(result.equity.index) == list(objective.panel.dates[-len(result.equity) :])


def test_no_points(objective):
    for points in ([], np.array([], dtype=np.int64)):
        batch = objective.evaluate(points)
        assert len(batch) == 0
        assert batch.values.shape == (0, len(METRIC_NAMES))
        assert batch.objective.shape == (0, 1)


def test_points_outside_the_space(objective):
    beyond = strategy(window_size=17, data_period=5)
    assert objective.evaluate([beyond]).failure == (None,)
    assert objective.evaluate([beyond, SPACE.params(0)]).row(0) == dict(
        objective.run(beyond).metrics
    )
    with pytest.raises(SpaceError):
        SPACE.index(beyond)
    with pytest.raises(SpaceError):
        objective.evaluate([len(SPACE)])
    with pytest.raises(SpaceError, match="unknown factor 'XX'"):
        objective.evaluate([strategy(factors=("XX",))])


def test_window_outside_the_cube_equals_one_inside(panel, objective):
    params = strategy(window_size=17, data_period=8)
    inside = FactorBacktest(
        panel, objective.settings, space=small_space(window_size={"choice": [17]})
    )
    same(objective.evaluate([params]), inside.evaluate([params]))


PARAMETERS = [
    ("factors", ("SR",), ("DD",)),
    *[("factors", ("SR",), ("SR", code)) for code in ("DD", "TR", "ST", "WR", "SO")],
    ("window_size", 4, 9),
    ("rebalance_frequency", 1, 3),
    ("data_period", 2, 40),
    ("selection_count", 1, 3),
    ("selection_count", 0, 3),
    ("weight_method", "EQ", "IC"),
    ("weight_method", "EQ", "FS"),
    ("weight_method", "IC", "FS"),
]


@pytest.mark.parametrize(("name", "one", "other"), PARAMETERS)
def test_every_parameter_has_an_effect(objective, name, one, other):
    batch = objective.evaluate([strategy(**{name: value}) for value in (one, other)])
    assert batch.values[0, 0] != batch.values[1, 0]


def test_no_parameter_was_forgotten():
    assert {name for name, *_ in PARAMETERS} == set(SPACE.names)


SETTINGS = [
    ("start_date", date_of(20), date_of(25)),
    ("end_date", date_of(60), date_of(65)),
    ("initial_capital", 1000.0, 10_000.0),
    ("fee_rate", 0.0, 0.001),
    ("position_mode", "percentage_based", "fixed_amount"),
    ("factor_input", "return_1d", "roi_1d"),
    ("position_size", None, 0.1),
    ("max_positions", None, 1),
    ("entry_top_n", None, 5),
    ("exit_threshold", None, 3),
    ("split_date", None, date_of(50)),
    ("value_at_liquidation", True, False),
    ("min_active_days", 10, 70),
    ("min_active_share", 0.5, 1.0),
]


@pytest.mark.parametrize(("name", "one", "other"), SETTINGS)
def test_every_setting_has_an_effect(panel, name, one, other):
    params = strategy(factors=("DD", "SR"), weight_method="FS")
    outcomes = []
    for value in (one, other):
        base = {"start_date": date_of(0), "min_active_days": 0, "min_active_share": 0}
        chosen = BacktestSettings(**{**base, name: value})
        objective = FactorBacktest(panel, chosen, space=SPACE)
        outcomes.append((objective.evaluate([params]), objective.fingerprint))
    (first, mark), (second, other_mark) = outcomes
    assert mark != other_mark
    if name in ("min_active_days", "min_active_share"):
        assert (first.failure, second.failure) == ((None,), ("insufficient_data",))
    else:
        assert first.values[0, 0] != second.values[0, 0]


def test_no_setting_was_forgotten():
    assert [name for name, *_ in SETTINGS] == list(BacktestSettings.__dataclass_fields__)


def test_roi_column_is_what_factors_see():
    returns = returns_of()
    panel = array_panel(returns, roi=-365.0 * returns)
    outcomes = [
        FactorBacktest(panel, BacktestSettings(factor_input=column), space=SPACE)
        .run(strategy())
        .ranking(date_of(60))["trading_pair"]
        .tolist()
        for column in ("return_1d", "roi_1d")
    ]
    assert outcomes[0] == outcomes[1][::-1]


def test_insufficient_data(panel):
    params = strategy(data_period=60)
    chosen = BacktestSettings(min_active_days=20, min_active_share=0)
    objective = FactorBacktest(panel, chosen, space=SPACE)
    batch = objective.evaluate([params])
    assert batch.failure == ("insufficient_data",)
    assert np.isnan(batch.objective).all()
    assert batch.row(0)["active_days"] == 9  # ranked from day 60, held from day 61 to 69
    assert objective.run(params).failure == "insufficient_data"
    chosen = BacktestSettings(min_active_days=9, min_active_share=0)
    exactly = FactorBacktest(panel, chosen, space=SPACE)
    assert exactly.evaluate([params]).failure == (None,)


@pytest.mark.parametrize("share", [0.0, 0.18, 0.19, 0.5])
@pytest.mark.parametrize("split", [None, 60])
def test_a_share_of_the_days_must_be_active(panel, share, split):
    chosen = BacktestSettings(
        start_date=date_of(10), end_date=date_of(60) if split is None else date_of(65),
        split_date=None if split is None else date_of(split + 1),
        min_active_days=0, min_active_share=share,
    )  # fmt: skip
    batch = FactorBacktest(panel, chosen, space=SPACE).evaluate([strategy(data_period=50)])
    # days 11 to 60 are 50; ranked from day 50, held from day 51 on
    assert batch.row(0)["active_days"] == 10
    failed = share * 50 > 10
    assert batch.failure == (("insufficient_data",) if failed else (None,))


@pytest.mark.parametrize(
    ("share", "n_days", "least"), [(0.5, 364, 182), (0.5, 3, 2), (0.55, 100, 55), (0, 9, 0)]
)
def test_the_least_number_of_active_days(share, n_days, least):
    chosen = BacktestSettings(min_active_days=0, min_active_share=share)
    assert chosen.least_active_days(n_days) == least
    assert BacktestSettings(min_active_share=share).least_active_days(n_days) == max(60, least)


def test_no_market_caps():
    objective = FactorBacktest(
        array_panel(returns_of()), BacktestSettings(min_active_days=1), space=SPACE
    )
    batch = objective.evaluate([strategy(weight_method=w) for w in ("EQ", "IC", "FS")])
    assert batch.failure == (None, "no_market_caps", None)
    assert np.isnan(batch.values[1]).all()
    assert set(batch.row(1).values()) == {None}
    with pytest.raises(DataError, match=r"needs market caps .*--set weight_method=EQ,FS"):
        objective.run(strategy(weight_method="IC"))


def test_caps_known_too_late_are_no_caps():
    caps = np.full((1, 12), 1e9)
    late = array_panel(returns_of(), caps, np.array([60]))
    chosen = BacktestSettings(end_date=date_of(60), min_active_days=0)
    objective = FactorBacktest(late, chosen, space=SPACE)
    assert objective.evaluate([strategy(weight_method="IC")]).failure == ("no_market_caps",)


@pytest.mark.parametrize(("known_at", "flipped"), [(10, True), (11, False)])
def test_caps_are_those_known_at_the_close_of_the_day_before(known_at, flipped):
    caps = np.array([[1e6, 3e6], [3e6, 1e6]])
    panel = array_panel(returns_of(kind="plain", n_pairs=2), caps, np.array([0, known_at]))
    chosen = BacktestSettings(
        start_date=date_of(10), end_date=date_of(14), position_mode="fixed_amount", fee_rate=0.0
    )
    params = strategy(weight_method="IC", selection_count=2, data_period=2)
    entries = FactorBacktest(panel, chosen, space=SPACE).run(params).trades.query("action=='enter'")
    amounts = entries.sort_values("trading_pair")["amount"].tolist()
    # shares 3/4 and 1/4 of 2 x 0.5, the larger one limited to 0.5
    assert list(entries["date"].unique()) == [pd.Timestamp(date_of(11))]
    assert amounts == pytest.approx([2500.0, 5000.0] if flipped else [5000.0, 2500.0])


def test_check_refuses_weights_that_need_caps(panel):
    FactorBacktest(panel, space=SPACE).check()
    bare = array_panel(returns_of())
    with pytest.raises(DataError, match=r"--set weight_method=EQ,FS"):
        FactorBacktest(bare, space=SPACE).check()
    FactorBacktest(bare, space=SPACE.restrict({"weight_method": ["EQ", "FS"]})).check()


def test_warnings(panel):
    chosen = BacktestSettings(min_active_days=31, start_date=date_of(9), end_date=date_of(40))
    notes = FactorBacktest(panel, chosen, space=SPACE).warnings
    assert len(notes) == 1
    assert "look ahead" in notes[0]
    equal = SPACE.restrict({"weight_method": ["EQ"], "selection_count": ["0", "3"]})
    assert FactorBacktest(panel, chosen, space=equal).warnings == ()
    late = small_space(
        data_period={"choice": [2, 9, 10, 60]}, selection_count={"fixed": 3},
        weight_method={"fixed": "EQ"},
    )  # fmt: skip
    objective = FactorBacktest(panel, chosen, space=late)
    assert [note.split(",")[0] for note in objective.warnings] == [
        "data_period=10 leaves at most 30 active days",
        "data_period=60 leaves at most 0 active days",
    ]
    for period, active in ((9, 31), (10, 30), (60, 0)):
        batch = objective.evaluate([strategy(data_period=period)])
        assert batch.row(0)["active_days"] == active


def test_undefined_metric(panel):
    # one trading day: nothing is ever closed
    objective = FactorBacktest(
        panel, BacktestSettings(min_active_days=0), space=SPACE, metrics=["avg_holding_days"]
    )
    batch = objective.evaluate([strategy(rebalance_frequency=90)])
    assert batch.failure == ("undefined_metric",)
    assert batch.row(0)["avg_holding_days"] is None


def test_default_dates(panel):
    objective = FactorBacktest(panel, space=SPACE)
    assert objective.settings.start_date == dt.date(2024, 1, 1) + dt.timedelta(days=8)
    assert objective.settings.end_date == panel.dates[-1].date()
    long = FactorBacktest(panel, space=FactorSpace.default())
    assert long.settings.start_date == dt.date(2024, 1, 1) + dt.timedelta(days=35)


def test_default_start_depends_on_the_history_up_to_the_end(panel):
    chosen = BacktestSettings(end_date=date_of(39))
    for seen in (panel, panel.until(date_of(50))):
        assert FactorBacktest(seen, chosen).settings.start_date == dt.date(2024, 1, 21)


@pytest.mark.parametrize(("values", "match"), [
    ({"start_date": "2023-12-31"}, "start_date 2023-12-31 is outside the data, .* 2024-01-01 to"),
    ({"end_date": "2025-01-01"}, "end_date 2025-01-01 is outside the data"),
    ({"end_date": "2024-01-01"}, "start_date must be before end_date"),
    ({"split_date": "2024-01-02"}, "split_date must be between"),
])  # fmt: skip
def test_dates_outside_the_panel(panel, values, match):
    with pytest.raises(ConfigError, match=match):
        FactorBacktest(panel, BacktestSettings(**values), space=SPACE)


@pytest.mark.parametrize(("metrics", "match"), [
    ((), "non-empty"), ("net_sharpe_ratio", "non-empty list"),
    (["sharp"], "unknown metric 'sharp'; known are final_balance"),
    (["oos_total_return"], "never enter the objective"),
    ({"total_return": "up"}, "maximize or minimize, got 'up'"),
])  # fmt: skip
def test_bad_metrics(panel, metrics, match):
    with pytest.raises(ConfigError, match=match):
        FactorBacktest(panel, space=SPACE, metrics=metrics)


def test_directions(panel):
    natural = FactorBacktest(panel, space=SPACE, metrics=["total_return", "max_drawdown"])
    assert dict(natural.directions) == {"total_return": "maximize", "max_drawdown": "minimize"}
    reversed_ = FactorBacktest(panel, space=SPACE, metrics={"total_return": "minimize"})
    assert dict(reversed_.directions) == {"total_return": "minimize"}
    assert isinstance(reversed_, Objective)


def test_several_objectives(panel, whole):
    objective = FactorBacktest(
        panel, BacktestSettings(min_active_days=10), space=SPACE,
        metrics=["total_return", "max_drawdown"],
    )  # fmt: skip
    batch = objective.evaluate(np.arange(20))
    good = [failure is None for failure in batch.failure]
    np.testing.assert_array_equal(
        batch.objective[good],
        np.stack([batch.metrics[name] for name in objective.directions], axis=1)[good],
    )
    study = objective.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    study.optimize(objective, n_trials=5)
    complete = [t for t in study.trials if t.state.name == "COMPLETE"]
    assert complete
    for trial in complete:
        measured = trial.user_attrs["metrics"]
        assert trial.values == [measured["total_return"], measured["max_drawdown"]]


def test_out_of_sample_columns(panel):
    chosen = BacktestSettings(min_active_days=5, split_date=date_of(45))
    objective = FactorBacktest(panel, chosen, space=SPACE)
    assert objective.names == METRIC_NAMES + tuple(f"oos_{name}" for name in METRIC_NAMES)
    row = objective.evaluate([strategy()]).row(0)
    before = FactorBacktest(
        panel,
        BacktestSettings(
            min_active_days=5, start_date=objective.settings.start_date, end_date=date_of(44)
        ),
        space=SPACE,
    ).evaluate([strategy()])
    assert {name: row[name] for name in METRIC_NAMES} == before.row(0)
    result = objective.run(strategy())
    assert result.metrics["oos_final_balance"] == result.equity.iloc[-1]
    assert row["oos_total_return"] == pytest.approx(
        result.equity.iloc[-1] / result.equity[date_of(44)] - 1, rel=1e-12
    )


def test_optuna_study(panel):
    objective = FactorBacktest(panel, BacktestSettings(min_active_days=55), space=SPACE)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=3))
    study.optimize(objective, n_trials=40)
    states = set()
    for trial in study.trials:
        params = SPACE.parse(trial.user_attrs["strategy_id"])
        assert SPACE.from_trial_params(trial.params) == params
        batch = objective.evaluate([params])
        assert trial.user_attrs["metrics"] == batch.row(0)
        states.add(trial.state.name)
        if batch.failure[0] is None:
            assert trial.value == batch.objective[0, 0]
            assert "failure" not in trial.user_attrs
        else:
            assert trial.state.name == "FAIL"
            assert trial.user_attrs["failure"] == batch.failure[0]
    assert states == {"COMPLETE", "FAIL"}


def test_optuna_trial_that_breaks_a_constraint(panel):
    space = FactorSpace.from_config(
        {**SPACE.to_config(), "constraints": ["window_size <= data_period"]}
    )
    objective = FactorBacktest(panel, space=space)
    study = objective.create_study()
    study.enqueue_trial({
        "factors": "SR", "window_size": 9, "rebalance_frequency": 1, "data_period": 2,
        "selection_count": 3, "weight_method": "EQ",
    })  # fmt: skip
    study.optimize(objective, n_trials=1)
    assert study.trials[0].state.name == "FAIL"
    assert study.trials[0].user_attrs["failure"].startswith("constraint: ")


def test_fingerprint(panel):
    def mark(seen, metrics=("total_return", "max_drawdown"), **values):
        chosen = BacktestSettings(**{"end_date": date_of(50), **values})
        return FactorBacktest(seen, chosen, space=SPACE, metrics=metrics).fingerprint

    same_mark = mark(panel)
    assert same_mark == mark(panel, initial_capital=10_000)
    assert same_mark == mark(panel.until(date_of(55)))
    returns = np.array(panel.returns)
    returns[60] += 1.0
    assert same_mark == mark(array_panel(returns, panel.market_caps))
    returns[50] += 1.0
    caps = np.array(panel.market_caps)
    caps[0, 0] *= 2
    others = {
        same_mark,
        mark(array_panel(returns, panel.market_caps)),
        mark(array_panel(np.array(panel.returns), caps)),
        mark(panel, fee_rate=0.002),
        mark(panel, metrics=("max_drawdown", "total_return")),
        mark(panel, metrics={"total_return": "minimize", "max_drawdown": "minimize"}),
    }
    assert len(others) == 6


def test_appended_days_and_pairs_change_neither_fingerprint_nor_results():
    returns = returns_of(kind="plain")
    returns[:52, 7] = np.nan  # listed after end_date
    caps = np.geomspace(1e6, 1e12, 12)
    caps[3] = np.nan
    later = array_panel(returns, caps)
    keep = np.arange(12) != 7
    seen = ReturnPanel(
        dates=later.dates[:51],
        pairs=tuple(itertools.compress(later.pairs, keep)),
        returns=returns[:51, keep],
        market_caps=caps[None, keep],
    )
    chosen = BacktestSettings(end_date=date_of(50), min_active_days=0)
    one, other = (FactorBacktest(p, chosen, space=SPACE) for p in (later, seen))
    assert one.fingerprint == other.fingerprint
    points = np.arange(len(SPACE))
    same(one.evaluate(points), other.evaluate(points))
    assert one.cube_key != other.cube_key  # its pairs differ


def test_saved_cube_gives_identical_results(objective, whole, tmp_path):
    path = tmp_path / "cube.npy"
    objective.cube.save(path)
    cube = FactorCube.load(path, key=objective.cube_key)
    assert isinstance(cube.values, np.memmap)
    assert not cube.values.flags.writeable
    mapped = FactorBacktest(objective.panel, objective.settings, space=SPACE, cube=cube)
    same(mapped.evaluate(np.arange(len(SPACE))), whole)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cube.json", "cube.npy"]


def test_saving_again_leaves_a_mapped_cube_alone(objective, tmp_path):
    path = tmp_path / "cube.npy"
    objective.cube.save(path)
    mapped = FactorCube.load(path)
    before = np.array(mapped.values)
    FactorCube(np.zeros((1, 1, 2, 2)), (4,), ("SR",), "other").save(path)
    np.testing.assert_array_equal(mapped.values, before)
    assert FactorCube.load(path).key == "other"


@pytest.mark.parametrize("harm", [
    "missing", "no description", "truncated", "broken description", "list", "header", "shape",
    "float32",
])  # fmt: skip
def test_damaged_cube_is_refused(objective, tmp_path, harm):
    path = tmp_path / "cube.npy"
    objective.cube.save(path)
    description = path.with_suffix(".json")
    if harm == "missing":
        path.unlink()
    elif harm == "no description":
        description.unlink()
    elif harm == "truncated":
        path.write_bytes(path.read_bytes()[:-8])
    elif harm == "broken description":
        description.write_text(description.read_text()[:-5])
    elif harm == "list":
        description.write_text("[]")
    elif harm == "header":
        path.write_bytes(b"\0" * path.stat().st_size)
    elif harm == "shape":
        FactorCube(objective.cube.values[:1], (4, 9), ("SR",)).save(path)
    else:
        FactorCube(objective.cube.values.astype(np.float32), (4, 9), objective.cube.codes).save(
            path
        )
    with pytest.raises(DataError, match=r"cube\.npy is damaged"):
        FactorCube.load(path)


def test_stale_cube_is_refused(panel, objective, tmp_path):
    path = tmp_path / "cube.npy"
    objective.cube.save(path)
    with pytest.raises(DataError, match="other data"):
        FactorCube.load(path, key="other")
    cube = FactorCube.load(path)
    for values in ({"factor_input": "roi_1d"}, {"start_date": date_of(30)}):
        with pytest.raises(DataError, match="other data or windows"):
            FactorBacktest(panel, BacktestSettings(**values), space=SPACE, cube=cube)
    # fees do not touch it
    FactorBacktest(panel, BacktestSettings(fee_rate=0.0), space=SPACE, cube=cube)


def test_trades_explain_the_equity(panel):
    objective = FactorBacktest(
        panel,
        BacktestSettings(min_active_days=0, fee_rate=0.002, value_at_liquidation=False),
        space=SPACE,
    )
    for weight_method, count in (("EQ", 3), ("IC", 2), ("FS", 0)):
        result = objective.run(strategy(weight_method=weight_method, selection_count=count))
        trades = result.trades
        assert list(trades.columns) == [
            "date", "trading_pair", "action", "amount", "rank", "cash_balance", "total_balance",
        ]  # fmt: skip
        totals = trades.groupby("date")["total_balance"].last()
        np.testing.assert_allclose(totals, result.equity[totals.index], rtol=1e-12)
        action = trades["action"]
        moved = trades.loc[action != "funding", "amount"].sum()
        assert result.metrics["fees_paid"] == pytest.approx(0.002 * moved)
        assert result.metrics["turnover"] == pytest.approx(moved / 10_000)
        assert result.metrics["trade_count"] == (action == "exit").sum()
        open_positions = (action == "enter").sum() - (action == "exit").sum()
        assert result.metrics["open_positions"] == open_positions
        earned = trades.loc[action == "funding", "amount"].sum()
        assert result.metrics["final_balance"] == pytest.approx(
            10_000 + earned - result.metrics["fees_paid"]
        )


def test_entries_follow_the_ranking_of_the_day_before(objective):
    params = strategy()
    result = objective.run(params)
    entries = result.trades.query("action == 'enter'")
    assert len(entries) > 5
    for entry in entries.itertuples():
        table = result.ranking(entry.date - pd.Timedelta(days=1))
        assert table.loc[entry.rank, "trading_pair"] == entry.trading_pair


def test_ranking_table(panel, objective):
    params = strategy(factors=("SR", "ST"))
    plain = reference_ranking(panel, "return_1d", params)
    result = objective.run(params)
    for day in (10, 35, N_DAYS - 1):
        table = result.ranking(date_of(day))
        n = int(plain.n_ranked[day])
        assert list(table.columns) == ["trading_pair", "score", "SR", "ST"]
        assert list(table.index) == list(range(1, n + 1))
        assert table.index.name == "rank"
        assert list(table["trading_pair"]) == [panel.pairs[i] for i in plain.order[day, :n]]
        np.testing.assert_array_equal(table["score"], plain.score[day, :n])


def test_day_without_a_ranking(objective):
    table = objective.run(strategy(data_period=60)).ranking(date_of(20))
    assert table.empty
    assert "score" in table.columns


def test_ranking_outside_the_backtest(objective):
    result = objective.run(strategy())
    with pytest.raises(DataError, match="rankings go from 2024-01-09 to 2024-03-10, got"):
        result.ranking(date_of(3))
    for outside in ("2023-01-01", date_of(N_DAYS), "soon"):
        with pytest.raises(DataError):
            result.ranking(outside)


def test_cutting_the_panel_leaves_the_past_alone(panel):
    chosen = BacktestSettings(start_date=date_of(10), end_date=date_of(50), min_active_days=0)
    points = np.arange(0, len(SPACE), 5)
    one, other = (
        FactorBacktest(p, chosen, space=SPACE).evaluate(points)
        for p in (panel, panel.until(date_of(50)))
    )
    same(one, other)


def test_pickle_round_trip(objective, whole):
    copy = pickle.loads(pickle.dumps(objective))
    assert copy.fingerprint == objective.fingerprint
    np.testing.assert_array_equal(copy.evaluate([3, 4]).values, whole.values[3:5])


def test_panel_is_not_changed(panel, objective, whole):
    np.testing.assert_array_equal(panel.returns, returns_of())


def test_row_has_none_for_what_does_not_exist(whole):
    column = METRIC_NAMES.index("avg_holding_days")
    for i, value in enumerate(whole.values[:, column]):
        assert (whole.row(i)["avg_holding_days"] is None) == math.isnan(value)
