"""Panels from raw funding events of one or several exchanges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectives.market.caps import MarketCaps, read_market_caps
from objectives.market.days import utc_day
from objectives.market.funding_events import FundingEvents
from objectives.market.panel_fields import PanelFields
from objectives.market.plausibility import notes_of_sides, today
from objectives.market.reading import ReadingOptions, read_events
from objectives.market.returns import MAX_HISTORY_DAYS, fields_of_observations
from objectives.market.settlements import DailySums, daily_sums, settlement_days
from search_spaces.errors import ConfigError, DataError

__all__ = [
    "SPOT",
    "EventRules",
    "NoPairsError",
    "fields_of_events",
    "of_exchanges_and_days",
    "read_funding_events",
]

SPOT = "spot"
INCOMPLETE_DAYS = ("drop", "keep")
_DECIMALS = 12


class NoPairsError(DataError):
    """Funding events of which no pair can be made."""


@dataclass(frozen=True, kw_only=True)
class EventRules:
    """How daily returns are made of events.

    Attributes
    ----------
    both_directions : bool or None
        Also build the pair ``SYMBOL_B_A`` with the opposite return. None: not said, so no.
    incomplete_days : {"drop", "keep"} or None
        Whether a day on which a side lacks a settlement gives no return, or the sum of the others.
        None: not said, so no return.

    Raises
    ------
    ConfigError
        If `incomplete_days` is none of these.
    """

    both_directions: bool | None = None
    incomplete_days: str | None = None

    def __post_init__(self) -> None:
        if self.incomplete_days not in (None, *INCOMPLETE_DAYS):
            raise ConfigError(
                f"incomplete_days is {' or '.join(INCOMPLETE_DAYS)}, got {self.incomplete_days!r}"
            )

    def over(self, other: EventRules) -> EventRules:
        """Return these rules, and the other's where nothing is said."""
        both, days = self.both_directions, self.incomplete_days
        return EventRules(
            both_directions=other.both_directions if both is None else both,
            incomplete_days=other.incomplete_days if days is None else days,
        )

    def to_text(self) -> str:
        """Write them as :meth:`from_text` reads them."""
        return f"{self.incomplete_days or 'drop'}{'+both' if self.both_directions else ''}"

    @classmethod
    def from_text(cls, text: str | None) -> EventRules:
        """Read what :meth:`to_text` wrote; anything else says nothing."""
        days, _, both = (text or "").partition("+")
        if days not in INCOMPLETE_DAYS:
            return cls()
        return cls(both_directions=both == "both", incomplete_days=days)


def read_funding_events(
    sources: pd.DataFrame | str | PathLike[str] | Sequence[str | PathLike[str]],
    exchanges: Sequence[str] | None = None,
    start_date: Any = None,
    end_date: Any = None,
    both_directions: bool = False,
    market_caps: pd.DataFrame | str | PathLike[str] | None = None,
    *,
    incomplete_days: str = "drop",
    reading: ReadingOptions | None = None,
) -> PanelFields:
    """Build the daily returns of pairs from raw funding events (SEMANTICS section 1).

    The rates are summed per UTC day, symbol and exchange. The return of pair ``SYMBOL_A_B``
    (exchanges A, B in alphabetical order) is the sum on A minus the sum on B, rounded to 12
    decimals: short on A, long on B. A pair exists from the later of its two sides' first days to
    the earlier of their last days; inside, a day on which a side has no complete sum is NaN. With
    one exchange the pair is ``SYMBOL_A_spot`` and its return the day's sum.

    Parameters
    ----------
    sources : pandas.DataFrame, str, path or several paths
        Rows in any order, in any form of :mod:`objectives.market.forms`; the general one has
        columns ``timestamp`` (a naive one is UTC), ``symbol``, ``exchange`` and ``funding_rate``
        (fraction of notional per settlement, paid by longs to shorts; never missing).
    exchanges : sequence of str, optional
        Exchanges to use; rows of others do not count. None: all.
    start_date, end_date : date, optional
        First and last UTC day to use, both included.
    both_directions : bool
        Also build the pair ``SYMBOL_B_A`` with the opposite return.
    market_caps : pandas.DataFrame, str or path, optional
        See :func:`objectives.market.caps.read_market_caps`.
    incomplete_days : {"drop", "keep"}
        Whether a day on which a side lacks a settlement gives no return, or the sum of the others.
    reading : ReadingOptions, optional
        What the files do not say themselves.

    Returns
    -------
    PanelFields
        Pairs without a single return are left out; the calendar goes from the first to the last
        day with a return.

    Raises
    ------
    DataError
        If a side has two rates in one minute.
    DataError
        If a timestamp cannot be parsed, or a rate is missing, infinite or not a number.
    DataError
        If a symbol or exchange is empty, or an exchange is called ``spot`` among others.
    DataError
        If an exchange is unknown, no event or no pair is left, or the history is longer than
        fifty years.
    DataError
        If a column is missing, or the source is empty or cannot be read.
    """
    events = read_events(
        [sources] if isinstance(sources, (str, PathLike)) else sources, reading or ReadingOptions()
    )
    caps = None if market_caps is None else read_market_caps(market_caps)
    chosen = of_exchanges_and_days(events, exchanges)
    n_exchanges = len(chosen.exchanges)  # dates that leave one of them empty make no spot pairs
    chosen = of_exchanges_and_days(chosen, None, start_date, end_date)
    rules = EventRules(both_directions=both_directions, incomplete_days=incomplete_days)
    return fields_of_events(chosen, rules, caps, n_exchanges=n_exchanges)


