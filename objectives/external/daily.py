"""Returns by day in a program's result."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["read_days"]


def read_days(found: Any, dates: npt.NDArray[np.datetime64]) -> npt.NDArray[np.float64]:
    """Read an object of dates and fractions.

    Parameters
    ----------
    found : object
        ``{"2025-01-01": 0.0012, ...}``: the change of wealth over each day, known at its close, as
        a fraction of the wealth before it; a date may carry a time, which is left out.
    dates : ndarray of datetime64[D], shape (n_days,)
        Consecutive days.

    Returns
    -------
    ndarray of float64, shape (n_days,)
        0 on days that `found` leaves out. All NaN if it is no such object: a date or a number
        cannot be read, lies outside of `dates`, or stands twice.
    """
    none = np.full(len(dates), math.nan)
    if not isinstance(found, Mapping) or not found:
        return none
    values = np.zeros(len(dates))
    seen: set[int] = set()
    for text, value in found.items():
        try:
            day = int((np.datetime64(dt.date.fromisoformat(str(text)[:10])) - dates[0]).astype(int))
            number = float(value)
        except (TypeError, ValueError):
            return none
        if not 0 <= day < len(dates) or day in seen or isinstance(value, bool):
            return none
        seen.add(day)
        values[day] = number
    return values
