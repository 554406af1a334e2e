"""What the strategies around every strategy are worth."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search_spaces import Parameter
from search_spaces.errors import SpaceError
from studies.analysis.queries.session_table import SessionTable
from studies.outcomes import sign_of

__all__ = ["Neighbourhoods", "neighbourhoods_of"]

_CELLS_AT_ONCE = 500_000  # as many as the processor's cache holds
_SPARSE = 16  # cells for each strategy, above which a grid of all cells is not worth its memory
_MAX_CELLS = 2**62


@dataclass(frozen=True)
class Neighbourhoods:
    """A figure of the one-step neighbours of every strategy.

    Attributes
    ----------
    n : ndarray of int64, shape (n_strategies,)
        Neighbours that were recorded and have the figure.
    median, best, worst : ndarray of float64, shape (n_strategies,)
        NaN where there is no such neighbour.
    """

    n: npt.NDArray[np.int64]
    median: npt.NDArray[np.float64]
    best: npt.NDArray[np.float64]
    worst: npt.NDArray[np.float64]


def neighbourhoods_of(table: SessionTable, figure: str | None = None) -> Neighbourhoods:
    """Look at the neighbours of every strategy (`search_spaces.one_step_neighbours`).

    Parameters
    ----------
    table : SessionTable
        Neighbours that it does not hold, and failed ones, are left out.
    figure : str, optional
        By default the first objective.

    Raises
    ------
    ConfigError
        If the figure was not read.
    SpaceError
        If the parameters have more than 2**62 combinations.
    """
    values = table.figure(figure)
    shape = [len(parameter.finite_values()) for parameter in table.space.parameters]
    if math.prod(shape) > _MAX_CELLS:
        raise SpaceError("the parameters have more than 2**62 combinations; neighbours need fewer")
    strides = np.array([math.prod(shape[place + 1 :]) for place in range(len(shape))])
    cells = table.digits @ strides
    look_up = _lookup(cells, values, math.prod(shape))
    steps = [
        _steps(parameter, int(stride))
        for parameter, stride in zip(table.space.parameters, strides, strict=True)
    ]
    found = Neighbourhoods(
        np.zeros(len(table), dtype=np.int64), *(np.full(len(table), np.nan) for _ in range(3))
    )
    n_steps = sum(step.shape[1] for step in steps)
    at_once = max(1, _CELLS_AT_ONCE // max(n_steps, 1))
    for start in range(0, len(table), at_once):
        rows = slice(start, start + at_once)
        near = [step[table.digits[rows, place]] for place, step in enumerate(steps)]
        moves = np.concatenate(near, axis=1)
        beside = look_up(np.where(moves == 0, -1, cells[rows, None] + moves))
        _measure(beside, found, rows, sign_of(table.direction(figure)))
    return found


def _measure(
    beside: npt.NDArray[np.float64], found: Neighbourhoods, rows: slice, sign: float
) -> None:
    """Fill in rows from the values of their neighbours, NaN where there is none."""
    if not beside.shape[1]:
        return
    beside = np.sort(beside, axis=1)  # NaN last
    n = beside.shape[1] - np.isnan(beside).sum(axis=1)
    each = np.arange(len(beside))
    found.n[rows] = n
    least, most = beside[:, 0], beside[each, np.maximum(n - 1, 0)]
    found.best[rows], found.worst[rows] = (most, least) if sign > 0 else (least, most)
    lower, upper = beside[each, np.maximum(n - 1, 0) // 2], beside[each, n // 2 * (n > 0)]
    found.median[rows] = (lower + upper) / 2


def _steps(parameter: Parameter, stride: int) -> npt.NDArray[np.int64]:
    """By how much the cell of a point moves to each neighbour, (n_values, n_steps); 0: none."""
    near = [parameter.neighbours(place) for place in range(len(parameter.finite_values()))]
    steps = np.zeros((len(near), max(map(len, near))), dtype=np.int64)
    for place, places in enumerate(near):
        steps[place, : len(places)] = (np.array(places, dtype=np.int64) - place) * stride
    return steps


def _lookup(
    cells: npt.NDArray[np.int64], values: npt.NDArray[np.float64], n_cells: int
) -> Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float64]]:
    """Return a function from cells (-1: none) to the value recorded there, NaN where none is."""
    if n_cells <= _SPARSE * len(cells):
        grid = np.full(n_cells + 1, np.nan)  # the last one is that of cell -1
        grid[cells] = values
        return lambda asked: grid[asked]
    order = np.argsort(cells)
    ascending, ordered = cells[order], values[order]

    def search(asked: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        place = np.minimum(np.searchsorted(ascending, asked), len(ascending) - 1)
        return np.where(ascending[place] == asked, ordered[place], np.nan)

    return search
