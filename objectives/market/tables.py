"""Frames, CSV and Parquet files read strictly: every complaint names file, row and column."""

from __future__ import annotations

import csv
import gzip
import re
import warnings
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TextIO, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from search_spaces.errors import DataError

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
# Whole dates in one order of day and month only; epoch numbers are refused, their unit is unknown.
_ISO_DATE = re.compile(r"\d{4}(?:([-/])\d{1,2}\1\d{1,2}|\d{4})(?:[T ].*)?", re.DOTALL)


@dataclass(frozen=True)
class Table:
    """Rows of a source, and how to name the place of one of them.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows; its index numbers the records of the source from 0.
    label : str
        The file, database table or frame, as a person knows it.
    locate : callable
        Turns a record number into words, such as ``"row 7"``.
    """

    frame: pd.DataFrame
    label: str
    locate: Callable[[int], str]

    def place(self, position: int) -> str:
        """Name the row at a position of the frame."""
        return self.locate(int(self.frame.index[position]))

    def cell(self, position: int, column: str) -> str:
        """Return the cell at a position as it is shown in messages."""
        value = self.frame[column].iloc[position]
        return repr(value.item() if isinstance(value, np.generic) else value)

    def error(self, position: int, column: str, problem: str) -> DataError:
        """Return the error that names file, row and column."""
        return DataError(f"{self.label}, {self.place(position)}, column {column!r}: {problem}")

    def select(self, keep: NDArray[np.bool_]) -> Table:
        """Return the table of the rows where `keep`, shape (n_rows,), is true."""
        return Table(self.frame[keep], self.label, self.locate)


