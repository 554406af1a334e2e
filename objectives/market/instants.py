"""Instants however they are written: ISO 8601, epochs of any unit, zones; nothing ambiguous."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from search_spaces.errors import DataError

__all__ = ["Instants", "check_timezone", "instants_of", "why_no_instant"]

# Whole dates in one order of day and month only.
_ISO_DATE = r"\d{4}(?:-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2}|\d{4})(?:[T ][\s\S]*)?"
_WHOLE = r"\d{9,19}"
_NUMBER = re.compile(r"(\d+)(?:\.(\d*))?(?:[eE]\+?(\d{1,2}))?")
_WITH_ZONE = r"[\s\S]*[T ]\d[\s\S]*(?:Z|z|[+-]\d{2}(?::?\d{2})?)"
_ZONE_WORDS = (
    (r"([+-]00:?00)?\s*(?:UTC|GMT|utc)$", "Z"),  # BigQuery, Dune, Go
    (r"(Z|[+-]\d{2}:?\d{2})\[[A-Za-z_/+-]+\]$", r"\1"),  # Java
)
# Unit by size: seconds from 1e9, milliseconds from 1e12 and so on, each of 2001 to 2286.
_UNITS = ((10**9, 1_000_000), (10**12, 1_000), (10**15, 1))
_NANOSECONDS = 10**18
_HOUR = 3_600_000_000
_SECOND = 1_000_000


@dataclass(frozen=True)
class Instants:
    """Instants of a column.

    Attributes
    ----------
    micros : int64 array, shape (n_rows,)
        Microseconds since 1970 UTC.
    bad : bool array, shape (n_rows,)
        Which rows are no instant.
    n_rounded : int
        Rows whose number a spreadsheet had rounded, and that were read as the full hour.
    """

    micros: NDArray[np.int64]
    bad: NDArray[np.bool_]
    n_rounded: int = 0


def check_timezone(name: str | None) -> None:
    """Refuse a zone that does not exist.

    Raises
    ------
    DataError
        Naming the zone.
    """
    try:
        ZoneInfo(name or "UTC")
    except (OSError, ValueError, KeyError):
        known = "UTC, Asia/Taipei or America/New_York"
        raise DataError(f"there is no time zone {name!r}; write one such as {known}") from None


def instants_of(series: pd.Series, *, epochs: bool, timezone: str | None = None) -> Instants:
    """Read a column of instants.

    Parameters
    ----------
    series : pandas.Series
        Instants, text or numbers.
    epochs : bool
        Whether a number counts the seconds, milli-, micro- or nanoseconds since 1970, as its
        size says; each unit for the years 2001 to 2286.
    timezone : str, optional
        Zone of times without one; None: UTC. An hour that a zone's clock shows twice, or skips,
        is no instant.
    """
    dtype = series.dtype
    if isinstance(dtype, (np.dtype, pd.DatetimeTZDtype)) and dtype.kind == "M":
        return Instants(*_micros(pd.DatetimeIndex(series), timezone))
    if epochs and isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        micros, known = _epochs(series.to_numpy())
        if known.all():
            return Instants(micros, ~known)
    codes, uniques = pd.factorize(series)
    micros, bad, rounded = _of_texts(_texts(uniques), epochs, timezone)
    if not len(uniques):
        return Instants(np.zeros(len(codes), np.int64), np.ones(len(codes), np.bool_))
    missing = codes < 0
    return Instants(micros[codes], missing | bad[codes], int((rounded[codes] & ~missing).sum()))


def why_no_instant(cell: str, *, epochs: bool) -> str:
    """Say how to write a cell, shown as in messages, that is no instant."""
    text = cell.strip("'\" ")
    if epochs and re.fullmatch(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}.*", text):
        return "which is the day and which the month is not known; write YYYY-MM-DD HH:MM:SS"
    if epochs and re.fullmatch(r"[2-6]\d{4}(\.\d+)?", text):
        return (
            "it looks like a spreadsheet's day number; give the column the format "
            "yyyy-mm-dd hh:mm:ss and save again"
        )
    if epochs and _NUMBER.fullmatch(text):
        return (
            "a number must be the seconds, milli-, micro- or nanoseconds since 1970 with all its "
            "digits; write YYYY-MM-DD HH:MM:SS"
        )
    return "write YYYY-MM-DD, or ISO 8601 with the time and zone"


def _texts(uniques: Any) -> pa.Array:
    values = uniques.categories.take(uniques.codes) if hasattr(uniques, "codes") else uniques
    return pc.utf8_trim_whitespace(pa.array(pd.Index(values).astype(str), type=pa.large_string()))


def _of_texts(
    texts: pa.Array, epochs: bool, timezone: str | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    micros = np.zeros(len(texts), dtype=np.int64)
    good = np.zeros(len(texts), dtype=np.bool_)
    rounded = np.zeros(len(texts), dtype=np.bool_)
    iso = _matches(texts, _ISO_DATE)
    if iso.any():
        micros[iso], bad = _iso(texts.filter(pa.array(iso)), timezone)
        good[iso] = ~bad
    if epochs and not iso.all():
        whole = _matches(texts, _WHOLE)
        if whole.any():
            numbers = texts.filter(pa.array(whole)).cast(pa.uint64()).to_numpy()
            micros[whole], good[whole] = _epochs(numbers)
        for k in np.flatnonzero(~iso & ~whole):
            found = _written_number(texts[k].as_py())
            if found is not None:
                micros[k], rounded[k] = found
                good[k] = True
    return micros, ~good, rounded


def _matches(texts: pa.Array, pattern: str) -> NDArray[np.bool_]:
    found = pc.match_substring_regex(texts, rf"\A(?:{pattern})\z")
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _iso(texts: pa.Array, timezone: str | None) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    if pc.any(pc.match_substring_regex(texts, "[A-SU-Ya-su-y]")).as_py():
        for pattern, zone in _ZONE_WORDS:
            texts = pc.replace_substring_regex(texts, pattern, zone)
    # Not coerced as one list of mixed zones on the machine's clock: utc=True converts each.
    parsed = pd.to_datetime(texts.to_pandas(), format="ISO8601", utc=True, errors="coerce")
    instants = pd.DatetimeIndex(parsed)
    micros, bad = _micros(instants, None)
    if timezone is not None:
        naive = ~_matches(texts, _WITH_ZONE)
        if naive.any():
            clock = instants[naive].tz_localize(None)
            micros[naive], bad[naive] = _micros(clock, timezone)
    return micros, bad


def _micros(
    instants: pd.DatetimeIndex, timezone: str | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    if instants.tz is None and timezone is not None:
        instants = instants.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT")
    if instants.tz is not None:
        instants = instants.tz_convert("UTC").tz_localize(None)
    bad = np.asarray(instants.isna())
    return instants.to_numpy().astype("datetime64[us]").astype(np.int64), bad


def _epochs(numbers: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return microseconds, and which numbers are an epoch of one of the units."""
    micros = np.zeros(len(numbers), dtype=np.int64)
    known = np.zeros(len(numbers), dtype=np.bool_)
    for least, factor in _UNITS:
        mine = (numbers >= least) & (numbers < 10 * least)
        if mine.any():
            exact = numbers[mine] * factor
            micros[mine] = (np.rint(exact) if exact.dtype.kind == "f" else exact).astype(np.int64)
            known |= mine
    mine = (numbers >= _NANOSECONDS) & (numbers < 10 * _NANOSECONDS)
    if mine.any():
        micros[mine] = (numbers[mine] // 1000).astype(np.int64)
        known |= mine
    return micros, known & ~_may_be_hours(np.where(known, numbers, 0))


def _may_be_hours(numbers: Any) -> Any:
    """Tell which numbers are an hour as YYYYMMDDHH, and also epoch seconds of 2033 or later."""
    hour, day, month = numbers % 100, numbers // 100 % 100, numbers // 10_000 % 100
    of_century = (numbers >= 2_000_000_000) & (numbers < 2_100_000_000)
    return of_century & (hour < 24) & (day >= 1) & (day <= 31) & (month >= 1) & (month <= 12)


def _written_number(text: str) -> tuple[int, bool] | None:
    """Read an epoch with a point or an exponent: microseconds, and whether it was rounded.

    ``1.704067e+12`` stands for any millisecond within 500 seconds: it is read as the one full
    hour there, on which exchanges settle, or not at all.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    number = Decimal(text)
    size = next(((factor, least) for least, factor in _UNITS if least <= number < 10 * least), None)
    if size is None or _may_be_hours(number):
        return None
    micros = int((number * size[0]).to_integral_value())
    exponent = int(match[3] or 0)
    step = size[0] * 10 ** max(0, exponent - len(match[2] or ""))
    if exponent == 0 or step <= _SECOND:
        return micros, False
    hour = round(micros / _HOUR) * _HOUR
    if abs(micros - hour) * 2 > step or step >= _HOUR:
        return None
    return hour, True
