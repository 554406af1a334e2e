"""Tables in text: comma, semicolon, tab or bar between the cells, comments and a header above."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pandas as pd

from search_spaces.errors import DataError

__all__ = ["DelimitedText"]

_DELIMITERS = (",", ";", "\t", "|")
_HEAD = 2**16


@dataclass(frozen=True)
class DelimitedText:
    """The text of a table with a header.

    Attributes
    ----------
    text : bytes
        UTF-8.
    label : str
        The file in messages.
    columns : tuple of str
        Names of the columns without surrounding white space; ``""`` where there is none.
    delimiter : str
        What stands between the cells.
    n_above : int
        Lines above the header: comments, blank lines, ``sep=;``.
    n_cells : int
        Cells of a row: one more than columns where each row ends with a delimiter.
    """

    text: bytes
    label: str
    columns: tuple[str, ...]
    delimiter: str
    n_above: int
    n_cells: int

    @classmethod
    def of(cls, text: bytes, label: str) -> DelimitedText:
        """Find delimiter and header.

        Raises
        ------
        DataError
            If there is no header.
        """
        lines = _head_lines(text)
        n_above, forced = 0, None
        for line in lines:
            word = line.strip()
            if word.lower().startswith("sep=") and len(word) == 5:
                forced = word[-1]
            elif word and not word.startswith("#"):
                break
            n_above += 1
        head = lines[n_above:]
        if not head:
            raise DataError(f"{label}, row 1: no header; the first line must name the columns")
        try:
            delimiter = forced or max(_DELIMITERS, key=lambda one: len(_first(head, one)))
            rows = list(_some_rows(head, delimiter))
        except csv.Error as error:
            raise DataError(f"{label}: cannot be read: {error}") from None
        columns = tuple(name.strip() for name in rows[0])
        longer = len(rows) > 1 and len(rows[1]) == len(columns) + 1 and not rows[1][-1].strip()
        return cls(text, label, columns, delimiter, n_above, len(columns) + longer)

    def frame(self) -> pd.DataFrame:
        """Return the cells as text by number of column; the index is the number of the record.

        Blank lines and comment lines are left out, and records keep their numbers.

        Raises
        ------
        DataError
            If a row has more cells than the header.
        """
        with warnings.catch_warnings():
            # A row longer than the header must not shift or lose cells.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            try:
                frame = pd.read_csv(
                    io.BytesIO(self.text),
                    sep=self.delimiter,
                    header=0,
                    names=list(range(self.n_cells)),
                    skiprows=self.n_above,
                    dtype=str,
                    index_col=False,
                    keep_default_na=False,
                    skip_blank_lines=False,
                )
            except pd.errors.ParserWarning:
                row = self._row_of(0)
                raise DataError(
                    f"{self.label}, row {row}: more cells than the header has columns; is the "
                    f"delimiter {self.delimiter!r}?"
                ) from None
            except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
                raise DataError(f"{self.label}: cannot be read: {error}") from None
        frame = self._without_blank(frame)
        if self.n_cells > len(self.columns):
            beyond = frame[self.n_cells - 1]
            if (filled := beyond.notna() & (beyond != "")).any():
                row = self._row_of(int(frame.index[int(filled.to_numpy().argmax())]))
                raise DataError(f"{self.label}, row {row}: more cells than the header has columns")
        return frame

    def locate(self, record: int) -> str:
        """Name the line of a record: 1-based, as an editor counts."""
        return f"row {self._row_of(record)}"

    def _without_blank(self, frame: pd.DataFrame) -> pd.DataFrame:
        first = frame[0]
        doubtful = first.isna() | (first == "") | first.str.startswith("#", na=False)
        if not doubtful.any():
            return frame
        some = frame[doubtful]
        rest = some.drop(columns=0)
        empty = (rest.isna() | (rest == "")).all(axis=1)
        return frame.drop(index=some.index[empty.to_numpy()])

    def _row_of(self, record: int) -> int:
        # Only asked for when something is wrong: a quoted cell may span lines, so records are
        # counted.
        lines = io.TextIOWrapper(io.BytesIO(self.text), encoding="utf-8", newline="")
        for _ in range(self.n_above):
            next(lines)
        reader = csv.reader(lines, delimiter=self.delimiter)
        start = 1
        with suppress(csv.Error):  # a cell beyond what csv bears
            for number, _ in enumerate(reader, start=-1):
                if number == record:
                    return start + self.n_above
                start = reader.line_num + 1
        return record + 2 + self.n_above


def _head_lines(text: bytes) -> list[str]:
    """Return the first lines; the last one may be cut."""
    size = _HEAD
    while True:
        head = io.StringIO(text[:size].decode(errors="ignore"), newline="")
        lines = head.readlines()
        filled = [line for line in lines if line.strip() and not line.startswith("#")]
        if len(filled) > 3 or size >= len(text):
            return lines
        size *= 8


def _first(lines: list[str], delimiter: str) -> list[str]:
    return next(csv.reader(lines, delimiter=delimiter))


def _some_rows(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the header and the first row that is not blank."""
    rows = csv.reader(lines, delimiter=delimiter)
    yield next(rows)
    for row in rows:
        if any(cell.strip() for cell in row):
            yield row
            return
