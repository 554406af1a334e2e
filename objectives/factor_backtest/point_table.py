"""Strategies as columns: how points become parameter arrays and blocks that share a ranking."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from objectives.base import Points
from objectives.settings import BacktestSettings
from objectives.trading_rules import RuleTable, rule_table
from search_spaces import WEIGHT_METHODS, FactorSpace, StrategyParams
from search_spaces.checks import shown
from search_spaces.errors import SpaceError

__all__ = ["PointTable", "domain", "space_factors"]


@dataclass(frozen=True)
class PointTable:
    """Parameters of several strategies as columns.

    Attributes
    ----------
    subsets : tuple of tuple of str
        Factor combinations.
    subset : ndarray of int64, shape (n_strategies,)
        Which of ``subsets`` each strategy combines.
    window, data_period : ndarray of int64, shape (n_strategies,)
        Parameter values.
    rules : RuleTable
        What each strategy does on its trading days.
    """

    subsets: tuple[tuple[str, ...], ...]
    subset: npt.NDArray[np.int64]
    window: npt.NDArray[np.int64]
    data_period: npt.NDArray[np.int64]
    rules: RuleTable

    @classmethod
    def build(cls, points: Points, space: FactorSpace, settings: BacktestSettings) -> "PointTable":
        """Read lattice indices or parameters.

        Raises
        ------
        SpaceError
            If an index is not a whole number of the space.
        """
        if not isinstance(points, (Sequence, np.ndarray)) or isinstance(points, str):
            raise SpaceError(f"points are a sequence of indices or parameters, got {shown(points)}")
        if len(points) and isinstance(points[0], StrategyParams):
            return cls.of_params(points, settings)  # type: ignore[arg-type]
        subsets, columns = _columns_of_indices(points, space)
        return cls._of_columns(subsets, columns, settings)

    @classmethod
    def of_params(
        cls, strategies: Sequence[StrategyParams], settings: BacktestSettings
    ) -> "PointTable":
        """Read parameters, which may lie outside every space."""
        subsets, columns = _columns_of_params(strategies)
        return cls._of_columns(subsets, columns, settings)

    @classmethod
    def _of_columns(
        cls,
        subsets: tuple[tuple[str, ...], ...],
        columns: dict[str, npt.NDArray[np.int64]],
        settings: BacktestSettings,
    ) -> "PointTable":
        rules = rule_table(
            columns["rebalance_frequency"],
            columns["selection_count"],
            columns["weight_method"],
            settings,
        )
        return cls(
            subsets, columns["factors"], columns["window_size"], columns["data_period"], rules
        )

    @cached_property
    def rule_keys(self) -> list[bytes]:
        """The rules of each strategy as bytes: equal exactly where the rules are."""
        sizes = self.rules.position_size.view(np.int64)[:, None]
        rows = np.ascontiguousarray(np.hstack([self.rules.integers, sizes]))
        packed: Any = rows.view(np.dtype((np.void, rows.strides[0]))).ravel().tolist()
        return list(packed)

    def factors(self, row: int) -> tuple[str, ...]:
        """Return the factor combination of a strategy."""
        return self.subsets[self.subset[row]]

    def blocks(
        self, rows: npt.NDArray[np.int64], classes: npt.NDArray[np.int64]
    ) -> Iterator[npt.NDArray[np.int64]]:
        """Rows that share a ranking, together.

        Parameters
        ----------
        rows : ndarray of int64, shape (n_rows,)
            Which strategies.
        classes : ndarray of int64, shape (n_strategies,)
            Equal where the data periods rank the same pairs on every day.

        Yields
        ------
        ndarray of int64
            Rows with equal factors, window and class.
        """
        if not rows.size:
            return
        keys = (self.subset[rows], self.window[rows], classes[rows])
        order = rows[np.lexsort(keys)]
        changes = np.zeros(len(order) - 1, dtype=np.bool_)
        for column in (self.subset, self.window, classes):
            changes |= np.diff(column[order]) != 0
        yield from np.split(order, np.flatnonzero(changes) + 1)


def domain(space: FactorSpace, name: str) -> tuple[Any, ...]:
    """Return the values of a parameter, in order."""
    return space.parameters[space.names.index(name)].finite_values()


def space_factors(space: FactorSpace) -> tuple[str, ...]:
    """Return the factors that the strategies of a space combine, in order."""
    return tuple(dict.fromkeys(code for subset in domain(space, "factors") for code in subset))


def _columns_of_params(
    points: Sequence[StrategyParams],
) -> tuple[tuple[tuple[str, ...], ...], dict[str, npt.NDArray[np.int64]]]:
    subsets = {factors: n for n, factors in enumerate(dict.fromkeys(p.factors for p in points))}
    columns = {
        name: np.array([getattr(p, name) for p in points], dtype=np.int64)
        for name in ("window_size", "rebalance_frequency", "data_period", "selection_count")
    }
    columns["factors"] = np.array([subsets[p.factors] for p in points], dtype=np.int64)
    methods = [WEIGHT_METHODS.index(p.weight_method) for p in points]
    columns["weight_method"] = np.array(methods, dtype=np.int64)
    return tuple(subsets), columns


def _columns_of_indices(
    points: npt.NDArray[np.int64] | Sequence[int], space: FactorSpace
) -> tuple[tuple[tuple[str, ...], ...], dict[str, npt.NDArray[np.int64]]]:
    indices = np.asarray(points)
    if indices.size and not np.issubdtype(indices.dtype, np.integer):
        raise SpaceError(f"lattice indices are whole numbers, got {indices.dtype} values")
    digits = space.digits(indices.astype(np.int64))
    columns = {}
    for column, name in enumerate(space.names):
        values = domain(space, name)
        if name == "factors":
            columns[name] = digits[:, column]
        elif name == "weight_method":
            columns[name] = np.array([WEIGHT_METHODS.index(v) for v in values])[digits[:, column]]
        else:
            columns[name] = np.array(values, dtype=np.int64)[digits[:, column]]
    return tuple(domain(space, "factors")), columns
