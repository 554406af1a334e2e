"""The whole chain in plain Python: what every compiled result is held against.

Used by the tests, and by the self-test of ``mass-tuning doctor``.
"""

from dataclasses import dataclass

import numpy as np

from objectives.backtest import Simulation, inverse_caps, simulate_reference
from objectives.basket import basket_returns
from objectives.factor_backtest import FactorBacktest
from objectives.factors import factor_values_reference
from objectives.market import ReturnPanel
from objectives.ranking import Ranking, eligible_pairs, rank_pairs_reference
from objectives.settings import BacktestSettings
from objectives.trading_rules import rule_table
from search_spaces import WEIGHT_METHODS, FactorSpace, StrategyParams

__all__ = ["SelfTest", "compare_with_reference", "reference_ranking", "reference_simulation"]

_N_PAIRS, _N_DAYS = 8, 50
_STRATEGIES = (
    (("SR", "DD"), 5, 1, "EQ"),
    (("TR", "ST"), 10, 2, "FS"),
    (("WR", "SO"), 10, 7, "IC"),
)


@dataclass(frozen=True)
class SelfTest:
    """How compiled kernels and plain Python compare on an invented market.

    Attributes
    ----------
    n_figures : int
        Figures compared.
    differing : tuple of str
        Ids of the strategies of which a figure is not the same, bit for bit.
    """

    n_figures: int
    differing: tuple[str, ...]


def compare_with_reference() -> SelfTest:
    """Compute a few strategies on a small invented market twice, compiled and in plain Python."""
    panel = ReturnPanel.synthetic(n_pairs=_N_PAIRS, n_days=_N_DAYS)
    settings = BacktestSettings(min_active_days=1, min_active_share=0.0, split_date=None)
    space = FactorSpace.default()
    listed = [
        StrategyParams(
            factors=factors,
            window_size=window,
            rebalance_frequency=days,
            data_period=10,
            selection_count=3,
            weight_method=weights,
        )
        for factors, window, days, weights in _STRATEGIES
    ]
    objective = FactorBacktest(panel, settings, space=space)
    values = objective.evaluate(listed).values
    differing = []
    for params, compiled in zip(listed, values, strict=True):
        plain = reference_simulation(panel, objective.settings, params).metrics[0].ravel()
        if not np.array_equal(compiled, plain, equal_nan=True):
            differing.append(space.strategy_id(params))
    return SelfTest(values.size, tuple(differing))


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
