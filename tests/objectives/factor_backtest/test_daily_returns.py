"""Daily returns and what is left of them without the basket: the figures in another form."""

import numpy as np
import pytest

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from tests.helpers.plain import small_space, strategy

SPACE = small_space()
PANEL = ReturnPanel.synthetic(n_pairs=12, n_days=90, seed=4)


def annual_sharpe(daily):
    return daily.mean() / daily.std(ddof=1) * np.sqrt(365)


@pytest.mark.parametrize("split", [None, PANEL.dates[60].date()])
def test_they_give_the_recorded_figures_again(split):
    start = PANEL.dates[20].date()
    settings = BacktestSettings(start_date=start, split_date=split, min_active_days=0)
    objective = FactorBacktest(PANEL, settings, space=SPACE)
    points = np.arange(0, len(SPACE), 37)
    batch, daily = objective.evaluate(points), objective.daily_returns(points)
    assert daily.dates[0] == np.datetime64(PANEL.dates[21], "D")
    assert daily.dates[-1] == np.datetime64(PANEL.dates[-1], "D")
    days = daily.dates < np.datetime64(split or "2100-01-01")
    for k in range(len(points)):
        net = daily.net[k, days].astype(float)
        excess = daily.excess[k, days].astype(float)
        metrics = batch.row(k)
        assert np.prod(1 + net) - 1 == pytest.approx(metrics["total_return"], rel=1e-4, abs=1e-7)
        assert np.prod(1 + excess) - 1 == pytest.approx(
            metrics["excess_return"], rel=1e-4, abs=1e-7
        )
        if net.any():
            assert annual_sharpe(net) == pytest.approx(metrics["net_sharpe_ratio"], rel=1e-3)
            assert annual_sharpe(excess) == pytest.approx(metrics["excess_sharpe_ratio"], rel=1e-3)
        invested = 2 * daily.exposure[k]
        assert (invested >= 0).all()
        assert (invested <= 1 + 1e-6).all()


def test_a_strategy_that_holds_the_whole_basket_earns_nothing_beyond_it():
    # every pair of the panel is held all the time, at equal weights and without fees
    rng = np.random.default_rng(0)
    returns = np.tile(rng.normal(0.001, 0.01, size=(80, 1)), 4)
    panel = ReturnPanel(
        dates=PANEL.dates[:80], pairs=PANEL.pairs[:4], returns=returns,
        market_caps=np.full((1, 4), 1e6),
    )  # fmt: skip
    settings = BacktestSettings(
        start_date=panel.dates[10].date(), fee_rate=0.0, split_date=None, min_active_days=0
    )
    objective = FactorBacktest(panel, settings, space=SPACE)
    metrics = objective.run(strategy(selection_count=4, rebalance_frequency=1)).metrics
    assert abs(metrics["net_sharpe_ratio"]) > 0.1
    assert metrics["excess_return"] == pytest.approx(0.0, abs=1e-12)


def test_a_strategy_that_cannot_be_measured_has_no_returns():
    panel = ReturnPanel(
        dates=PANEL.dates, pairs=PANEL.pairs, returns=PANEL.returns,
        market_caps=np.full((1, 12), np.nan),
    )  # fmt: skip
    objective = FactorBacktest(panel, BacktestSettings(min_active_days=0), space=SPACE)
    daily = objective.daily_returns([strategy(weight_method="IC"), strategy()])
    assert np.isnan(daily.net[0]).all()
    assert np.isfinite(daily.net[1]).all()


def test_the_benchmark_is_the_basket_of_the_shortest_data_period():
    returns = np.random.default_rng(1).normal(0.001, 0.01, size=(80, 4))
    panel = ReturnPanel(
        dates=PANEL.dates[:80], pairs=PANEL.pairs[:4], returns=returns,
        market_caps=np.full((1, 4), 1e6),
    )  # fmt: skip
    settings = BacktestSettings(
        start_date=panel.dates[10].date(), split_date=panel.dates[60].date()
    )
    objective = FactorBacktest(panel, settings, space=SPACE)
    assert objective.benchmark == objective.run(strategy(data_period=2)).benchmark
    # nothing is held over the first day
    before, after = returns[11:59].mean(axis=1) / 2, returns[59:79].mean(axis=1) / 2
    assert objective.benchmark["total_return"] == pytest.approx(np.prod(1 + before) - 1)
    assert objective.benchmark["oos_total_return"] == pytest.approx(np.prod(1 + after) - 1)
    assert objective.benchmark["oos_net_sharpe_ratio"] == pytest.approx(annual_sharpe(after))


def test_the_curve_of_the_basket_has_the_days_and_the_money_of_the_strategy():
    returns = np.random.default_rng(2).normal(0.001, 0.01, size=(80, 4))
    panel = ReturnPanel(
        dates=PANEL.dates[:80], pairs=PANEL.pairs[:4], returns=returns,
        market_caps=np.full((1, 4), 1e6),
    )  # fmt: skip
    settings = BacktestSettings(
        start_date=panel.dates[10].date(), split_date=None, initial_capital=500.0
    )
    result = FactorBacktest(panel, settings, space=SPACE).run(strategy(data_period=2))
    curve = result.basket_equity
    assert curve.index.equals(result.equity.index)
    # nothing is held over day 10; what day 11 earns is in the wealth of day 12, as a strategy's is
    growth = np.cumprod(1 + returns[11:79].mean(axis=1) / 2)
    assert (curve.iloc[:2] == 500.0).all()
    assert curve.iloc[2:].to_numpy() == pytest.approx(500.0 * growth)
    assert curve.iloc[-1] / 500.0 - 1 == pytest.approx(result.benchmark["total_return"])


def test_holdings_are_what_the_exposure_is_made_of():
    settings = BacktestSettings(start_date=PANEL.dates[20].date(), min_active_days=0)
    objective = FactorBacktest(PANEL, settings, space=SPACE)
    for point in (3, len(SPACE) - 2):
        exposure = objective.daily_returns([point]).exposure[0]
        trades = objective.run(SPACE.params(point)).trades
        for day in (0, 1, 17, 40, 68):
            held = objective.holdings(point, day)
            assert held.sum() / 2 == pytest.approx(exposure[day], rel=1e-5)
            earning = trades[(trades["action"] == "funding")]
            pairs = set(earning["trading_pair"][earning["date"] == PANEL.dates[20 + day + 1]])
            names = {PANEL.pairs[k] for k in np.flatnonzero(held)}
            assert pairs <= names  # those without an observation earn nothing
    np.testing.assert_array_equal(
        objective.holdings(SPACE.params(3), 40), objective.holdings(3, 40)
    )
