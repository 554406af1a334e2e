"""Ranking and simulating strategies on one panel and period, from parameter columns to figures."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from objectives.account import Trade
from objectives.backtest import (
    InverseCaps,
    Simulation,
    inverse_caps,
    simulate,
    simulate_reference,
)
from objectives.basket import basket_figures, basket_returns
from objectives.factor_backtest.eligibility import Eligibility
from objectives.factor_backtest.factor_cube import FactorCube
from objectives.factor_backtest.point_table import PointTable
from objectives.factor_backtest.shared_outcomes import Outcomes, SharedOutcomes
from objectives.factors import factor_values
from objectives.market import ReturnPanel
from objectives.ranking import Moments, Ranking, factor_moments, rank_pairs
from objectives.settings import ResolvedSettings
from search_spaces import StrategyParams

__all__ = ["StrategySimulator"]


class StrategySimulator:
    """What :class:`objectives.FactorBacktest` runs on: the days of a period, ranked and traded.

    Parameters
    ----------
    panel : ReturnPanel
        The market.
    settings : ResolvedSettings
        Days of the panel, and the money rules.
    data_periods : sequence of int
        Those of a space: where several of them rank the same pairs on every day, what is
        simulated for one is kept for the others.
    delay : int
        Days that a ranking is old before it counts as that of a day; 0: the one at its close.
        At most the days of the panel before ``start``.

    Attributes
    ----------
    start, end : int
        First and last day, as days of the panel.
    first_ranked, last_ranked : int
        Days of the panel whose rankings count as those of ``start`` and ``end``.
    split_day : int
        First out-of-sample day, counted from ``start``; 0: none.
    factor_input : ndarray of float64, shape (n_panel_days, n_pairs)
        What factors are computed from.
    eligibility : Eligibility
        Which pairs may be ranked.
    cube : FactorCube or None
        Factor values of the windows of a space; set by the owner before anything is simulated.
        Strategies of other windows are computed on the side.
    """

    def __init__(
        self,
        panel: ReturnPanel,
        settings: ResolvedSettings,
        data_periods: Sequence[int] = (),
        *,
        delay: int = 0,
    ) -> None:
        self.panel = panel
        self.settings = settings
        self.start = panel.day(settings.start_date)
        self.end = panel.day(settings.end_date)
        self.first_ranked, self.last_ranked = self.start - delay, self.end - delay
        self.split_day = panel.day(settings.split_date) - self.start if settings.split_date else 0
        self.factor_input = panel.factor_input(settings.factor_input)
        self.cube: FactorCube | None = None
        self._returns = np.ascontiguousarray(panel.returns[self.start : self.end])
        listed = Eligibility(panel.returns[: self.end + 1], self.start)
        self._listed = listed  # which pairs the basket holds: never delayed
        self.eligibility = (
            Eligibility(panel.returns[: self.last_ranked + 1], self.first_ranked)
            if delay
            else listed
        )
        self._data_periods = tuple(data_periods)
        self._outcomes = SharedOutcomes()
        # False: every data period on its own; data periods may rank alike and differ in baskets
        self._shares = not delay
        self._extra_windows: dict[tuple[int, str], npt.NDArray[np.float64]] = {}
        self._moments: dict[tuple[int, int], Moments] = {}
        self._baskets: dict[int, npt.NDArray[np.float64]] = {}

    @property
    def dates(self) -> pd.DatetimeIndex:
        """Days of the period, both ends included."""
        return self.panel.dates[self.start : self.end + 1]

    @cached_property
    def knows_caps(self) -> bool:
        """Whether a market cap of a listed pair is known on a day that may be traded."""
        rows = np.unique(self.panel.market_cap_row[self.start + 1 : self.end + 1])
        listed = self.panel.first_observation <= self.end
        return bool(np.isfinite(self.panel.market_caps[rows[rows >= 0]][:, listed]).any())

    def classes(self, data_period: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Give data periods a number: the same where the same pairs are ranked on every day.

        Parameters
        ----------
        data_period : ndarray of int64, shape (n_strategies,)

        Returns
        -------
        ndarray of int64, shape (n_strategies,)
        """
        if not self._shares:
            return data_period
        values, place = np.unique(data_period, return_inverse=True)
        return self.eligibility.numbers(values.tolist())[place]

    def measure(self, table: PointTable, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Measure strategies that share a ranking, each distinct one once.

        Parameters
        ----------
        table : PointTable
            Strategies.
        rows : ndarray of int64, shape (n_rows,)
            Rows of the table with equal factors and window, and data periods of one class.

        Returns
        -------
        ndarray of float64, shape (n_rows, n_segments, n_metrics)
            Of the strategies in ``rows``, in this order. Looked up where a data period of the
            same class was simulated before: the same bits.
        """
        if not self._shares:
            return self.simulate(table, rows).metrics
        first = int(rows[0])
        number = self.eligibility.number(int(table.data_period[first]))
        block = (number, int(table.window[first]), table.factors(first))
        keeps = number in self._shared_classes
        keys = [table.rule_keys[row] for row in rows.tolist()]
        known = self._outcomes.find(block) if keeps else None
        found = None if known is None else known.of(keys)
        if found is not None:
            return found
        # also those of `known` again: they are few, as blocks mostly come whole
        once = dict(zip(keys, rows.tolist(), strict=True))
        metrics = self.simulate(table, np.array(list(once.values()))).metrics
        outcomes = Outcomes(tuple(once), metrics)
        if keeps:
            self._outcomes.add(block, outcomes)
        measured = outcomes.of(keys)
        assert measured is not None
        return measured

    def simulate(
        self,
        table: PointTable,
        rows: npt.NDArray[np.int64],
        *,
        keep_equity: bool = False,
        keep_daily: bool = False,
    ) -> Simulation:
        """Simulate strategies that share a ranking.

        Parameters
        ----------
        table : PointTable
            Strategies.
        rows : ndarray of int64, shape (n_rows,)
            Rows of the table with equal factors and window, and data periods of one class.
        keep_equity : bool
            Return the equity curves.
        keep_daily : bool
            Return daily changes of wealth and exposures.

        Returns
        -------
        Simulation
            Of the strategies in ``rows``, in this order.
        """
        ranking = self._rank(table, rows)
        return simulate(
            self._returns,
            ranking,
            table.rules[rows],
            self._caps,
            basket=self.basket(int(table.data_period[rows[0]])),
            keep_equity=keep_equity,
            keep_daily=keep_daily,
            **self._money,
        )

    def trades(self, params: StrategyParams) -> tuple[Trade, ...]:
        """Simulate one strategy in plain loops, which note every trade."""
        table = PointTable.of_params([params], self.settings)
        ranking = self._rank(table, np.array([0]))
        simulation = simulate_reference(
            self._returns,
            ranking,
            table.rules,
            self._caps,
            basket=self.basket(params.data_period),
            **self._money,
        )
        return simulation.trades[0]

    def holdings(self, params: StrategyParams, day: int) -> npt.NDArray[np.float64]:
        """Return what a strategy holds at the close of a day, shape (n_pairs,).

        Parameters
        ----------
        params : StrategyParams
        day : int
            Counted from ``start``.

        Returns
        -------
        ndarray of float64
            Amount of each pair as a fraction of the wealth at that close.
        """
        amounts = np.zeros(self.panel.n_pairs)
        total = self.settings.initial_capital
        for trade in self.trades(params):
            if trade.day > day:
                break
            total = trade.total
            if trade.action != "funding":
                amounts[trade.pair_index] = trade.amount if trade.action == "enter" else 0.0
        return amounts / total if total != 0.0 else amounts

    def basket(self, data_period: int) -> npt.NDArray[np.float64]:
        """Return what the pairs of a data period earned on average, shape (n_days,).

        Day t counts from ``start``; see `objectives.basket.basket_returns`.
        """
        number = self._listed.number(data_period)
        basket = self._baskets.get(number)
        if basket is None:
            computed = basket_returns(self._returns, self._listed.mask(data_period))
            basket = self._baskets.setdefault(number, computed)
        return basket

    def basket_figures(self, data_period: int) -> dict[str, float]:
        """Measure the basket of a data period as if all money were in it.

        Returns
        -------
        dict of str to float
            `objectives.basket.BASKET_FIGURES`, with a split also ``oos_`` ones.
        """
        basket = self.basket(data_period)
        if not self.split_day:
            return basket_figures(basket)
        before, after = np.split(basket, [self.split_day - 1])
        oos = basket_figures(after)
        return basket_figures(before) | {f"oos_{name}": value for name, value in oos.items()}

    def rankings(
        self, params: StrategyParams, wanted: npt.NDArray[np.bool_]
    ) -> tuple[Ranking, npt.NDArray[np.float64]]:
        """Rank all pairs at the close of some days.

        Parameters
        ----------
        params : StrategyParams
            Factors, window and data period count.
        wanted : ndarray of bool, shape (n_days + 1,)
            Days, counted from ``start``.

        Returns
        -------
        ranking : Ranking
            Of the whole period; only these days are ranked.
        values : ndarray of float64, shape (n_factors, n_days + 1, n_pairs)
            Values of the strategy's factors.
        """
        values, selected, _ = self._factors(params.window_size, params.factors)
        eligible = self.eligibility.mask(params.data_period)
        return rank_pairs(values, eligible, selected, wanted=wanted), values[selected]

    @cached_property
    def _shared_classes(self) -> frozenset[int]:
        """Classes that several data periods of the space belong to."""
        counts = Counter(self.eligibility.numbers(set(self._data_periods)).tolist())
        return frozenset(number for number, n in counts.items() if n > 1)

    @cached_property
    def _caps(self) -> InverseCaps:
        rows = self.panel.market_cap_row[self.start + 1 : self.end + 1]
        # a pair listed after end_date must not move the median of the days before
        listed = self.panel.first_observation <= self.end
        return inverse_caps(np.where(listed, self.panel.market_caps, np.nan), rows)

    @property
    def _money(self) -> dict[str, Any]:
        return {
            "initial_capital": self.settings.initial_capital,
            "fee_rate": self.settings.fee_rate,
            "fixed_amount": self.settings.position_mode == "fixed_amount",
            "split_day": self.split_day,
            "value_at_liquidation": self.settings.value_at_liquidation,
        }

    def _factors(
        self, window: int, factors: Sequence[str]
    ) -> tuple[npt.NDArray[np.float64], list[int], bool]:
        """Values of a window, the indices of ``factors`` in them, and whether the cube has them."""
        cube = self.cube
        if cube is not None and window in cube.windows and set(factors) <= set(cube.codes):
            return cube.window(window), [cube.codes.index(code) for code in factors], True
        for code in factors:
            if (window, code) not in self._extra_windows:
                values = factor_values(self.factor_input[: self.last_ranked + 1], window, [code])
                self._extra_windows[window, code] = values[0, self.first_ranked :]
        stacked = np.stack([self._extra_windows[window, code] for code in factors])
        return stacked, list(range(len(factors))), False

    def _rank(self, table: PointTable, rows: npt.NDArray[np.int64]) -> Ranking:
        """Rank the days that the strategies in ``rows``, which share a ranking, trade on."""
        first = int(rows[0])
        window, data_period = int(table.window[first]), int(table.data_period[first])
        values, selected, in_cube = self._factors(window, table.factors(first))
        rules = table.rules[rows]
        wanted = self._traded_on(set(rules.rebalance_frequency.tolist()))
        eligible = self.eligibility.mask(data_period)
        key = (window, self.eligibility.number(data_period))
        moments = self._moments.get(key) if in_cube else None
        if moments is None:
            moments = factor_moments(values, eligible)
            if in_cube:
                self._moments[key] = moments
        return rank_pairs(values, eligible, selected, top=rules.top, wanted=wanted, moments=moments)

    def _traded_on(self, frequencies: set[int]) -> npt.NDArray[np.bool_]:
        """Days whose ranking is traded on with some frequencies, shape (n_days + 1,)."""
        wanted = np.zeros(self.end - self.start + 1, dtype=np.bool_)
        for frequency in frequencies:
            wanted[:-1:frequency] = True
        return wanted
