"""The history of funding rates of one exchange, a step at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from objectives.market.exchanges.client import ExchangeClient
from objectives.market.exchanges.paging import Answer, PageOrder, pages
from objectives.market.exchanges.perpetuals import Perpetual, perpetuals
from objectives.market.funding_events import EventSource, FundingEvents, MarketNote

__all__ = ["ExchangeHistory", "HistoryChunk"]

_SKEW_MS = 60_000
FORM = "ccxt"


@dataclass(frozen=True)
class HistoryChunk:
    """A step of a history; after every step what was yielded has no hole.

    Attributes
    ----------
    events : FundingEvents or None
        Settlements of one market; None if the exchange has none in that time.
    left : int
        Milliseconds of the time asked for that are still to come.
    notes : tuple of MarketNote
        What was noticed.
    """

    events: FundingEvents | None
    left: int
    notes: tuple[MarketNote, ...] = ()


class ExchangeHistory:
    """Reads funding settlements of an exchange.

    Parameters
    ----------
    client : ExchangeClient
    """

    def __init__(self, client: ExchangeClient) -> None:
        self.exchange = client.exchange
        self._client = client
        self._ahead = 0

    @property
    def is_newest_first(self) -> bool:
        """Whether the exchange gives its newest settlements first."""
        return self._client.rules.order is PageOrder.NEWEST

    @property
    def interval(self) -> int:
        """Milliseconds that usually lie between two settlements."""
        return self._client.rules.hours * 3_600_000

    def now(self) -> int:
        """Return the time by the exchange's clock, milliseconds since 1970."""
        return self._client.local_clock() + self._ahead

    def read_clock(self) -> tuple[MarketNote, ...]:
        """Compare the clocks; a difference of more than a minute is noted and allowed for."""
        server = self._client.server_time()
        ahead = 0 if server is None else server - self._client.local_clock()
        if abs(ahead) <= _SKEW_MS:
            return ()
        self._ahead = ahead
        way = "behind" if ahead > 0 else "ahead of"
        text = (
            f"this computer's clock is {abs(ahead) / 60_000:,.0f} minutes {way} that of "
            f"{self.exchange}; the exchange's was used"
        )
        return (MarketNote("clock_skew", text, 1, self.exchange),)

    def perpetuals(self) -> tuple[Perpetual, ...]:
        """Return the linear perpetual swaps of the exchange, in USDT or USDC, by symbol."""
        return perpetuals(self._client.markets(), self._client.exchange)

    def volumes(self) -> dict[str, float]:
        """Return the volume of the last 24 hours by name of the market; see `ExchangeClient`."""
        return self._client.volumes()

    def chunks(
        self, market: Perpetual, first: int, last: int, *, newest_first: bool = False
    ) -> Iterator[HistoryChunk]:
        """Yield the settlements of a time.

        Parameters
        ----------
        market : Perpetual
        first, last : int
            Milliseconds since 1970, both included.
        newest_first : bool
            From the last to the first, for what comes before a history that is there.

        Yields
        ------
        HistoryChunk

        Raises
        ------
        FetchError
            If the exchange cannot be reached or refuses.
        LookupError
            If the exchange does not know the market any more, or refuses to say.
        """
        notes: list[MarketNote] = []

        def ask(begin: int, end: int) -> Answer:
            records, n = self._client.funding_page(market.name, begin, end)
            found, remarks = self._read(market.symbol, records)
            notes.extend(remarks)
            return Answer(found, n, sum(each.n for each in remarks))

        n_repeated = 0
        rules = self._client.rules
        for page in pages(ask, first, last, rules, newest_first=newest_first):
            n_repeated += page.repeated
            if page.repeated and n_repeated == 1:
                notes.append(self._repeated(market.symbol))
            events = self._events(market.symbol, page.found) if page.found else None
            yield HistoryChunk(events, page.left, tuple(notes))
            notes.clear()

    def _read(
        self, symbol: str, records: list[Mapping[str, Any]]
    ) -> tuple[dict[int, float], list[MarketNote]]:
        """Return instants and rates of a page, and what is wrong with it."""
        latest = self.now() + _SKEW_MS
        found: dict[int, float] = {}
        future: list[int] = []
        n_empty = 0
        differing: list[int] = []
        for record in records:
            instant, rate = record.get("timestamp"), record.get("fundingRate")
            if instant is None or rate is None or not math.isfinite(float(rate)):
                n_empty += 1
            elif instant > latest:
                future.append(int(instant))
            elif found.setdefault(int(instant), float(rate)) != float(rate):
                differing.append(int(instant))
        return found, [
            MarketNote(kind, f"{symbol} on {self.exchange}: {text}", n, symbol)
            for kind, n, text in (
                ("no_rate", n_empty, f"{n_empty} settlements without time or rate were left out"),
                ("future", len(future), _future_text(future)),
                ("differing_rates", len(differing), _differing_text(differing)),
            )
            if n
        ]

    def _repeated(self, symbol: str) -> MarketNote:
        text = (
            f"{symbol} on {self.exchange}: asked for an earlier or later time, the exchange gave "
            "what it had given before; there may be more than could be fetched"
        )
        return MarketNote("repeated_page", text, 1, symbol)

    def _events(self, symbol: str, found: Mapping[int, float]) -> FundingEvents:
        instants = np.array(sorted(found), dtype=np.int64)
        zeros = np.zeros(len(instants), dtype=np.int32)
        return FundingEvents(
            symbols=(symbol,),
            exchanges=(self.exchange,),
            sources=(EventSource(self.exchange, FORM, _settlement),),
            symbol=zeros,
            exchange=zeros,
            source=zeros,
            row=instants,
            micros=instants * 1000,
            rate=np.array([found[int(instant)] for instant in instants], dtype=np.float64),
        )


def _settlement(row: int) -> str:
    """Name a settlement; a row of this source is its millisecond."""
    return f"settlement of {np.datetime64(row, 'ms')}"


def _future_text(instants: list[int]) -> str:
    if not instants:
        return ""
    first = np.datetime64(min(instants), "ms")
    return f"{len(instants)} settlements after now, such as {first}, were left out"


def _differing_text(instants: list[int]) -> str:
    if not instants:
        return ""
    first = np.datetime64(min(instants), "ms")
    return f"two rates for one instant ({first}); the first was taken"
