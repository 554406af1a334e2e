"""Figures of every strategy as a page holds them: numbers of levels, compressed, as text.

The script of the page reads the same layout (``studies/reports/page/report.js``: ``unpack``).
"""

import base64
import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from studies.analysis import SessionTable
from studies.reports.embedded_parameters import EmbeddedParameter

__all__ = ["FAILED", "MISSING", "EmbeddedTable", "Levels", "embed", "levels_of"]

FAILED = 65_535
"""In place of a level: the strategy failed."""

MISSING = 65_534
"""In place of a level: it was measured, and the figure is not there."""

_MOST_LEVELS = 65_534
_FEWER_LEVELS = 32_768  # of figures with more values than levels: half a megabyte less
_OUTERMOST = 2_048  # values at each end that keep a level of their own
_MAX_CELLS = 2**62


@dataclass(frozen=True)
class Levels:
    """Values of a figure, each as the number of a level.

    Attributes
    ----------
    values : ndarray of float32 or float64, shape (n_levels,)
        Recorded values, ascending. 0 is a level where it was recorded, and no level stands for
        values on both sides of it, so that counts of values above 0 are exact.
    codes : ndarray of uint16, shape (n_strategies,)
        Numbers of levels, :data:`FAILED` or :data:`MISSING`.
    is_exact : bool
        Whether every recorded value has a level of its own.
    """

    values: npt.NDArray[Any]
    codes: npt.NDArray[np.uint16]
    is_exact: bool


@dataclass(frozen=True)
class EmbeddedTable:
    """All strategies of a table, packed.

    Attributes
    ----------
    document : dict
        What the script must know to unpack: plain values for JSON.
    data : str
        Base64 of gzip of the parts, one after another.
    position : ndarray of int64, shape (n_strategies,)
        Where in the packed order each row of the table stands.
    """

    document: dict[str, Any]
    data: str
    position: npt.NDArray[np.int64]


def embed(
    table: SessionTable,
    figures: Sequence[str],
    parameters: Sequence[EmbeddedParameter],
    groups: Sequence[npt.NDArray[np.int64]] = (),
) -> EmbeddedTable:
    """Pack figures and parameters of every strategy.

    Parameters
    ----------
    table : SessionTable
    figures : sequence of str
        Figures that were read.
    parameters : sequence of EmbeddedParameter
        One for each parameter of the space.
    groups : sequence of ndarray of int64
        Rows of the table that the page must know as one: strategies of a result.

    Notes
    -----
    The parts, each byte by byte of significance (all lowest bytes, then the next ones), which
    compresses well: of each figure its levels, then its codes (uint16); the places of each
    parameter (uint8, uint16 or uint32), unless the strategies are all combinations of the places,
    when their order says it; the positions of the groups (uint32). Strategies stand in the order
    of their parameters, the last one fastest.
    """
    order, is_grid = _order_of(table)
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    parts: list[npt.NDArray[Any]] = []
    listed = []
    for name in figures:
        levels = levels_of(table.figure(name), table.failed)
        parts += [levels.values, levels.codes[order]]
        listed.append(
            {
                "name": name,
                "levels": len(levels.values),
                "width": levels.values.itemsize,
                "exact": levels.is_exact,
            }
        )
    columns: list[int] = []
    if not is_grid:
        for place, parameter in enumerate(parameters):
            packed = _narrow(parameter.place_of[table.digits[order, place]])
            columns.append(packed.itemsize)
            parts.append(packed)
    if groups:
        parts.append(np.concatenate([position[rows] for rows in groups]).astype("<u4"))
    packed_bytes = gzip.compress(b"".join(map(_planes, parts)), 6, mtime=0)
    document = {
        "n": len(table),
        "figures": listed,
        "grid": is_grid,
        "columns": columns,
        "groups": [len(rows) for rows in groups],
    }
    return EmbeddedTable(document, base64.b64encode(packed_bytes).decode(), position)


def levels_of(values: npt.NDArray[np.float64], failed: npt.NDArray[np.bool_]) -> Levels:
    """Return the values of a figure as numbers of levels.

    Parameters
    ----------
    values : ndarray of float64, shape (n_strategies,)
        NaN where there is none; infinities are values.
    failed : ndarray of bool, shape (n_strategies,)
    """
    codes = np.where(failed, FAILED, MISSING).astype("<u2")
    known = ~np.isnan(values) & ~failed
    distinct, number = np.unique(values[known], return_inverse=True)
    is_exact = len(distinct) <= _MOST_LEVELS
    if not is_exact:
        level = _grouped(distinct)
        starts = np.flatnonzero(np.diff(level, prepend=-1))
        ends = np.append(starts[1:], len(distinct))
        distinct, number = distinct[(starts + ends - 1) // 2], level[number]
    codes[known] = number
    return Levels(_shortened(distinct), codes, is_exact)


def _grouped(distinct: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return levels of ascending values: single ones at the ends and 0, else of neighbours."""
    place = np.arange(len(distinct))
    is_own = (place < _OUTERMOST) | (place >= len(distinct) - _OUTERMOST) | (distinct == 0)
    room = _FEWER_LEVELS - int(is_own.sum())
    size = -(-int((~is_own).sum()) // (room - 1))
    begins = is_own.copy()
    for inner in (~is_own & (distinct < 0), ~is_own & (distinct > 0)):
        within = np.cumsum(inner) - 1
        begins |= inner & (within % size == 0)
    return np.asarray(np.cumsum(begins) - 1)


def _shortened(values: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Return values with half the digits, unless these do not tell them apart."""
    with np.errstate(over="ignore", under="ignore"):
        short = values.astype("<f4")
        finite = np.isfinite(values)
        is_lost = bool(((short == 0) != (values == 0)).any() or (~np.isfinite(short[finite])).any())
        if not is_lost and len(np.unique(short)) > 0.98 * len(values):
            return short
    return values.astype("<f8")


def _order_of(table: SessionTable) -> tuple[npt.NDArray[np.int64], bool]:
    """Return the rows by their parameters, and whether these are all combinations of values."""
    shape = [len(parameter.finite_values()) for parameter in table.space.parameters]
    n_cells = math.prod(shape)
    if n_cells > _MAX_CELLS:
        return np.lexsort(table.digits.T[::-1]), False
    strides = np.array([math.prod(shape[place + 1 :]) for place in range(len(shape))], np.int64)
    # a grid without twice the same strategy: as many rows as cells
    order = np.argsort(table.digits @ strides, kind="stable")
    return order, len(table) == n_cells


def _narrow(values: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    largest = int(values.max(initial=0))
    return values.astype("u1" if largest < 2**8 else "<u2" if largest < 2**16 else "<u4")


def _planes(values: npt.NDArray[Any]) -> bytes:
    """Return the lowest bytes of all values, then the next ones."""
    return np.ascontiguousarray(values).view("u1").reshape(-1, values.itemsize).T.tobytes()
