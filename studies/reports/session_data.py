"""What the figures and the report of a session are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from objectives import Objective
from search_spaces import FactorSpace
from search_spaces.errors import MassTuningError
from studies.analysis import (
    DistinctGroups,
    Filter,
    Importance,
    Neighbourhoods,
    SessionTable,
    StoredVerdict,
    best_mask,
    distinct_groups,
    importance_of,
    latest_verdict,
    neighbourhoods_of,
    read_table,
    recompute,
    result_row,
)
from studies.outcomes import sign_of
from studies.sessions import StoredSession, build_objective

__all__ = ["DistinctBest", "SessionData", "StrategyCurve"]

N_BEST = 500
"""Distinct results that are looked at closely."""

N_CURVES = 5
"""Distinct results whose days are drawn."""

_SIMPLICITY: Mapping[str, Callable[[Any], int]] = {
    "factors": len,
    "window_size": int,
    "rebalance_frequency": lambda days: -int(days),
    "data_period": int,
    "selection_count": int,
}
"""The simplest strategy has the smallest of these, the first one deciding."""

_FIGURES = (
    *("net_sharpe_ratio", "excess_sharpe_ratio", "total_return", "max_drawdown"),
    *("trade_count", "turnover", "fees_paid"),
)


@dataclass(frozen=True)
class DistinctBest:
    """Distinct results, best first by the first objective.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_results,)
        Row in the table of the simplest strategy with these figures.
    n_strategies : ndarray of int64, shape (n_results,)
        Number of strategies with these figures.
    """

    rows: npt.NDArray[np.int64]
    n_strategies: npt.NDArray[np.int64]


@dataclass(frozen=True)
class StrategyCurve:
    """The days of a strategy, computed anew.

    Attributes
    ----------
    strategy_id : str
    equity, basket : pandas.Series of float64, by date
        Wealth at the close of each day, in the currency of the initial capital; the basket holds
        every pair alike, without fees.
    differences : tuple of str
        Sentences on figures that are not those recorded.
    """

    strategy_id: str
    equity: pd.Series
    basket: pd.Series
    differences: tuple[str, ...]


class SessionData:
    """All results of a session, or those of a filter, read once and computed when asked for.

    Parameters
    ----------
    session : StoredSession
    chosen : Filter, optional
        Which strategies the figures are about; the others still count as neighbours.
    objective : Objective, optional
        From `studies.sessions.build_objective`, if it is there already.
    """

    def __init__(
        self,
        session: StoredSession,
        chosen: Filter | None = None,
        objective: Objective | None = None,
    ) -> None:
        self.session = session
        self.chosen = chosen
        self._built = objective

    @cached_property
    def whole(self) -> SessionTable:
        """Every strategy of the session, with the objectives and the figures of a report."""
        named = [*self.session.directions, *_FIGURES]
        # each column more is a twentieth of the time that reading takes
        named += [f"oos_{name}" for name in (*self.session.directions, "total_return")]
        wanted = [name for name in dict.fromkeys(named) if name in self.session.figures]
        if self.chosen is not None:
            wanted += [name for name in self.chosen.figures if name not in wanted]
        return read_table(self.session, wanted)

    @cached_property
    def mask(self) -> npt.NDArray[np.bool_]:
        """Which rows of `whole` the filter chooses, shape (n_strategies,)."""
        if self.chosen is None:
            return np.ones(len(self.whole), dtype=np.bool_)
        return self.chosen.mask(self.whole)

    @cached_property
    def table(self) -> SessionTable:
        """The chosen strategies."""
        return self.whole if self.chosen is None else self.whole.select(self.mask)

    @cached_property
    def groups(self) -> DistinctGroups:
        """Which of the chosen strategies share a result."""
        return distinct_groups(self.table)

    @cached_property
    def neighbourhoods(self) -> Neighbourhoods:
        """The first objective of the neighbours of every strategy of `whole`."""
        return neighbourhoods_of(self.whole)

    @cached_property
    def neighbour_median(self) -> npt.NDArray[np.float64]:
        """Median of the neighbours of each chosen strategy; NaN where none was measured."""
        return self.neighbourhoods.median[self.mask]

    @cached_property
    def importance(self) -> Importance | None:
        """What decides the first objective among the chosen strategies."""
        return importance_of(self.table)

    @cached_property
    def is_best(self) -> npt.NDArray[np.bool_]:
        """Which of the chosen strategies are the best 1 % by the first objective."""
        return best_mask(self.table)

    @cached_property
    def best_threshold(self) -> float | None:
        """The worst value of the best 1 %; None where nothing was measured."""
        values = self.table.figure()[self.is_best]
        if not values.size:
            return None
        return float(values.min() if self.table.direction() == "maximize" else values.max())

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the first objective over the session; 0 without one."""
        values = self.whole.figure()
        values = values[np.isfinite(values)]
        with np.errstate(over="ignore"):  # of numbers near the largest it is infinite
            return float(values.std()) if values.size else 0.0

    @cached_property
    def verdict(self) -> StoredVerdict | None:
        """The latest verdict on the session."""
        return latest_verdict(self.session.engine, self.session.row.session_id)

    def strategy_ids(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """Ids of rows of `table`."""
        return self.table.space.strategy_ids(self.table.indices[rows])

    def best(self, limit: int) -> DistinctBest:
        """Return the best distinct results by the first objective, of equal value the simplest.

        Parameters
        ----------
        limit : int
            At most :data:`N_BEST`.
        """
        rows = self._best_rows[:limit]
        return DistinctBest(rows, self.groups.n_strategies[self.groups.group[rows]])

    @cached_property
    def _best_rows(self) -> npt.NDArray[np.int64]:
        limit = N_BEST
        values = self.table.figure() * sign_of(self.table.direction())
        group = self.groups.group
        measured = np.flatnonzero(~np.isnan(values))
        value_of = np.full(len(self.groups), np.nan)
        value_of[group[measured]] = values[measured]  # one value a group: it was compared
        known = np.flatnonzero(~np.isnan(value_of))
        if len(known) > limit:  # and all that are as good as the last of them
            last = np.partition(value_of[known], len(known) - limit)[len(known) - limit]
            known = known[value_of[known] >= last]
        rows = self._simplest_rows(np.flatnonzero(np.isin(group, known)))
        return rows[np.argsort(-value_of[group[rows]], kind="stable")][:limit]

    @cached_property
    def curves(self) -> tuple[StrategyCurve, ...]:
        """Days of the best distinct results, best first.

        Raises
        ------
        ConfigError
            If the objective is not the factor backtest.
        MassTuningError
            If the market has changed since the session was created.
        """
        return tuple(self._curve(name) for name in self.strategy_ids(self.best(N_CURVES).rows))

    @cached_property
    def curves_missing(self) -> str | None:
        """Why there are no curves; None if there are."""
        try:
            return None if self.curves else "no strategy was measured"
        except MassTuningError as error:
            return str(error)

    @cached_property
    def _objective(self) -> Objective:
        return self._built or build_objective(self.session)

    def _curve(self, strategy_id: str) -> StrategyCurve:
        recorded = result_row(self.session, strategy_id)
        found = recompute(self.session, recorded, self._objective)
        result = found.result
        return StrategyCurve(strategy_id, result.equity, result.basket_equity, found.differences)

    def _simplest_rows(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the simplest row of each group among rows, the simplest group first.

        As `studies.outcomes.simplicity`, which needs the parameters of one strategy at a time.
        """
        group, keys = self.groups.group[rows], self._simplicity(rows)
        order = np.lexsort([*keys[::-1], group])
        rows, group, keys = rows[order], group[order], keys[:, order]
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        first = np.repeat(starts, np.diff(starts, append=len(rows)))
        # ids are spelled only where the parameters do not decide
        is_tied = (keys == keys[:, first]).all(axis=0)
        rows, group, keys = rows[is_tied], group[is_tied], keys[:, is_tied]
        ids = np.array(self.strategy_ids(rows), dtype=object)
        by_id = np.argsort(ids, kind="stable")
        rows, group, keys = rows[by_id], group[by_id], keys[:, by_id]
        _, first = np.unique(group, return_index=True)
        rank_of_id = np.arange(len(rows))
        return rows[first[np.lexsort([rank_of_id[first], *keys[::-1, first]])]]

    def _simplicity(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return what comes before the id in the order of simplicity, shape (n_keys, n_rows)."""
        space = self.table.space
        if not isinstance(space, FactorSpace):
            return np.empty((0, len(rows)), dtype=np.int64)
        keys = []
        for name, weigh in _SIMPLICITY.items():
            column = self.table.column(name)
            weights = [weigh(value) for value in space.parameters[column].finite_values()]
            keys.append(np.array(weights, dtype=np.int64)[self.table.digits[rows, column]])
        return np.array(keys)
