"""Charts of text: lines of two by four dots in every character (Unicode Braille), and bars."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from studies.cli.output import width

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["coverage_line", "line_chart", "sparkline"]

_HEIGHT = 8
_WIDEST = 72
_NO_TERMINAL = 80
_BARS = "▁▂▃▄▅▆▇█"
# Bit of a dot by its column and its row from above, U+2800 and following.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def line_chart(series: pd.Series) -> Iterator[str]:
    """Draw a series over days.

    Parameters
    ----------
    series : pandas.Series
        Finite values by date, at least two.

    Yields
    ------
    str
        Lines of text; one in words where the output cannot show the characters.
    """
    values = [float(value) for value in series]
    low, high = min(values), max(values)
    first, last = f"{series.index[0]:%Y-%m-%d}", f"{series.index[-1]:%Y-%m-%d}"
    try:
        "⣿┤".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        yield f"{first} {values[0]:,.2f} to {last} {values[-1]:,.2f}, {low:,.2f} to {high:,.2f}"
        return
    decimals = 0 if high - low >= _HEIGHT else 2
    labels = {0: f"{high:,.{decimals}f}", _HEIGHT - 1: f"{low:,.{decimals}f}"}
    margin = max(len(label) for label in labels.values())
    columns = max(20, min(_WIDEST, (width() or _NO_TERMINAL) - margin - 4))
    for row, line in enumerate(_rows(values, low, high, columns)):
        yield f"{labels.get(row, ''):>{margin}} {'┤' if row in labels else '│'}{line}"
    gap = columns - len(first) - len(last)
    yield f"{'':{margin}}  {first}{' ' * gap}{last}"


def coverage_line(shares: Sequence[float], labels: Sequence[str]) -> str:
    """Draw shares from 0 to 1 as one bar a label, at most a line of them.

    Parameters
    ----------
    shares : sequence of float
        One a label; neighbours are averaged where there are more than fit.
    labels : sequence of str
        The first and the last stand beside the bars.

    Returns
    -------
    str
        In words where the output cannot show the bars.
    """
    room = max(10, min(_WIDEST, (width() or _NO_TERMINAL) - len(labels[0]) - len(labels[-1]) - 18))
    n_bars = min(room, len(shares))
    edges = [round(k * len(shares) / n_bars) for k in range(n_bars + 1)]
    bars = [sum(shares[a:b]) / (b - a) for a, b in pairwise(edges)]
    try:
        _BARS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return f"{labels[0]} {bars[0]:.0%} to {labels[-1]} {bars[-1]:.0%}, least {min(bars):.0%}"
    drawn = "".join(
        _BARS[min(int(share * len(_BARS)), len(_BARS) - 1)] if share else "·" for share in bars
    )
    return f"{labels[0]} {drawn} {labels[-1]}"


def sparkline(counts: Sequence[float]) -> str:
    """Draw numbers of at least 0 as one bar each, the largest at full height.

    Parameters
    ----------
    counts : sequence of float

    Returns
    -------
    str
        A middle dot for 0. The numbers themselves where the output cannot show the bars.
    """
    largest = max(counts, default=0) or 1
    try:
        _BARS.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return " ".join(f"{count:g}" for count in counts)
    last = len(_BARS) - 1
    return "".join(_BARS[round(count / largest * last)] if count else "·" for count in counts)


def _rows(values: list[float], low: float, high: float, columns: int) -> list[str]:
    n_x, n_y = 2 * columns, 4 * _HEIGHT
    cells = [[0] * columns for _ in range(_HEIGHT)]
    before: int | None = None
    for x in range(n_x):
        value = values[round(x * (len(values) - 1) / (n_x - 1))]
        share = (value - low) / (high - low) if high > low else 0.5
        y = round((1.0 - share) * (n_y - 1))
        # joined upright, so that a steep line has no holes
        start = y if before is None else before + (y > before) - (y < before)
        for dot in range(min(start, y), max(start, y) + 1):
            cells[dot // 4][x // 2] |= _DOTS[x % 2][dot % 4]
        before = y
    return ["".join(chr(0x2800 + cell) if cell else " " for cell in row).rstrip() for row in cells]
