"""An objective of one's own: the example, its failures and what its fingerprint covers."""

# ruff: noqa: PD011  (values of a batch, not of pandas)

import importlib.util
import pickle

import numpy as np
import optuna
import pandas as pd
import pytest

from objectives import BacktestSettings, FrameObjective, ReturnPanel
from objectives.examples.momentum import MomentumObjective
from search_spaces import Choice, FactorSpace, Range, SearchSpace
from search_spaces.errors import ConfigError, DataError, MassTuningError
from tests.objectives.objective_contract import ObjectiveContract

SPACE = SearchSpace([Choice("lookback", (5, 20, 115, 400)), Range("n_held", 1, 5)])
METRICS = ("net_sharpe_ratio", "max_drawdown")


def momentum(panel=None, space=SPACE, metrics=METRICS, **settings):
    panel = panel or ReturnPanel.synthetic(n_pairs=8, n_days=120)
    chosen = BacktestSettings(**{"min_active_days": 20, **settings})
    return MomentumObjective(panel, chosen, space=space, metrics=metrics)


class Fragile(FrameObjective):
    names = ("total_return", "win_rate")
    default_options = {"factor": 1.0}  # noqa: RUF012

    def measure(self, params, returns):
        if params["n_held"] == 2:
            raise ValueError("two is too many")
        returns["new"] = 0.0  # a frame of its own
        undefined = params["n_held"] == 3
        return {"total_return": self.options["factor"], "win_rate": None if undefined else 0.5}


class TestMomentum(ObjectiveContract):
    def make(self, seed=0):
        return momentum(ReturnPanel.synthetic(n_pairs=8, n_days=120, seed=seed))


class TestFragile(ObjectiveContract):
    def make(self, seed=0):
        panel = ReturnPanel.synthetic(n_pairs=3, n_days=30, seed=seed)
        return Fragile(panel, space=SPACE, metrics=["win_rate"])


def test_momentum_by_hand():
    rising, falling = np.full(10, 0.01), np.full(10, -0.01)
    panel = ReturnPanel(
        dates=pd.date_range("2024-01-01", periods=10),
        pairs=("A_x_y", "B_x_y"),
        returns=np.stack([falling, rising], axis=1),
    )
    space = SearchSpace([Choice("lookback", (2,)), Range("n_held", 1, 2)])
    objective = momentum(panel, space, fee_rate=0.0, min_active_days=0)
    one, both = (objective.evaluate([i]).row(0) for i in (0, 1))
    # ranked from the close of day 1, held from day 2 to day 9
    assert one["active_days"] == 8
    assert one["total_return"] == pytest.approx(1.01**8 - 1)
    assert one["max_drawdown"] == 0.0
    assert one["trade_count"] == 0
    assert both["total_return"] == pytest.approx(0.0)
    with_fee = momentum(panel, space, fee_rate=0.001, min_active_days=0).evaluate([0]).row(0)
    assert with_fee["total_return"] == pytest.approx(1.009 * 1.01**7 - 1)


def test_momentum_day_by_day():
    rising, falling = np.full(10, 0.01), np.full(10, -0.01)
    panel = ReturnPanel(
        dates=pd.date_range("2024-01-01", periods=10),
        pairs=("A_x_y", "B_x_y"),
        returns=np.stack([falling, rising], axis=1),
    )
    space = SearchSpace([Choice("lookback", (2,)), Range("n_held", 1, 2)])
    objective = momentum(panel, space, fee_rate=0.001, min_active_days=0)
    daily = objective.daily_returns([0, 1])
    np.testing.assert_array_equal(daily.dates, panel.dates.to_numpy().astype("datetime64[D]"))
    held = np.arange(10) >= 2
    np.testing.assert_allclose(daily.net[0], np.where(held, 0.01, 0.0) - 0.001 * (held & (
        np.arange(10) == 2)), rtol=1e-6)  # fmt: skip
    np.testing.assert_array_equal(daily.exposure, [held, held])
    np.testing.assert_array_equal(daily.basket, np.zeros((1, 10)))
    np.testing.assert_allclose(daily.excess[0], daily.net[0])


