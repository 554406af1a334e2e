"""How a long time is asked for in pages, whatever order an exchange gives them in.

An exchange gives a limited number of settlements at once: some the oldest of the time asked for,
some the newest, and of some it is not known. What a page covers is taken off the time that is
left, so every page makes it smaller, and an exchange that repeats itself is asked no more.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

__all__ = ["RULES", "Answer", "Ask", "Page", "PageOrder", "PageRules", "page_rules", "pages"]

_HOUR = 3_600_000
_MINUTE = 60_000
_ROOM = 1.25  # a settlement comes within this many times the last interval, if one comes


@dataclass(frozen=True)
class Answer:
    """What an exchange gives on one request.

    Attributes
    ----------
    found : mapping of int to float
        Rates by instant (milliseconds since 1970), also of times it was not asked for.
    n : int
        How many settlements it gave, those left out of `found` too.
    n_unusable : int
        How many of them are of no use.
    """

    found: Mapping[int, float]
    n: int
    n_unusable: int = 0


Ask = Callable[[int, int], Answer]
"""Asks for a page: first and last millisecond, both included."""


class PageOrder(enum.Enum):
    """Which settlements of the time asked for a page holds, if there are more than fit."""

    OLDEST = "oldest"
    NEWEST = "newest"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class PageRules:
    """How an exchange gives its history.

    Attributes
    ----------
    order : PageOrder
        Which settlements of the time asked for a page holds.
    limit : int
        Settlements of a full page.
    hours : int
        The usual interval of settlements.
    pause, pause_per_event : float
        Seconds from one request to the next, and more for every settlement it gave, where the
        exchange limits this request more than ccxt knows.
    until : str
        Parameter of ccxt for the last instant.
    until_offset : int
        Added to the last instant, for an exchange that leaves it out.
    options : mapping
        Options of ccxt.
    """

    order: PageOrder = PageOrder.UNKNOWN
    limit: int = 100
    hours: int = 8
    pause: float = 0.0
    pause_per_event: float = 0.0
    until: str = "until"
    until_offset: int = 0
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def window(self) -> int:
        """Milliseconds whose settlements are expected to leave a page not quite full."""
        return (self.limit - 1) * self.hours * _HOUR


_LINEAR = {
    "defaultType": "swap",
    "defaultSubType": "linear",
    "fetchMarkets": {"types": ["linear"]},
}

RULES: dict[str, PageRules] = {
    # fapi/v1/fundingRate: 500 requests in 5 minutes, of which ccxt knows nothing.
    "binance": PageRules(order=PageOrder.OLDEST, limit=1000, pause=0.62, options=_LINEAR),
    "binanceusdm": PageRules(order=PageOrder.OLDEST, limit=1000, pause=0.62, options=_LINEAR),
    "bybit": PageRules(order=PageOrder.NEWEST, limit=200, options=_LINEAR),
    # info: 1,200 of weight a minute, of which this request takes 20 and 1 more for 20 settlements.
    "hyperliquid": PageRules(
        order=PageOrder.OLDEST,
        limit=500,
        hours=1,
        pause=1.0,
        pause_per_event=0.0025,
        options={"fetchMarkets": {"types": ["swap"]}},
    ),
    "okx": PageRules(
        order=PageOrder.NEWEST,
        limit=100,
        until="after",
        until_offset=1,
        options={"fetchMarkets": {"types": ["swap"]}},
    ),
    "gate": PageRules(limit=1000, options={"fetchMarkets": {"types": ["swap"]}}),
}
"""By exchange; others are asked as `PageRules` has it by default."""


def page_rules(exchange: str) -> PageRules:
    """Return the rules of an exchange."""
    return RULES.get(exchange, PageRules())


@dataclass(frozen=True)
class Page:
    """What is newly known of a history.

    Attributes
    ----------
    found : mapping of int to float
        Rates by instant (milliseconds since 1970).
    left : int
        Milliseconds of the time asked for that are not known yet.
    repeated : bool
        The exchange gave nothing but settlements outside the time it was asked for.
    """

    found: Mapping[int, float]
    left: int
    repeated: bool = False


def pages(
    ask: Ask, first: int, last: int, rules: PageRules, *, newest_first: bool
) -> Iterator[Page]:
    """Ask for a time, such that what is known at any moment has no hole in it.

    Parameters
    ----------
    ask : callable
        See :data:`Ask`.
    first, last : int
        The time asked for, milliseconds since 1970, both included.
    rules : PageRules
    newest_first : bool
        From the last instant to the first: for what comes before a history that is there. Pages
        in that order have no hole to it, wherever one stops. Otherwise from first to last.

    Yields
    ------
    Page
    """
    wanted = PageOrder.NEWEST if newest_first else PageOrder.OLDEST
    if rules.order is wanted:
        yield from _walk(ask, first, last, rules)
        return
    if newest_first and rules.order is PageOrder.OLDEST and last - first > rules.window:
        # One page tells where the history begins, and saves all windows before it.
        begin = min((each for each in ask(first, last).found if each >= first), default=last + 1)
        first = min(max(first, begin), last + 1)
    windows = list(_windows(first, last, rules.window, newest_first=newest_first))
    left = sum(end - begin + 1 for begin, end in windows)
    if not windows:
        yield Page({}, 0)
    for begin, end in windows:
        found: dict[int, float] = {}
        repeated = False
        for page in _walk(ask, begin, end, rules):
            found.update(page.found)
            repeated |= page.repeated
        left -= end - begin + 1
        yield Page(found, left, repeated)


def _walk(ask: Ask, first: int, last: int, rules: PageRules) -> Iterator[Page]:
    """Ask until every part of a time has been answered, in the order that the exchange has."""
    todo = [(first, last)]
    while todo:
        begin, end = todo.pop()
        answer = ask(begin, end)
        found = {instant: rate for instant, rate in answer.found.items() if begin <= instant <= end}
        if found:
            gap = _MINUTE if _is_full(answer, rules) else _ROOM * _interval(found, rules)
            oldest, newest = min(found), max(found)
            if rules.order is not PageOrder.NEWEST and end - newest > gap:
                todo.append((newest + 1, end))
            if rules.order is not PageOrder.OLDEST and oldest - begin > gap:
                todo.append((begin, oldest - 1))
        left = sum(end - begin + 1 for begin, end in todo)
        yield Page(found, left, repeated=answer.n > answer.n_unusable and not found)


def _is_full(answer: Answer, rules: PageRules) -> bool:
    return rules.order is PageOrder.UNKNOWN or answer.n >= rules.limit


def _interval(found: Mapping[int, float], rules: PageRules) -> float:
    """Milliseconds between settlements."""
    gaps = [later - earlier for earlier, later in pairwise(sorted(found))]
    return median(gaps) if gaps else rules.hours * _HOUR


def _windows(first: int, last: int, size: int, *, newest_first: bool) -> Iterator[tuple[int, int]]:
    if newest_first:
        while last >= first:
            yield max(first, last - size + 1), last
            last -= size
        return
    while first <= last:
        yield first, min(last, first + size - 1)
        first += size
