"""A delayed backtest against the plain chain with rankings moved by hand."""

import dataclasses

import numpy as np
import pytest

from objectives import BacktestSettings, FactorBacktest
from objectives.backtest import inverse_caps, simulate_reference
from objectives.basket import basket_returns
from objectives.factor_backtest import DelayedBacktest
from objectives.ranking import Ranking, eligible_pairs
from objectives.trading_rules import rule_table
from search_spaces import WEIGHT_METHODS, ConfigError
from tests.helpers.panels import array_panel, date_of, nasty_returns
from tests.helpers.plain import reference_ranking, small_space, strategy
from tests.objectives.objective_contract import ObjectiveContract

SPACE = small_space()


def panel_of(kind="gaps", seed=0):
    returns = nasty_returns(np.random.default_rng(seed), 60, 8, kind)
    return array_panel(returns, np.geomspace(1e6, 1e11, 8))


class TestContract(ObjectiveContract):
    def make(self, seed=0):
        chosen = BacktestSettings(min_active_days=10, start_date=date_of(9), split_date=date_of(45))
        space = small_space(data_period={"choice": [2, 8, 55]})
        return DelayedBacktest(panel_of(seed=seed), chosen, space=space, delay=2)


def moved_by_hand(panel, settings, params, delay):
    start, end = panel.day(settings.start_date), panel.day(settings.end_date)
    full = reference_ranking(panel, settings.factor_input, params)
    days = slice(start - delay, end + 1 - delay)
    ranking = Ranking(**{f.name: getattr(full, f.name)[days] for f in dataclasses.fields(Ranking)})
    returns = panel.returns[start:end]
    return simulate_reference(
        returns,
        ranking,
        rule_table(
            np.array([params.rebalance_frequency]),
            np.array([params.selection_count]),
            np.array([WEIGHT_METHODS.index(params.weight_method)]),
            settings,
        ),
        inverse_caps(panel.market_caps, panel.market_cap_row[start + 1 : end + 1]),
        initial_capital=settings.initial_capital,
        fee_rate=settings.fee_rate,
        basket=basket_returns(returns, eligible_pairs(panel.returns, params.data_period)[start:]),
    )


@pytest.mark.parametrize("delay", [1, 3])
@pytest.mark.parametrize("kind", ["plain", "gaps", "ties"])
def test_against_rankings_moved_by_hand(kind, delay):
    panel = panel_of(kind)
    settings = BacktestSettings(start_date=date_of(9), min_active_days=0)
    delayed = DelayedBacktest(panel, settings, space=SPACE, delay=delay)
    chosen = [
        strategy(),
        strategy(weight_method="IC", data_period=8, rebalance_frequency=3),
        strategy(weight_method="FS", data_period=2, window_size=9),
        strategy(weight_method="FS", data_period=12, window_size=7),  # outside the space
    ]
    batch = delayed.evaluate(chosen)
    for row, params in enumerate(chosen):
        plain = moved_by_hand(panel, delayed.settings, params, delay)
        np.testing.assert_array_equal(batch.values[row], plain.metrics[0, 0])
        assert len(delayed.run(params).trades) == len(plain.trades[0])


def test_strategies_that_rank_alike_keep_their_own_baskets():
    # pair 7 is listed on day 10: on rankings 8 days older both data periods see the same pairs
    # much later than the baskets do
    returns = np.random.default_rng(3).normal(1e-3, 5e-3, (60, 8))
    returns[:50, 7] = np.nan
    panel = array_panel(returns, np.geomspace(1e6, 1e11, 8))
    settings = BacktestSettings(start_date=date_of(20), min_active_days=0)
    delayed = DelayedBacktest(panel, settings, space=SPACE, delay=8)
    both = [strategy(data_period=2), strategy(data_period=8)]
    together = delayed.evaluate(both)
    alone = [DelayedBacktest(panel, settings, space=SPACE, delay=8).evaluate([p]) for p in both]
    np.testing.assert_array_equal(together.values, np.vstack([a.values for a in alone]))
    excess = together.metrics["excess_sharpe_ratio"]
    assert excess[0] != excess[1]


def test_its_ranking_of_a_date_is_the_older_one():
    panel = panel_of("plain")
    settings = BacktestSettings(start_date=date_of(9), min_active_days=0)
    today = FactorBacktest(panel, settings, space=SPACE).run(strategy())
    late = DelayedBacktest(panel, settings, space=SPACE, delay=2).run(strategy())
    assert late.ranking(date_of(30)).equals(today.ranking(date_of(28)))
    assert not late.ranking(date_of(30)).equals(today.ranking(date_of(30)))


def test_fingerprints_differ():
    panel = panel_of()
    settings = BacktestSettings(start_date=date_of(9))
    made = [
        FactorBacktest(panel, settings, space=SPACE),
        DelayedBacktest(panel, settings, space=SPACE),
        DelayedBacktest(panel, settings, space=SPACE, delay=2),
    ]
    for name in ("fingerprint", "measurement_fingerprint", "cube_key"):
        assert len({getattr(each, name) for each in made}) == 3


@pytest.mark.parametrize("delay", [0, -1, 10])
def test_delays_that_do_not_fit_are_refused(delay):
    settings = BacktestSettings(start_date=date_of(9))
    with pytest.raises(ConfigError, match="at least 1 day and at most the 9 of the data"):
        DelayedBacktest(panel_of(), settings, space=SPACE, delay=delay)
