"""Panels from raw funding events of one or several exchanges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectives.market.caps import read_market_caps
from objectives.market.days import utc_day
from objectives.market.panel_fields import PanelFields
from objectives.market.returns import MAX_HISTORY_DAYS, fields_of_observations
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

__all__ = ["SPOT", "read_funding_events"]

SPOT = "spot"
_COLUMNS = ("timestamp", "symbol", "exchange", "funding_rate")


def read_funding_events(
    frame_or_path: pd.DataFrame | str | PathLike[str],
    exchanges: Sequence[str] | None = None,
    start_date: Any = None,
    end_date: Any = None,
    both_directions: bool = False,
    market_caps: pd.DataFrame | str | PathLike[str] | None = None,
) -> PanelFields:
    """Build the daily returns of pairs from raw funding events (SEMANTICS section 1).

    The rates are summed per UTC day, symbol and exchange, in the order of time. The return of
    pair ``SYMBOL_A_B`` (exchanges A, B in alphabetical order) is the sum on A minus the sum on B:
    short on A, long on B. A pair exists from the later of its two sides' first days to the
    earlier of their last days; inside, a day on which a side has no event is NaN. With one
    exchange the pair is ``SYMBOL_A_spot`` and its return the day's sum.

    Parameters
    ----------
    frame_or_path : pandas.DataFrame, str or path
        Columns ``timestamp`` (a naive one is UTC), ``symbol``, ``exchange`` and ``funding_rate``
        (fraction of notional per event, paid by longs to shorts; never missing), rows in any
        order; a frame, ``.csv``, ``.csv.gz`` or ``.parquet`` file.
    exchanges : sequence of str, optional
        Exchanges to use; rows of others are not looked at. None: all.
    start_date, end_date : date, optional
        First and last UTC day to use, both included.
    both_directions : bool
        Also build the pair ``SYMBOL_B_A`` with the opposite return.
    market_caps : pandas.DataFrame, str or path, optional
        See :func:`objectives.market.caps.read_market_caps`.

    Returns
    -------
    PanelFields
        Pairs without a single return are left out; the calendar goes from the first to the last
        day with a return.

    Raises
    ------
    DataError
        If a (timestamp, symbol, exchange) appears twice.
    DataError
        If a timestamp cannot be parsed, or a rate is missing, infinite or not a number.
    DataError
        If a symbol or exchange is empty or contains ``_``, which separates the parts of a pair's
        name, or an exchange is called ``spot`` among others.
    DataError
        If an exchange is unknown, no event or no pair is left, or the history is longer than
        fifty years.
    DataError
        If a column is missing, or the source is empty or cannot be read.
    """
    table = open_table(frame_or_path, _COLUMNS)
    table, used = _of_exchanges(table, exchanges)
    micros = instant_column(table, "timestamp")
    keep = _within(days_of(micros), start_date, end_date)
    if not keep.any():
        raise DataError(
            f"{table.label}: no event from {start_date} to {end_date}; the events go from "
            f"{micros.min().astype('M8[us]')} to {micros.max().astype('M8[us]')} (UTC)"
        )
    if not keep.all():
        table, micros = table.select(keep), micros[keep]
    sums = _daily_sums(table, micros, used)
    caps = None if market_caps is None else read_market_caps(market_caps)
    pair, names, day, values = _pair_returns(sums, both_directions)
    if not names:
        raise DataError(
            f"{table.label}: no symbol has events on two of the exchanges "
            f"{', '.join(sums.exchanges)} on one day; for pairs against spot choose one exchange"
        )
    return fields_of_observations(pair, names, day, values, None, caps, table.label)


@dataclass(frozen=True, eq=False)
class _DailySums:
    """Sums of rates by symbol, exchange and UTC day; NaN: no event that day."""

    symbols: list[str]
    exchanges: list[str]
    first_day: int
    sums: dict[tuple[int, int], NDArray[np.float64]]  # (symbol, exchange): (n_days,)


def _of_exchanges(table: Table, exchanges: Sequence[str] | None) -> tuple[Table, list[str]]:
    """Return the rows of the wanted exchanges, and their names in ascending order."""
    codes, names = text_column(table, "exchange")
    if exchanges is not None:
        wanted = [exchanges] if isinstance(exchanges, str) else list(dict.fromkeys(exchanges))
        if not wanted:
            raise DataError("exchanges must name at least one exchange, or be None for all")
        unknown = [name for name in wanted if name not in names]
        if unknown:
            raise DataError(
                f"{table.label}: no events of exchange {', '.join(map(repr, unknown))}; "
                f"the exchanges are {', '.join(names)}"
            )
        chosen = np.isin(names, wanted)
        if not chosen.all():
            table = table.select(chosen[codes])
            codes, names = text_column(table, "exchange")
    for k, name in enumerate(names):
        where = int((codes == k).argmax())
        if "_" in name:
            problem = f"{name!r} contains '_', which separates the parts of a pair's name; use '-'"
            raise table.error(where, "exchange", problem)
        if name == SPOT and len(names) > 1:
            problem = (
                f"{SPOT!r} is the name of the other side when there is one exchange; rename it"
            )
            raise table.error(where, "exchange", problem)
    return table, names


def _within(day: NDArray[np.int64], start_date: Any, end_date: Any) -> NDArray[np.bool_]:
    keep = np.ones(len(day), dtype=bool)
    epoch = pd.Timestamp(0)
    start = None if start_date is None else (utc_day(start_date) - epoch).days
    end = None if end_date is None else (utc_day(end_date) - epoch).days
    if start is not None and end is not None and start > end:
        raise DataError(f"start_date must not be after end_date, {start_date=} {end_date=}")
    if start is not None:
        keep &= day >= start
    if end is not None:
        keep &= day <= end
    return keep


def _daily_sums(table: Table, micros: NDArray[np.int64], exchanges: list[str]) -> _DailySums:
    symbol, symbols = text_column(table, "symbol")
    for k, name in enumerate(symbols):
        if "_" in name:
            problem = f"{name!r} contains '_', but a pair's symbol ends at its first '_'; remove it"
            raise table.error(int((symbol == k).argmax()), "symbol", problem)
    # The dates may have left events of fewer exchanges; that must not turn pairs into spot pairs.
    exchange, present = text_column(table, "exchange")
    exchange = np.array([exchanges.index(one) for one in present], dtype=np.int64)[exchange]
    rate = number_column(table, "funding_rate", missing_ok=False)
    day = days_of(micros)
    first, n_days = int(day.min()), int(day.max() - day.min()) + 1
    if n_days > MAX_HISTORY_DAYS:
        far = int(np.abs(day - np.median(day)).argmax())
        problem = f"makes the history longer than {MAX_HISTORY_DAYS} days; is it a slip?"
        raise table.error(far, "timestamp", f"{table.cell(far, 'timestamp')} {problem}")
    series = symbol * len(exchanges) + exchange
    # By series and time: sums do not depend on the order of the rows, and repeats are neighbours.
    order = np.lexsort((micros, series))
    _check_duplicates(table, order, series[order], micros[order])
    cell = (series * n_days + (day - first))[order]
    size = len(symbols) * len(exchanges) * n_days
    # bincount adds in the order of its input, so in the order of time.
    total = np.bincount(cell, weights=rate[order], minlength=size)
    total[np.bincount(cell, minlength=size) == 0] = np.nan
    by_series = total.reshape(len(symbols) * len(exchanges), n_days)
    sums = {divmod(int(k), len(exchanges)): by_series[k] for k in np.unique(series)}
    return _DailySums(symbols, exchanges, first, sums)


def _check_duplicates(
    table: Table,
    order: NDArray[np.int64],
    series: NDArray[np.int64],
    micros: NDArray[np.int64],
) -> None:
    changes = np.empty(len(order), dtype=np.int64)
    changes[0] = 0
    np.cumsum((series[1:] != series[:-1]) | (micros[1:] != micros[:-1]), out=changes[1:])
    found = first_duplicate(order, changes)
    if found is not None:
        first, again = found
        row = table.frame.iloc[again]
        problem = (
            f"duplicate of {table.place(first)}: {row['symbol']} on {row['exchange']} has two "
            f"events at the same time (UTC)"
        )
        raise table.error(again, "timestamp", problem)


def _pair_returns(
    daily: _DailySums, both_directions: bool
) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64], NDArray[np.float64]]:
    """Return pair code, ascending names, day and value of every observation."""
    returns: dict[str, NDArray[np.float64]] = {}
    for k, symbol in enumerate(daily.symbols):
        if len(daily.exchanges) == 1:
            sides = [(daily.exchanges[0], SPOT, daily.sums[k, 0])]
        else:
            # Outside the common life of the two sides one of them has no event, so the
            # difference is NaN there too.
            sides = [
                (daily.exchanges[a], daily.exchanges[b], daily.sums[k, a] - daily.sums[k, b])
                for a, b in combinations(range(len(daily.exchanges)), 2)
                if (k, a) in daily.sums and (k, b) in daily.sums
            ]
        for one, other, difference in sides:
            if np.isnan(difference).all():
                continue
            returns[f"{symbol}_{one}_{other}"] = difference
            if both_directions:
                returns[f"{symbol}_{other}_{one}"] = -difference
    names = sorted(returns)
    if not names:
        empty = np.empty(0, dtype=np.int64)
        return empty, names, empty, np.empty(0)
    grid = np.stack([returns[name] for name in names])
    pair, day = np.nonzero(~np.isnan(grid))
    return pair, names, day + daily.first_day, grid[pair, day]