class Daily(FrameObjective):
    """Whatever the option says; its daily series may be of the wrong form."""

    names = ("total_return",)
    default_options = {"form": "series"}  # noqa: RUF012

    def measure(self, params, returns):
        return {"total_return": float("nan") if params["n_held"] == 5 else 0.0}

    def daily(self, params, returns):
        net = returns.iloc[:, 0].fillna(0.0)
        if params["n_held"] == 2:
            raise DataError("two is too many")
        if params["n_held"] == 3:
            net.iloc[4] = np.nan
        frame = pd.DataFrame({"net": net, "exposure": 1.0})
        return {
            "series": net,
            "frame": frame,
            "some": frame if params["n_held"] == 1 else net,
            "short": frame.iloc[:-1],
            "columns": frame.assign(more=0.0),
            "array": net.to_numpy(),
            "text": net.map("{} %".format).rename("net"),
        }[self.options["form"]]


def daily_objective(form):
    panel = ReturnPanel.synthetic(n_pairs=3, n_days=30)
    return Daily(panel, space=SPACE, metrics=["total_return"], form=form)


class TestSeries(ObjectiveContract):
    def make(self, seed=0):
        panel = ReturnPanel.synthetic(n_pairs=3, n_days=30, seed=seed)
        return Daily(panel, space=SPACE, metrics=["total_return"])


class TestFrames(ObjectiveContract):
    def make(self, seed=0):
        panel = ReturnPanel.synthetic(n_pairs=3, n_days=30, seed=seed)
        return Daily(panel, space=SPACE, metrics=["total_return"], form="frame")


def test_strategies_without_a_series_of_numbers_have_no_days():
    daily = daily_objective("frame").daily_returns(SPACE.params_list(range(5)))
    assert np.isnan(daily.net).all(axis=1).tolist() == [False, True, True, False, False]
    assert daily.exposure.tolist() == [[float(k not in (1, 2))] * 30 for k in range(5)]
    assert daily_objective("series").daily_returns([0, 1]).exposure is None


def test_the_basket_is_the_mean_of_what_was_observed():
    returns = np.array([[0.1, 0.3], [np.nan, 0.2], [np.nan, np.nan], [0.0, 0.1]])
    panel = ReturnPanel(
        dates=pd.date_range("2024-01-01", periods=4), pairs=("A_x_y", "B_x_y"), returns=returns
    )
    daily = Daily(panel, space=SPACE, metrics=["total_return"]).daily_returns([0])
    np.testing.assert_allclose(daily.basket, [[0.2, 0.2, 0.0, 0.05]], rtol=1e-6)


@pytest.mark.parametrize("form", ["short", "columns", "array"])
def test_a_daily_series_of_another_form_is_refused(form):
    with pytest.raises(ConfigError, match=r"Daily\.daily returns a series, or a frame"):
        daily_objective(form).daily_returns([0])


def test_a_daily_series_that_is_no_numbers_is_refused():
    with pytest.raises(ConfigError, match=r"Daily\.daily returns numbers, got others"):
        daily_objective("text").daily_returns([0])


def test_exposures_of_some_strategies_only_are_refused():
    objective = daily_objective("some")
    with pytest.raises(ConfigError, match="for all strategies or for none"):
        objective.daily_returns([0, 3])


def test_a_time_limit_in_daily_concerns_more_than_one_strategy():
    class Late(Daily):
        def daily(self, params, returns):
            raise MassTuningError("too late")

    objective = Late(ReturnPanel.synthetic(n_pairs=3, n_days=30), space=SPACE, metrics=Daily.names)
    with pytest.raises(MassTuningError, match="too late"):
        objective.daily_returns([0])


