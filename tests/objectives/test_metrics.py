"""Performance figures by hand and against NumPy."""

import math

import numpy as np
import pytest

from objectives import METRIC_NAMES, METRICS
from objectives.kernels.backtest import _mean_over_std_njit
from objectives.metrics import SegmentRecord, performance


def record(**changes):
    values = {
        "equity": [100.0, 110.0, 99.0, 99.0, 121.0],
        "basket_returns": [0.0, 0.02, -0.01, 0.0],
        "n_days": 5,
        "v5_returns": [0.1, -0.1, 0.0],
        "pnl": [10.0, -11.0, 0.0],
        "active_days": 3,
        "holding_days": [1, 4],
        "traded": 250.0,
        "fees": 0.25,
        "open_positions": 1,
    }
    given = {**values, **changes}
    given["basket_returns"] = given["basket_returns"][: len(given["equity"]) - 1]
    return SegmentRecord(**given)


def figures(**changes):
    return dict(zip(METRIC_NAMES, performance(record(**changes)), strict=True))


def test_names_are_those_of_the_definition():
    assert METRIC_NAMES == (
        "final_balance", "total_return", "annual_return", "net_sharpe_ratio", "sharpe_ratio",
        "max_drawdown", "win_rate", "trade_count", "avg_holding_days", "open_positions",
        "profit_days", "loss_days", "break_even_days", "active_days", "turnover", "fees_paid",
        "excess_sharpe_ratio", "excess_return",
    )  # fmt: skip
    assert {metric.direction for metric in METRICS} == {"maximize", "minimize"}
    assert {metric.unit for metric in METRICS} <= {"money", "fraction", "ratio", "count", "days"}


def test_all_figures():
    computed = figures()
    daily = np.array([0.1, -0.1, 0.0, 121 / 99 - 1])
    excess = daily - [0.0, 0.02, -0.01, 0.0]
    expected = {
        "final_balance": 121.0,
        "total_return": 0.21,
        "annual_return": 0.21 * 365 / 5,
        "net_sharpe_ratio": daily.mean() / daily.std(ddof=1) * math.sqrt(365),
        "sharpe_ratio": 0.0,
        "max_drawdown": 0.1,
        "win_rate": 1 / 3,
        "trade_count": 2,
        "avg_holding_days": 2.5,
        "open_positions": 1,
        "profit_days": 1,
        "loss_days": 1,
        "break_even_days": 1,
        "active_days": 3,
        "turnover": 2.5,
        "fees_paid": 0.25,
        "excess_sharpe_ratio": excess.mean() / excess.std(ddof=1) * math.sqrt(365),
        "excess_return": np.prod(1 + excess) - 1,
    }
    assert computed == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_sharpe_of_backtest_v5_annualises_by_252():
    computed = figures(v5_returns=[0.01, 0.03])
    assert computed["sharpe_ratio"] == pytest.approx(0.02 / math.sqrt(2e-4) * math.sqrt(252))


@pytest.mark.parametrize("v5_returns", [[], [0.1], [0.1, 0.1, 0.1]])
def test_sharpe_without_spread_is_0(v5_returns):
    assert figures(v5_returns=v5_returns)["sharpe_ratio"] == 0.0


def test_net_sharpe_of_a_flat_curve_is_0():
    assert figures(equity=[100.0] * 4)["net_sharpe_ratio"] == 0.0


def test_nothing_held_and_nothing_closed():
    computed = figures(pnl=[], v5_returns=[], holding_days=[])
    assert computed["win_rate"] == 0.0
    assert math.isnan(computed["avg_holding_days"])


def test_drawdown_is_from_the_running_peak_including_the_capital():
    assert figures(equity=[100.0, 90.0, 120.0, 60.0])["max_drawdown"] == 0.5
    assert figures(equity=[100.0, 90.0, 95.0])["max_drawdown"] == pytest.approx(0.1)
    assert figures(equity=[100.0, 101.0, 102.0])["max_drawdown"] == 0.0


def test_lost_capital():
    computed = figures(equity=[0.0, 0.0, 1.0])
    assert math.isnan(computed["total_return"])
    assert math.isnan(computed["turnover"])


@pytest.mark.parametrize("seed", range(3))
def test_kernel_of_mean_over_std(seed):
    x = np.random.default_rng(seed).normal(size=50)
    assert _mean_over_std_njit(x) == pytest.approx(x.mean() / x.std(ddof=1), rel=1e-12)
    assert _mean_over_std_njit(np.full(7, 0.1)) == 0.0
    assert _mean_over_std_njit(x[:1]) == 0.0
    assert _mean_over_std_njit(np.array([1e-200, 2e-200])) == 0.0