def of_exchanges_and_days(
    events: FundingEvents,
    exchanges: Sequence[str] | None = None,
    start_date: Any = None,
    end_date: Any = None,
) -> FundingEvents:
    """Select events by exchange and UTC day; see :func:`read_funding_events` for both.

    Raises
    ------
    DataError
        If an exchange is unknown, or no event is left.
    """
    if exchanges is not None:
        wanted = [exchanges] if isinstance(exchanges, str) else list(dict.fromkeys(exchanges))
        if not wanted:
            raise DataError("exchanges must name at least one exchange, or be None for all")
        wanted = [name.strip().lower() for name in wanted]
        unknown = [name for name in wanted if name not in events.exchanges]
        if unknown:
            raise DataError(
                f"{events.label}: no events of exchange {', '.join(map(repr, unknown))}; "
                f"the exchanges are {', '.join(events.exchanges)}"
            )
        chosen = np.array([name in wanted for name in events.exchanges])[events.exchange]
        events = events if chosen.all() else events.select(chosen)
    keep = _within(settlement_days(events.micros), start_date, end_date)
    if not keep.any():
        raise DataError(
            f"{events.label}: no event from {start_date} to {end_date}; the events go from "
            f"{events.micros.min().astype('M8[us]')} to {events.micros.max().astype('M8[us]')} "
            "(UTC)"
        )
    return events if keep.all() else events.select(keep)


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


def fields_of_events(
    events: FundingEvents, rules: EventRules, caps: MarketCaps | None, *, n_exchanges: int
) -> PanelFields:
    """Make the fields of a panel from events.

    Parameters
    ----------
    events : FundingEvents
        The events to use.
    rules : EventRules
    caps : MarketCaps or None
        Market caps by symbol.
    n_exchanges : int
        How many exchanges the events are chosen from: with one, pairs are against spot.

    Raises
    ------
    DataError
        As :func:`read_funding_events`.
    """
    _check_names(events, n_exchanges)
    _check_history(events)
    sums = daily_sums(events, keep_incomplete=rules.incomplete_days == "keep")
    pair, names, day, values = _pair_returns(
        sums, bool(rules.both_directions), spot=n_exchanges == 1
    )
    if not names:
        raise NoPairsError(
            f"{events.label}: no symbol has events on two of the exchanges "
            f"{', '.join(sums.exchanges)} on one day; for pairs against spot choose one exchange"
        )
    fields = fields_of_observations(pair, names, day, values, None, caps, events.label)
    notes = (*events.notes, *sums.notes, *notes_of_sides(sums, names, today()))
    return replace(fields, notes=(*notes, *fields.notes))


def _check_names(events: FundingEvents, n_exchanges: int) -> None:
    for names, codes, what in (
        (events.symbols, events.symbol, "symbol"),
        (events.exchanges, events.exchange, "exchange"),
    ):
        for k, name in enumerate(names):
            where = int((codes == k).argmax())
            if "_" in name:
                raise DataError(
                    f"{events.place(where)}: the {what} {name!r} contains '_', which separates the "
                    "parts of a pair's name; use '-', or give it another name by an alias"
                )
            if what == "exchange" and name == SPOT and n_exchanges > 1:
                raise DataError(
                    f"{events.place(where)}: {SPOT!r} is the name of the other side when there is "
                    "one exchange; rename it"
                )


def _check_history(events: FundingEvents) -> None:
    day = settlement_days(events.micros)
    if int(day.max() - day.min()) < MAX_HISTORY_DAYS:
        return
    far = int(np.abs(day - np.median(day)).argmax())
    when = events.micros[far].astype("M8[us]")
    raise DataError(
        f"{events.place(far)}: {when} makes the history longer than {MAX_HISTORY_DAYS} days; "
        "is it a slip?"
    )


def _pair_returns(
    daily: DailySums, both_directions: bool, *, spot: bool
) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64], NDArray[np.float64]]:
    """Return pair code, ascending names, day and value of every observation."""
    returns: dict[str, NDArray[np.float64]] = {}
    for k, symbol in enumerate(daily.symbols):
        if spot:
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
            # Rates have at most ten decimals: what rounding removes is residue of the sums.
            difference = np.round(difference, _DECIMALS) + 0.0
            returns[f"{symbol}_{one}_{other}"] = difference
            if both_directions:
                returns[f"{symbol}_{other}_{one}"] = -difference + 0.0
    names = sorted(returns)
    if not names:
        empty = np.empty(0, dtype=np.int64)
        return empty, names, empty, np.empty(0)
    grid = np.stack([returns[name] for name in names])
    pair, day = np.nonzero(~np.isnan(grid))
    return pair, names, day + daily.first_day, grid[pair, day]
