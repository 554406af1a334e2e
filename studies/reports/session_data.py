"""What the figures and the report of a session are made of."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from search_spaces import PARAMETER_NAMES, StrategyParams
from search_spaces.errors import MassTuningError
from studies.analysis import (
    DistinctGroups,
    Filter,
    Importance,
    Neighbourhoods,
    SessionTable,
    StoredVerdict,
    distinct_groups,
    importance_of,
    latest_verdict,
    neighbourhoods_of,
    read_table,
    recompute,
    result_row,
)
from studies.outcomes import sign_of, simplicity
from studies.sessions import StoredSession

__all__ = ["DistinctBest", "SessionData", "StrategyCurve"]

N_CURVES = 5
"""Distinct results whose days are drawn."""

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
    """

    def __init__(self, session: StoredSession, chosen: Filter | None = None) -> None:
        self.session = session
        self.chosen = chosen

    @cached_property
    def whole(self) -> SessionTable:
        """Every strategy of the session, with the objectives and the figures of a report."""
        named = [*self.session.directions, *_FIGURES]
        named += [f"oos_{name}" for name in named]
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
    def verdict(self) -> StoredVerdict | None:
        """The latest verdict on the session."""
        return latest_verdict(self.session.engine, self.session.row.session_id)

    def strategy_ids(self, rows: npt.NDArray[np.int64]) -> list[str]:
        """Ids of rows of `table`."""
        return self.table.space.strategy_ids(self.table.indices[rows])

    def best(self, limit: int) -> DistinctBest:
        """Return the best distinct results by the first objective."""
        values = self.table.figure() * sign_of(self.table.direction())
        group = self.groups.group
        measured = np.flatnonzero(~np.isnan(values))
        best_of_group = np.full(len(self.groups), -np.inf)
        best_of_group[group[measured]] = values[measured]
        leading = np.argsort(-best_of_group, kind="stable")[:limit]
        leading = leading[np.isfinite(best_of_group[leading])]
        members = np.flatnonzero(np.isin(group, leading))
        by_group = pd.Series(members).groupby(group[members])
        rows = by_group.apply(lambda found: self._simplest(found.to_numpy()))
        return DistinctBest(
            rows.loc[leading].to_numpy(dtype=np.int64), self.groups.n_strategies[leading]
        )

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

    def _curve(self, strategy_id: str) -> StrategyCurve:
        found = recompute(self.session, result_row(self.session, strategy_id))
        result = found.result
        return StrategyCurve(strategy_id, result.equity, result.basket_equity, found.differences)

    def _simplest(self, rows: npt.NDArray[np.int64]) -> int:
        """Return the row of the simplest of some strategies."""
        if len(rows) == 1:
            return int(rows[0])
        indices = self.table.indices[rows]
        ids, listed = self.table.space.strategy_ids(indices), self.table.space.params_list(indices)
        keys = [
            simplicity(
                name,
                {each: getattr(params, each) for each in PARAMETER_NAMES}
                if isinstance(params, StrategyParams)
                else {},
            )
            for name, params in zip(ids, listed, strict=True)
        ]
        return int(rows[keys.index(min(keys))])
