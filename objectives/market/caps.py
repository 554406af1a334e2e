"""Market caps by symbol, undated or with the day they were known."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectives.market.funding_events import MarketNote
from objectives.market.tables import (
    Table,
    days_of,
    first_duplicate,
    instant_column,
    number_column,
    open_table,
    text_column,
)
from search_spaces.errors import DataError

__all__ = ["MarketCaps", "caps_from_table", "read_market_caps"]


@dataclass(frozen=True, eq=False)
class MarketCaps:
    """Market caps of symbols.

    Parameters
    ----------
    symbols : tuple of str, length n_symbols
        Ascending.
    values : float64 array, shape (n_rows, n_symbols)
        Money, greater than 0; NaN: unknown. If dated, the latest value known on the row's date.
    dates : pandas.DatetimeIndex, shape (n_rows,), or None
        The days at whose close the rows are known, ascending; None: undated, one row.
    notes : tuple of MarketNote
        What the reader found.
    """

    symbols: tuple[str, ...]
    values: NDArray[np.float64]
    dates: pd.DatetimeIndex | None
    notes: tuple[MarketNote, ...] = ()

    def panel_fields(self, pairs: tuple[str, ...], days: pd.DatetimeIndex) -> dict[str, Any]:
        """Return the fields of a panel with these pairs.

        A pair takes the value of its symbol, the text before the first ``_``, written exactly
        alike; without one it is NaN.

        Parameters
        ----------
        pairs : tuple of str, length n_pairs
            Pair names.
        days : pandas.DatetimeIndex
            The calendar of the panel.

        Returns
        -------
        dict
            ``market_caps`` (n_rows, n_pairs), ``market_cap_dates``, ``warnings`` and ``notes``.
        """
        column = {symbol: k for k, symbol in enumerate(self.symbols)}
        wanted = [pair.split("_", 1)[0] for pair in pairs]
        where = np.array([column.get(symbol, -1) for symbol in wanted], dtype=np.int64)
        caps = np.where(where >= 0, self.values[:, where], np.nan)
        warnings: tuple[str, ...] = ()
        if (where < 0).all():
            warnings = (
                f"no market cap belongs to a pair: the symbols of the caps are written like "
                f"{self.symbols[0]!r}, those of the pairs like {wanted[0]!r}",
            )
        return {
            "market_caps": caps,
            "market_cap_dates": self.dates,
            "warnings": warnings,
            "notes": (
                *self.notes,
                *self._fit_notes(pairs, days, np.asarray(np.isnan(caps).all(axis=0))),
            ),
        }

    def _fit_notes(
        self, pairs: tuple[str, ...], days: pd.DatetimeIndex, unknown: NDArray[np.bool_]
    ) -> list[MarketNote]:
        """Say which pairs and caps did not meet."""
        used = {pair.split("_", 1)[0] for pair in pairs}
        idle = [symbol for symbol in self.symbols if symbol not in used]
        lacking = [pair for pair, missing in zip(pairs, unknown, strict=True) if missing]
        notes = []
        if lacking:
            text = f"{len(lacking):,} of {len(pairs):,} pairs have no market cap"
            notes.append(_note("pairs_without_cap", text, len(lacking), lacking[0]))
        if idle:
            text = f"{len(idle):,} market caps belong to no pair"
            notes.append(_note("caps_without_pair", text, len(idle), idle[0]))
        if self.dates is not None:
            late = self.dates[self.dates > days[-1]]
            if len(late):
                text = f"{len(late):,} dates of market caps are after the last day of returns"
                notes.append(_note("outside_calendar", text, len(late), f"{late[0]:%Y-%m-%d}"))
        return notes


def read_market_caps(frame_or_path: pd.DataFrame | str | PathLike[str]) -> MarketCaps:
    """Read market caps from a frame, CSV (also ``.csv.gz``) or Parquet file.

    Parameters
    ----------
    frame_or_path : pandas.DataFrame, str or path
        Columns ``symbol``, ``market_cap`` and perhaps ``date``, the day at whose close the value
        was known. An empty cap or 0 is unknown. Of a symbol that is listed twice (two coins with
        one ticker) the larger counts, with a note.

    Raises
    ------
    DataError
        If a market cap is not a number, infinite or negative.
    DataError
        If a symbol is empty or a date cannot be parsed.
    DataError
        If a column is missing, or the source is empty or cannot be read.
    """
    caps = caps_from_table(open_table(frame_or_path, ("symbol", "market_cap"), ("date",)))
    if caps is None:
        raise DataError("no market cap is known in the source; leave it out, or fill 'market_cap'")
    return caps


def caps_from_table(table: Table) -> MarketCaps | None:
    """Build market caps from the columns of :func:`read_market_caps`; None if all are unknown."""
    symbol, names = text_column(table, "symbol")
    dated = "date" in table.frame
    day = np.zeros(len(symbol), dtype=np.int64)
    if dated:
        day = days_of(instant_column(table, "date"))
    dates, row = np.unique(day, return_inverse=True)
    values = number_column(table, "market_cap", missing_ok=True)
    if (values < 0).any():
        position = int((values < 0).argmax())
        problem = f"a market cap must not be negative, got {table.cell(position, 'market_cap')}"
        raise table.error(position, "market_cap", problem)
    values[values == 0.0] = np.nan  # sources write 0 for what they do not know
    notes = _twice_notes(table, symbol * len(dates) + row)
    if np.isnan(values).all():
        return None
    # Rising, unknown ones first: of a symbol that is listed twice the larger comes last and stays.
    rising = np.argsort(np.where(np.isnan(values), -1.0, values), kind="stable")
    symbol, row, values = symbol[rising], row[rising], values[rising]
    grid = np.full((len(dates), len(names)), np.nan)
    grid[row, symbol] = values
    grid = pd.DataFrame(grid).ffill().to_numpy()
    index = pd.DatetimeIndex(dates.astype("datetime64[D]").astype("M8[us]")) if dated else None
    return MarketCaps(tuple(names), grid, index, notes)


def _twice_notes(table: Table, key: NDArray[np.int64]) -> tuple[MarketNote, ...]:
    order = np.argsort(key, kind="stable")
    found = first_duplicate(order, key[order])
    if found is None:
        return ()
    n_symbols = len(np.unique(key[order][1:][key[order][1:] == key[order][:-1]]))
    name = str(table.frame["symbol"].iloc[found[1]])
    example = f"{name}, {table.place(found[0])} and {table.place(found[1])}"
    text = f"{n_symbols:,} symbols are listed twice in the market caps; the larger cap counts"
    return (_note("caps_listed_twice", text, n_symbols, example),)


def _note(kind: str, text: str, n: int, example: str) -> MarketNote:
    return MarketNote(kind, f"{text} (such as {example})", n, example)
