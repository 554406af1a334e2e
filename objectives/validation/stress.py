"""A factor strategy under other conditions: higher fees, older rankings, one pair fewer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from objectives.factor_backtest import DelayedBacktest, FactorBacktest, FactorCube
from objectives.market import ReturnPanel
from objectives.settings import BacktestSettings
from objectives.validation.daily_figures import FIGURE_NAMES, Figures
from search_spaces import FactorSpace, StrategyParams
from search_spaces.errors import ConfigError
from search_spaces.parameters import Fixed, Subsets

__all__ = [
    "PairRemoval",
    "PairsLeftOut",
    "Stress",
    "held_pairs",
    "leave_pairs_out",
    "stress_delay",
    "stress_fees",
]

FEE_FACTORS = (2, 5)
ASSUMED_FEE_RATE = 0.001
"""What is multiplied where the strategy was measured without fees: 0.1 % of a traded amount."""

_N_COSTLIEST = 5


@dataclass(frozen=True)
class Stress:
    """The strategy, simulated again under one other condition.

    Attributes
    ----------
    condition : str
        What is different, in a few words.
    figures : Figures or None
        None where it cannot be simulated.
    reason : str or None
        Why not.
    """

    condition: str
    figures: Figures | None
    reason: str | None = None


@dataclass(frozen=True)
class PairRemoval:
    """The strategy on the market without one pair.

    Attributes
    ----------
    pair : str
        Its name.
    figures : Figures
        Of the strategy without it.
    """

    pair: str
    figures: Figures


@dataclass(frozen=True)
class PairsLeftOut:
    """What single pairs contribute.

    Attributes
    ----------
    n_held : int
        Pairs that the strategy held on any day.
    n_measured : int
        Of these, the ones without which it can be measured; less than ``n_held`` only where a
        strategy weighs by market caps and a single pair has one.
    n_above_zero : int
        Of the measured, the ones without which the net Sharpe ratio is still above 0.
    costliest : tuple of PairRemoval
        The up to five pairs without which the net Sharpe ratio is lowest, lowest first.
    """

    n_held: int
    n_measured: int
    n_above_zero: int
    costliest: tuple[PairRemoval, ...]


def stress_fees(objective: FactorBacktest, params: StrategyParams) -> tuple[Stress, ...]:
    """Simulate the strategy with twice and five times the fees.

    Parameters
    ----------
    objective : FactorBacktest
        What the strategy was measured by; without fees 0.001 is taken for its fee rate.
    params : StrategyParams
        The strategy.

    Returns
    -------
    tuple of Stress
        A rate of 1 or more cannot be simulated.
    """
    base = objective.settings.fee_rate or ASSUMED_FEE_RATE
    found = []
    for factor in FEE_FACTORS:
        rate = factor * base
        condition = f"fees x {factor} ({100 * rate:g} %)"
        if rate >= 1.0:
            found.append(Stress(condition, None, "a fee is less than the traded amount"))
            continue
        settings = replace(objective.settings, fee_rate=rate)
        dearer = FactorBacktest(objective.panel, settings, space=space_of_one(params))
        found.append(Stress(condition, figures_of(dearer, params)))
    return tuple(found)


def stress_delay(objective: FactorBacktest, params: StrategyParams) -> Stress:
    """Simulate the strategy with rankings that are one day older."""
    condition = "one day later"
    try:
        delayed = DelayedBacktest(
            objective.panel, objective.settings, space=space_of_one(params), delay=1
        )
    except ConfigError as error:
        return Stress(condition, None, str(error))
    return Stress(condition, figures_of(delayed, params))


def held_pairs(objective: FactorBacktest, params: StrategyParams) -> tuple[int, ...]:
    """Return the pairs that a strategy entered before a split, as ascending panel columns."""
    trades = objective.run(params).trades
    entered = trades["action"] == "enter"
    if objective.settings.split_date is not None:
        entered &= trades["date"].dt.date < objective.settings.split_date
    column = {pair: k for k, pair in enumerate(objective.panel.pairs)}
    return tuple(sorted({column[pair] for pair in trades.loc[entered, "trading_pair"]}))


def leave_pairs_out(
    objective: FactorBacktest,
    params: StrategyParams,
    pairs: tuple[int, ...],
    *,
    on_pair: Callable[[], None] | None = None,
) -> PairsLeftOut:
    """Simulate the strategy on the market without each of some pairs; rankings change too.

    Parameters
    ----------
    objective : FactorBacktest
        What the strategy was measured by.
    params : StrategyParams
        The strategy.
    pairs : tuple of int
        Columns of the panel, from :func:`held_pairs`.
    on_pair : callable, optional
        Called after each pair.

    Returns
    -------
    PairsLeftOut
    """
    space = space_of_one(params)
    whole = FactorBacktest(objective.panel, objective.settings, space=space).compute_cube()
    removals = []
    for pair in pairs:
        panel = without_pair(objective.panel, pair)
        # a factor looks at one pair only, so the values of the others stay as they are
        cube = replace(whole, values=np.delete(whole.values, pair, axis=3))
        figures = figures_of(_with_cube(panel, objective.settings, space, cube), params)
        if figures is not None:
            removals.append(PairRemoval(objective.panel.pairs[pair], figures))
        if on_pair is not None:
            on_pair()
    lowest_first = sorted(removals, key=lambda removal: removal.figures.net_sharpe_ratio)
    return PairsLeftOut(
        n_held=len(pairs),
        n_measured=len(removals),
        n_above_zero=sum(removal.figures.net_sharpe_ratio > 0.0 for removal in removals),
        costliest=tuple(lowest_first[:_N_COSTLIEST]),
    )


def figures_of(objective: FactorBacktest, params: StrategyParams) -> Figures | None:
    """Measure a strategy, with a split on the days before it; None if market caps are missing."""
    metrics = objective.evaluate([params]).metrics
    values = [float(metrics[name][0]) for name in FIGURE_NAMES]
    return None if np.isnan(values).any() else Figures(*values)


def without_pair(panel: ReturnPanel, pair: int) -> ReturnPanel:
    """Return a panel without one of its columns, on the same calendar."""
    return replace(
        panel,
        pairs=panel.pairs[:pair] + panel.pairs[pair + 1 :],
        returns=np.delete(panel.returns, pair, axis=1),
        roi=None if panel.roi is None else np.delete(panel.roi, pair, axis=1),
        market_caps=np.delete(panel.market_caps, pair, axis=1),
    )


def space_of_one(params: StrategyParams) -> FactorSpace:
    """Return the space of one strategy, whose factor cube is small."""
    n_factors = len(params.factors)
    rest = ("window_size", "rebalance_frequency", "data_period", "selection_count", "weight_method")
    return FactorSpace(
        [
            Subsets("factors", params.factors, n_factors, n_factors),
            *(Fixed(name, getattr(params, name)) for name in rest),
        ],
        factor_codes=params.factors,
    )


def _with_cube(
    panel: ReturnPanel, settings: BacktestSettings, space: FactorSpace, cube: FactorCube
) -> FactorBacktest:
    """Build a backtest on factor values that are known already."""
    key = FactorBacktest(panel, settings, space=space).cube_key
    return FactorBacktest(panel, settings, space=space, cube=replace(cube, key=key))
