"""Daily sums of funding: settlements by the minute, summed with one rounding, whole days only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from objectives.market.funding_events import FundingEvents, MarketNote
from search_spaces.errors import DataError

__all__ = ["DailySums", "Side", "daily_sums", "settlement_days"]

_MICROSECONDS_PER_MINUTE = 60_000_000
_MINUTES_PER_DAY = 1_440
# The rhythm of a side is the median of this many gaps before and after the place in question.
_RHYTHM = 5
# A gap longer than this many intervals lacks a settlement; an hourly one may be 24 min late.
_TOLERANCE = 1.45


@dataclass(frozen=True)
class Side:
    """One symbol on one exchange, as its settlements show it.

    Attributes
    ----------
    symbol, exchange : str
    n_settlements : int
        Each minute counted once.
    n_days, n_incomplete : int
        Days with a settlement, and those among them that lack one.
    most_in_a_day : int
        Settlements of its busiest day.
    median_rate : float
        Median of the absolute rates, fraction of notional per settlement.
    longest_gap : int
        Most days between two settlements that follow each other.
    gap_from, last_day : int
        Day before that gap and day of the last settlement, days since 1970-01-01.
    """

    symbol: str
    exchange: str
    n_settlements: int
    n_days: int
    n_incomplete: int
    most_in_a_day: int
    median_rate: float
    longest_gap: int
    gap_from: int
    last_day: int

    def __str__(self) -> str:
        return f"{self.symbol} on {self.exchange}"


@dataclass(frozen=True, eq=False)
class DailySums:
    """Sums of rates by symbol, exchange and UTC day.

    Attributes
    ----------
    symbols, exchanges : tuple of str
        Ascending.
    first_day : int
        Day of the first entry of each array, days since 1970-01-01.
    sums : dict of (int, int) to float64 array, shape (n_days,)
        By positions of symbol and exchange: fraction of notional paid by longs to shorts over the
        day, known at its close; NaN: no settlement, or an incomplete day.
    sides : tuple of Side
        In the order of `sums`.
    notes : tuple of MarketNote
        Settlements counted once, and incomplete days.
    """

    symbols: tuple[str, ...]
    exchanges: tuple[str, ...]
    first_day: int
    sums: dict[tuple[int, int], NDArray[np.float64]]
    sides: tuple[Side, ...]
    notes: tuple[MarketNote, ...]


def daily_sums(events: FundingEvents, *, keep_incomplete: bool = False) -> DailySums:
    """Sum funding per UTC day, symbol and exchange (SEMANTICS section 1).

    Instants are rounded to the nearest minute, because exchanges stamp settlements with
    milliseconds of jitter. Rows of one side in one minute are one settlement: equal rates count
    once, different ones are an error. Sums have one rounding (`math.fsum`), so their order and
    the number of settlements do not show in the last digit.

    A day is incomplete where the side's own rhythm implies a settlement that is missing: a gap
    longer than 1.45 times the interval around it, or a first or last day that has room for one
    more. The interval is the larger of two medians, of the gap with the four before it and of the
    gap with the four after it, because intervals of 8, 4 and 1 hours follow each other in one
    history, and no more than the larger of the two gaps beside it; at the ends it is the median of
    the first and of the last five gaps. Where an interval changes, one missing settlement can look
    like the change itself, and is not seen.

    Parameters
    ----------
    events : FundingEvents
        In any order.
    keep_incomplete : bool
        Give the sum of incomplete days, too, instead of NaN.

    Returns
    -------
    DailySums

    Raises
    ------
    DataError
        If one side has two rates in one minute; both rows are named.
    """
    settled = _settle(events)
    day = settled.minute // _MINUTES_PER_DAY
    first_day, n_days = int(day.min()), int(day.max() - day.min()) + 1
    n_series = len(settled.starts) - 1
    cell = np.repeat(np.arange(n_series), np.diff(settled.starts)) * n_days + day - first_day
    cells, begins, counts = np.unique(cell, return_index=True, return_counts=True)
    rates = settled.rate.tolist()
    ends = begins + counts
    sums = np.array([math.fsum(rates[a:b]) for a, b in zip(begins, ends, strict=True)])
    lacking = _incomplete(settled, first_day, n_days)[cells]
    grid = np.full(n_series * n_days, np.nan)
    grid[cells] = sums if keep_incomplete else np.where(lacking, np.nan, sums)
    keys = [divmod(int(code), len(events.exchanges)) for code in settled.series]
    by_series = grid.reshape(n_series, n_days)
    sides = _sides(events, settled, keys, cells // n_days, counts, lacking)
    notes = [*settled.notes]
    if n_lacking := int(lacking.sum()):
        k = int(lacking.argmax())
        when = np.datetime64(first_day + int(cells[k]) % n_days, "D")
        example = f"{sides[int(cells[k]) // n_days]}, {when}"
        done = "their sums are kept" if keep_incomplete else "they give no return"
        notes.append(
            MarketNote(
                "incomplete_days",
                f"{n_lacking:,} days of a side lack a settlement that its rhythm implies; {done} "
                f"(such as {example})",
                n_lacking,
                example,
            )
        )
    return DailySums(
        events.symbols,
        events.exchanges,
        first_day,
        {key: by_series[k] for k, key in enumerate(keys)},
        sides,
        tuple(notes),
    )


@dataclass(frozen=True, eq=False)
class _Settled:
    """Settlements by side and time, each once.

    Attributes
    ----------
    series : int64 array, shape (n_series,)
        ``symbol * n_exchanges + exchange`` of the sides there are, ascending.
    starts : int64 array, shape (n_series + 1,)
        Where each side's settlements begin, and the end.
    minute : int64 array, shape (n_settlements,)
        Minutes since 1970.
    rate : float64 array, shape (n_settlements,)
    notes : list of MarketNote
    """

    series: NDArray[np.int64]
    starts: NDArray[np.int64]
    minute: NDArray[np.int64]
    rate: NDArray[np.float64]
    notes: list[MarketNote]


def settlement_days(micros: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the UTC day that instants count for, days since 1970-01-01, same shape.

    Parameters
    ----------
    micros : int64 array
        Microseconds since 1970; rounded to the minute, so 23:59:59.998 is of the next day.
    """
    return _minutes(micros) // _MINUTES_PER_DAY


