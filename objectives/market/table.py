"""Rows of a source, and the words for the place of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from search_spaces.errors import DataError

__all__ = ["Table", "row_position"]


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


def row_position(record: int) -> str:
    """Name a row of a source without lines, such as a frame or a Parquet file."""
    return f"row position {record} (counted from 0)"
