"""The trading rules that the settings of a backtest make of a strategy's parameters."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from objectives.settings import BacktestSettings
from search_spaces import WEIGHT_METHODS, StrategyParams

__all__ = ["RuleColumn", "RuleTable", "TradingRules", "limits", "rule_table", "trading_rules"]

_EXIT_FACTOR = 2.5
_IC = WEIGHT_METHODS.index("IC")


@dataclass(frozen=True, kw_only=True)
class TradingRules:
    """What one strategy does on its trading days.

    Attributes
    ----------
    rebalance_frequency : int
        Days between trading days.
    weight_method : str
        ``EQ``, ``IC`` or ``FS``.
    position_size : float or None
        Fraction of the base; None: 1 / number of pairs in the entry set.
    max_positions : int or None
        None: no cap.
    entry_top_n : int or None
        None: every pair with a positive score.
    exit_threshold : int or None
        None: a pair leaves when its score is not positive.
    """

    rebalance_frequency: int
    weight_method: str
    position_size: float | None
    max_positions: int | None
    entry_top_n: int | None
    exit_threshold: int | None


def trading_rules(params: StrategyParams, settings: BacktestSettings) -> TradingRules:
    """Derive the rules of one strategy.

    Parameters
    ----------
    params : StrategyParams
        The strategy; ``selection_count`` S gives position_size 1/S, max_positions S, entry_top_n S
        and exit_threshold ceil(2.5 S); S = 0 stands for every pair with a positive score.
    settings : BacktestSettings
        Each of the four numbers set here replaces the derived one.

    Returns
    -------
    TradingRules
    """
    return TradingRules(
        rebalance_frequency=params.rebalance_frequency,
        weight_method=params.weight_method,
        **limits(params.selection_count, settings),
    )


class RuleColumn(IntEnum):
    """Columns of :attr:`RuleTable.integers`, in the order in which the kernel unpacks a row."""

    REBALANCE_FREQUENCY = 0
    WEIGHT_METHOD = 1
    MAX_POSITIONS = 2
    ENTRY_TOP_N = 3
    EXIT_THRESHOLD = 4


@dataclass(frozen=True)
class RuleTable:
    """The :class:`TradingRules` of many strategies as arrays, for the compiled simulation.

    Attributes
    ----------
    integers : ndarray of int64, shape (n_strategies, 5)
        One column for each :class:`RuleColumn`. The weight method is its ordinal in
        ``WEIGHT_METHODS``; 0 stands for None in the last three columns.
    position_size : ndarray of float64, shape (n_strategies,)
        0 stands for None.
    """

    integers: npt.NDArray[np.int64]
    position_size: npt.NDArray[np.float64]

    @property
    def rebalance_frequency(self) -> npt.NDArray[np.int64]:
        """Days between trading days, shape (n_strategies,)."""
        return self.integers[:, RuleColumn.REBALANCE_FREQUENCY]

    @property
    def needs_caps(self) -> npt.NDArray[np.bool_]:
        """Which strategies weigh by market caps, shape (n_strategies,)."""
        return self.integers[:, RuleColumn.WEIGHT_METHOD] == _IC

    @property
    def top(self) -> int | None:
        """Ranks the strategies look at; None: all of them."""
        ranks = self.integers[:, RuleColumn.ENTRY_TOP_N : RuleColumn.EXIT_THRESHOLD + 1]
        return int(ranks.max()) if ranks.size and ranks.min() > 0 else None

    def __getitem__(self, rows: Any) -> "RuleTable":
        """Rules of some strategies."""
        return RuleTable(self.integers[rows], self.position_size[rows])

    def __iter__(self) -> Iterator[TradingRules]:
        """Rules one by one."""
        for (frequency, method, *limits), size in zip(
            self.integers.tolist(), self.position_size.tolist(), strict=True
        ):
            max_positions, entry_top_n, exit_threshold = (limit or None for limit in limits)
            yield TradingRules(
                rebalance_frequency=frequency,
                weight_method=WEIGHT_METHODS[method],
                position_size=size or None,
                max_positions=max_positions,
                entry_top_n=entry_top_n,
                exit_threshold=exit_threshold,
            )


def rule_table(
    rebalance_frequency: npt.NDArray[np.int64],
    selection_count: npt.NDArray[np.int64],
    weight_method: npt.NDArray[np.int64],
    settings: BacktestSettings,
) -> RuleTable:
    """Derive the rules of many strategies at once, as :func:`trading_rules` does of one.

    Parameters
    ----------
    rebalance_frequency, selection_count : ndarray of int64, shape (n_strategies,)
        Parameter values.
    weight_method : ndarray of int64, shape (n_strategies,)
        Ordinals in ``WEIGHT_METHODS``.
    settings : BacktestSettings
        The same for all.

    Returns
    -------
    RuleTable
    """
    integers = np.empty((len(selection_count), len(RuleColumn)), dtype=np.int64)
    sizes = np.empty(len(selection_count))
    integers[:, RuleColumn.REBALANCE_FREQUENCY] = rebalance_frequency
    integers[:, RuleColumn.WEIGHT_METHOD] = weight_method
    for count in np.unique(selection_count).tolist():
        derived = limits(count, settings)
        rows = selection_count == count
        integers[rows, RuleColumn.MAX_POSITIONS] = derived["max_positions"] or 0
        integers[rows, RuleColumn.ENTRY_TOP_N] = derived["entry_top_n"] or 0
        integers[rows, RuleColumn.EXIT_THRESHOLD] = derived["exit_threshold"] or 0
        sizes[rows] = derived["position_size"] or 0.0
    return RuleTable(integers, sizes)


def limits(selection_count: int, settings: BacktestSettings) -> dict[str, Any]:
    """Derive what a selection count decides.

    Parameters
    ----------
    selection_count : int
        S of the strategy.
    settings : BacktestSettings
        Each of the four numbers set here replaces the derived one.

    Returns
    -------
    dict
        ``position_size``, ``max_positions``, ``entry_top_n``, ``exit_threshold``, each as
        :class:`TradingRules` has it.
    """
    derived = {
        "position_size": 1.0 / selection_count if selection_count else None,
        "max_positions": selection_count or None,
        "entry_top_n": selection_count or None,
        "exit_threshold": math.ceil(_EXIT_FACTOR * selection_count) or None,
    }
    overrides = {name: getattr(settings, name) for name in derived}
    return {
        name: value if overrides[name] is None else overrides[name]
        for name, value in derived.items()
    }
