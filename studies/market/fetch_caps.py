"""Market caps that go with fetched funding rates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import pandas as pd

from objectives.market.caps import read_market_caps
from objectives.market.exchanges import coin_of_symbol, fetch_coin_caps
from objectives.market.funding_events import MarketNote
from studies.market.fetch_records import FetchRequest

__all__ = ["caps_of_symbols", "check_caps"]

_COINGECKO = "coingecko"
"""What ``--market-caps`` is given for CoinGecko's list."""


def check_caps(request: FetchRequest) -> None:
    """Refuse a file of market caps that cannot be read, before hours are spent on fetching.

    Raises
    ------
    DataError
        See :func:`objectives.market.caps.read_market_caps`.
    """
    if request.market_caps not in (None, _COINGECKO):
        read_market_caps(request.market_caps)


def caps_of_symbols(
    request: FetchRequest,
    symbols: Iterable[str],
    *,
    wait: Callable[[float], None] = time.sleep,
) -> tuple[pd.DataFrame | str | None, tuple[MarketNote, ...]]:
    """Return the market caps that a request names, for symbols as the events write them.

    Parameters
    ----------
    request : FetchRequest
    symbols : iterable of str
        BASEQUOTE; all symbols of a coin get its market cap.
    wait : callable, optional
        Waits for a number of seconds.

    Returns
    -------
    tuple
        A table of ``symbol`` and ``market_cap``, a file to be read, or None where no caps are
        wanted or none are known; and notes.

    Raises
    ------
    FetchError
        If CoinGecko cannot be reached.
    """
    if request.market_caps != _COINGECKO:
        return request.market_caps, ()
    coins = {symbol: coin_of_symbol(symbol) for symbol in sorted(symbols)}
    caps = fetch_coin_caps(coins.values(), request.coingecko_url, wait=wait)
    rows = [(symbol, caps.by_coin[coin]) for symbol, coin in coins.items() if coin in caps.by_coin]
    table = pd.DataFrame(rows, columns=["symbol", "market_cap"]) if rows else None
    return table, caps.notes
