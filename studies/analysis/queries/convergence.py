"""How the best result improved, strategy by strategy as they were recorded."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from studies.analysis.queries.session_table import SessionTable
from studies.outcomes import sign_of

__all__ = ["Convergence", "best_so_far", "follow_best"]


@dataclass(frozen=True)
class Convergence:
    """The best value after each strategy.

    Attributes
    ----------
    best : ndarray of float64, shape (n_strategies,)
        In the order of recording; NaN before the first strategy that has the figure.
    improved : ndarray of int64, shape (n_improvements,)
        Places in that order at which the best value was reached, ascending.
    """

    best: npt.NDArray[np.float64]
    improved: npt.NDArray[np.int64]


def best_so_far(table: SessionTable, figure: str | None = None) -> Convergence:
    """Follow the best value of a figure, by default of the first objective.

    Raises
    ------
    ConfigError
        If the figure was not read.
    """
    return follow_best(table.figure(figure), table.direction(figure))


def follow_best(values: npt.NDArray[np.float64], direction: str) -> Convergence:
    """Follow the best of values; NaN are no values, infinities are.

    Parameters
    ----------
    values : ndarray of float64, shape (n_strategies,)
        In the order of recording.
    direction : {"maximize", "minimize"}
    """
    sign = sign_of(direction)
    best = np.fmax.accumulate(values * sign)
    before = np.concatenate([[np.nan], best[:-1]])
    is_better = ~np.isnan(best) & ~(best <= before)
    return Convergence(best * sign, np.flatnonzero(is_better))
