"""Market caps of coins from CoinGecko's public list."""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from objectives.market.funding_events import MarketNote
from search_spaces.errors import FetchError

__all__ = ["COINGECKO_URL", "CoinCaps", "fetch_coin_caps"]

COINGECKO_URL = "https://api.coingecko.com/api/v3"

_PER_PAGE = 250
_MOST_PAGES = 12
_TRIES = 5
_LONGEST_WAIT = 120.0
_TIMEOUT = 30.0


@dataclass(frozen=True)
class CoinCaps:
    """Market caps by coin, as they are now.

    Attributes
    ----------
    by_coin : mapping of str to float
        US dollars by ticker in capitals; only known ones.
    notes : tuple of MarketNote
        Tickers of several coins, and wanted ones that were not found.
    """

    by_coin: Mapping[str, float]
    notes: tuple[MarketNote, ...]


def fetch_coin_caps(
    wanted: Iterable[str],
    base_url: str = COINGECKO_URL,
    *,
    wait: Callable[[float], None] = time.sleep,
) -> CoinCaps:
    """Ask CoinGecko for the market caps of coins.

    The list ``/coins/markets`` goes from the largest market cap downward, 250 coins a page; it is
    read until every wanted coin is found, at most 3,000 coins. A market cap of 0 or null is
    unknown. Where a ticker belongs to several coins the largest is taken.

    Parameters
    ----------
    wanted : iterable of str
        Tickers in capitals.
    base_url : str
        Where the interface is.
    wait : callable, optional
        Waits for a number of seconds.

    Raises
    ------
    FetchError
        If CoinGecko cannot be reached or gives something else.
    """
    missing = set(wanted)
    coins = sorted(missing)
    values: dict[str, float] = {}
    twice: dict[str, int] = {}
    for page in range(1, _MOST_PAGES + 1):
        if not missing:
            break
        listed = _page(base_url, page, wait)
        for coin in listed:
            ticker = str(coin.get("symbol") or "").upper()
            cap = _number(coin.get("market_cap"))
            if ticker not in coins or not cap > 0:
                continue
            if ticker in values:
                twice[ticker] = twice.get(ticker, 1) + 1
            values[ticker] = max(values.get(ticker, 0.0), cap)
            missing.discard(ticker)
        if len(listed) < _PER_PAGE:
            break
    return CoinCaps(values, tuple(_notes(coins, values, twice)))


def _page(base_url: str, page: int, wait: Callable[[float], None]) -> list[Mapping[str, Any]]:
    query = {
        "vs_currency": "usd",
        "order": "market_cap_desc",
        "per_page": _PER_PAGE,
        "page": page,
        "sparkline": "false",
    }
    url = f"{base_url.rstrip('/')}/coins/markets?{urlencode(query)}"
    if not url.startswith(("https://", "http://")):
        raise FetchError(f"the address of CoinGecko begins with https://, got {base_url}")
    request = urllib.request.Request(  # noqa: S310 (the scheme is checked above)
        url, headers={"Accept": "application/json", "User-Agent": "mass-tuning"}
    )
    for attempt in range(_TRIES):
        pause = 2.0 ** (attempt + 1)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
                document = json.load(answer)
            break
        except urllib.error.HTTPError as error:
            with error:
                problem = f"{error.code} {error.reason}"
                asked = str(error.headers.get("Retry-After", ""))
            if error.code != 429 and error.code < 500:
                raise FetchError(f"CoinGecko refuses its list of coins: {problem}") from None
            pause = max(pause, float(asked)) if asked.isdigit() else 10 * pause
        except (OSError, ValueError) as error:
            problem = str(getattr(error, "reason", error)) or type(error).__name__
        if attempt == _TRIES - 1:
            raise FetchError(
                f"CoinGecko did not give its list of coins in {_TRIES} tries: {problem}"
            )
        wait(min(pause, _LONGEST_WAIT))
    if not isinstance(document, list):
        raise FetchError("CoinGecko gave something else than a list of coins")
    return document


def _number(value: Any) -> float:
    """Return a market cap; 0 where it is unknown."""
    is_known = isinstance(value, (int, float)) and math.isfinite(value)
    return float(value) if is_known else 0.0


def _notes(
    coins: list[str], values: Mapping[str, float], twice: Mapping[str, int]
) -> Iterable[MarketNote]:
    if twice:
        example = min(twice)
        yield MarketNote(
            "caps_ticker_twice",
            f"{len(twice)} tickers belong to several coins, such as {example}; the largest market "
            "cap was taken",
            len(twice),
            example,
        )
    missing = [coin for coin in coins if coin not in values]
    if missing:
        yield MarketNote(
            "caps_missing",
            f"CoinGecko has no market cap of {len(missing)} of {len(coins)} coins, such as "
            f"{missing[0]}",
            len(missing),
            missing[0],
        )
