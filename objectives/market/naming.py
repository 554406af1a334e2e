"""One name for each symbol and exchange of events, whatever their sources call them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from objectives.market.funding_events import FundingEvents, MarketNote
from objectives.market.symbols import contract_name, exchange_name, is_bare, split_dex
from search_spaces.errors import DataError

__all__ = ["check_multiples", "symbols_of_contracts", "with_one_name"]

_OWN_TABLES = ("general", "venue")
_HYPERLIQUID = "hyperliquid"
_QUOTE = "USDT"
_ENDINGS = {
    "bybit": {"PERP": "USDC"},
    "kucoin": {"USDTM": "USDT", "USDCM": "USDC", "USDM": "USD"},
}
"""How exchanges end the names of perpetual contracts, and what is meant."""


def with_one_name(events: FundingEvents, aliases: Mapping[str, str]) -> FundingEvents:
    """Write symbols as BASEQUOTE and exchanges in lower case.

    Hyperliquid calls its contracts by the coin alone: ``BTC`` becomes ``BTCUSDT``, so that it
    finds its partners. In tables of a person's own where every name is that of a coin, all stay.
    A contract on a thousand coins is called as the coin's own, unless an exchange has both:
    ``BOBUSDT`` and ``1000000BOBUSDT`` on Binance are different coins. Contracts with a delivery
    date have no funding and are left out.

    Parameters
    ----------
    events : FundingEvents
        With the names as published.
    aliases : mapping of str to str
        Symbols for names; keys are ``NAME`` or ``exchange:NAME``, as published.

    Raises
    ------
    DataError
        If a name cannot be read, naming a row with it, or no event is left.
    """
    n_symbols = len(events.symbols)
    key = events.exchange.astype(np.int64) * n_symbols + events.symbol
    counts = np.bincount(key, minlength=n_symbols * len(events.exchanges))
    own_tables = all(source.form in _OWN_TABLES for source in events.sources)
    # alone, Hyperliquid's coins look for partners in files that come later
    bare = len(events.exchanges) > 1 and all(is_bare(name) for name in events.symbols)
    stay_bare = own_tables and bare
    contracts: dict[int, _Contract] = {}
    for pair in map(int, np.flatnonzero(counts)):
        exchange, symbol = events.exchanges[pair // n_symbols], events.symbols[pair % n_symbols]
        contract = _contract(exchange, symbol, aliases, stay_bare, int(counts[pair]))
        if not contract.symbol or "_" in contract.symbol:
            raise DataError(
                f"{events.place(int((key == pair).argmax()))}: the name {symbol!r} cannot be read "
                f"as BASEQUOTE, such as BTCUSDT; call it so with an alias {symbol}=BASEQUOTE"
            )
        contracts[pair] = contract
    clashes = _clashes(contracts.values())
    contracts = {pair: one.apart_from(clashes) for pair, one in contracts.items()}
    perpetual = {pair: one for pair, one in contracts.items() if not one.delivery}
    if not perpetual:
        raise DataError(
            f"{events.label}: all contracts have a delivery date, such as {events.symbols[0]}, "
            "and no funding; import perpetual contracts"
        )
    exchange_codes, exchanges = _codes({pair: one.side for pair, one in perpetual.items()}, counts)
    symbol_codes, symbols = _codes({pair: one.symbol for pair, one in perpetual.items()}, counts)
    keep = symbol_codes[key] >= 0
    if not keep.all():
        events, key = events.select(keep), key[keep]
    return replace(
        events,
        symbols=symbols,
        exchanges=exchanges,
        symbol=symbol_codes[key],
        exchange=exchange_codes[key],
        notes=(*events.notes, *_notes(list(contracts.values()), clashes)),
        multiples={(one.side, one.symbol): one.factor for one in perpetual.values()},
    )


def check_multiples(parts: Sequence[FundingEvents]) -> None:
    """Refuse events read at different times that give one name to different coins.

    A multiple of a coin is called as the coin's own contract unless an exchange is known to have
    both, and that may come to light in a later file only.

    Raises
    ------
    DataError
        Naming the contract and the alias that keeps it apart.
    """
    known: dict[tuple[str, str], int] = {}
    for part in parts:
        for (exchange, symbol), n_coins in part.multiples.items():
            before = known.setdefault((exchange, symbol), n_coins)
            if before != n_coins:
                multiple = max(before, n_coins)
                raise DataError(
                    f"{symbol} on {exchange} is the name of two contracts, on {before:,} and on "
                    f"{n_coins:,} coins; {_keep_apart(exchange, symbol, multiple)}"
                )
    apart = {symbol: exchange for exchange, symbol in known}
    for (exchange, symbol), n_coins in known.items():
        other = apart.get(f"{n_coins}{symbol}") if n_coins > 1 else None
        if other is not None:
            raise DataError(
                f"{symbol} on {exchange} is on {n_coins:,} coins, and {other} has {symbol} and "
                f"{n_coins}{symbol} as different contracts; "
                f"{_keep_apart(exchange, symbol, n_coins)}"
            )


def _keep_apart(exchange: str, symbol: str, multiple: int) -> str:
    name = f"{multiple}{symbol}"
    return (
        f"import its files again with --alias {exchange}:{name}={name}, after market remove "
        "--source if they were imported before"
    )


def symbols_of_contracts(
    exchange: str, written: Iterable[str], aliases: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the symbol of each contract of an exchange as :func:`with_one_name` writes it.

    Parameters
    ----------
    exchange : str
    written : iterable of str
        All contracts of the exchange, as they are published: a multiple of a coin keeps its factor
        in its name where the coin itself is traded, too.
    aliases : mapping of str to str, optional
        See :func:`with_one_name`.
    """
    contracts = [_contract(exchange, name, aliases or {}, False, 0) for name in written]
    clashes = _clashes(contracts)
    return {one.written: one.apart_from(clashes).symbol for one in contracts}


