"""Parquet and Feather files: only the columns that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from search_spaces.errors import DataError

__all__ = ["FEATHER", "PARQUET", "ColumnarFile"]

PARQUET = (b"PAR1",)
FEATHER = (b"ARROW1",)
_DAMAGED = (pa.ArrowException, OSError, ValueError)  # also of names that are not UTF-8


@dataclass(frozen=True)
class ColumnarFile:
    """A Parquet or Feather file.

    Attributes
    ----------
    label : str
        The file in messages.
    columns : tuple of str
        Names of its columns.
    read : callable
        Reads some of the columns.
    """

    label: str
    columns: tuple[str, ...]
    read: Callable[[Sequence[str]], pa.Table]

    @classmethod
    def of(cls, source: Any, label: str, kind: tuple[bytes, ...]) -> ColumnarFile:
        """Read the names of the columns of a path or buffer.

        Raises
        ------
        DataError
            If it is damaged.
        """
        try:
            if kind == PARQUET:
                names = pq.read_schema(source).names
                return cls(label, tuple(names), lambda columns: _parquet(source, columns))
            from pyarrow import feather

            names = pa.ipc.open_file(source).schema.names
            return cls(
                label,
                tuple(names),
                lambda columns: feather.read_table(source, columns=list(columns)),
            )
        except _DAMAGED as error:
            raise DataError(f"{label}: cannot be read: {error}; download it again") from error

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return the columns; names that repeat are categories.

        Raises
        ------
        DataError
            If the file is damaged.
        """
        try:
            table = self.read(columns)
            for k, field in enumerate(table.schema):
                if _is_text(field.type):
                    table = table.set_column(k, field.name, table.column(k).dictionary_encode())
            # pandas' notes in the file, which may be damaged, are not looked at.
            return table.replace_schema_metadata(None).to_pandas(self_destruct=True)
        except _DAMAGED as error:
            raise DataError(f"{self.label}: cannot be read: {error}; download it again") from error


def _parquet(source: Any, columns: Sequence[str]) -> pa.Table:
    with pq.ParquetFile(source) as file:
        schema = file.schema_arrow
        # Names repeat: as dictionaries 2.5 million events take a third of the memory.
        texts = [name for name in columns if pa.types.is_string(schema.field(name).type)]
    with pq.ParquetFile(source, read_dictionary=texts) as file:
        return file.read(columns=list(columns))


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