def _minutes(micros: NDArray[np.int64]) -> NDArray[np.int64]:
    return (micros + _MICROSECONDS_PER_MINUTE // 2) // _MICROSECONDS_PER_MINUTE


def _settle(events: FundingEvents) -> _Settled:
    minute = _minutes(events.micros)
    series = events.symbol.astype(np.int64) * len(events.exchanges) + events.exchange
    first = int(minute.min())
    key = series * (int(minute.max()) - first + 1) + (minute - first)
    notes: list[MarketNote] = []
    if (key[1:] > key[:-1]).all():  # already in order, and no settlement twice
        order = None
        rate = events.rate
    else:
        order = np.argsort(key, kind="stable")
        key, rate = key[order], events.rate[order]
        repeated = np.zeros(len(key), dtype=np.bool_)
        repeated[1:] = key[1:] == key[:-1]
        if repeated.any():
            _check_equal(events, order, repeated, rate)
            notes.append(_repeated_note(events, order, repeated))
            order, rate = order[~repeated], rate[~repeated]
        series, minute = series[order], minute[order]
    names, starts = np.unique(series, return_index=True)
    return _Settled(names, np.append(starts, len(series)), minute, rate, notes)


def _check_equal(
    events: FundingEvents,
    order: NDArray[np.int64],
    repeated: NDArray[np.bool_],
    rate: NDArray[np.float64],
) -> None:
    differ = np.flatnonzero(repeated[1:] & (rate[1:] != rate[:-1]))
    if differ.size == 0:
        return
    k = int(differ[np.maximum(order[differ], order[differ + 1]).argmin()])
    one, other = sorted((int(order[k]), int(order[k + 1])))
    raise DataError(
        f"{events.place(other)}: {_side_of(events, other)} has the rate "
        f"{events.rate[other]:.12g} at {_instant(events, other)}, and {events.rate[one]:.12g} "
        f"in the same minute in {events.place(one)}; a settlement has one rate: delete the wrong "
        "row, or leave one of the sources out (market remove --source takes away a held one)"
    )


def _repeated_note(
    events: FundingEvents, order: NDArray[np.int64], repeated: NDArray[np.bool_]
) -> MarketNote:
    n_repeated = int(repeated.sum())
    position = int(order[int(repeated.argmax())])
    example = f"{_side_of(events, position)}, {_instant(events, position)}"
    return MarketNote(
        "repeated_settlements",
        f"{n_repeated:,} rows repeat a settlement of the same side, minute and rate; each counts "
        f"once (such as {example})",
        n_repeated,
        example,
    )


def _side_of(events: FundingEvents, position: int) -> str:
    symbol = events.symbols[int(events.symbol[position])]
    return f"{symbol} on {events.exchanges[int(events.exchange[position])]}"


def _instant(events: FundingEvents, position: int) -> str:
    text = str(np.datetime64(int(events.micros[position]), "us")).replace("T", " ")
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} UTC"


