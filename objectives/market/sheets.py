"""Tables of files, whatever their kind, opened without reading more than the names of columns."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from objectives.market.columnar import FEATHER, PARQUET, ColumnarFile
from objectives.market.delimited import DelimitedText
from objectives.market.encodings import utf8_text
from objectives.market.files import DataFile, data_files
from objectives.market.json_records import JsonRecords
from objectives.market.table import Table, row_position
from search_spaces.errors import DataError

__all__ = ["Sheet", "column_key", "open_sheets", "sheet_of_frame", "stacked"]

_BILINGUAL = re.compile(r"/[^\x00-\x7f].*", re.DOTALL)


@dataclass(frozen=True)
class Sheet:
    """One table of a source.

    Attributes
    ----------
    label : str
        The file in messages.
    path : PurePath
        Folders and name; the name may say what the columns do not.
    columns : tuple of str
        Names of the columns as written.
    read : callable
        Reads columns by their position; the frame's columns are these positions, its index the
        numbers of the records.
    locate : callable
        Turns a record number into words.
    parts : mapping of str to str
        Columns with one value, given by Hive folders.
    """

    label: str
    path: PurePath
    columns: tuple[str, ...]
    read: Callable[[Sequence[int]], pd.DataFrame]
    locate: Callable[[int], str]
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> set[str]:
        """Names of all columns as :func:`column_key` writes them."""
        return {column_key(name) for name in (*self.columns, *self.parts)} - {""}

    def names(self) -> str:
        """List the names of the columns for messages."""
        return ", ".join(name for name in (*self.columns, *self.parts) if name) or "none"

    def find(self, name: str) -> int | str | None:
        """Find a column by its name: as written, or in other case, with other white space.

        Returns
        -------
        int, str or None
            Its position, the key of a Hive folder, or None.

        Raises
        ------
        DataError
            If two columns are called so.
        """
        exact = [k for k, column in enumerate(self.columns) if column == name]
        found = exact or [
            k for k, column in enumerate(self.columns) if column_key(column) == column_key(name)
        ]
        if len(found) > 1:
            raise DataError(f"{self.label}: column {name!r} appears {len(found)} times")
        if found:
            return found[0]
        return next((part for part in self.parts if column_key(part) == column_key(name)), None)

    def table(self, required: Mapping[str, str], optional: Mapping[str, str]) -> Table:
        """Read columns.

        Parameters
        ----------
        required, optional : mapping of str to str
            Name in the table to name in the file.

        Raises
        ------
        DataError
            If a required column is missing, or there is no row.
        """
        where = {new: self.find(old) for new, old in {**required, **optional}.items()}
        missing = [old for new, old in required.items() if where[new] is None]
        if missing:
            lacking = ", ".join(map(repr, missing))
            raise DataError(
                f"{self.label}, row 1: missing column {lacking}; the columns are {self.names()}"
            )
        positions = [k for k in where.values() if isinstance(k, int)]
        frame = self.read(sorted(set(positions)))
        if not len(frame):
            expected = ", ".join(required.values())
            raise DataError(f"{self.label}: has no rows; expected columns {expected}")
        columns = {
            new: frame[k] if isinstance(k, int) else _constant(self.parts[k], frame.index)
            for new, k in where.items()
            if k is not None
        }
        return Table(pd.DataFrame(columns, copy=False), self.label, self.locate)


def column_key(name: Any) -> str:
    """Reduce a column's name to what people agree on: lower case, without separators.

    Of a bilingual name such as OKX's ``funding_time/...`` in Chinese the English part counts.
    """
    return re.sub(r"[\s_\-.]+", "", _BILINGUAL.sub("", str(name))).casefold()


def open_sheets(source: str | PathLike[str]) -> Iterator[Sheet]:
    """Open a file, the files of a folder or the members of a zip, one after the other.

    Raises
    ------
    DataError
        If a file is missing, empty, damaged or of another kind.
    """
    yield from map(_sheet, data_files(source))


def sheet_of_frame(frame: pd.DataFrame) -> Sheet:
    """Make a sheet of a frame; named levels of its index are columns too."""
    levels = [name for name in frame.index.names if name is not None and name not in frame]
    if levels:
        index = frame.index.to_frame(index=False)[levels]
        frame = pd.concat([index, frame.reset_index(drop=True)], axis=1)

    def read(positions: Sequence[int]) -> pd.DataFrame:
        some = frame.iloc[:, list(positions)].reset_index(drop=True)
        some.columns = pd.Index(list(positions))
        return some

    return Sheet("frame", PurePath("frame"), tuple(map(str, frame.columns)), read, row_position)


def stacked(tables: Sequence[Table], label: str) -> Table:
    """Put tables of the same columns below each other; rows keep their file and number."""
    if len(tables) == 1:
        return tables[0]
    starts = np.cumsum([0, *(int(one.frame.index.max()) + 1 for one in tables)])
    frames = [
        one.frame.set_axis(one.frame.index + start)
        for one, start in zip(tables, starts, strict=False)
    ]

    def locate(record: int) -> str:
        k = bisect_right(starts, record) - 1
        return f"{tables[k].label}, {tables[k].locate(record - int(starts[k]))}"

    return Table(pd.concat(frames), label, locate)


def _constant(value: str, index: pd.Index) -> pd.Series:
    codes = np.zeros(len(index), dtype=np.int8)
    return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index([value])), index=index)


def _sheet(file: DataFile) -> Sheet:
    content: bytes | None = None
    if file.plain is not None:
        with file.plain.open("rb") as opened:
            head = opened.read(8)
    else:
        content = file.content()
        head = content[:8]
    if not head:
        raise DataError(f"{file.label}: is empty; a table needs a header and rows")
    ending = file.path.suffix.lower()
    for kind, endings in ((PARQUET, (".parquet", ".pq")), (FEATHER, (".feather", ".arrow"))):
        if head.startswith(kind):
            source = file.plain if content is None else pa.py_buffer(content)
            return _columnar(file, ColumnarFile.of(source, file.label, kind))
        if ending in endings:
            what = "Parquet" if kind == PARQUET else "Feather"
            raise DataError(
                f"{file.label}: cannot be read: it is not a {what} file; download it again"
            )
    text = utf8_text(file.content() if content is None else content, file.label)
    if text[:200].lstrip()[:1] in (b"[", b"{"):
        records = JsonRecords.of(text, file.label)
        columns = records.columns

        def read(positions: Sequence[int]) -> pd.DataFrame:
            return records.frame([columns[k] for k in positions]).set_axis(list(positions), axis=1)

        return Sheet(file.label, file.path, columns, read, records.locate, file.parts)
    delimited = DelimitedText.of(text, file.label)
    return Sheet(
        file.label,
        file.path,
        delimited.columns,
        lambda positions: delimited.frame()[list(positions)],
        delimited.locate,
        file.parts,
    )


def _columnar(file: DataFile, source: ColumnarFile) -> Sheet:
    def read(positions: Sequence[int]) -> pd.DataFrame:
        frame = source.frame([source.columns[k] for k in positions])
        return frame.set_axis(list(positions), axis=1)

    return Sheet(file.label, file.path, source.columns, read, row_position, file.parts)
