"""Calendar days: always UTC, always midnights without a time zone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from search_spaces.errors import DataError

__all__ = ["calendar", "utc_day"]

_ONE_DAY = np.timedelta64(1, "D")


def utc_day(date: Any) -> pd.Timestamp:
    """Convert anything that names a day to its UTC midnight, without a time zone.

    Parameters
    ----------
    date : str, datetime.date, datetime.datetime, numpy.datetime64 or pandas.Timestamp
        A naive one is UTC.

    Raises
    ------
    DataError
        If it does not name a day.
    """
    try:
        if isinstance(date, str):
            stamp = pd.to_datetime(date, format="ISO8601")
        elif isinstance(date, (bool, int, float)):
            raise ValueError("a number")  # pandas would take it for nanoseconds
        else:
            stamp = pd.Timestamp(date)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"a date must be written YYYY-MM-DD, got {date!r}") from error
    if pd.isna(stamp):
        raise DataError(f"a date must be written YYYY-MM-DD, got {date!r}")
    if stamp.tz is not None:
        stamp = stamp.tz_convert("UTC").tz_localize(None)
    return stamp.normalize()


def calendar(dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return consecutive UTC midnights without a time zone, shape (n_days,).

    Raises
    ------
    DataError
        If there is no day, or they are not consecutive midnights.
    """
    index = pd.DatetimeIndex(dates)
    if index.tz is not None:
        index = index.tz_convert("UTC").tz_localize(None)
    index = index.as_unit("us")
    if len(index) == 0:
        raise DataError("a panel needs at least one day, got none")
    steps = np.diff(index.to_numpy())
    if (index != index.normalize()).any() or (steps != _ONE_DAY).any():
        raise DataError("dates must be consecutive UTC midnights; the readers fill days in")
    return pd.DatetimeIndex(index.to_numpy())