def test_a_strategy_that_holds_nothing_has_insufficient_data():
    batch = momentum().evaluate(np.arange(SPACE.size))
    failed = {params["lookback"] for params, reason in zip(
        SPACE.params_list(range(SPACE.size)), batch.failure, strict=True
    ) if reason == "insufficient_data"}  # fmt: skip
    assert failed == {115, 400}
    assert set(batch.failure) == {None, "insufficient_data"}


def test_one_failure_leaves_the_others_alone():
    panel = ReturnPanel.synthetic(n_pairs=3, n_days=30)
    objective = Fragile(panel, space=SPACE, metrics=["win_rate"])
    batch = objective.evaluate(np.arange(5))
    assert batch.failure == (
        None, "error: ValueError: two is too many", "undefined_metric", None, None
    )  # fmt: skip
    assert np.isnan(batch.objective[:, 0]).tolist() == [False, True, True, False, False]
    assert batch.row(2) == {"total_return": 1.0, "win_rate": None}
    # what is undefined but not optimised is no failure
    other = Fragile(panel, space=SPACE, metrics=["total_return"])
    assert other.evaluate([2]).failure == (None,)


@pytest.mark.parametrize(("error", "concerns_all"), [
    (DataError("no"), False), (KeyError("x"), False), (MassTuningError("no"), True),
    (ConfigError("no"), True),
])  # fmt: skip
def test_errors_that_concern_more_than_a_strategy_are_raised(monkeypatch, error, concerns_all):
    def measure(self, params, returns):
        raise error

    monkeypatch.setattr(MomentumObjective, "measure", measure)
    if concerns_all:
        with pytest.raises(type(error)):
            momentum().evaluate([0])
    else:
        reason = f"error: {type(error).__name__}: {error}"
        assert momentum().evaluate([0]).failure == (reason,)


def test_measure_returns_what_it_names(monkeypatch):
    monkeypatch.setattr(MomentumObjective, "measure", lambda self, params, returns: {"sharp": 1.0})
    with pytest.raises(ConfigError, match=r"missing: total_return, .* unknown: sharp"):
        momentum().evaluate([0])


def test_plain_optuna_study():
    objective = momentum()
    study = objective.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=15)
    states = {trial.state.name for trial in study.trials}
    assert states == {"COMPLETE", "FAIL"}
    assert study.best_trials


def test_it_works_on_factor_strategies():
    class OfFactors(FrameObjective):
        names = ("total_return",)

        def measure(self, params, returns):
            return {"total_return": float(params.window_size)}

    objective = OfFactors(
        ReturnPanel.synthetic(n_pairs=3, n_days=30),
        space=FactorSpace.default(), metrics=["total_return"],
    )  # fmt: skip
    assert objective.evaluate([0, 400_000]).values[:, 0].tolist() == [5.0, 30.0]
    assert objective.columns(np.array([0]))["window_size"] == [5]


def test_returns_are_those_of_the_period():
    seen = []

    class Looks(FrameObjective):
        names = ("total_return",)

        def measure(self, params, returns):
            seen.append(returns)
            return {"total_return": 0.0}

    panel = ReturnPanel.synthetic(n_pairs=3, n_days=30)
    chosen = BacktestSettings(start_date="2024-01-05", end_date="2024-01-20")
    Looks(panel, chosen, space=SPACE, metrics=["total_return"]).evaluate([0, 1])
    one, other = seen
    assert one is not other
    assert [str(day.date()) for day in one.index[[0, -1]]] == ["2024-01-05", "2024-01-20"]
    assert tuple(one.columns) == panel.pairs
    np.testing.assert_array_equal(one, panel.returns[4:20])


