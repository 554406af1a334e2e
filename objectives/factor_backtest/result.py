"""One strategy, looked at closely."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from objectives.factor_backtest.day_ranking import DayRanking, rank_days
from objectives.factor_backtest.simulator import StrategySimulator
from search_spaces import StrategyParams
from search_spaces.errors import DataError

__all__ = ["BacktestResult"]

_TRADE_COLUMNS = [
    "date",
    "trading_pair",
    "action",
    "amount",
    "rank",
    "cash_balance",
    "total_balance",
]


@dataclass(frozen=True)
class BacktestResult:
    """Figures, equity curve, trades and rankings of one strategy.

    Attributes
    ----------
    params : StrategyParams
        The strategy.
    metrics : mapping of str to (float or None)
        Every figure of SEMANTICS section 6, with a split also ``oos_`` ones.
    equity : pandas.Series
        Total wealth in money at the close of each day, indexed by date.
    failure : str or None
        Why the strategy counts as failed.
    """

    params: StrategyParams
    metrics: Mapping[str, float | None]
    equity: pd.Series
    failure: str | None
    _simulator: StrategySimulator

    @cached_property
    def benchmark(self) -> dict[str, float]:
        """Figures of the basket: of holding all pairs the strategy could choose from, no fees.

        Named as those of a strategy (`objectives.basket.BASKET_FIGURES`), with a split also
        ``oos_`` ones.
        """
        return self._simulator.basket_figures(self.params.data_period)

    @cached_property
    def basket_equity(self) -> pd.Series:
        """Wealth in money at the close of each day, had all of it been in the basket.

        As `equity`: same days, and the same money at the close of the first.
        """
        changes = self._simulator.basket(self.params.data_period) / 2.0  # on two exchanges each
        growth = np.cumprod(np.concatenate([[1.0], 1.0 + changes]))  # the first close is the start
        wealth = growth * self._simulator.settings.initial_capital
        return pd.Series(wealth, index=self.equity.index, name="basket")

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Entries, exits and daily funding.

        Columns ``date``, ``trading_pair``, ``action`` (enter, exit, funding), ``amount`` (money),
        ``rank`` (0: none), ``cash_balance`` and ``total_balance`` (money, after the event).
        """
        dates, pairs = list(self._simulator.dates), self._simulator.panel.pairs
        rows = [
            (
                dates[trade.day],
                pairs[trade.pair_index],
                trade.action,
                trade.amount,
                trade.rank,
                trade.cash,
                trade.total,
            )
            for trade in self._simulator.trades(self.params)
        ]
        return pd.DataFrame(rows, columns=_TRADE_COLUMNS)

    def ranking(self, date: dt.date | str) -> pd.DataFrame:
        """Return the ranking at the close of a day, traded on the day after.

        Parameters
        ----------
        date : date or str
            A day from start_date to end_date.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``rank`` (1 is best): ``trading_pair``, ``score`` and the value of each
            factor of the strategy. Empty on a day without a ranking.

        Raises
        ------
        DataError
            If the day is outside the backtest.
        """
        simulator = self._simulator
        day = simulator.panel.day(date) - simulator.start
        if not 0 <= day < len(simulator.dates):
            settings = simulator.settings
            raise DataError(
                f"rankings go from {settings.start_date} to {settings.end_date}, got {date}"
            )
        (ranked,) = rank_days(simulator, self.params, day, day)
        return ranked.table

    def rankings(self, first: dt.date, last: dt.date) -> Iterator[DayRanking]:
        """Rank all pairs on consecutive days of the backtest, both ends included."""
        panel, start = self._simulator.panel, self._simulator.start
        return rank_days(
            self._simulator, self.params, panel.day(first) - start, panel.day(last) - start
        )
