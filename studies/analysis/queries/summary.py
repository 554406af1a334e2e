"""How the values of a figure are distributed, in all or by value of a parameter."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from studies.analysis.queries.session_table import SessionTable
from studies.analysis.queries.value_groups import ValueGroup, value_groups_of

__all__ = ["Marginal", "Summary", "marginals", "summarise"]


@dataclass(frozen=True)
class Summary:
    """Distribution of a figure; NaN throughout where no strategy has it.

    Infinite values count in `n`, `share_above_zero`, `smallest`, `largest` and `best`. The mean and
    the quartiles are those of the finite values, NaN where there are none: between a finite value
    and an infinite one lies no number.

    Attributes
    ----------
    n : int
        Number of strategies that have the figure.
    share_above_zero : float
    mean : float
    lower_quartile, median, upper_quartile : float
        Linear between the two nearest strategies.
    smallest, largest : float
    best : float
        The largest, or the smallest where less is better.
    """

    n: int
    share_above_zero: float
    mean: float
    lower_quartile: float
    median: float
    upper_quartile: float
    smallest: float
    largest: float
    best: float


@dataclass(frozen=True)
class Marginal:
    """Distribution of a figure over the strategies with one value of a parameter."""

    group: ValueGroup
    summary: Summary


def summarise(values: npt.NDArray[np.float64], direction: str) -> Summary:
    """Return the distribution of values; NaN are left out.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    direction : {"maximize", "minimize"}
        Says which end is the best.
    """
    values = values[~np.isnan(values)]
    if not values.size:
        return Summary(0, *[math.nan] * 8)
    finite = values[np.isfinite(values)]
    low = middle = high = math.nan
    if finite.size:
        low, middle, high = np.quantile(finite, [0.25, 0.5, 0.75]).tolist()
    smallest, largest = float(values.min()), float(values.max())
    return Summary(
        n=int(values.size),
        share_above_zero=float((values > 0).mean()),
        mean=float(finite.mean()) if finite.size else math.nan,
        lower_quartile=low,
        median=middle,
        upper_quartile=high,
        smallest=smallest,
        largest=largest,
        best=largest if direction == "maximize" else smallest,
    )


def marginals(
    table: SessionTable, figure: str | None = None, parameters: Sequence[str] | None = None
) -> list[Marginal]:
    """Summarise a figure for every value of parameters.

    Parameters
    ----------
    table : SessionTable
    figure : str, optional
        By default the first objective.
    parameters : sequence of str, optional
        By default all of the space.

    Returns
    -------
    list of Marginal
        In the order of parameters and values; of subsets every code stands before the values.

    Raises
    ------
    ConfigError
        If the figure was not read, or a parameter is unknown.
    """
    values, direction = table.figure(figure), table.direction(figure)
    found = []
    for name in table.space.names if parameters is None else parameters:
        column = table.column(name)
        parameter = table.space.parameters[column]
        digits = table.digits[:, column]
        order = np.argsort(digits, kind="stable")
        ends = np.cumsum(np.bincount(digits, minlength=len(parameter.finite_values())))
        slices = np.split(values[order], ends[:-1])
        for group in value_groups_of(parameter):
            chosen = [slices[place] for place in np.flatnonzero(group.members)]
            found.append(Marginal(group, summarise(np.concatenate(chosen), direction)))
    return found
