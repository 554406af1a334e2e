"""Records in JSON: answers of exchanges, lists, lines, columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from objectives.market.table import row_position
from search_spaces.errors import DataError

__all__ = ["JsonRecords"]

_CANDLE = ("date", "open", "high", "low", "close", "volume")
_SAYINGS = ("msg", "retMsg", "message")
_ENVELOPES = ("result", "data", "list", "rows", "records", "items")


@dataclass(frozen=True)
class JsonRecords:
    """Records of a JSON file.

    Attributes
    ----------
    label : str
        The file in messages.
    records : list of dict
        Name to value.
    lines : list of int or None
        The 1-based line of each record, where each has its own.
    """

    label: str
    records: list[dict[str, Any]]
    lines: list[int] | None = None

    @classmethod
    def of(cls, text: bytes, label: str) -> JsonRecords:
        """Parse JSON, or one JSON value a line.

        Known are a list of records, an exchange's answer around one (``result.list``, ``data``),
        lists of such, columns of values as pandas writes them, and candles in lists of six.

        Raises
        ------
        DataError
            If it is not JSON or holds no records.
        """
        try:
            return cls(label, _some(_records(json.loads(text), label), label))
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                raise _not_json(label, error.lineno, error.msg) from None
        except (ValueError, RecursionError) as error:
            raise _not_json(label, 1, str(error)) from None
        records: list[dict[str, Any]] = []
        lines: list[int] = []
        for number, line in enumerate(text.decode().splitlines(), start=1):
            if not line.strip():
                continue
            try:
                found = list(_records(json.loads(line), label))
            except json.JSONDecodeError as error:
                raise _not_json(label, number, error.msg) from None
            except (ValueError, RecursionError) as error:
                raise _not_json(label, number, str(error)) from None
            records += found
            lines += [number] * len(found)
        return cls(label, _some(records, label), lines)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the records' values, in the order they come."""
        return tuple(dict.fromkeys(name for record in self.records for name in record))

    def frame(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return columns of values; None where a record has none."""
        values = {
            name: pd.Series([record.get(name) for record in self.records], dtype=object)
            for name in columns
        }
        # A whole number beyond 2**53 must not become a float because another is missing.
        return pd.DataFrame(values, index=range(len(self.records))).infer_objects()

    def locate(self, record: int) -> str:
        """Name the line of a record, or its position in the list."""
        return row_position(record) if self.lines is None else f"row {self.lines[record]}"


def _not_json(label: str, row: int, problem: str) -> DataError:
    return DataError(
        f"{label}, row {row}: cannot be read as JSON: {problem}; download it again, or save it "
        "as CSV"
    )


def _some(records: Iterable[dict[str, Any]], label: str) -> list[dict[str, Any]]:
    found = list(records)
    if not found:
        raise DataError(f"{label}: holds no records; download it again for other dates")
    return found


def _records(value: Any, label: str) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            if isinstance(item, list) and len(item) == len(_CANDLE) and _is_flat(item):
                yield dict(zip(_CANDLE, item, strict=True))
            else:
                yield from _records(item, label)
        return
    if not isinstance(value, dict):
        raise DataError(
            f"{label}: holds {value!r} where a record such as "
            '{"symbol": ..., "fundingRate": ...} is expected'
        )
    saying = next((value[name] for name in _SAYINGS if value.get(name)), None)
    inside = next((value[name] for name in _ENVELOPES if value.get(name)), None)
    if isinstance(inside, (list, dict)):
        yield from _records(inside, label)
    elif saying is not None and "symbol" not in value:
        raise DataError(f"{label}: holds no records; the exchange answered {saying!r}")
    elif value and all(isinstance(column, (list, dict)) for column in value.values()):
        yield from _from_columns(value, label)
    elif not any(name in value for name in _ENVELOPES):
        yield value


def _from_columns(columns: dict[str, Any], label: str) -> Iterator[dict[str, Any]]:
    lists = {
        name: list(column.values()) if isinstance(column, dict) else column
        for name, column in columns.items()
    }
    if len({len(column) for column in lists.values()}) != 1:
        raise DataError(f"{label}: its columns have different lengths; save it as CSV")
    for row in zip(*lists.values(), strict=True):
        yield dict(zip(lists, row, strict=True))


def _is_flat(item: list[Any]) -> bool:
    return not any(isinstance(cell, (list, dict)) for cell in item)
