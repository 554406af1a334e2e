"""Columns of frames and files read strictly: every complaint names file, row and column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from objectives.market.instants import instants_of, why_no_instant
from objectives.market.sheets import open_sheets, sheet_of_frame, stacked
from objectives.market.table import Table

__all__ = [
    "Table",
    "days_of",
    "first_duplicate",
    "instant_column",
    "number_column",
    "open_table",
    "text_column",
]

_MICROSECONDS_PER_DAY = 86_400_000_000


def open_table(
    frame_or_path: pd.DataFrame | str | PathLike[str],
    required: Sequence[str],
    optional: Sequence[str] = (),
) -> Table:
    """Read the named columns of a frame or of files.

    Files may be CSV, JSON, Parquet or Feather, compressed, zipped or in a folder; names of
    columns may differ in case and white space. Cells of text stay text here. Rows are named by
    the 1-based line of a text file (the header is line 1), and by the position counted from 0 in
    a frame or Parquet file.

    Parameters
    ----------
    frame_or_path : pandas.DataFrame, str or path
        The source. Columns may also be levels of a frame's index.
    required, optional : sequence of str
        Names of columns; others are ignored.

    Raises
    ------
    DataError
        If the file is missing, empty, damaged or of another kind.
    DataError
        If a required column is missing, a column appears twice or there is no row.
    """
    names = {name: name for name in required}, {name: name for name in optional}
    if isinstance(frame_or_path, pd.DataFrame):
        return sheet_of_frame(frame_or_path).table(*names)
    tables = [sheet.table(*names) for sheet in open_sheets(frame_or_path)]
    return stacked(tables, str(frame_or_path))


def text_column(table: Table, column: str) -> tuple[NDArray[np.int64], list[str]]:
    """Read a column of names.

    Returns
    -------
    codes : int64 array, shape (n_rows,)
        Position in `names` of each row's name.
    names : list of str
        The distinct names, ascending, without surrounding white space.

    Raises
    ------
    DataError
        If a cell is empty or not text.
    """
    codes, uniques = pd.factorize(table.frame[column])
    stripped = [name.strip() if isinstance(name, str) else name for name in uniques]
    bad = np.array([not (isinstance(name, str) and name) for name in stripped], dtype=bool)
    wrong = (codes < 0) | (bad[codes] if bad.size else False)
    if wrong.any():
        position = int(wrong.argmax())
        value = table.frame[column].iloc[position]
        empty = pd.isna(value) or (isinstance(value, str) and not value.strip())
        problem = (
            "the name is empty; fill it in or remove the row"
            if empty
            else f"a name must be text, got {table.cell(position, column)}"
        )
        raise table.error(position, column, problem)
    names = sorted(set(stripped))
    rank = {name: k for k, name in enumerate(names)}
    to_rank = np.array([rank[name] for name in stripped], dtype=np.int64)
    return to_rank[codes], names


def number_column(
    table: Table, column: str, *, missing_ok: bool, percent: bool = False
) -> NDArray[np.float64]:
    """Read a column of finite numbers, shape (n_rows,).

    Parameters
    ----------
    table : Table
        The rows.
    column : str
        Name of the column.
    missing_ok : bool
        Whether an empty cell, NaN (in a file ``nan``) or NULL is allowed; it becomes NaN.
    percent : bool
        Whether text that ends with ``%`` is a number: a hundredth of what stands before.

    Raises
    ------
    DataError
        If a cell is not a number, infinite, or missing where that is not allowed.
    """
    series = table.frame[column]
    values = _floats(series, percent)
    if values is None:
        position = next(k for k, one in enumerate(series) if _float_or_none(one, percent) is None)
        cell = table.cell(position, column)
        raise table.error(position, column, f"not a number: {cell}; write it as 0.0001 or 1e-4")
    wrong = np.isinf(values) if missing_ok else ~np.isfinite(values)
    if wrong.any():
        position = int(wrong.argmax())
        problem = "missing" if np.isnan(values[position]) else "infinite"
        cell = table.cell(position, column)
        raise table.error(
            position, column, f"the number is {problem}: {cell}; fill it in or remove the row"
        )
    return values


def instant_column(table: Table, column: str) -> NDArray[np.int64]:
    """Read a column of instants as microseconds since 1970 UTC, shape (n_rows,).

    Times with a zone are converted to UTC, times without one are UTC. Text must be ISO 8601.

    Raises
    ------
    DataError
        If a cell is not a date or is missing.
    """
    instants = instants_of(table.frame[column], epochs=False)
    if instants.bad.any():
        position = int(instants.bad.argmax())
        cell = table.cell(position, column)
        problem = f"not a date: {cell}; {why_no_instant(cell, epochs=False)}"
        raise table.error(position, column, problem)
    return instants.micros


def days_of(micros: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the UTC day, counted from 1970-01-01, of microseconds since 1970, same shape."""
    return micros // _MICROSECONDS_PER_DAY