def open_table(
    frame_or_path: pd.DataFrame | str | PathLike[str],
    required: Sequence[str],
    optional: Sequence[str] = (),
) -> Table:
    """Read the named columns of a frame, of a ``.csv``, ``.csv.gz`` or ``.parquet`` file.

    Cells of a CSV file stay text here. Rows are named by the 1-based line of a CSV file (the
    header is line 1), and by the position counted from 0 in a frame or Parquet file.

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
    if isinstance(frame_or_path, pd.DataFrame):
        table = _frame_table(frame_or_path, required, optional)
    else:
        try:
            path = Path(fspath(frame_or_path))
        except TypeError:
            kind = type(frame_or_path).__name__
            raise DataError(f"expected a pandas.DataFrame or a path, got {kind}") from None
        table = _file_table(path, required, optional)
    if table.frame.empty:
        raise DataError(f"{table.label}: has no rows; expected columns {', '.join(required)}")
    return table


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
            "the name is empty"
            if empty
            else f"a name must be text, got {table.cell(position, column)}"
        )
        raise table.error(position, column, problem)
    names = sorted(set(stripped))
    rank = {name: k for k, name in enumerate(names)}
    to_rank = np.array([rank[name] for name in stripped], dtype=np.int64)
    return to_rank[codes], names


def number_column(table: Table, column: str, *, missing_ok: bool) -> NDArray[np.float64]:
    """Read a column of finite numbers, shape (n_rows,).

    Parameters
    ----------
    table : Table
        The rows.
    column : str
        Name of the column.
    missing_ok : bool
        Whether an empty cell, NaN (in a file ``nan``) or NULL is allowed; it becomes NaN.

    Raises
    ------
    DataError
        If a cell is not a number, infinite, or missing where that is not allowed.
    """
    series = table.frame[column]
    values = _floats(series)
    if values is None:
        position = next(k for k, cell in enumerate(series) if _float_or_none(cell) is None)
        raise table.error(position, column, f"not a number: {table.cell(position, column)}")
    wrong = np.isinf(values) if missing_ok else ~np.isfinite(values)
    if wrong.any():
        position = int(wrong.argmax())
        problem = "missing" if np.isnan(values[position]) else "infinite"
        raise table.error(
            position, column, f"the number is {problem}: {table.cell(position, column)}"
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
    series = table.frame[column]
    if isinstance(series.dtype, (np.dtype, pd.DatetimeTZDtype)) and series.dtype.kind == "M":
        instants = pd.DatetimeIndex(series)
        codes = None
    else:
        codes, uniques = pd.factorize(series)
        texts = [str(cell).strip() for cell in uniques]
        texts = [text if _ISO_DATE.fullmatch(text) else "" for text in texts]
        # Not coerced as one list of mixed zones on the machine's clock: utc=True converts each.
        parsed = pd.to_datetime(pd.Index(texts), format="ISO8601", utc=True, errors="coerce")
        instants = pd.DatetimeIndex(parsed)
    if instants.tz is not None:
        instants = instants.tz_convert("UTC").tz_localize(None)
    missing = np.asarray(instants.isna())
    micros = instants.to_numpy().astype("datetime64[us]").astype(np.int64)
    if codes is not None:
        missing = (codes < 0) | (missing[codes] if missing.size else False)
        micros = micros[codes] if micros.size else np.zeros(len(codes), np.int64)
    if missing.any():
        position = int(missing.argmax())
        raise table.error(
            position,
            column,
            f"not a date: {table.cell(position, column)}; write YYYY-MM-DD, or ISO 8601 with "
            "the time and zone",
        )
    return micros


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


def _frame_table(frame: pd.DataFrame, required: Sequence[str], optional: Sequence[str]) -> Table:
    if any(name is not None and name in (*required, *optional) for name in frame.index.names):
        frame = frame.reset_index()
    columns = _columns("frame", list(frame.columns), required, optional)
    selected = frame[columns].reset_index(drop=True)
    return Table(selected, "frame", _position)


def _file_table(path: Path, required: Sequence[str], optional: Sequence[str]) -> Table:
    name = path.name.lower()
    label = str(path)
    if not name.endswith((".csv", ".csv.gz", ".parquet")):
        raise DataError(f"{label}: unknown kind of file; expected .csv, .csv.gz or .parquet")
    if not path.is_file():
        raise DataError(f"{label}: no such file")
    if path.stat().st_size == 0:
        raise DataError(f"{label}: the file is empty; expected columns {', '.join(required)}")
    try:
        if name.endswith(".parquet"):
            return _parquet_table(path, label, required, optional)
        return _csv_table(path, label, required, optional)
    except (pa.ArrowException, pd.errors.ParserError, csv.Error) as error:
        raise DataError(f"{label}: cannot be read: {error}") from error
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise DataError(f"{label}: cannot be read: {error}") from error


def _parquet_table(
    path: Path, label: str, required: Sequence[str], optional: Sequence[str]
) -> Table:
    schema = pq.read_schema(path)
    columns = _columns(label, schema.names, required, optional)
    # Names repeat: as dictionaries 2.5 million events take a third of the memory.
    texts = [name for name in columns if pa.types.is_string(schema.field(name).type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        frame = file.read(columns=columns).to_pandas(ignore_metadata=True, self_destruct=True)
    return Table(frame, label, _position)


def _csv_table(path: Path, label: str, required: Sequence[str], optional: Sequence[str]) -> Table:
    with _open_text(path) as lines:
        header = next(csv.reader(lines), None)
    if not header:
        raise DataError(f"{label}, row 1: no header; expected columns {', '.join(required)}")
    names = [name.strip() for name in header]
    columns = _columns(label, names, required, optional)
    with _open_text(path) as lines, warnings.catch_warnings():
        # A row longer than the header must not shift or lose cells.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(
                lines,
                header=0,
                names=names,
                dtype=str,
                index_col=False,
                keep_default_na=False,
                skip_blank_lines=False,
            )
        except pd.errors.ParserWarning:
            raise DataError(f"{label}, row 2: more cells than the header has columns") from None
    blank = frame.isna() | (frame == "")
    frame = frame.loc[~blank.all(axis=1).to_numpy(), columns]
    return Table(frame, label, lambda record: f"row {_line_of_record(path, record)}")


def _columns(
    label: str, present: Iterable[Any], required: Sequence[str], optional: Sequence[str]
) -> list[str]:
    names = list(present)
    for name in (*required, *optional):
        if names.count(name) > 1:
            raise DataError(f"{label}: column {name!r} appears {names.count(name)} times")
    missing = [name for name in required if name not in names]
    if missing:
        found = ", ".join(str(name) for name in names) or "none"
        lacking = ", ".join(map(repr, missing))
        raise DataError(f"{label}, row 1: missing column {lacking}; the columns are {found}")
    return [name for name in (*required, *optional) if name in names]


def _open_text(path: Path) -> TextIO:
    if path.name.lower().endswith(".gz"):
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8-sig", newline=""))
    return path.open(encoding="utf-8-sig", newline="")


def _line_of_record(path: Path, record: int) -> int:
    # Only asked for when something is wrong: a quoted cell may span lines, so records are counted.
    with _open_text(path) as lines:
        reader = csv.reader(lines)
        start = 1
        for number, _ in enumerate(reader, start=-1):
            if number == record:
                return start
            start = reader.line_num + 1
    return record + 2


def _position(record: int) -> str:
    return f"row position {record} (counted from 0)"


def _floats(series: pd.Series) -> NDArray[np.float64] | None:
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "fiu":
        return series.to_numpy(dtype=np.float64, copy=True)
    cells = series.to_numpy(dtype=object)
    missing = np.asarray(series.isna()) | (cells == "")
    values = np.full(len(cells), np.nan)
    if any(isinstance(cell, str) and "_" in cell for cell in cells):
        return None  # float("1_000") is Python's, not a data file's
    if series.dtype.kind == "b" or any(isinstance(cell, (bool, np.bool_)) for cell in cells):
        return None
    try:
        # Python's own float(): correctly rounded, which the fast parsers do not promise.
        values[~missing] = cells[~missing].astype(np.float64)
    except (ValueError, TypeError):
        return None
    return values


def _float_or_none(cell: Any) -> float | None:
    if isinstance(cell, (bool, np.bool_)) or (isinstance(cell, str) and "_" in cell):
        return None
    if cell is None or cell is pd.NA or cell == "":
        return float("nan")
    try:
        return float(cell)
    except (ValueError, TypeError):
        return None
