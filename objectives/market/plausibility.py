"""What looks wrong in a market before a search is let loose on it: numbers, each with an example.

A search finds faults of the data first: a half day, a percentage read as a fraction or a row of
the year 2040 is a better strategy than any that a market offers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectives.market.funding_events import MarketNote
from objectives.market.settlements import DailySums

__all__ = ["DOUBTS", "doubts", "notes_of_panel", "notes_of_sides", "today"]

HIGH_RATE = 0.005
"""Median rate per settlement above which a side is doubted: 0.5 %, 548 % a year at 8 hours."""

MOST_SETTLEMENTS = 24
"""Settlements in a day; no exchange settles more often than every hour."""

SCALE = 100.0
"""One side of a pair this many times the other is in another unit."""

LONG_GAP_DAYS = 60
"""Days without an observation after which a history looks like two."""

HIGH_RETURN = 3 * HIGH_RATE
"""Median daily return above which a pair is doubted: 1.5 %."""

EXTREME_RETURN = 0.5
"""A single day above this is doubted: 50 % of the notional."""

DOUBTS = frozenset(
    {
        "high_rates",
        "many_settlements",
        "scale_difference",
        "future_dates",
        "long_gaps",
        "high_returns",
        "extreme_returns",
    }
)
"""Kinds of notes for which ``--strict`` refuses a market; the others report what was done."""


def doubts(notes: Sequence[MarketNote]) -> list[MarketNote]:
    """Return the notes that say the data may be wrong."""
    return [note for note in notes if note.kind in DOUBTS]


def notes_of_sides(sums: DailySums, pairs: Sequence[str], today: pd.Timestamp) -> list[MarketNote]:
    """Look at each side, symbol by exchange, of a market of funding events.

    Parameters
    ----------
    sums : DailySums
        What the settlements add up to.
    pairs : sequence of str
        The pairs that were made of them.
    today : pandas.Timestamp
        The current UTC day.

    Returns
    -------
    list of MarketNote
        ``high_rates``, ``many_settlements``, ``scale_difference``, ``long_gaps``,
        ``future_dates`` and ``no_partner``, as far as there is something to say.
    """
    now = (today - pd.Timestamp(0)).days
    found = [
        _note(
            "high_rates",
            f"sides have a median rate above {HIGH_RATE:.1%} a settlement, which is rarely a "
            "fraction of the notional; percent?",
            [
                f"{side}, {side.median_rate:.4g}"
                for side in sums.sides
                if side.median_rate > HIGH_RATE
            ],
        ),
        _note(
            "many_settlements",
            f"sides have more than {MOST_SETTLEMENTS} settlements in a day; snapshots of a rate "
            "are not payments",
            [
                f"{side}, {side.most_in_a_day:,} in a day"
                for side in sums.sides
                if side.most_in_a_day > MOST_SETTLEMENTS
            ],
        ),
        _note(
            "scale_difference",
            f"symbols have funding {SCALE:.0f} times larger on one exchange than on another",
            _scale_differences(sums),
        ),
        _note(
            "long_gaps",
            f"sides have no settlement for more than {LONG_GAP_DAYS} days",
            [
                f"{side}, {side.longest_gap:,} days from {np.datetime64(side.gap_from, 'D')}"
                for side in sums.sides
                if side.longest_gap > LONG_GAP_DAYS
            ],
        ),
        _note(
            "future_dates",
            f"sides have settlements dated after today, {today:%Y-%m-%d}",
            [
                f"{side}, {np.datetime64(side.last_day, 'D')}"
                for side in sums.sides
                if side.last_day > now
            ],
        ),
        _note(
            "no_partner",
            "sides are in no pair: no other exchange has the symbol, or not on the same days",
            _without_partner(sums, pairs),
        ),
    ]
    return [note for note in found if note is not None]


def notes_of_panel(
    dates: pd.DatetimeIndex,
    pairs: Sequence[str],
    returns: NDArray[np.float64],
    today: pd.Timestamp,
) -> list[MarketNote]:
    """Look at the daily returns of a market, whatever they came from.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (n_days,)
        UTC days.
    pairs : sequence of str, length n_pairs
        Names.
    returns : float64 array, shape (n_days, n_pairs)
        Fraction of notional per day; NaN: none.
    today : pandas.Timestamp
        The current UTC day.

    Returns
    -------
    list of MarketNote
        ``future_dates``, ``high_returns``, ``extreme_returns`` and ``long_gaps``.
    """
    observed = ~np.isnan(returns)
    size = np.abs(np.where(observed, returns, 0.0))
    future = observed & np.asarray(dates > today)[:, None]
    high, gaps = [], []
    for k, pair in enumerate(pairs):
        days = np.flatnonzero(observed[:, k])
        median = float(np.median(size[days, k])) if days.size else 0.0
        if median > HIGH_RETURN:
            high.append(f"{pair}, {median:.4g}")
        steps = np.diff(days)
        if steps.size and steps.max() > LONG_GAP_DAYS:
            begin = dates[days[int(steps.argmax())]]
            gaps.append(f"{pair}, {steps.max():,} days from {begin:%Y-%m-%d}")

    def cells(where: NDArray[np.bool_]) -> list[str]:
        return [
            f"{pairs[k]} on {dates[t]:%Y-%m-%d}, {returns[t, k]:.4g}"
            for k, t in np.argwhere(where.T)
        ]

    found = [
        _note("future_dates", f"returns are dated after today, {today:%Y-%m-%d}", cells(future)),
        _note(
            "high_returns",
            f"pairs have a median return above {HIGH_RETURN:.1%} a day, which is rarely a "
            "fraction of the notional; percent?",
            high,
        ),
        _note(
            "extreme_returns",
            f"returns are above {EXTREME_RETURN:.0%} of the notional in a day",
            cells(size > EXTREME_RETURN),
        ),
        _note("long_gaps", f"pairs have no return for more than {LONG_GAP_DAYS} days", gaps),
    ]
    return [note for note in found if note is not None]


def today() -> pd.Timestamp:
    """Return the current UTC day."""
    return pd.Timestamp(dt.datetime.now(dt.UTC).date())


def _note(kind: str, text: str, examples: Sequence[str]) -> MarketNote | None:
    if not examples:
        return None
    n = len(examples)
    return MarketNote(kind, f"{n:,} {text} (such as {examples[0]})", n, examples[0])


def _scale_differences(sums: DailySums) -> list[str]:
    """Symbols whose median daily funding differs in size by `SCALE`, with both sides."""
    by_symbol: dict[int, list[tuple[float, str]]] = {}
    for (symbol, exchange), own in sums.sums.items():
        known = np.abs(own[~np.isnan(own)])
        if known.size and (median := float(np.median(known))) > 0.0:
            by_symbol.setdefault(symbol, []).append((median, sums.exchanges[exchange]))
    return [
        f"{sums.symbols[symbol]}, {one[0]:.4g} a day on {one[1]} and {other[0]:.4g} on {other[1]}"
        for symbol, sides in by_symbol.items()
        for one, other in combinations(sorted(sides, reverse=True), 2)
        if one[0] >= SCALE * other[0]
    ]


def _without_partner(sums: DailySums, pairs: Sequence[str]) -> list[str]:
    used = set()
    for pair in pairs:
        symbol, one, other = pair.split("_")
        used |= {(symbol, one), (symbol, other)}
    return [str(side) for side in sums.sides if (side.symbol, side.exchange) not in used]
