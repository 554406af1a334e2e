"""Charts of text: lines of two by four dots in every character (Unicode Braille), and bars."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from studies.cli.output import style, width

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["bars_of", "coverage_line", "line_chart", "sparkline"]

_HEIGHT = 8
_WIDEST = 72
_NO_TERMINAL = 80
_SOLID, _THIN = "⠒⠒⠒", "⠂ ⠂"
_BARS = "▁▂▃▄▅▆▇█"
# Bit of a dot by its column and its row from above, U+2800 and following.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))


def line_chart(
    series: pd.Series, beside: pd.Series | None = None, split: object = None
) -> Iterator[str]:
    """Draw a series over days, and another one thinly beside it.

    Parameters
    ----------
    series : pandas.Series
        Finite values by date, at least two.
    beside : pandas.Series, optional
        The basket, over the same days.
    split : date or str, optional
        The first day that the search did not see: an upright line stands there.

    Yields
    ------
    str
        Lines of text; one in words where the output cannot show the characters.
    """
    values = [float(value) for value in series]
    others = [] if beside is None else [float(value) for value in beside]
    low, high = min(*values, *others), max(*values, *others)
    first, last = f"{series.index[0]:%Y-%m-%d}", f"{series.index[-1]:%Y-%m-%d}"
    at_split = _place_of_split(series, split)
    if not _can_show("⣿┤┊"):
        yield f"{first} {values[0]:,.2f} to {last} {values[-1]:,.2f}, {low:,.2f} to {high:,.2f}"
        if others:
            yield f"basket {others[0]:,.2f} to {others[-1]:,.2f}"
        if at_split is not None:
            yield f"unseen from {split}"
        return
    decimals = 0 if high - low >= _HEIGHT else 2
    labels = {0: f"{high:,.{decimals}f}", _HEIGHT - 1: f"{low:,.{decimals}f}"}
    margin = max(len(label) for label in labels.values())
    columns = max(20, min(_WIDEST, (width() or _NO_TERMINAL) - margin - 4))
    drawn = _dots(values, low, high, columns)
    thin = _dots(others, low, high, columns, every=3) if others else [[0] * columns] * _HEIGHT
    at = None if at_split is None else round(at_split * (columns - 1))
    for row in range(_HEIGHT):
        line = _coloured(drawn[row], thin[row], at)
        yield f"{labels.get(row, ''):>{margin}} {'┤' if row in labels else '│'}{line}"
    gap = columns - len(first) - len(last)
    yield f"{'':{margin}}  {first}{' ' * gap}{last}"
    if others or at is not None:
        named = [f"{_SOLID} strategy", style(f"{_THIN} basket", fg="yellow")] if others else []
        named += [] if at is None else [f"┊ unseen from {split}"]
        yield f"{'':{margin}}  {'   '.join(named)}"


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
    if not _can_show(_BARS):
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
    if not _can_show(_BARS):
        return " ".join(f"{count:g}" for count in counts)
    last = len(_BARS) - 1
    return "".join(_BARS[round(count / largest * last)] if count else "·" for count in counts)


def bars_of(counts: Sequence[float]) -> str | None:
    """Draw numbers as :func:`sparkline` does; None where the output cannot show the bars."""
    return sparkline(counts) if _can_show(_BARS) else None


def _can_show(characters: str) -> bool:
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _place_of_split(series: pd.Series, split: object) -> float | None:
    """Return where the first unseen day is, from 0 to 1; None if there is none, or all are."""
    if split in (None, "auto"):
        return None
    days = [f"{day:%Y-%m-%d}" for day in series.index]
    place = sum(day < str(split) for day in days)
    return place / (len(days) - 1) if 0 < place < len(days) else None


def _coloured(drawn: Sequence[int], thin: Sequence[int], split: int | None) -> str:
    """Put the cells of two series together; of a shared one the colour is that of the first."""
    line = ""
    for column, (own, other) in enumerate(zip(drawn, thin, strict=True)):
        if own:
            line += chr(0x2800 + (own | other))
        elif other:
            line += style(chr(0x2800 + other), fg="yellow")
        else:
            line += "┊" if column == split else " "
    return line.rstrip()


def _dots(
    values: list[float], low: float, high: float, columns: int, every: int = 1
) -> list[list[int]]:
    """Return the dots of every cell, row by row; of a thin line one in `every` along it."""
    n_x, n_y = 2 * columns, 4 * _HEIGHT
    cells = [[0] * columns for _ in range(_HEIGHT)]
    before: int | None = None
    for x in range(n_x):
        value = values[round(x * (len(values) - 1) / (n_x - 1))]
        share = (value - low) / (high - low) if high > low else 0.5
        y = round((1.0 - share) * (n_y - 1))
        # joined upright, so that a steep line has no holes
        start = y if before is None or every > 1 else before + (y > before) - (y < before)
        if x % every == 0:
            for dot in range(min(start, y), max(start, y) + 1):
                cells[dot // 4][x // 2] |= _DOTS[x % 2][dot % 4]
        before = y
    return cells
