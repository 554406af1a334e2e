"""The perpetual swaps of an exchange, and the coins they are on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from objectives.market.naming import symbols_of_contracts

__all__ = ["Perpetual", "coin_of_symbol", "perpetuals"]

_QUOTES = ("USDT", "USDC")  # in the order in which one is chosen where a coin has both
_MULTIPLE = re.compile(r"(?:k(?=[A-Z])|10{3,9}|1M)(?=[A-Za-z]\w)")


@dataclass(frozen=True)
class Perpetual:
    """A linear perpetual swap, quoted in USDT or USDC.

    Attributes
    ----------
    name : str
        As ccxt calls it, such as ``BTC/USDT:USDT``.
    symbol : str
        BASEQUOTE, such as ``BTCUSDT``.
    coin : str
        The coin it is on, without a multiple: ``PEPE`` of ``1000PEPEUSDT``.
    quote : str
    listed : int or None
        Milliseconds since 1970 from which it was traded, where the exchange says it.
    active : bool
        Whether it is still traded.
    """

    name: str
    symbol: str
    coin: str
    quote: str
    listed: int | None
    active: bool


def perpetuals(markets: Iterable[Mapping[str, Any]], exchange: str) -> tuple[Perpetual, ...]:
    """Return the linear perpetual swaps quoted in USDT or USDC among markets of ccxt, by symbol.

    Symbols are those that files of the same exchange are read with.
    """
    swaps = [
        market
        for market in markets
        if market.get("swap") and market.get("linear") and market.get("quote") in _QUOTES
    ]
    symbols = symbols_of_contracts(exchange, map(_written, swaps))
    found: dict[str, Perpetual] = {}
    for market in swaps:
        symbol = symbols[_written(market)]
        created = market.get("created")
        each = Perpetual(
            name=str(market["symbol"]),
            symbol=symbol,
            coin=coin_of_symbol(symbol),
            quote=str(market["quote"]),
            listed=int(created) if created else None,
            active=market.get("active") is not False,
        )
        # Two markets of one symbol would be two histories under one name.
        if symbol not in found or _preference(each) < _preference(found[symbol]):
            found[symbol] = each
    return tuple(found[symbol] for symbol in sorted(found))


def coin_of_symbol(symbol: str) -> str:
    """Return the coin of a symbol, without its quote and multiple, in capitals."""
    base = symbol
    for quote in _QUOTES:
        if base.endswith(quote) and base != quote:
            base = base.removesuffix(quote)
            break
    return _MULTIPLE.sub("", base, count=1).upper() if _MULTIPLE.match(base) else base.upper()


def _preference(market: Perpetual) -> tuple[bool, int]:
    """Sort what is traded first, and then by quote."""
    return not market.active, _QUOTES.index(market.quote)


def _written(market: Mapping[str, Any]) -> str:
    """Name a market of ccxt as the exchange does."""
    # The base of ccxt is in capitals: KPEPE, where the exchange itself says kPEPE.
    base = market.get("baseName") or market["base"]
    return f"{base}/{market['quote']}:{market['quote']}"
