"""What decides a figure: the share of its variance that each parameter explains."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from studies.analysis.queries.session_table import SessionTable

__all__ = ["ESTIMATED", "EXACT", "PED_ANOVA", "Importance", "importance_of"]

EXACT = "functional ANOVA"
ESTIMATED = "functional ANOVA of a sample"
PED_ANOVA = "PED-ANOVA"
_SAMPLE = 2_000  # trials; PED-ANOVA of as many takes 0.3 s
_FEWEST = 20
_FEWEST_IN_A_CELL = 5  # strategies for each combination of two values that occurs, on average
_Name = TypeVar("_Name")


@dataclass(frozen=True)
class Importance:
    """How much of a figure's variation goes with each parameter.

    Attributes
    ----------
    figure : str
    method : str
        :data:`EXACT`, :data:`ESTIMATED` or :data:`PED_ANOVA`.
    n : int
        Strategies it was computed on.
    parameters : mapping of str to float
        The share of the variance that the parameter explains alone; of PED-ANOVA its share of the
        importance of all for being among the best 10 %. The largest first.
    pairs : mapping of (str, str) to float
        The share that two parameters explain together beyond what each explains alone, the
        largest first; an estimate has only those of which it can say something, PED-ANOVA none.
    """

    figure: str
    method: str
    n: int
    parameters: Mapping[str, float]
    pairs: Mapping[tuple[str, str], float]


def importance_of(table: SessionTable, figure: str | None = None) -> Importance | None:
    """Say what decides a figure, by default the first objective.

    Parameters
    ----------
    table : SessionTable
    figure : str, optional

    Returns
    -------
    Importance or None
        None where the figure does not vary, or too few strategies have it for an estimate.

    Raises
    ------
    ConfigError
        If the figure was not read.

    Notes
    -----
    Where the strategies that have the figure are all combinations of the values that occur among
    them, their variance is divided exactly (functional ANOVA; Hooker, J. Comput. Graph. Stat. 16,
    2007). A value whose strategies all failed does not occur.

    Of strategies that were planned without looking at results the same shares are estimated: the
    variance between the means of values, less what means of so few strategies vary by chance
    (epsilon squared; Kelley, Proc. Natl. Acad. Sci. 21, 1935), of all variance. On 1,500 even
    strategies of two spaces of 254,800 and 436,800 every share of a parameter was within 0.02 of
    the exact one, where PED-ANOVA put the least important parameter first.

    What a search chose by results crowds around the best, and means of values say little there:
    then PED-ANOVA (Watanabe et al., IJCAI 2023) by Optuna estimates it, on at most 2,000
    strategies at even distances in the order of recording.
    """
    values = table.figure(figure)
    rows = np.flatnonzero(np.isfinite(values))
    values, digits = values[rows], table.digits[rows]
    if not rows.size or values.min() == values.max():
        return None
    figure = figure or table.objective
    grid = _full_grid(digits, values)
    if grid is not None:
        alone, together = _effects(grid, table.space.names)
        return Importance(figure, EXACT, len(rows), _ordered(alone), _ordered(together))
    if len(rows) < _FEWEST:
        return None
    if table.is_planned:
        alone, together = _estimated_effects(digits, values, table.space.names)
        return Importance(figure, ESTIMATED, len(rows), _ordered(alone), _ordered(together))
    places = np.unique(np.linspace(0, len(rows) - 1, min(_SAMPLE, len(rows))).round().astype(int))
    estimated = _ped_anova(table, digits[places], values[places], table.direction(figure))
    return Importance(figure, PED_ANOVA, len(places), _ordered(estimated), {})


def _ordered(shares: Mapping[_Name, float]) -> dict[_Name, float]:
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _full_grid(
    digits: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64] | None:
    """Return the values with an axis for each parameter; None if some combination is missing."""
    places, shape = [], []
    for column in digits.T:
        is_present = np.bincount(column) > 0
        places.append((np.cumsum(is_present) - 1)[column])
        shape.append(int(is_present.sum()))
    if math.prod(shape) != len(values):
        return None
    grid = np.empty(shape)
    grid[tuple(places)] = values
    return grid


def _effects(
    grid: npt.NDArray[np.float64], names: tuple[str, ...]
) -> tuple[dict[str, float], dict[tuple[str, str], float]]:
    """Divide the variance of a full grid: shares of single parameters and of pairs."""
    centred = grid - grid.mean()
    variance = float((centred**2).mean())
    axes = range(grid.ndim)
    single = [centred.mean(axis=tuple(a for a in axes if a != axis)) for axis in axes]
    alone = {names[axis]: float((single[axis] ** 2).mean()) / variance for axis in axes}
    together = {}
    for first, second in combinations(axes, 2):
        rest = tuple(axis for axis in axes if axis not in (first, second))
        cells = centred.mean(axis=rest) - single[first][:, None] - single[second][None, :]
        together[names[first], names[second]] = float((cells**2).mean()) / variance
    return alone, together


def _estimated_effects(
    digits: npt.NDArray[np.int64], values: npt.NDArray[np.float64], names: tuple[str, ...]
) -> tuple[dict[str, float], dict[tuple[str, str], float]]:
    """Estimate the shares of single parameters, and of pairs of which enough was measured."""
    columns = list(digits.T)
    alone = {
        name: max(_explained(column, values)[0], 0.0)
        for name, column in zip(names, columns, strict=True)
    }
    together = {}
    for (one, first), (other, second) in combinations(zip(names, columns, strict=True), 2):
        share, n_cells = _explained(first * (second.max() + 1) + second, values)
        if len(values) >= _FEWEST_IN_A_CELL * n_cells:
            together[one, other] = max(share - alone[one] - alone[other], 0.0)
    return alone, together


def _explained(groups: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> tuple[float, int]:
    """Return epsilon squared of a grouping, and its number of groups."""
    n, n_of_group = len(values), np.bincount(groups)
    is_there = n_of_group > 0
    n_of_group, n_groups = n_of_group[is_there], int(is_there.sum())
    if n_groups == n:
        return 0.0, n_groups
    centred = values - values.mean()
    means = np.bincount(groups, weights=centred)[is_there] / n_of_group
    total, between = float((centred**2).sum()), float((n_of_group * means**2).sum())
    within = (total - between) / (n - n_groups)
    return (between - (n_groups - 1) * within) / total, n_groups


def _ped_anova(
    table: SessionTable,
    digits: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    direction: str,
) -> dict[str, float]:
    """Estimate importance by Optuna; a parameter of one value has none."""
    import optuna

    space = table.space
    stored = [list(map(p.to_stored, p.finite_values())) for p in space.parameters]
    trials = [
        optuna.trial.create_trial(
            params={
                name: stored[place][digit]
                for place, (name, digit) in enumerate(zip(space.names, row, strict=True))
            },
            distributions=space.distributions,
            value=value,
        )
        for row, value in zip(digits.tolist(), values.tolist(), strict=True)
    ]
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a study in memory is no news
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study = optuna.create_study(direction=optuna.study.StudyDirection[direction.upper()])
            study.add_trials(trials)
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    finally:
        optuna.logging.set_verbosity(verbosity)
    return {name: found.get(name, 0.0) for name in space.names}
