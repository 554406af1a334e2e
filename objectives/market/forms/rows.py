"""Rows of a sheet as funding events, with the names as they were published."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from objectives.market.forms.form import Form, Layout
from objectives.market.funding_events import EventSource, FundingEvents, MarketNote
from objectives.market.instants import instants_of, why_no_instant
from objectives.market.reading_options import ReadingOptions
from objectives.market.sheets import Sheet
from objectives.market.symbols import exchange_name
from objectives.market.table import Table
from objectives.market.tables import number_column, text_column
from search_spaces.errors import DataError

__all__ = ["RowColumns", "exchange_of_path", "instant_values", "names_of", "row_columns", "rows_of"]

_EXCHANGES = frozenset(
    (
        *("aster", "backpack", "bingx", "binance", "bitfinex", "bitget", "bitmart", "bitmex"),
        *("bybit", "coinbase", "coinex", "deribit", "dydx", "gate", "htx", "hyperliquid"),
        *("kraken", "kucoin", "lbank", "mexc", "okx", "paradex", "phemex", "poloniex", "woo"),
    )
)
"""Exchanges with perpetual contracts, as paths may name them."""
_FOLDERS = 4
_DEX = re.compile(r"hyperliquid-[a-z]{2,4}")
_NO_DEX = frozenset(f"hyperliquid-{word}" for word in ("data", "raw", "usd", "usdc", "spot", "all"))


@dataclass(frozen=True)
class RowColumns:
    """Columns of a layout, by the names they bear in the file."""

    timestamp: str
    rate: str
    symbol: str | None
    exchange: str | None
    predicted: str | None


def rows_of(sheet: Sheet, form: Form, layout: Layout, options: ReadingOptions) -> FundingEvents:
    """Read a sheet of which each row is a settlement.

    Raises
    ------
    DataError
        If a cell is missing or not of its kind, naming file, row and column.
    DataError
        If exchange or symbol are neither in the file nor in the options.
    """
    columns = row_columns(sheet, layout)
    wanted = (columns.timestamp, columns.symbol, columns.exchange, columns.rate, columns.predicted)
    names = {name: name for name in wanted if name is not None}
    table = sheet.table(names, {})
    notes: list[MarketNote] = []
    if columns.predicted is not None:
        table, note = _settled(table, columns.predicted)
        notes += note
    exchange, exchanges, note = names_of(table, sheet, form, columns, options, "exchange")
    notes += note
    symbol, symbols, note = names_of(table, sheet, form, columns, options, "symbol")
    notes += note
    micros, note = instant_values(table, columns.timestamp, options.timezone)
    notes += note
    rate = number_column(table, columns.rate, missing_ok=False, percent=True)
    return FundingEvents(
        symbols=tuple(symbols),
        exchanges=tuple(exchanges),
        sources=(EventSource(sheet.label, form.name, sheet.locate),),
        symbol=symbol.astype(np.int32),
        exchange=exchange.astype(np.int32),
        source=np.zeros(len(rate), dtype=np.int32),
        row=table.frame.index.to_numpy().astype(np.int64),
        micros=micros,
        rate=rate,
        notes=tuple(notes),
    )


def row_columns(sheet: Sheet, layout: Layout) -> RowColumns:
    """Return the columns of a layout as the sheet writes them."""

    def written(name: str | None) -> str | None:
        if name is None:
            return None
        where = sheet.find(name)
        return sheet.columns[where] if isinstance(where, int) else (where or name)

    return RowColumns(
        written(layout.timestamp) or layout.timestamp,
        written(layout.rate) or layout.rate,
        written(layout.symbol),
        written(layout.exchange),
        written(layout.predicted),
    )


def instant_values(
    table: Table, column: str, timezone: str | None
) -> tuple[NDArray[np.int64], list[MarketNote]]:
    """Read a column of instants, shape (n_rows,), and say what was rounded.

    Raises
    ------
    DataError
        If a cell is no instant, or ambiguous.
    """
    instants = instants_of(table.frame[column], epochs=True, timezone=timezone)
    if instants.bad.any():
        position = int(instants.bad.argmax())
        cell = table.cell(position, column)
        problem = f"not a date: {cell}; {why_no_instant(cell, epochs=True)}"
        raise table.error(position, column, problem)
    if not instants.n_rounded:
        return instants.micros, []
    text = (
        f"{table.label}: {instants.n_rounded} times lost digits, as 1.704067e+12 has; each is "
        "read as the one full hour within its last digit"
    )
    return instants.micros, [MarketNote("rounded_times", text, instants.n_rounded)]


def names_of(
    table: Table,
    sheet: Sheet,
    form: Form,
    columns: RowColumns,
    options: ReadingOptions,
    role: str,
) -> tuple[NDArray[np.int64], list[str], list[MarketNote]]:
    """Read who settled: from the column, or one name for all rows.

    Parameters
    ----------
    role : str
        ``exchange`` or ``symbol``.

    Returns
    -------
    codes : int64 array, shape (n_rows,)
        Position in the names.
    names : list of str
        As published, ascending.
    notes : list of MarketNote
        What was taken from the path.

    Raises
    ------
    DataError
        If the file does not say, and the options do not either.
    """
    column = columns.exchange if role == "exchange" else columns.symbol
    if column is not None:
        codes, names = text_column(table, column)
        return codes, names, []
    name, notes = _exchange(sheet, form, options) if role == "exchange" else (None, [])
    if role == "symbol":
        name = None if form.symbol_of is None else form.symbol_of(sheet.path)
        name = name or options.symbol
    if not name:
        given = "binance" if role == "exchange" else "BTCUSDT"
        raise DataError(
            f"{sheet.label}: does not say the {role} (form {form.name}, columns "
            f"{sheet.names()}); give it with --{role} {given}"
        )
    return np.zeros(len(table.frame), dtype=np.int64), [name], notes


def _exchange(
    sheet: Sheet, form: Form, options: ReadingOptions
) -> tuple[str | None, list[MarketNote]]:
    if form.exchange or options.exchange:
        return form.exchange or options.exchange, []
    found = exchange_of_path(sheet.path)
    if found is None:
        return None, []
    text = f"{sheet.label}: the exchange {found} is taken from the path; --exchange says another"
    return found, [MarketNote("exchange_from_path", text, 1, found)]


def exchange_of_path(path: PurePath) -> str | None:
    """Find the one exchange that the name of a file, or else a folder near it, names.

    ``binance-data`` and ``funding_binance.csv`` name binance; ``binance_vs_okx`` names none.
    """
    for part in (path.name, *list(reversed(path.parts[:-1]))[:_FOLDERS]):
        whole = exchange_name(part)
        if whole in _EXCHANGES or (_DEX.fullmatch(whole) and whole not in _NO_DEX):
            return whole
        words = {exchange_name(word) for word in re.split(r"[\s_.\-]+", part)}
        if known := words & _EXCHANGES:
            return known.pop() if len(known) == 1 else None
    return None


def _settled(table: Table, column: str) -> tuple[Table, list[MarketNote]]:
    """Leave out the rows with forecasts."""
    cells = table.frame[column].astype(str).str.strip().str.lower()
    predicted = cells.isin(("true", "1", "1.0", "yes")).to_numpy()
    if not predicted.any():
        return table, []
    n = int(predicted.sum())
    text = f"{table.label}: {n} rows are forecasts by column {column!r} and are left out"
    if predicted.all():
        raise DataError(f"{text}; no settled rate is left")
    return table.select(~predicted), [MarketNote("forecasts", text, n)]
