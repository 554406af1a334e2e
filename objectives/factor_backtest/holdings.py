"""What one strategy holds on the day after a ranking, when that day is still to come."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from objectives.constants import NO_MARKET_CAPS_ADVICE
from objectives.factor_backtest.day_ranking import DayRanking, rank_days
from objectives.factor_backtest.simulator import StrategySimulator
from objectives.market import ReturnPanel
from objectives.settings import ResolvedSettings
from search_spaces import StrategyParams
from search_spaces.errors import DataError

__all__ = ["Holdings", "holdings_after"]


@dataclass(frozen=True)
class Holdings:
    """What a strategy holds at the close of a day, and what after the trades of the next one.

    Attributes
    ----------
    ranking : DayRanking
        Of the day; what the next day trades on.
    held : mapping of str to float
        Money in each pair at the close of the day: those of a backtest whose last day it is.
    target : mapping of str to float
        Money in each pair after the trades of the next day, in order of entry: those of a
        backtest that ends a day later.
    wealth : float
        Cash and amounts held before these trades, the funding of the day included, in money.
    cash : float
        After these trades and their fees, in money.
    is_trading_day : bool
        Whether the next day is one on which the strategy trades at all.
    next_trading_day : date
        The first of its trading days that is still to come.
    """

    ranking: DayRanking
    held: Mapping[str, float]
    target: Mapping[str, float]
    wealth: float
    cash: float
    is_trading_day: bool
    next_trading_day: dt.date


def holdings_after(
    panel: ReturnPanel, settings: ResolvedSettings, params: StrategyParams, date: dt.date
) -> Holdings:
    """Simulate a strategy up to the day after a ranking, of which nothing is known yet.

    What is held depends on the way there (a pair stays until it falls behind the exit threshold),
    so the whole backtest is run. Nothing after ``date`` enters.

    Parameters
    ----------
    panel : ReturnPanel
        The market; what it has after ``date`` is not looked at.
    settings : ResolvedSettings
        The money rules and the first day; its end and split do not count.
    params : StrategyParams
    date : date
        Day of the ranking, from the first day of the backtest on.

    Returns
    -------
    Holdings

    Raises
    ------
    DataError
        If the day is before the backtest or outside the panel, or for IC weights on a panel
        without market caps.
    """
    if date < settings.start_date:
        raise DataError(
            f"the backtest begins on {settings.start_date}, so there are no positions on {date}"
        )
    extended = _with_a_day_to_come(panel.until(date))
    end = extended.dates[-1].date()
    simulator = StrategySimulator(extended, replace(settings, end_date=end, split_date=None))
    if params.weight_method == "IC" and not simulator.knows_caps:
        raise DataError(NO_MARKET_CAPS_ADVICE)
    last = len(simulator.dates) - 1
    held: dict[str, float] = {}
    target: dict[str, float] = {}
    wealth = cash = settings.initial_capital
    for trade in simulator.trades(params):
        pair, before = extended.pairs[trade.pair_index], trade.day < last
        if before or trade.action == "funding":
            wealth = trade.total
        cash = trade.cash
        for amounts in (held, target) if before else (target,):
            if trade.action == "enter":
                amounts[pair] = trade.amount
            elif trade.action == "exit":
                del amounts[pair]
    (ranking,) = rank_days(simulator, params, last - 1, last - 1)
    n_waited = (last - 1) % params.rebalance_frequency
    to_wait = -n_waited % params.rebalance_frequency
    return Holdings(
        ranking, held, target, wealth, cash, to_wait == 0, end + dt.timedelta(days=to_wait)
    )


def _with_a_day_to_come(panel: ReturnPanel) -> ReturnPanel:
    """Append a day without observations."""
    unknown = np.full((1, panel.n_pairs), np.nan)
    return replace(
        panel,
        dates=pd.date_range(panel.dates[0], periods=panel.n_days + 1),
        returns=np.concatenate([panel.returns, unknown]),
        roi=None if panel.roi is None else np.concatenate([panel.roi, unknown]),
    )
