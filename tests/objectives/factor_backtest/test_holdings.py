"""What a strategy holds after the last ranking: the state of a backtest, a day ahead."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from objectives.factor_backtest import holdings_after, rank_market
from objectives.ranking import eligible_pairs
from search_spaces import FactorSpace, StrategyParams
from search_spaces.errors import DataError

START = dt.date(2024, 1, 11)
SPACE = FactorSpace.default().restrict({"data_period": ["10"]})


@pytest.fixture(scope="module")
def panel():
    return ReturnPanel.synthetic(n_pairs=14, n_days=130, seed=3)


@pytest.fixture(scope="module")
def settings(panel):
    first, last = panel.dates[0].date(), panel.dates[-1].date()
    return BacktestSettings(start_date=START, value_at_liquidation=False).resolve(first, last)


def backtest(panel, settings, params, end):
    """The backtest up to a day on a market that ends there, and what its trades leave by hand."""
    settings = replace(settings, end_date=end)
    result = FactorBacktest(panel.until(end), settings, space=SPACE).run(params)
    held = {}
    for trade in result.trades.itertuples():
        if trade.action == "enter":
            held[trade.trading_pair] = trade.amount
        elif trade.action == "exit":
            del held[trade.trading_pair]
    return result, held


def some_strategies(n):
    generator = np.random.default_rng(5)
    factors = [("SR",), ("TR", "WR"), ("SR", "DD"), ("ST",)]
    for number in range(n):
        yield (
            StrategyParams(
                factors=factors[number % 4],
                window_size=int(generator.choice([5, 20])),
                rebalance_frequency=int(generator.choice([1, 2, 7])),
                data_period=10,
                selection_count=int(generator.choice([0, 3, 5])),
                weight_method=("EQ", "IC", "FS")[number % 3],
            ),
            START + dt.timedelta(days=int(generator.integers(0, 110))),
            ("percentage_based", "fixed_amount")[number % 2],
        )


@pytest.mark.parametrize(("params", "date", "mode"), list(some_strategies(24)))
def test_they_are_those_of_the_backtests_that_end_on_the_day_and_on_the_next(
    panel, settings, params, date, mode
):
    settings = replace(settings, position_mode=mode)
    found = holdings_after(panel, settings, params, date)
    if date > START:
        result, held = backtest(panel, settings, params, date)
        assert found.held == held
        cash = result.equity.iloc[-1] - sum(held.values())
        returned = panel.returns[panel.day(date)]
        funding = [
            amount / 2 * returned[panel.pairs.index(pair)]
            for pair, amount in held.items()
            if not np.isnan(returned[panel.pairs.index(pair)])
        ]
        assert found.wealth == pytest.approx(cash + sum(held.values()) + sum(funding), abs=1e-8)
    # only who saw the next day could know what the backtest that ends on it holds
    result, held = backtest(panel, settings, params, date + dt.timedelta(days=1))
    assert found.target == held
    assert found.ranking.date == date
    assert found.ranking.table.equals(result.ranking(date))
    assert found.cash + sum(held.values()) == pytest.approx(result.equity.iloc[-1], abs=1e-8)
    n_days = (date - START).days
    assert found.is_trading_day == (n_days % params.rebalance_frequency == 0)
    waits = (found.next_trading_day - date).days - 1
    assert (n_days + waits) % params.rebalance_frequency == 0
    assert 0 <= waits < params.rebalance_frequency
    if not found.is_trading_day:
        assert found.target == found.held


def test_nothing_after_the_day_enters(panel, settings):
    params, date = SPACE.params(2), dt.date(2024, 3, 1)
    assert holdings_after(panel, settings, params, date).target
    whole, cut = (
        holdings_after(market, settings, params, date) for market in (panel, panel.until(date))
    )
    assert (whole.target, whole.wealth, whole.cash) == (cut.target, cut.wealth, cut.cash)


def test_days_without_positions(panel, settings):
    params = SPACE.params(2)
    with pytest.raises(DataError, match="the backtest begins on 2024-01-11"):
        holdings_after(panel, settings, params, START - dt.timedelta(days=1))
    with pytest.raises(DataError, match="outside the panel"):
        holdings_after(panel, settings, params, dt.date(2030, 1, 1))
    bare = ReturnPanel(dates=panel.dates, pairs=panel.pairs, returns=panel.returns)
    with pytest.raises(DataError, match="needs market caps"):
        holdings_after(bare, settings, replace(params, weight_method="IC"), START)


def test_a_ranking_of_any_day_of_the_market_is_that_of_the_backtest(panel, settings):
    params, date = SPACE.params(40), dt.date(2024, 2, 20)
    short = replace(settings, end_date=dt.date(2024, 3, 1))
    result = FactorBacktest(panel, short, space=SPACE).run(params)
    (day,) = rank_market(panel, short, params, date, date)
    assert day.table.equals(result.ranking(date))
    assert day.n_eligible == eligible_pairs(panel.returns, 10)[panel.day(date)].sum()
    assert day.n_listed == (panel.first_observation <= panel.day(date)).sum()
    last = panel.dates[-1].date()
    days = list(rank_market(panel, short, params, dt.date(2024, 1, 1), last))
    assert [one.date for one in days] == [stamp.date() for stamp in panel.dates]
    assert days[50].table.equals(day.table)
    assert days[0].table.empty
    assert len(days[-1].table) > 0  # long after the end of the backtest
    with pytest.raises(DataError, match="the first day of the market"):
        next(rank_market(panel, short, params, dt.date(2024, 1, 1), dt.date(2024, 1, 1)))
    with pytest.raises(DataError, match="not after the last one"):
        next(rank_market(panel, short, params, last, date))
