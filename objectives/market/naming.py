"""One name for each symbol and exchange of events, whatever their sources call them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from objectives.market.funding_events import FundingEvents, MarketNote
from objectives.market.symbols import contract_name, exchange_name, is_bare, split_dex
from search_spaces.errors import DataError

__all__ = ["with_one_name"]

_OWN_WORDS = ("general", "venue")
_HYPERLIQUID_QUOTE = "USDT"


def with_one_name(events: FundingEvents, aliases: Mapping[str, str]) -> FundingEvents:
    """Write symbols as BASEQUOTE and exchanges in lower case.

    Hyperliquid calls its contracts by the coin alone: ``BTC`` becomes ``BTCUSDT``, so that it
    finds its partners. In tables of a person's own where every name is that of a coin, all stay.
    Contracts with a delivery date have no funding and are left out.

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
    present = np.flatnonzero(counts)
    stay_bare = all(source.form in _OWN_WORDS for source in events.sources) and all(
        is_bare(name) for name in events.symbols
    )
    found = _Found()
    names: dict[int, tuple[str, str]] = {}
    for pair in present:
        exchange, symbol = events.exchanges[pair // n_symbols], events.symbols[pair % n_symbols]
        name = found.name(exchange, symbol, aliases, stay_bare, int(counts[pair]))
        if name is None:
            continue
        if "_" in name[1] or not name[1]:
            position = int((key == pair).argmax())
            raise DataError(
                f"{events.place(position)}: the name {symbol!r} cannot be read as BASEQUOTE, such "
                f"as BTCUSDT; give it another with --alias {symbol}=BASEQUOTE"
            )
        names[int(pair)] = name
    if not names:
        raise DataError(
            f"{events.label}: all contracts have a delivery date, such as {events.symbols[0]}, "
            "and no funding; import perpetual contracts"
        )
    exchanges = tuple(sorted({exchange for exchange, _ in names.values()}))
    symbols = tuple(sorted({symbol for _, symbol in names.values()}))
    to_exchange = np.full(len(counts), -1, dtype=np.int32)
    to_symbol = np.full(len(counts), -1, dtype=np.int32)
    exchange_at = {name: k for k, name in enumerate(exchanges)}
    symbol_at = {name: k for k, name in enumerate(symbols)}
    for pair, (exchange, symbol) in names.items():
        to_exchange[pair] = exchange_at[exchange]
        to_symbol[pair] = symbol_at[symbol]
    keep = to_symbol[key] >= 0
    # Left out first: the names of what is left must not lack their rows.
    kept = events if keep.all() else _rows(events, keep)
    key = key if keep.all() else key[keep]
    return replace(
        kept,
        symbols=symbols,
        exchanges=exchanges,
        symbol=to_symbol[key],
        exchange=to_exchange[key],
        notes=(*events.notes, *found.notes()),
    )


def _rows(events: FundingEvents, keep: np.ndarray) -> FundingEvents:
    return replace(
        events,
        symbol=events.symbol[keep],
        exchange=events.exchange[keep],
        source=events.source[keep],
        row=events.row[keep],
        micros=events.micros[keep],
        rate=events.rate[keep],
    )


@dataclass
class _Found:
    """What is worth saying of the names that were read."""

    thousands: list[str] = field(default_factory=list)
    coins: list[str] = field(default_factory=list)
    delivery: list[str] = field(default_factory=list)
    n_delivery_rows: int = 0
    spellings: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def name(
        self, exchange: str, symbol: str, aliases: Mapping[str, str], stay_bare: bool, n_rows: int
    ) -> tuple[str, str] | None:
        """Return exchange and symbol in one spelling; None: a contract without funding."""
        side = exchange_name(exchange)
        is_hyperliquid = side.split("-")[0] == "hyperliquid"
        alias = next(
            (
                aliases[key].strip()
                for key in (f"{exchange}:{symbol}", f"{side}:{symbol}", symbol)
                if key in aliases
            ),
            None,
        )
        coin = symbol
        if is_hyperliquid:
            dex, coin = split_dex(symbol)
            if dex and side == "hyperliquid":
                side = f"hyperliquid-{exchange_name(dex)}"
        if alias is not None:
            return self._spelled(side, symbol, alias)
        quote = _HYPERLIQUID_QUOTE if is_hyperliquid and not stay_bare and is_bare(coin) else ""
        contract = contract_name(coin, quote)
        if contract.delivery:
            self.delivery.append(f"{symbol} on {side}")
            self.n_delivery_rows += n_rows
            return None
        name = contract.name
        if is_hyperliquid and "/" in coin and name.endswith("USDC"):
            quote, name = _HYPERLIQUID_QUOTE, name.removesuffix("USDC") + _HYPERLIQUID_QUOTE
        if quote:
            self.coins.append(f"{symbol} on {side} as {name}")
        if contract.factor > 1:
            times = f"{contract.factor:,} times"
            self.thousands.append(f"{symbol} on {side} as {name} ({times})")
        return self._spelled(side, symbol, name)

    def _spelled(self, side: str, written: str, name: str) -> tuple[str, str]:
        others = self.spellings[side, name]
        if written.upper() not in {one.upper() for one in others}:
            others.append(written)
        return side, name

    def notes(self) -> list[MarketNote]:
        """Say it, each kind once."""
        notes = []
        if self.thousands:
            n, one = len(self.thousands), self.thousands[0]
            text = (
                f"{n} contracts are on a multiple of their coin and are read as the coin's own: "
                f"{one}; a rate is a fraction of notional and needs no conversion"
            )
            notes.append(MarketNote("multiples", text, n, one))
        if self.coins:
            n, one = len(self.coins), self.coins[0]
            text = (
                f"{n} contracts of Hyperliquid, whose margin is USDC, are read as those in USDT "
                f"elsewhere: {one}"
            )
            notes.append(MarketNote("hyperliquid_quote", text, n, one))
        if self.delivery:
            n, one = len(self.delivery), self.delivery[0]
            text = (
                f"{n} contracts have a delivery date and no funding; their {self.n_delivery_rows} "
                f"rows are left out: {one}"
            )
            notes.append(MarketNote("delivery_contracts", text, n, one))
        merged = [
            f"{' and '.join(written)} on {side} as {name}"
            for (side, name), written in sorted(self.spellings.items())
            if len(written) > 1
        ]
        if merged:
            text = (
                f"{len(merged)} symbols are written in several ways on one exchange and are read "
                f"as one: {merged[0]}; --alias keeps contracts apart"
            )
            notes.append(MarketNote("spellings", text, len(merged), merged[0]))
        return notes
