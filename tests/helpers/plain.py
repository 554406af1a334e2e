"""The whole chain in plain Python: what every compiled result is held against."""

import numpy as np

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from objectives.backtest import Simulation, inverse_caps, simulate_reference
from objectives.basket import basket_returns
from objectives.factors import factor_values_reference
from objectives.ranking import Ranking, eligible_pairs, rank_pairs_reference
from objectives.trading_rules import rule_table
from search_spaces import WEIGHT_METHODS, FactorSpace, StrategyParams


def strategy(**changes) -> StrategyParams:
    """One strategy; give what differs."""
    values = {
        "factors": ("SR", "TR"),
        "window_size": 5,
        "rebalance_frequency": 1,
        "data_period": 3,
        "selection_count": 3,
        "weight_method": "EQ",
    }
    return StrategyParams(**{**values, **changes})


def small_space(**changes) -> FactorSpace:
    """A space of few strategies; give what differs."""
    parameters = {
        "factors": {"subsets": ["SR", "DD", "TR", "ST", "WR", "SO"], "max_size": 2},
        "window_size": {"choice": [4, 9]},
        "rebalance_frequency": {"choice": [1, 3]},
        "data_period": {"choice": [2, 8]},
        "selection_count": {"choice": [0, 1, 3]},
        "weight_method": {"choice": ["EQ", "IC", "FS"]},
    }
    return FactorSpace.from_config({"parameters": {**parameters, **changes}})


def reference_ranking(panel: ReturnPanel, factor_input: str, params: StrategyParams) -> Ranking:
    """Rankings of every day of the panel."""
    values = factor_values_reference(
        panel.factor_input(factor_input), params.window_size, params.factors
    )
    eligible = eligible_pairs(panel.returns, params.data_period)
    return rank_pairs_reference(values, eligible, range(len(params.factors)))


def reference_simulation(
    panel: ReturnPanel, settings: BacktestSettings, params: StrategyParams
) -> Simulation:
    """Backtest of resolved settings (all dates given)."""
    start, end = panel.day(settings.start_date), panel.day(settings.end_date)
    full = reference_ranking(panel.until(settings.end_date), settings.factor_input, params)
    ranking = Ranking(
        full.order[start:],
        full.score[start:],
        full.rank[start:],
        full.n_ranked[start:],
        full.n_positive[start:],
    )
    listed = panel.first_observation <= end
    caps = inverse_caps(
        np.where(listed, panel.market_caps, np.nan), panel.market_cap_row[start + 1 : end + 1]
    )
    rules = rule_table(
        np.array([params.rebalance_frequency]),
        np.array([params.selection_count]),
        np.array([WEIGHT_METHODS.index(params.weight_method)]),
        settings,
    )
    return simulate_reference(
        panel.returns[start:end],
        ranking,
        rules,
        caps,
        initial_capital=settings.initial_capital,
        fee_rate=settings.fee_rate,
        basket=basket_returns(
            panel.returns[start:end], eligible_pairs(panel.returns, params.data_period)[start:]
        ),
        fixed_amount=settings.position_mode == "fixed_amount",
        split_day=panel.day(settings.split_date) - start if settings.split_date else 0,
        value_at_liquidation=settings.value_at_liquidation,
        keep_equity=True,
    )


def check_against_reference(
    panel: ReturnPanel, settings: BacktestSettings, params: StrategyParams, space: FactorSpace
) -> None:
    """Hold the compiled objective and the plain chain together, bit for bit."""
    objective = FactorBacktest(panel, settings, space=space)
    batch = objective.evaluate([params])
    if batch.failure[0] == "no_market_caps":
        assert np.isnan(batch.values).all()
        return
    result = objective.run(params)
    plain = reference_simulation(panel, objective.settings, params)
    np.testing.assert_array_equal(batch.values[0], plain.metrics[0].ravel())
    np.testing.assert_array_equal(result.equity.to_numpy(), plain.equity[0])
    assert dict(result.metrics) == batch.row(0)
