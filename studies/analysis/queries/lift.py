"""Which values the best strategies have more often than all."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search_spaces.errors import ConfigError
from studies.analysis.queries.session_table import SessionTable
from studies.analysis.queries.value_groups import ValueGroup, value_groups_of
from studies.outcomes import sign_of

__all__ = ["Lift", "best_mask", "lifts"]


@dataclass(frozen=True)
class Lift:
    """A value among the best strategies and among all that were measured.

    Attributes
    ----------
    group : ValueGroup
    n, n_best : int
        Strategies with the value: in all, among the best.
    share, share_best : float
        Of all, of the best.
    lift : float
        `share_best` / `share`: 2 says twice as often as by chance; NaN if no strategy has it.
    """

    group: ValueGroup
    n: int
    n_best: int
    share: float
    share_best: float

    @property
    def lift(self) -> float:
        """How much more often the best have the value."""
        return self.share_best / self.share if self.share else math.nan


def best_mask(
    table: SessionTable, figure: str | None = None, share: float = 0.01
) -> npt.NDArray[np.bool_]:
    """Tell which strategies are the best share by a figure, shape (n_strategies,).

    The number is rounded up, and strategies that are as good as the last of them belong to them.

    Raises
    ------
    ConfigError
        If the figure was not read, or the share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ConfigError(f"a share of the best is above 0 and at most 1, got {share}")
    values = table.figure(figure) * sign_of(table.direction(figure))
    measured = values[~np.isnan(values)]
    if not measured.size:
        return np.zeros(len(table), dtype=np.bool_)
    n_best = math.ceil(share * measured.size)
    last = np.partition(measured, measured.size - n_best)[measured.size - n_best]
    return np.asarray(values >= last)


def lifts(table: SessionTable, figure: str | None = None, share: float = 0.01) -> list[Lift]:
    """Compare the best share of strategies with all, for every value of every parameter.

    Parameters
    ----------
    table : SessionTable
    figure : str, optional
        By default the first objective.
    share : float
        Of the strategies that have the figure.

    Returns
    -------
    list of Lift
        In the order of parameters and values; of subsets every code stands before the values.

    Raises
    ------
    ConfigError
        As of :func:`best_mask`.
    """
    best = best_mask(table, figure, share)
    measured = ~np.isnan(table.figure(figure))
    n_all, n_best = int(measured.sum()), int(best.sum())
    found = []
    for column, parameter in enumerate(table.space.parameters):
        n_values = len(parameter.finite_values())
        digits = table.digits[:, column]
        of_all = np.bincount(digits[measured], minlength=n_values)
        of_best = np.bincount(digits[best], minlength=n_values)
        for group in value_groups_of(parameter):
            in_all = int(of_all[group.members].sum())
            in_best = int(of_best[group.members].sum())
            shares = (in_all / n_all, in_best / n_best) if n_all else (math.nan, math.nan)
            found.append(Lift(group, in_all, in_best, *shares))
    return found