def first_duplicate(order: NDArray[np.int64], ordered_key: NDArray[Any]) -> tuple[int, int] | None:
    """Find the first row, in the order of the source, that repeats the key of an earlier one.

    Parameters
    ----------
    order : int64 array, shape (n_rows,)
        A stable sorting permutation of the rows.
    ordered_key : integer array, shape (n_rows,)
        The key in that order.

    Returns
    -------
    (first, repeated) or None
        Positions of the two rows.
    """
    same = np.flatnonzero(ordered_key[1:] == ordered_key[:-1])
    if same.size == 0:
        return None
    k = same[order[same + 1].argmin()]
    return int(order[k]), int(order[k + 1])


def _floats(series: pd.Series, percent: bool) -> NDArray[np.float64] | None:
    dtype = series.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "fiu":
        if dtype.kind == "f" and dtype.itemsize < 8:
            return _shortest(series.to_numpy())
        return series.to_numpy(dtype=np.float64, copy=True)
    if isinstance(dtype, np.dtype):  # of objects; booleans would be factors of 0 and 1
        return _parsed(list(series), percent)
    codes, uniques = pd.factorize(series)
    values = _of_plain_texts(uniques)
    if values is None:
        values = _parsed(list(uniques), percent)
    return None if values is None else np.append(values, np.nan)[codes]


def _of_plain_texts(uniques: Any) -> NDArray[np.float64] | None:
    """Parse text at once if all of it is numbers, correctly rounded as ``float`` does."""
    if not isinstance(getattr(uniques, "dtype", None), pd.StringDtype):
        return None
    try:
        values = np.asarray(pa.array(uniques, type=pa.large_string()).cast(pa.float64()))
    except pa.ArrowInvalid:
        return None
    return None if np.isnan(values).any() else values  # nan(x) is no text Python knows


def _shortest(values: NDArray[Any]) -> NDArray[np.float64]:
    """Widen as the decimal that was meant: 0.0003 in 32 bits is not 0.0003000000142."""
    unique, inverse = np.unique(values, return_inverse=True)
    return np.array([float(str(value)) for value in unique], dtype=np.float64)[inverse]


def _parsed(cells: list[Any], percent: bool) -> NDArray[np.float64] | None:
    values = [_float_or_none(cell, percent) for cell in cells]
    return None if None in values else np.array(values, dtype=np.float64)


def _float_or_none(cell: Any, percent: bool) -> float | None:
    if isinstance(cell, str):
        if "_" in cell:
            return None  # float("1_000") is Python's, not a data file's
        if not cell:
            return math.nan
        if percent and cell.rstrip().endswith("%"):
            return _of_percent(cell.rstrip()[:-1])
    if isinstance(cell, (bool, np.bool_)):
        return None
    if cell is None or cell is pd.NA:
        return math.nan
    try:
        # Python's own float(): correctly rounded, which pandas' parser does not promise.
        return float(cell)
    except (ValueError, TypeError):
        return None


def _of_percent(text: str) -> float | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return float(number.scaleb(-2)) if number.is_finite() else None