def test_fingerprint_covers_what_decides_the_outcome():
    panel = ReturnPanel.synthetic(n_pairs=8, n_days=120)
    chosen = {"end_date": "2024-04-20"}
    mark = momentum(panel, **chosen).fingerprint
    assert momentum(panel.until("2024-04-25"), **chosen).fingerprint == mark
    assert pickle.loads(pickle.dumps(momentum(panel, **chosen))).fingerprint == mark
    others = {
        mark,
        momentum(ReturnPanel.synthetic(n_pairs=8, n_days=120, seed=1), **chosen).fingerprint,
        momentum(panel, **chosen, fee_rate=0.002).fingerprint,
        momentum(panel, **chosen, start_date="2024-01-02").fingerprint,
        momentum(panel, SPACE.restrict({"lookback": ["5"]}), **chosen).fingerprint,
        momentum(panel, metrics=METRICS[::-1], **chosen).fingerprint,
    }
    assert len(others) == 6


def test_fingerprint_covers_options():
    panel = ReturnPanel.synthetic(n_pairs=3, n_days=30)
    marks = {
        Fragile(panel, space=SPACE, metrics=["win_rate"], **options).fingerprint
        for options in ({}, {"factor": 1.0}, {"factor": 2.0})
    }
    assert len(marks) == 2


TEXT = """
from objectives import FrameObjective

class Parent(FrameObjective):
    names = ("total_return",)

    def measure(self, params, returns):
        return {"total_return": 1.0}

class Child(Parent):
    pass
"""


def test_fingerprint_covers_the_code_also_of_parents(tmp_path):
    marks = set()
    for number, text in enumerate((TEXT, TEXT, TEXT.replace("1.0", "2.0"))):
        path = tmp_path / f"version_{number}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location("objective_of_a_user", path)
        module = importlib.util.module_from_spec(spec)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(importlib.sys.modules, "objective_of_a_user", module)
            spec.loader.exec_module(module)
            panel = ReturnPanel.synthetic(n_pairs=2, n_days=20)
            child = module.Child(panel, space=SPACE, metrics=["total_return"])
            marks.add(child.fingerprint)
    assert len(marks) == 2


def test_code_without_a_file_is_refused():
    scope = {"__name__": "nowhere"}
    exec(TEXT, scope)
    panel = ReturnPanel.synthetic(n_pairs=2, n_days=20)
    with pytest.raises(ConfigError, match=r"source text of Child cannot be read .*in a file"):
        scope["Child"](panel, space=SPACE, metrics=["total_return"])


def made(names=("total_return",), metrics=("total_return",), **options):
    chosen_names = names

    class Made(FrameObjective):
        names = chosen_names
        default_options = {"depth": 1}  # noqa: RUF012

        def measure(self, params, returns):
            return dict.fromkeys(self.names, 0.0)

    panel = ReturnPanel.synthetic(n_pairs=2, n_days=20)
    return Made(panel, space=SPACE, metrics=list(metrics), **options)


@pytest.mark.parametrize(("arguments", "match"), [
    ({"names": ("profit",)}, r"names is a tuple of distinct metrics among final_balance,.*profit"),
    ({"names": ()}, "names is a tuple"),
    ({"names": ("total_return", "total_return")}, "distinct"),
    ({"metrics": ("win_rate",)}, "unknown metric 'win_rate'; known are total_return"),
    ({"depht": 2}, "unknown option depht; known are depth"),
    ({"depth": object()}, "options are plain values"),
])  # fmt: skip
def test_bad_classes_and_arguments(arguments, match):
    with pytest.raises(ConfigError, match=match):
        made(**arguments)


def test_options():
    assert made().options == {"depth": 1}
    assert made(depth=3).options == {"depth": 3}


def test_an_automatic_split_is_none():
    objective = momentum(split_date="auto")
    assert objective.settings.split_date is None
    assert objective.warnings == ()


def test_a_split_is_warned_of():
    assert momentum().warnings == ()
    (warning,) = momentum(split_date="2024-04-01").warnings
    assert "split_date=2024-04-01 has no effect on MomentumObjective" in warning
