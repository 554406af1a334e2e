"""Tardis: every change of a ticker, of which the last before a settlement counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectives.market.forms.form import Form, Layout
from objectives.market.forms.rows import instant_values, names_of, row_columns
from objectives.market.funding_events import EventSource, FundingEvents, MarketNote
from objectives.market.reading_options import ReadingOptions
from objectives.market.sheets import Sheet
from objectives.market.table import Table
from objectives.market.tables import number_column
from search_spaces.errors import DataError

__all__ = ["TARDIS"]

_LATEST = 15 * 60_000_000
"""How long before the settlement the last change may be; an earlier one was not settled."""

_DAY = 86_400_000_000
_TIME = "timestamp"


def _read(sheet: Sheet, form: Form, layout: Layout, options: ReadingOptions) -> FundingEvents:
    """Take the last rate before each ``funding_timestamp``.

    Rows without a rate or without a next settlement are no changes of it. A settlement whose last
    change lies more than 15 minutes before it is beyond the end of the file, and left out.
    """
    columns = row_columns(sheet, layout)
    wanted = (_TIME, columns.timestamp, columns.symbol, columns.exchange, columns.rate)
    table = sheet.table({name: name for name in wanted if name is not None}, {})
    frame = table.frame
    empty = np.zeros(len(frame), dtype=np.bool_)
    for column in (columns.timestamp, columns.rate):
        empty |= (frame[column].isna() | (frame[column].astype(str).str.strip() == "")).to_numpy()
    if empty.all():
        raise DataError(f"{sheet.label}: no row has a funding rate and the time of its settlement")
    table = table.select(~empty)
    exchange, exchanges, _ = names_of(table, sheet, form, columns, options, "exchange")
    symbol, symbols, _ = names_of(table, sheet, form, columns, options, "symbol")
    micros, _ = instant_values(table, columns.timestamp, options.timezone)
    seen, _ = instant_values(table, _TIME, options.timezone)
    rate = number_column(table, columns.rate, missing_ok=False, percent=True)
    series = symbol * len(exchanges) + exchange
    _check_settlements(table, columns.timestamp, series, micros)
    before = np.flatnonzero(seen < micros)
    order = before[np.lexsort((seen[before], micros[before], series[before]))]
    last = np.ones(len(order), dtype=np.bool_)
    last[:-1] = (np.diff(micros[order]) != 0) | (np.diff(series[order]) != 0)
    chosen = order[last]
    late = micros[chosen] - seen[chosen] > _LATEST
    notes = []
    if late.any():
        n = int(late.sum())
        text = f"{sheet.label}: {n} settlements lie beyond the end of the file and are left out"
        notes.append(MarketNote("unsettled", text, n))
    chosen = chosen[~late]
    if not len(chosen):
        raise DataError(
            f"{sheet.label}: no settlement within 15 minutes of a row before it; give the files "
            "of whole days"
        )
    return FundingEvents(
        symbols=tuple(symbols),
        exchanges=tuple(exchanges),
        sources=(EventSource(sheet.label, form.name, sheet.locate),),
        symbol=symbol[chosen].astype(np.int32),
        exchange=exchange[chosen].astype(np.int32),
        source=np.zeros(len(chosen), dtype=np.int32),
        row=table.frame.index.to_numpy()[chosen].astype(np.int64),
        micros=micros[chosen],
        rate=rate[chosen],
        notes=tuple(notes),
    )


def _check_settlements(
    table: Table, column: str, series: NDArray[np.int64], micros: NDArray[np.int64]
) -> None:
    """Refuse rows whose settlement is just the time of the row."""
    settlements = pd.DataFrame({"series": series, "micros": micros}).drop_duplicates()
    settlements["day"] = settlements["micros"] // _DAY
    n_a_day = settlements.groupby(["series", "day"])["micros"].transform("size")
    most = int(n_a_day.max())
    if most > 24:
        position = int(settlements.index[int(n_a_day.to_numpy().argmax())])
        problem = (
            f"{most} settlements on one day are snapshots, not settlements; the column must hold "
            "the time of the next settlement, or import the exchange's own funding history"
        )
        raise table.error(position, column, problem)


TARDIS = Form(
    name="tardis",
    published="Tardis.dev, downloadable CSV files, data type derivative_ticker",
    layouts=(
        Layout(
            "funding_timestamp",
            "funding_rate",
            "symbol",
            "exchange",
            signs=("local_timestamp", _TIME),
        ),
    ),
    read=_read,
)
