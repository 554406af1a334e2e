"""Files of exported results: CSV, JSON lines, Parquet, Excel."""

import contextlib
import csv
import io
import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

from search_spaces.errors import ConfigError
from studies.analysis.export_rows import Batch, ExportColumn

__all__ = ["EXPORT_FORMATS", "FORMULA", "WRITERS", "format_of_name", "guarded", "refuse_too_many"]

EXCEL_ROWS = 1_048_575
"""Rows of a worksheet of Excel besides the names of its columns."""

_EXCEL_TEXT = 32_767
FORMULA = frozenset("=+-@\t\r")
"""First characters of texts that a spreadsheet computes."""


def write_csv(file: IO[bytes], columns: Sequence[ExportColumn], batches: Iterator[Batch]) -> int:
    """Write comma-separated values; a text that a spreadsheet takes for a formula is guarded.

    Returns
    -------
    int
        Number of rows, as of the other functions of this module.
    """
    n_rows = 0
    with _as_text(file) as text:
        # with this end of a line the writer quotes texts that hold a carriage return
        writer = csv.writer(_LinesOf(text), lineterminator="\r\n")
        writer.writerow(guarded([column.name for column in columns]))
        for batch in batches:
            escaped = [
                guarded(values) if column.kind == "text" else values
                for column, values in zip(columns, batch, strict=True)
            ]
            writer.writerows(zip(*escaped, strict=True))
            n_rows += len(batch[0])
    return n_rows


def write_json(file: IO[bytes], columns: Sequence[ExportColumn], batches: Iterator[Batch]) -> int:
    """Write one JSON object a line; numbers that are not finite are null."""
    names = (json.dumps(column.name).replace("%", "%%") for column in columns)
    form = "{" + ", ".join(f"{name}: %s" for name in names) + "}\n"
    n_rows = 0
    with _as_text(file) as text:
        for batch in batches:
            texts = [
                _json_texts(values, column.kind)
                for column, values in zip(columns, batch, strict=True)
            ]
            text.writelines(form % row for row in zip(*texts, strict=True))
            n_rows += len(batch[0])
    return n_rows


def write_parquet(
    file: IO[bytes], columns: Sequence[ExportColumn], batches: Iterator[Batch]
) -> int:
    """Write Parquet, a row group for each batch."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "text": pa.string(),
        "whole": pa.int64(),
        "real": pa.float64(),
        "truth": pa.bool_(),
        "time": pa.timestamp("us"),
    }
    schema = pa.schema([(column.name, types[column.kind]) for column in columns])
    n_rows = 0
    with pq.ParquetWriter(file, schema) as writer:
        for batch in batches:
            arrays = [
                pa.array(values, type=field.type)
                for field, values in zip(schema, batch, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            n_rows += len(batch[0])
    return n_rows


def write_excel(file: IO[bytes], columns: Sequence[ExportColumn], batches: Iterator[Batch]) -> int:
    """Write one worksheet, a row at a time; texts stay texts, whatever they begin with.

    Numbers have 16 digits there, where the other formats have all 17.

    Raises
    ------
    ConfigError
        If there are more rows than a worksheet holds.
    """
    import xlsxwriter

    n_rows = 0
    with tempfile.TemporaryDirectory() as folder:  # of the rows until the file is put together
        book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
        sheet = book.add_worksheet("results")
        try:
            sheet.freeze_panes(1, 1)
            time_format = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
            for place, column in enumerate(columns):
                sheet.write_string(0, place, column.name)
            for batch in batches:
                refuse_too_many(n_rows + len(batch[0]))
                for values in zip(*batch, strict=True):
                    n_rows += 1
                    _write_cells(sheet, n_rows, columns, values, time_format)
            book.close()
        finally:
            sheet.row_data_fh.close()  # left open after an error
    return n_rows


def _write_cells(
    sheet: Any, row: int, columns: Sequence[ExportColumn], values: Sequence[Any], time_format: Any
) -> None:
    for place, (column, value) in enumerate(zip(columns, values, strict=True)):
        if value is None:
            continue
        if column.kind == "text":
            sheet.write_string(row, place, value[:_EXCEL_TEXT])
        elif column.kind == "time":
            sheet.write_datetime(row, place, value, time_format)
        elif column.kind == "truth":
            sheet.write_boolean(row, place, value)
        elif math.isfinite(value):
            sheet.write_number(row, place, value)
        else:  # Excel has no infinity
            sheet.write_string(row, place, str(value))


WRITERS = {"csv": write_csv, "json": write_json, "parquet": write_parquet, "xlsx": write_excel}
EXPORT_FORMATS = tuple(WRITERS)


def format_of_name(ending: str) -> str:
    """Return the format of files with this ending; an unknown one is returned as it is."""
    return {"jsonl": "json"}.get(ending.lower(), ending.lower())


def refuse_too_many(n_rows: int) -> None:
    """Refuse more rows than a worksheet of Excel holds.

    Raises
    ------
    ConfigError
        Naming the number.
    """
    if n_rows > EXCEL_ROWS:
        raise ConfigError(
            f"a worksheet of Excel holds {EXCEL_ROWS:,} rows, these are {n_rows:,}; take the best "
            "with --top N, or write another format with --format parquet"
        )


@contextlib.contextmanager
def _as_text(file: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    """Write texts into a binary file, which stays open."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield text
        text.flush()
    finally:
        with contextlib.suppress(OSError):
            text.detach()


class _LinesOf:
    """Lines that end with a carriage return and a line feed, written with the latter only."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._write = text.write

    def write(self, line: str) -> None:
        self._write(f"{line[:-2]}\n")


def guarded(texts: Sequence[str | None]) -> list[str | None]:
    """Put an apostrophe before texts that a spreadsheet would compute."""
    return [f"'{text}" if text and text[0] in FORMULA else text for text in texts]


def _json_texts(values: Sequence[Any], kind: str) -> list[str]:
    if kind == "real":
        return [
            "null" if value is None or not math.isfinite(value) else repr(value) for value in values
        ]
    if kind == "time":
        return ["null" if moment is None else f'"{moment.isoformat()}"' for moment in values]
    return [json.dumps(value) for value in values]
