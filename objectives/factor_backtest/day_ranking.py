"""Rankings of single days of one strategy, with how many pairs were not ranked."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from objectives.factor_backtest.simulator import StrategySimulator
from objectives.market import ReturnPanel
from objectives.settings import ResolvedSettings
from search_spaces import StrategyParams
from search_spaces.errors import DataError

__all__ = ["DayRanking", "rank_days", "rank_market"]


@dataclass(frozen=True)
class DayRanking:
    """All pairs ranked at the close of a day, to be traded on the day after.

    Attributes
    ----------
    date : date
    table : pandas.DataFrame
        Indexed by ``rank`` (1 is best): ``trading_pair``, ``score`` and the value of each factor
        of the strategy. Empty on a day without a ranking.
    n_listed : int
        Pairs with an observation up to the day.
    n_eligible : int
        Of them those that are old enough for the data period and have an observation within the
        last days (SEMANTICS section 4). An eligible pair without any factor value is not ranked.
    """

    date: dt.date
    table: pd.DataFrame
    n_listed: int
    n_eligible: int


def rank_days(
    simulator: StrategySimulator, params: StrategyParams, first: int, last: int
) -> Iterator[DayRanking]:
    """Rank all pairs at the close of consecutive days.

    Parameters
    ----------
    simulator : StrategySimulator
    params : StrategyParams
        Factors, window and data period count.
    first, last : int
        Days counted from the simulator's ``start``, both included.

    Yields
    ------
    DayRanking
    """
    wanted = np.zeros(len(simulator.dates), dtype=np.bool_)
    wanted[first : last + 1] = True
    ranking, values = simulator.rankings(params, wanted)
    eligible = simulator.eligibility.mask(params.data_period)
    pairs = np.array(simulator.panel.pairs, dtype=object)
    listed_on = simulator.panel.first_observation
    for day in range(first, last + 1):
        n_ranked = int(ranking.n_ranked[day])
        order = ranking.order[day, :n_ranked]
        columns = {"trading_pair": pairs[order], "score": ranking.score[day, :n_ranked]}
        for code, of_code in zip(params.factors, values, strict=True):
            columns[code] = of_code[day, order]
        yield DayRanking(
            (simulator.panel.dates[simulator.start + day]).date(),
            pd.DataFrame(columns, index=pd.RangeIndex(1, n_ranked + 1, name="rank")),
            int((listed_on <= simulator.start + day).sum()),
            int(eligible[day].sum()),
        )


def rank_market(
    panel: ReturnPanel,
    settings: ResolvedSettings,
    params: StrategyParams,
    first: dt.date,
    last: dt.date,
) -> Iterator[DayRanking]:
    """Rank all pairs on any days of a panel, outside the period of a backtest too.

    Parameters
    ----------
    panel : ReturnPanel
    settings : ResolvedSettings
        What factors are computed from; its dates do not count.
    params : StrategyParams
    first, last : date
        Both included, days of the panel.

    Yields
    ------
    DayRanking

    Raises
    ------
    DataError
        If a day is outside the panel, is its first one, or the days are in the wrong order.
    """
    begin, end = panel.day(first), panel.day(last)
    if begin > end:
        raise DataError(f"the first day is not after the last one, got {first} and {last}")
    if end == 0:
        raise DataError(f"nothing can be ranked on {last}, the first day of the market")
    start = min(begin, end - 1)  # a simulation has at least two days
    settings = replace(
        settings,
        start_date=panel.dates[start].date(),
        end_date=panel.dates[end].date(),
        split_date=None,
    )
    simulator = StrategySimulator(panel, settings)
    yield from rank_days(simulator, params, begin - start, end - start)