def _incomplete(settled: _Settled, first_day: int, n_days: int) -> NDArray[np.bool_]:
    """Say of every (series, day), flat, whether an implied settlement is missing."""
    minute, starts = settled.minute, settled.starts
    n_series = len(starts) - 1
    change = np.zeros(n_series * n_days + 1, dtype=np.int64)

    def mark(series: NDArray[np.int64], from_day: NDArray[np.int64], to: NDArray[np.int64]) -> None:
        inside = to >= from_day
        row = series[inside] * n_days - first_day
        np.add.at(change, row + from_day[inside], 1)
        np.add.at(change, row + to[inside] + 1, -1)

    before, after, interval = _long_gaps(minute, starts)
    if len(before):
        series = np.searchsorted(starts, before, side="right") - 1
        first = minute[before] + interval
        # the last implied settlement is at least half an interval before the one that came
        n_implied = np.floor((minute[after] - minute[before]) / interval - 0.5)
        last = minute[before] + np.maximum(n_implied, 1.0).astype(np.int64) * interval
        mark(series, first // _MINUTES_PER_DAY, last // _MINUTES_PER_DAY)
    for k in range(n_series):
        own = minute[starts[k] : starts[k + 1]]
        if len(own) < 2:
            continue  # one settlement has no rhythm
        opening = np.median(np.diff(own[: _RHYTHM + 1]))
        closing = np.median(np.diff(own[-_RHYTHM - 1 :]))
        if own[0] - opening >= own[0] // _MINUTES_PER_DAY * _MINUTES_PER_DAY:
            day = np.array([own[0] // _MINUTES_PER_DAY])
            mark(np.array([k]), day, day)
        if own[-1] + closing < (own[-1] // _MINUTES_PER_DAY + 1) * _MINUTES_PER_DAY:
            day = np.array([own[-1] // _MINUTES_PER_DAY])
            mark(np.array([k]), day, day)
    return np.cumsum(change[:-1]) > 0


def _long_gaps(
    minute: NDArray[np.int64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find gaps that lack a settlement: positions before and after, and the interval in minutes."""
    gap = np.diff(minute).astype(np.float64)
    gap[starts[1:-1] - 1] = np.nan  # between two sides
    # Only a gap well above the least of its neighbours can be above their median.
    n_near = _RHYTHM - 1
    padded = np.concatenate([np.full(n_near, np.nan), gap, np.full(n_near, np.nan)])
    least = np.full(len(gap), np.inf)
    for shift in range(2 * n_near + 1):
        least = np.fmin(least, padded[shift : shift + len(gap)])
    candidates = np.flatnonzero(gap > _TOLERANCE * least)
    found, intervals = [], []
    for k in candidates.tolist():
        series = int(np.searchsorted(starts, k, side="right")) - 1
        begin, end = int(starts[series]), int(starts[series + 1]) - 1  # gaps of this side
        before, after = gap[max(begin, k - n_near) : k + 1], gap[k : min(end, k + _RHYTHM)]
        # a gap alone says nothing about itself
        interval = max((float(np.median(g)) for g in (before, after) if len(g) > 1), default=np.inf)
        if begin < k < end - 1:  # two gaps have no median to speak of, where a history begins
            interval = min(interval, max(gap[k - 1], gap[k + 1]))
        if gap[k] > _TOLERANCE * interval:
            found.append(k)
            intervals.append(round(interval))
    before_gap = np.array(found, dtype=np.int64)
    return before_gap, before_gap + 1, np.array(intervals, dtype=np.int64)


def _sides(
    events: FundingEvents,
    settled: _Settled,
    keys: list[tuple[int, int]],
    series_of_cell: NDArray[np.int64],
    counts: NDArray[np.int64],
    lacking: NDArray[np.bool_],
) -> tuple[Side, ...]:
    sides = []
    bounds = np.searchsorted(series_of_cell, np.arange(len(keys) + 1))
    for k, (symbol, exchange) in enumerate(keys):
        own = slice(int(settled.starts[k]), int(settled.starts[k + 1]))
        cells = slice(int(bounds[k]), int(bounds[k + 1]))
        day = settled.minute[own] // _MINUTES_PER_DAY
        gaps = np.diff(day)
        widest = int(gaps.argmax()) if len(gaps) else 0
        sides.append(
            Side(
                symbol=events.symbols[symbol],
                exchange=events.exchanges[exchange],
                n_settlements=len(day),
                n_days=cells.stop - cells.start,
                n_incomplete=int(lacking[cells].sum()),
                most_in_a_day=int(counts[cells].max()),
                median_rate=float(np.median(np.abs(settled.rate[own]))),
                longest_gap=int(gaps[widest]) if len(gaps) else 0,
                gap_from=int(day[widest]),
                last_day=int(day[-1]),
            )
        )
    return tuple(sides)
