"""Which histories a fetch asks for, and which part of them is missing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from objectives.market.days import utc_day
from objectives.market.exchanges import ExchangeHistory, Perpetual, coin_of_symbol
from objectives.market.funding_events import MarketNote
from search_spaces.errors import ConfigError, DataError
from studies.market.fetch_records import FetchRequest

__all__ = [
    "HELD",
    "Listing",
    "Missing",
    "check_request",
    "choose_markets",
    "missing_parts",
    "wants_volumes",
]

HELD = "held"
"""Word of a request: what the database has."""

_TOP = re.compile(r"top(\d+)", re.IGNORECASE)
_MS_PER_DAY = 86_400_000
_MICROS_PER_MS = 1_000
_HALF_MINUTE = 30_000  # two settlements are at least a minute apart, whoever stamped them
_SHORTEST_INTERVAL = 55 * 60_000


@dataclass(frozen=True)
class Listing:
    """What an exchange offers.

    Attributes
    ----------
    markets : tuple of Perpetual
    volumes : mapping of str to float
        By name of the market; empty if they are not wanted.
    """

    markets: tuple[Perpetual, ...]
    volumes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Missing:
    """A time that is not there yet.

    Attributes
    ----------
    market : Perpetual
    first, last : int
        Milliseconds since 1970, both included.
    newest_first : bool
        Whether it must be fetched from its end to its beginning.
    """

    market: Perpetual
    first: int
    last: int
    newest_first: bool


def check_request(request: FetchRequest) -> None:
    """Refuse a request that cannot be meant.

    Raises
    ------
    ConfigError
        If no symbol is named, or a number of the most traded is none.
    DataError
        If a date is none, or the first is after the last.
    """
    if not request.symbols:
        raise ConfigError("name symbols, such as top100 or BTC,ETH")
    for word in request.symbols:
        if (match := _TOP.fullmatch(word)) and int(match[1]) < 1:
            raise ConfigError(f"the number of the most traded is 1 or more, got {word}")
    start = utc_day(request.start)
    if request.end is not None and utc_day(request.end) < start:
        raise DataError(f"--start {request.start} is after --end {request.end}")


def wants_volumes(symbols: Iterable[str]) -> bool:
    """Say whether symbols are chosen by what is traded most."""
    return any(_TOP.fullmatch(word) for word in symbols)


def choose_markets(
    symbols: Sequence[str],
    listings: Mapping[str, Listing],
    held: Iterable[tuple[str, str]],
) -> tuple[dict[str, list[Perpetual]], dict[str, tuple[MarketNote, ...]]]:
    """Choose the markets of every exchange.

    The most traded coins are those with the largest volume on all exchanges together, so that a
    coin chosen is fetched wherever it is traded, and finds its partners. A coin is fetched once an
    exchange: in USDT, or in USDC where there is no other.

    Parameters
    ----------
    symbols : sequence of str
        As in `FetchRequest`.
    listings : mapping of str to Listing
        By exchange.
    held : iterable of (exchange, symbol)
        What the database has.

    Returns
    -------
    tuple of dict
        Markets by exchange, by symbol; and notes by exchange.
    """
    most_traded = _most_traded(symbols, listings)
    kept = defaultdict(list)
    if HELD in symbols:
        for exchange, symbol in held:
            kept[exchange].append(symbol)
    named = [word for word in symbols if word != HELD and not _TOP.fullmatch(word)]
    chosen: dict[str, list[Perpetual]] = {}
    notes: dict[str, tuple[MarketNote, ...]] = {}
    for exchange, listing in listings.items():
        by_symbol = {market.symbol.upper(): market for market in listing.markets}
        by_coin = _by_coin(listing.markets)
        found, unknown = {}, []
        for word in [*named, *kept[exchange]]:
            market = by_symbol.get(word.upper()) or by_coin.get(coin_of_symbol(word))
            if market is None:
                unknown.append(word)
            else:
                found[market.symbol] = market
        for coin in most_traded:
            if coin in by_coin:
                found[by_coin[coin].symbol] = by_coin[coin]
        chosen[exchange] = [found[symbol] for symbol in sorted(found)]
        notes[exchange] = _unknown(exchange, unknown)
    return chosen, notes


def missing_parts(
    market: Perpetual,
    held: tuple[int, int] | None,
    request: FetchRequest,
    history: ExchangeHistory,
) -> list[Missing]:
    """Return the parts of a history that are not there.

    What is there is taken to have no hole, and stays so at every moment of the fetch: what comes
    before is fetched backward, what comes after forward, each beginning at what is there.

    Parameters
    ----------
    market : Perpetual
    held : tuple of int, or None
        First and last instant that is there, microseconds since 1970.
    request : FetchRequest
    history : ExchangeHistory
        Its clock tells what is now.
    """
    first = _midnight(request.start)
    last = history.now()
    if request.end is not None:
        last = min(last, _midnight(request.end) + _MS_PER_DAY - 1)
    from_listing = market.listed is not None and market.listed > first
    if market.listed is not None:
        first = max(first, market.listed)
    if held is None or request.refresh:
        whole = Missing(market, first, last, history.is_newest_first)
        return [whole] if first <= last else []
    oldest, newest = (instant // _MICROS_PER_MS for instant in held)
    parts = []
    if last - newest > _SHORTEST_INTERVAL:
        parts.append(Missing(market, newest + _HALF_MINUTE, last, newest_first=False))
    # The first settlement comes some hours after a market is listed.
    is_whole = from_listing and oldest - first < 1.25 * history.interval
    before = oldest - _HALF_MINUTE
    if first <= before and not is_whole:
        parts.append(Missing(market, first, before, newest_first=True))
    return parts


def _most_traded(symbols: Sequence[str], listings: Mapping[str, Listing]) -> list[str]:
    n_wanted = max(
        (int(match[1]) for word in symbols if (match := _TOP.fullmatch(word))), default=0
    )
    volume: dict[str, float] = defaultdict(float)
    for listing in listings.values():
        for market in listing.markets:
            if market.active:
                volume[market.coin] += listing.volumes.get(market.name, 0.0)
    traded = [coin for coin in volume if volume[coin] > 0]
    return sorted(traded, key=lambda coin: (-volume[coin], coin))[:n_wanted]


def _by_coin(markets: Iterable[Perpetual]) -> dict[str, Perpetual]:
    chosen: dict[str, Perpetual] = {}
    for market in sorted(markets, key=lambda m: (not m.active, m.quote != "USDT", m.symbol)):
        chosen.setdefault(market.coin, market)
    return chosen


def _unknown(exchange: str, words: Sequence[str]) -> tuple[MarketNote, ...]:
    if not words:
        return ()
    names = ", ".join(words[:10]) + (f" and {len(words) - 10} more" if len(words) > 10 else "")
    text = f"{exchange} has no perpetual swap in USDT or USDC of {names}"
    return (MarketNote("unknown_symbol", text, len(words), words[0]),)


def _midnight(date: str) -> int:
    return round(utc_day(date).timestamp() * 1000)
