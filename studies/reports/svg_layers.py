"""The layers of a panel as elements of an SVG."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from studies.reports.drawing import Bars, Cells, Columns, Layer, Line, Points, Rule
from studies.reports.html_text import Html, element, joined
from studies.reports.svg_scale import Scale
from studies.reports.svg_text import CHARACTER, SvgTexts
from studies.reports.ticks import value_text

__all__ = ["N_COUNT_STEPS", "N_STEPS", "SvgLayers", "cell_step", "count_step", "largest_of"]

N_STEPS = 6
"""Colours on either side of the neutral one of "diverging" cells."""

N_COUNT_STEPS = 6
"""Colours of "count" cells."""

_MOST_POINTS = 2_000  # of a line; a page of 760 points shows no more
_QUANTILE = 0.95


class SvgLayers:
    """Draws layers between two scales.

    Parameters
    ----------
    x, y : Scale
    texts : SvgTexts
    """

    def __init__(self, x: Scale, y: Scale, texts: SvgTexts) -> None:
        self._x, self._y, self._texts = x, y, texts

    def draw(self, layer: Layer) -> Html:
        """Draw a layer."""
        if isinstance(layer, Line):
            return self._path_of(layer)
        if isinstance(layer, Columns):
            return self._columns(layer)
        if isinstance(layer, Bars):
            return self._bars(layer)
        if isinstance(layer, Points):
            return self._points(layer)
        return self._cells(layer) if isinstance(layer, Cells) else self._rule(layer)

    def _path_of(self, line: Line) -> Html:
        x, y = self._x.places(line.x), self._y.places(line.y)
        drawn = []
        is_there = np.isfinite(x) & np.isfinite(y)
        # parts without a gap
        starts = np.flatnonzero(is_there & ~np.concatenate([[False], is_there[:-1]]))
        stops = np.flatnonzero(is_there & ~np.concatenate([is_there[1:], [False]])) + 1
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            kept = _kept(y[start:stop]) + start
            path = _path(x[kept], y[kept], line.is_step)
            drawn.append(element("path", d=path, class_=f"line role-{line.role}"))
        name = self._texts.tooltip(line.name)
        return element("g", name, *drawn)

    def _columns(self, columns: Columns) -> Html:
        edges, zero = self._x.places(columns.edges), self._y.place(0.0)
        tops = self._y.places(columns.heights)
        unit = self._x.axis.unit
        drawn = []
        for k, height in enumerate(np.asarray(columns.heights).tolist()):
            if height > 0:
                low, high = (value_text(float(columns.edges[k + side]), unit) for side in (0, 1))
                drawn.append(
                    _rectangle(
                        edges[k],
                        min(tops[k], zero - 0.75),  # one strategy among 300,000 is seen too
                        max(edges[k + 1] - edges[k] - 0.6, 0.6),
                        max(zero - tops[k], 0.75),
                        f"bar role-{columns.role}",
                        self._texts.tooltip(f"{low} … {high}: {value_text(height, 'count')}"),
                    )
                )
        return joined(*drawn)

    def _bars(self, bars: Bars) -> Html:
        zero, ends = self._x.place(0.0), self._x.places(bars.values)
        names = self._y.axis.categories
        half = abs(self._y.place(1) - self._y.place(0)) * 0.34
        drawn = []
        for k, (value, role) in enumerate(zip(bars.values, bars.roles, strict=True)):
            text = value_text(float(value), self._x.axis.unit)
            middle = self._y.place(k)
            end = zero if math.isnan(value) else float(np.clip(ends[k], *_between(self._x)))
            drawn.append(
                _rectangle(
                    min(zero, end),
                    middle - half,
                    max(abs(end - zero), 0.75),
                    2 * half,
                    f"bar role-{role}",
                    self._texts.tooltip(names[k], text),
                )
            )
            is_left = end < zero
            anchor = "end" if is_left else None
            at = end - 6 if is_left else end + 6
            drawn.append(self._texts.text(text, at, middle + 4, anchor=anchor, kind="value"))
        low, high = self._y.start, self._y.end
        drawn.append(element("path", d=f"M{zero:.1f} {low:.1f}V{high:.1f}", class_="axis"))
        return joined(*drawn)

    def _points(self, points: Points) -> Html:
        x, y = self._x.places(points.x), self._y.places(points.y)
        drawn = []
        for k in np.flatnonzero(np.isfinite(x) & np.isfinite(y)).tolist():
            values = ", ".join(
                value_text(float(of[k]), scale.axis.unit)
                for of, scale in ((points.x, self._x), (points.y, self._y))
                if scale.axis.kind != "date"
            )
            name = self._texts.tooltip(f"{points.names[k]}: {values}" if points.names else values)
            kind = f"point role-{points.role}"
            if points.role == "bad":  # another shape, not the colour alone
                at = f"M{x[k]:.1f} {y[k] - 5:.1f}l5 5l-5 5l-5 -5z"
                drawn.append(element("path", name, d=at, class_=kind))
            else:
                at_x, at_y = f"{x[k]:.1f}", f"{y[k]:.1f}"
                drawn.append(element("circle", name, cx=at_x, cy=at_y, r="3.2", class_=kind))
        return element("g", *drawn)

    def _cells(self, cells: Cells) -> Html:
        across, down = cells.edges()
        x, y = self._x.places(across), self._y.places(down)
        largest = largest_of(cells)
        drawn = []
        for row, column in np.argwhere(~np.isnan(cells.values)).tolist():
            value = float(cells.values[row, column])
            if cells.scale == "count" and value <= 0:
                continue
            kind = cell_step(value, largest) if cells.scale == "diverging" else ""
            kind = kind or count_step(value, largest)
            text = value_text(value, cells.unit)
            left, right = sorted((float(x[column]), float(x[column + 1])))
            top, bottom = sorted((float(y[row]), float(y[row + 1])))
            drawn.append(
                _rectangle(
                    left,
                    top,
                    right - left,
                    bottom - top,
                    f"cell {kind}",
                    self._texts.tooltip(*self._place_of(cells, row, column), text),
                )
            )
            if cells.is_written and len(text) * CHARACTER <= right - left + 4:
                middle = (left + right) / 2
                kind = f"cell-text on-{kind}"
                at = (top + bottom) / 2 + 4
                drawn.append(self._texts.text(text, middle, at, anchor="middle", kind=kind))
        return joined(*drawn)

    def _place_of(self, cells: Cells, row: int, column: int) -> list[Any]:
        """Say in words where a cell is."""
        names: list[Any] = []
        for scale, edges, place in (
            (self._y, cells.edges_y, row),
            (self._x, cells.edges_x, column),
        ):
            axis = scale.axis
            if edges is None:
                names += [axis.label or "", axis.categories[place], "·"]
            else:
                ends = [value_text(float(edges[place + side]), axis.unit) for side in (0, 1)]
                names += [axis.label or "", " … ".join(ends), "·"]
        return [*names[:-1], ":"]

    def _rule(self, rule: Rule) -> Html:
        (left, right), (high, low) = _between(self._x), _between(self._y)
        if rule.is_diagonal:
            return self._diagonal()
        if rule.y is not None:
            if not self._y.holds(rule.y):
                return joined()
            at = self._y.place(rule.y)
            line = element("path", d=f"M{left:.1f} {at:.1f}H{right:.1f}", class_="rule")
            text = self._texts.text(rule.name, right, at - 4, anchor="end", kind="rule-name")
            return joined(line, text)
        if not self._x.holds(rule.x):
            return joined()
        at = self._x.place(rule.x)
        is_late = at > (left + right) / 2
        line = element("path", d=f"M{at:.1f} {high - 4:.1f}V{low:.1f}", class_="rule")
        text = self._texts.text(
            rule.name, at, high - 8, anchor="end" if is_late else None, kind="rule-name"
        )
        return joined(line, text)

    def _diagonal(self) -> Html:
        low, high = max(self._x.low, self._y.low), min(self._x.high, self._y.high)
        if low >= high:
            return joined()
        ends = [(self._x.place(value), self._y.place(value)) for value in (low, high)]
        (x0, y0), (x1, y1) = ends
        return element("path", d=f"M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}", class_="rule")


def largest_of(cells: Cells) -> float:
    """Return the value that has the strongest colour: one outlier does not pale all others."""
    values = np.abs(cells.values[np.isfinite(cells.values)])
    if not values.size:
        return 1.0
    if cells.scale == "count":
        return max(float(values.max()), 1.0)
    return float(np.quantile(values, _QUANTILE)) or float(values.max()) or 1.0


def cell_step(value: float, largest: float) -> str:
    """Return the class of a "diverging" cell: ``cell-n6`` .. ``cell-0`` .. ``cell-p6``."""
    share = math.copysign(1.0, value) if math.isinf(value) else value / largest
    step = round(N_STEPS * max(-1.0, min(1.0, share)))
    if not step:
        return "cell-0"
    return f"cell-p{step}" if step > 0 else f"cell-n{-step}"


def count_step(value: float, largest: float) -> str:
    """Return the class of a "count" cell, ``count-1`` .. ``count-6``, by the logarithm."""
    share = math.log(value) / math.log(largest) if largest > 1 else 1.0
    return f"count-{1 + round((N_COUNT_STEPS - 1) * max(0.0, min(1.0, share)))}"


def _kept(y: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Choose points of a line: of longer ones the lowest and highest of every stretch."""
    if len(y) <= _MOST_POINTS:
        return np.arange(len(y))
    edges = np.linspace(0, len(y), _MOST_POINTS // 2 + 1).astype(np.int64)
    chosen = [0, len(y) - 1]
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = y[start:stop]
        chosen += [start + int(part.argmin()), start + int(part.argmax())]
    return np.unique(chosen)


def _path(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], is_step: bool) -> str:
    """Spell a path through points; a single one is a short dash."""
    if len(x) == 1:
        return f"M{x[0] - 2:.1f} {y[0]:.1f}h4"
    points = [f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    if not is_step:
        return "M" + "L".join(points)
    steps = [f"H{a:.1f}V{b:.1f}" for a, b in zip(x[1:].tolist(), y[1:].tolist(), strict=True)]
    return f"M{points[0]}" + "".join(steps)


def _between(scale: Scale) -> tuple[float, float]:
    return min(scale.start, scale.end), max(scale.start, scale.end)


def _rectangle(
    x: float, y: float, width: float, height: float, kind: str, tooltip: Html | None = None
) -> Html:
    return element(
        "rect",
        tooltip,
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        width=f"{width:.1f}",
        height=f"{height:.1f}",
        class_=kind,
    )
