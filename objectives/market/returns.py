"""Panels from tables of daily returns."""

from __future__ import annotations

from os import PathLike

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectives.constants import DAYS_PER_YEAR
from objectives.market.caps import MarketCaps, read_market_caps
from objectives.market.panel_fields import PanelFields
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

__all__ = ["MAX_HISTORY_DAYS", "fields_of_observations", "fields_of_table", "read_returns"]

# Fifty years. A date of 1970 or 2204 is a slip of the unit or the finger, not a history.
MAX_HISTORY_DAYS = 18_262


def read_returns(
    frame_or_path: pd.DataFrame | str | PathLike[str],
    market_caps: pd.DataFrame | str | PathLike[str] | None = None,
) -> PanelFields:
    """Read daily returns of pairs from a frame or files: CSV, JSON, Parquet or Feather.

    Parameters
    ----------
    frame_or_path : pandas.DataFrame, str or path
        Columns ``trading_pair``, ``date``, ``return_1d`` (fraction of notional earned over the
        day) and perhaps ``roi_1d`` (annualised), rows in any order. A row without a return counts
        as no row, and a row without ``roi_1d`` gets 365 times the return.
    market_caps : pandas.DataFrame, str or path, optional
        See :func:`objectives.market.caps.read_market_caps`.

    Returns
    -------
    PanelFields
        From the first to the last date with a return; days without a row are NaN.

    Raises
    ------
    DataError
        If a (pair, date) appears twice.
    DataError
        If a date cannot be parsed, or dates lie more than fifty years apart.
    DataError
        If a return is not a number or infinite.
    DataError
        If a pair name, or the symbol before its first ``_``, is empty.
    DataError
        If a column is missing, or the source is empty or cannot be read.
    """
    table = open_table(frame_or_path, ("trading_pair", "date", "return_1d"), ("roi_1d",))
    caps = None if market_caps is None else read_market_caps(market_caps)
    return fields_of_table(table, caps, table.label)


def fields_of_table(table: Table, caps: MarketCaps | None, source: str) -> PanelFields:
    """Make the fields of a panel from rows with the columns of :func:`read_returns`.

    Parameters
    ----------
    table : Table
        Columns ``trading_pair, date, return_1d [, roi_1d]``.
    caps : MarketCaps or None
        Market caps by symbol.
    source : str
        What the panel will call its source.
    """
    pair, names = text_column(table, "trading_pair")
    _check_symbols(table, pair, names)
    day = days_of(instant_column(table, "date"))
    _check_history(table, day)
    _check_duplicates(table, pair, day)
    values = number_column(table, "return_1d", missing_ok=True)
    observed = ~np.isnan(values)
    if not observed.any():
        raise DataError(f"{table.label}: no row has a return in column 'return_1d'")
    roi = None
    if "roi_1d" in table.frame:
        roi = number_column(table, "roi_1d", missing_ok=True)
        roi = np.where(np.isnan(roi), values * DAYS_PER_YEAR, roi)[observed]
    notes: tuple[str, ...] = ()
    if n_missing := int((~observed).sum()):
        notes = (f"{n_missing} rows of {table.label} have no return and count as no row",)
    return fields_of_observations(
        pair[observed], names, day[observed], values[observed], roi, caps, source, notes
    )


def fields_of_observations(
    pair: NDArray[np.int64],
    names: list[str],
    day: NDArray[np.int64],
    values: NDArray[np.float64],
    roi: NDArray[np.float64] | None,
    caps: MarketCaps | None,
    source: str,
    notes: tuple[str, ...] = (),
) -> PanelFields:
    """Spread observations over the calendar; pairs without one are left out.

    Parameters
    ----------
    pair : int64 array, shape (n_rows,)
        Position of each observation's pair in `names`; (pair, day) is unique.
    names : list of str
        Ascending pair names.
    day : int64 array, shape (n_rows,)
        Days since 1970-01-01.
    values : float64 array, shape (n_rows,)
        Finite returns.
    roi : float64 array, shape (n_rows,), or None
        Annualised returns.
    caps : MarketCaps or None
        Market caps by symbol.
    source : str
        What the panel will call its source.
    notes : tuple of str
        Warnings of the reader.
    """
    used, column = np.unique(pair, return_inverse=True)
    pairs = tuple(names[k] for k in used)
    first, last = int(day.min()), int(day.max())
    shape = (last - first + 1, len(pairs))
    returns = np.full(shape, np.nan)
    returns[day - first, column] = values
    roi_grid = None
    if roi is not None:
        roi_grid = np.full(shape, np.nan)
        roi_grid[day - first, column] = roi
    dates = pd.DatetimeIndex(np.arange(first, last + 1).astype("datetime64[D]").astype("M8[us]"))
    fields = {} if caps is None else caps.panel_fields(pairs, dates)
    notes = (*notes, *fields.pop("warnings", ()))
    return PanelFields(
        dates=dates,
        pairs=pairs,
        returns=returns,
        roi=roi_grid,
        source=source,
        warnings=notes,
        **fields,
    )


def _check_symbols(table: Table, pair: NDArray[np.int64], names: list[str]) -> None:
    for k, name in enumerate(names):
        if name.startswith("_"):
            raise table.error(
                int((pair == k).argmax()),
                "trading_pair",
                f"the symbol before the first '_' is empty in {name!r}",
            )


def _check_history(table: Table, day: NDArray[np.int64]) -> None:
    if int(day.max()) - int(day.min()) < MAX_HISTORY_DAYS:
        return
    middle = np.median(day)
    position = int(np.abs(day - middle).argmax())
    raise table.error(
        position,
        "date",
        f"{table.cell(position, 'date')} makes the history longer than {MAX_HISTORY_DAYS} days; "
        "is it a slip?",
    )


def _check_duplicates(table: Table, pair: NDArray[np.int64], day: NDArray[np.int64]) -> None:
    key = pair * (int(day.max()) + 1 - int(day.min())) + (day - day.min())
    order = np.argsort(key, kind="stable")
    found = first_duplicate(order, key[order])
    if found is not None:
        first, again = found
        name = table.cell(again, "trading_pair")
        date = np.datetime64(int(day[again]), "D")
        raise table.error(
            again,
            "date",
            f"duplicate of {table.place(first)}: pair {name} has two rows on {date} (UTC)",
        )
