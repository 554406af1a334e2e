"""What a fetch is asked for, how far it is, and what it has brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from objectives.market.exchanges import COINGECKO_URL
from objectives.market.funding_events import FundingEvents, MarketNote
from studies.market.importer import ImportSummary

__all__ = [
    "ExchangeSummary",
    "FetchProgress",
    "FetchRequest",
    "FetchSummary",
    "KeepsEvents",
    "SeriesSummary",
    "comma_separated",
]


class KeepsEvents(Protocol):
    """Where raw funding events are kept."""

    def last_instants(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Return first and last instant held, microseconds since 1970, by (exchange, symbol)."""

    def add(self, events: FundingEvents) -> int:
        """Write events and commit; return how many are new."""


def comma_separated(text: str) -> tuple[str, ...]:
    """Return the names in a text with commas between them, each once."""
    return tuple(dict.fromkeys(word for part in text.split(",") if (word := part.strip())))


@dataclass(frozen=True, kw_only=True)
class FetchRequest:
    """Funding rates that are asked for.

    Attributes
    ----------
    exchanges : tuple of str
        Ids of ccxt, such as ``binance``.
    symbols : tuple of str
        Coins (``BTC``), symbols (``BTCUSDT``), ``topN``: the N coins traded most on all these
        exchanges together in the last 24 hours, and ``held``: what the database has.
    start : str
        First day, ``YYYY-MM-DD``, UTC.
    end : str or None
        Last day; None: until now.
    refresh : bool
        Ask for what is there, too.
    market_caps : str or None
        ``coingecko``, or a file with symbol, market_cap [, date].
    coingecko_url : str
        Where CoinGecko's interface is.
    """

    exchanges: tuple[str, ...]
    symbols: tuple[str, ...]
    start: str
    end: str | None = None
    refresh: bool = False
    market_caps: str | None = None
    coingecko_url: str = COINGECKO_URL


@dataclass(frozen=True)
class FetchProgress:
    """How far a fetch is.

    Attributes
    ----------
    done, total : int
        Days of symbols that are fetched, and of all that are missing.
    n_events : int
        New events so far.
    eta_seconds : float or None
        How long it goes on, if the slowest exchange goes on as it did.
    at : str
        What came last, such as ``bybit BTCUSDT``.
    """

    done: int
    total: int
    n_events: int
    eta_seconds: float | None
    at: str


@dataclass(frozen=True)
class SeriesSummary:
    """What was fetched of a symbol on an exchange.

    Attributes
    ----------
    symbol : str
    n_events : int
        New events.
    first, last : str or None
        Of the events the exchange gave, UTC, to the second; None where it gave none.
    notes : tuple of MarketNote
    """

    symbol: str
    n_events: int
    first: str | None
    last: str | None
    notes: tuple[MarketNote, ...] = ()


@dataclass(frozen=True)
class ExchangeSummary:
    """What was fetched of an exchange.

    Attributes
    ----------
    exchange : str
    n_events : int
        New events.
    series : tuple of SeriesSummary
        By symbol.
    notes : tuple of MarketNote
        About the exchange as a whole.
    stopped : str or None
        Why not everything asked for could be fetched; None if it was.
    """

    exchange: str
    n_events: int
    series: tuple[SeriesSummary, ...] = ()
    notes: tuple[MarketNote, ...] = ()
    stopped: str | None = None


@dataclass(frozen=True)
class FetchSummary:
    """What a fetch has brought.

    Attributes
    ----------
    n_events : int
        New events.
    exchanges : tuple of ExchangeSummary
        In the order of the request.
    notes : tuple of MarketNote
        About the market caps.
    imported : ImportSummary or None
        What was made of the events.
    caps_stopped : str or None
        Why the market caps asked for could not be had; None if they were.
    """

    n_events: int
    exchanges: tuple[ExchangeSummary, ...]
    notes: tuple[MarketNote, ...] = field(default=())
    imported: ImportSummary | None = None
    caps_stopped: str | None = None

    @property
    def stopped(self) -> tuple[str, ...]:
        """Why not everything that was asked for is there."""
        reasons = [*(each.stopped for each in self.exchanges), self.caps_stopped]
        return tuple(reason for reason in reasons if reason is not None)
