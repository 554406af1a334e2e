"""Where the marks of an axis stand, and how its numbers are written."""

import datetime
import math
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["date_ticks", "linear_ticks", "log_ticks", "tick_text", "value_text"]

_STEPS = (1.0, 2.0, 5.0, 10.0)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 4, 6, 12, 24, 60, 120)
_EPOCH = datetime.date(1970, 1, 1).toordinal()


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers within a range: steps of 1, 2 or 5 times a power of ten.

    Parameters
    ----------
    low, high : float
        Finite, low below high.
    most : int
        How many there may be.
    """
    rough = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in _STEPS if power * each >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Return powers of ten within a range, every so many that there are not too many."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 1:
        return linear_ticks(low, high, 6)
    every = max(1, math.ceil((last - first + 1) / most))
    return [10.0**k for k in range(first, last + 1, every)]


def date_ticks(low: float, high: float, most: int = 7) -> list[tuple[float, str]]:
    """Return days and what is written at them.

    Parameters
    ----------
    low, high : float
        Days since 1970-01-01.
    most : int
        How many there may be.

    Returns
    -------
    list of (float, str)
        Single days as 2024-01-31, first days of months as 2024-01, of years as 2024.
    """
    for step in _DAYS:
        if (high - low) / step < most:
            days = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
            return [(float(day), _date(day).isoformat()) for day in days]
    first, last = _date(math.floor(low)), _date(math.floor(high))
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    for step in _MONTHS:
        if len(months) / step <= most or step == _MONTHS[-1]:
            form = "%Y" if step >= 12 else "%Y-%m"
            starts = [datetime.date(m // 12, m % 12 + 1, 1) for m in months if m % step == 0]
            days_of = [(float(start.toordinal() - _EPOCH), start) for start in starts]
            return [(day, f"{start:{form}}") for day, start in days_of if low <= day <= high]
    raise AssertionError  # the last step is always taken


def tick_text(value: float, unit: str, ticks: Sequence[float]) -> str:
    """Write a mark of an axis, with as many decimals as tell it from its neighbours."""
    step = min((abs(b - a) for a, b in pairwise(ticks)), default=abs(value))
    if unit == "fraction":
        value, step = 100 * value, 100 * step
    suffix = " %" if unit == "fraction" else ""
    if abs(value) >= 1e9 or 0 < step < 1e-4:
        return f"{value:.3g}{suffix}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step else 0
    return f"{value + 0.0:,.{decimals}f}{suffix}"


def value_text(value: float, unit: str) -> str:
    """Write a value in a figure, short."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if unit == "fraction":
        percent = 100 * value
        decimals = 1 if abs(percent) >= 0.95 or not percent else 2
        return f"{percent:,.{decimals}f} %" if abs(percent) < 1e7 else f"{percent:.3g} %"
    if abs(value) >= 1e7:
        return f"{value:,.0f}" if unit == "count" and abs(value) < 1e15 else f"{value:.3g}"
    if unit == "count":
        return f"{value:,.0f}"
    return f"{value:,.1f}" if unit == "days" else f"{value:,.2f}"


def _date(day: int) -> datetime.date:
    return datetime.date.fromordinal(max(1, min(day + _EPOCH, datetime.date.max.toordinal())))
