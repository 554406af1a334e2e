"""From values of an axis to places in a picture."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from studies.reports.drawing import Axis, Bars, Cells, Columns, Line, Panel, Points
from studies.reports.ticks import date_ticks, linear_ticks, log_ticks, tick_text

__all__ = ["Scale", "numbers_of", "range_of"]

_LARGEST = 1e150
"""Larger values are drawn here, so that no difference overflows."""


@dataclass(frozen=True)
class Scale:
    """An axis with its range and its place.

    Attributes
    ----------
    axis : Axis
    low, high : float
        Ends of the range; of "date" days since 1970-01-01.
    start, end : float
        Where these stand in the picture.
    """

    axis: Axis
    low: float
    high: float
    start: float
    end: float

    def places(self, values: Any) -> npt.NDArray[np.float64]:
        """Return where values stand; NaN and infinities stay."""
        numbers = numbers_of(values, self.axis)
        low, high = self.low, self.high
        if self.axis.kind == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                numbers = np.log10(numbers)
            low, high = math.log10(low), math.log10(high)
        return self.start + (self.end - self.start) * (numbers - low) / (high - low)

    def place(self, value: Any) -> float:
        """Return where a value stands."""
        return float(self.places(np.array([value]))[0])

    def holds(self, value: Any) -> bool:
        """Whether a value is within the range."""
        number = float(numbers_of(np.array([value]), self.axis)[0])
        return self.low <= number <= self.high

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Return values to be marked, and what is written at them; none of a "category" axis."""
        if self.axis.kind == "category":
            return []
        if self.axis.kind == "date":
            return date_ticks(self.low, self.high, most)
        choose = log_ticks if self.axis.kind == "log" else linear_ticks
        values = choose(self.low, self.high, most)
        if self.axis.unit == "count":
            values = [value for value in values if value == round(value)]
        if self.axis.kind == "log":
            return [(value, tick_text(value, self.axis.unit, [0.0, value])) for value in values]
        return [(value, tick_text(value, self.axis.unit, values)) for value in values]


def numbers_of(values: Any, axis: Axis) -> npt.NDArray[np.float64]:
    """Return values as numbers; dates as days since 1970-01-01."""
    if axis.kind == "date":
        return np.asarray(values, dtype="datetime64[D]").astype(np.int64).astype(np.float64)
    numbers = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(numbers), np.clip(numbers, -_LARGEST, _LARGEST), numbers)


def range_of(panels: Iterable[Panel], direction: str) -> tuple[float, float]:
    """Return the range that all layers of some panels need in a direction.

    Parameters
    ----------
    panels : iterable of Panel
    direction : {"x", "y"}
    """
    lows, highs, kind = [], [], "linear"
    begins_at_zero, is_tight = False, False
    for panel in panels:
        axis: Axis = getattr(panel, direction)
        kind = axis.kind
        if axis.kind == "category":
            return -0.5, max(len(axis.categories), 1) - 0.5
        for layer in panel.layers:
            begins_at_zero |= isinstance(layer, Bars)
            begins_at_zero |= isinstance(layer, Columns) and direction == "y"
            is_tight |= direction == "x" and isinstance(layer, (Line, Columns))
            is_tight |= isinstance(layer, Cells)
            extent = _extent(layer, direction)
            if extent is None:
                continue
            found = numbers_of(extent, axis)
            found = found[np.isfinite(found) & ((axis.kind != "log") | (found > 0))]
            if found.size:
                lows.append(float(found.min()))
                highs.append(float(found.max()))
    if not lows:
        return (1.0, 10.0) if kind == "log" else (0.0, 1.0)
    low, high = min(lows), max(highs)
    if begins_at_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    return _widened(low, high, kind, is_tight, begins_at_zero)


def _extent(layer: Any, direction: str) -> Any:
    """Return the values of a layer in a direction; None where it has none of its own."""
    if isinstance(layer, (Line, Points)):
        return getattr(layer, direction)
    if isinstance(layer, Columns):
        return layer.edges if direction == "x" else layer.heights
    if isinstance(layer, Bars):
        return layer.values
    if isinstance(layer, Cells):
        return layer.edges_x if direction == "x" else layer.edges_y
    return None


def _widened(
    low: float, high: float, kind: str, is_tight: bool, begins_at_zero: bool
) -> tuple[float, float]:
    """Leave room around values, also around a single one."""
    if kind == "log":
        return (low / 2, high * 2) if low == high else (low, high)
    if low == high:
        half = max(abs(low) * 0.05, 0.5)
        return (low, high + 2 * half) if begins_at_zero and low == 0 else (low - half, high + half)
    if is_tight:
        return low, high
    room = 0.05 * (high - low)
    if begins_at_zero:
        return low - room * (low < 0), high + room * (high > 0)
    return low - room, high + room
