"""FactorBacktest keeps the contract; its cube on disk and its rules of reuse."""

import datetime as dt
import math

import numpy as np
import pytest

from objectives import METRIC_NAMES, BacktestSettings, FactorBacktest, FactorCube
from objectives.judge import INSUFFICIENT_DATA, NO_MARKET_CAPS, UNDEFINED_METRIC, judge
from objectives.metrics import MAY_BE_UNDEFINED
from search_spaces.errors import DataError
from tests.helpers.panels import array_panel, date_of, nasty_returns
from tests.helpers.plain import small_space
from tests.objectives.objective_contract import ObjectiveContract


def panel_of(seed, caps=True):
    returns = nasty_returns(np.random.default_rng(seed), 70, 12, "gaps")
    return array_panel(returns, np.geomspace(1e6, 1e11, 12) if caps else None)


class TestContract(ObjectiveContract):
    def make(self, seed=0):
        chosen = BacktestSettings(min_active_days=10, start_date=date_of(9), split_date=date_of(50))
        metrics = ("net_sharpe_ratio", "avg_holding_days")
        space = small_space(data_period={"choice": [2, 8, 60]})
        return FactorBacktest(panel_of(seed), chosen, space=space, metrics=metrics)


class TestContractWithoutCaps(ObjectiveContract):
    def make(self, seed=0):
        chosen = BacktestSettings(min_active_days=10)
        return FactorBacktest(panel_of(seed, caps=False), chosen, space=small_space())

    def test_settings_warnings_and_check(self, objective):
        with pytest.raises(DataError, match="weight_method IC needs market caps"):
            objective.check()


@pytest.fixture
def objective():
    return TestContract().make()


def test_prepare_maps_the_cube_of_a_folder(objective, tmp_path, monkeypatch):
    objective.prepare()
    in_memory = objective.cube
    assert not isinstance(in_memory.values, np.memmap)
    objective.prepare(tmp_path)
    assert isinstance(objective.cube.values, np.memmap)
    np.testing.assert_array_equal(objective.cube.values, in_memory.values)
    name = f"cube-{objective.cube_key[:32]}"
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{name}.json", f"{name}.npy"]

    def never(*args, **options):
        raise AssertionError("computed again")

    monkeypatch.setattr(FactorBacktest, "compute_cube", never)
    second = TestContract().make()
    second.prepare(tmp_path)
    assert isinstance(second.cube.values, np.memmap)


def test_prepare_rebuilds_a_damaged_cube(objective, tmp_path):
    path = tmp_path / f"cube-{objective.cube_key[:32]}.npy"
    path.write_bytes(b"rubbish")
    objective.prepare(tmp_path)
    assert isinstance(objective.cube.values, np.memmap)
    assert FactorCube.load(path).key == objective.cube_key


def test_prepare_in_a_folder_that_cannot_be_written(objective, tmp_path):
    (tmp_path / "file").write_text("in the way")
    objective.prepare(tmp_path / "file" / "below")
    assert not isinstance(objective.cube.values, np.memmap)


def test_columns_are_those_of_the_results_table(objective):
    columns = objective.columns(np.array([0, objective.space.size - 1]))
    assert list(columns) == [
        "factors", "window_size", "rebalance_frequency", "data_period", "selection_count",
        "weight_method",
    ]  # fmt: skip
    assert columns["factors"] == ['["SR"]', '["WR", "SO"]']
    assert columns["window_size"] == [4, 9]
    assert columns["weight_method"] == ["EQ", "FS"]


def test_only_built_in_factors_are_portable(monkeypatch):
    objective = TestContract().make()
    assert objective.portable(np.arange(objective.space.size)).all()
    monkeypatch.setattr("objectives.factor_backtest.objective.FACTOR_CODES", ("SR", "DD"))
    factors = [params.factors for params in objective.space.params_list(range(200))]
    assert objective.portable(np.arange(200)).tolist() == [
        set(codes) <= {"SR", "DD"} for codes in factors
    ]


REUSABLE = (None, INSUFFICIENT_DATA, UNDEFINED_METRIC)


def least_active_days(objective):
    chosen = objective.settings
    last = chosen.split_date - dt.timedelta(days=1) if chosen.split_date else chosen.end_date
    return max(chosen.min_active_days, (last - chosen.start_date).days * chosen.min_active_share)


def recalled_plainly(objective, values, failures):
    """The rules of reuse, a row at a time."""
    kept, measurable = [], []
    for figures, failure in zip(values.tolist(), failures, strict=True):
        missing = {n for n, x in zip(objective.names, figures, strict=True) if math.isnan(x)}
        if failure == NO_MARKET_CAPS:
            kept.append(missing == set(objective.names))
        elif missing - MAY_BE_UNDEFINED or failure not in REUSABLE:
            kept.append(False)
        else:
            active = figures[objective.names.index("active_days")]
            too_few = active < least_active_days(objective)
            kept.append(too_few == (failure == INSUFFICIENT_DATA))
        measurable.append(failure != NO_MARKET_CAPS)
    kept = np.array(kept)
    return kept, judge(
        objective.names, values[kept], np.array(measurable)[kept],
        metrics=tuple(objective.directions), least_active_days=least_active_days(objective),
    )  # fmt: skip


def test_recall_keeps_the_rules_of_reuse(objective):
    rng = np.random.default_rng(3)
    measured = objective.evaluate(np.arange(objective.space.size))
    reasons = (
        None, INSUFFICIENT_DATA, UNDEFINED_METRIC, NO_MARKET_CAPS, "error: x", "constraint: y", ""
    )  # fmt: skip
    values = np.repeat(measured.values[:60], len(reasons), axis=0)
    failures = list(reasons) * 60
    for row in rng.permutation(len(values))[:150]:
        values[row, rng.integers(values.shape[1])] = np.nan
    values[rng.random(len(values)) < 0.2] = np.nan
    kept, batch = objective.recall(values, failures)
    expected, plain = recalled_plainly(objective, values, failures)
    np.testing.assert_array_equal(kept, expected)
    assert 0 < kept.sum() < len(kept)
    np.testing.assert_array_equal(batch.values, plain.values)
    np.testing.assert_array_equal(batch.objective, plain.objective)
    assert batch.failure == plain.failure


def test_recall_under_other_metrics(objective):
    measured = objective.evaluate(np.arange(objective.space.size))
    other = FactorBacktest(
        objective.panel, objective.settings, space=objective.space, metrics=["max_drawdown"]
    )
    kept, batch = other.recall(measured.values, measured.failure)
    assert kept.all()
    again = other.evaluate(np.arange(objective.space.size))
    np.testing.assert_array_equal(batch.objective, again.objective)
    assert batch.failure == again.failure


def test_figures_that_may_be_undefined_are_figures(objective):
    assert set(objective.names) >= MAY_BE_UNDEFINED
    assert set(METRIC_NAMES) & MAY_BE_UNDEFINED == {"avg_holding_days"}