@dataclass(frozen=True)
class _Contract:
    """A contract of an exchange, as it is written and as it is read.

    Attributes
    ----------
    written, side, symbol : str
        Its name as published, its exchange, its name as BASEQUOTE.
    n_rows : int
        How many events it has.
    factor : int
        How many coins it is on.
    delivery : bool
        Whether it has a delivery date.
    quoted : bool
        Whether the quote was added.
    """

    written: str
    side: str
    symbol: str
    n_rows: int
    factor: int = 1
    delivery: bool = False
    quoted: bool = False

    def __str__(self) -> str:
        return f"{self.written} on {self.side} as {self.symbol}"

    def apart_from(self, clashes: set[str]) -> _Contract:
        """Return it with the factor in its name, if the coin's own contract bears the name."""
        if self.symbol not in clashes or self.factor == 1:
            return self
        return replace(self, symbol=f"{self.factor}{self.symbol}", factor=1)


def _contract(
    exchange: str, symbol: str, aliases: Mapping[str, str], stay_bare: bool, n_rows: int
) -> _Contract:
    side, coin = exchange_name(exchange), symbol
    on_hyperliquid = side.split("-")[0] == _HYPERLIQUID
    keys = (f"{exchange}:{symbol}", f"{side}:{symbol}", symbol)
    if on_hyperliquid:
        dex, coin = split_dex(symbol)
        if dex and side == _HYPERLIQUID:
            side = f"{_HYPERLIQUID}-{exchange_name(dex)}"
    alias = next((aliases[key].strip() for key in keys if key in aliases), None)
    if alias is not None:
        return _Contract(symbol, side, alias, n_rows)
    for ending, quote in _ENDINGS.get(side, {}).items():
        if re.fullmatch(rf"[A-Z0-9]+{ending}", coin):
            coin = coin.removesuffix(ending) + quote
            break
    bare = on_hyperliquid and not stay_bare and is_bare(coin)
    found = contract_name(coin, _QUOTE if bare else "")
    name = found.name
    unified = on_hyperliquid and "/" in coin and name.endswith("USDC")  # ccxt, freqtrade
    if unified:
        name = name.removesuffix("USDC") + _QUOTE
    return _Contract(symbol, side, name, n_rows, found.factor, found.delivery, bare or unified)


def _clashes(contracts: Iterable[_Contract]) -> set[str]:
    """Find the symbols that an exchange has for different numbers of coins."""
    factors = defaultdict(set)
    for one in contracts:
        if not one.delivery:
            factors[one.side, one.symbol].add(one.factor)
    return {symbol for (_, symbol), several in factors.items() if len(several) > 1}


def _codes(
    names: Mapping[int, str], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return the position of each pair's name, -1 where it has none, and the names ascending."""
    distinct = tuple(sorted(set(names.values())))
    position = {name: k for k, name in enumerate(distinct)}
    codes = np.full(len(counts), -1, dtype=np.int32)
    for pair, name in names.items():
        codes[pair] = position[name]
    return codes, distinct


def _notes(contracts: list[_Contract], clashes: set[str]) -> list[MarketNote]:
    """Say what a person should know of the names, each kind once."""
    notes = []
    perpetual = [one for one in contracts if not one.delivery]
    if multiples := [one for one in perpetual if one.factor > 1]:
        first = multiples[0]
        text = (
            f"{len(multiples)} contracts are on a multiple of their coin and are read as the "
            f"coin's own: {first} ({first.factor:,} coins); a rate is a fraction of notional and "
            "needs no conversion"
        )
        notes.append(MarketNote("multiples", text, len(multiples), first.written))
    if clashes:
        first = next(one for one in perpetual if one.symbol in clashes)
        text = (
            f"{len(clashes)} symbols are both a coin and a multiple on one exchange, and the "
            f"multiples keep their names: {first}"
        )
        notes.append(MarketNote("multiples_kept", text, len(clashes), min(clashes)))
    if quoted := [one for one in perpetual if one.quoted]:
        text = (
            f"{len(quoted)} contracts of Hyperliquid, whose margin is USDC, are read as those in "
            f"USDT elsewhere: {quoted[0]}"
        )
        notes.append(MarketNote("hyperliquid_quote", text, len(quoted), quoted[0].written))
    if dated := [one for one in contracts if one.delivery]:
        n_rows = sum(one.n_rows for one in dated)
        text = (
            f"{len(dated)} contracts have a delivery date and no funding; their {n_rows} rows are "
            f"left out: {dated[0].written} on {dated[0].side}"
        )
        notes.append(MarketNote("delivery_contracts", text, len(dated), dated[0].written))
    written = defaultdict(set)
    for one in perpetual:
        written[one.side, one.symbol].add(one.written.upper())
    if several := {where: names for where, names in written.items() if len(names) > 1}:
        (side, symbol), names = next(iter(sorted(several.items())))
        text = (
            f"{len(several)} symbols are written in several ways on one exchange and are read as "
            f"one: {' and '.join(sorted(names))} on {side} as {symbol}; an alias keeps them apart"
        )
        notes.append(MarketNote("spellings", text, len(several), symbol))
    return notes
