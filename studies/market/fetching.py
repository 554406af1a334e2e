"""Funding rates of exchanges into a store: only what is missing, so that it can be gone on with."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from objectives.market.exchanges import (
    ExchangeClient,
    ExchangeHistory,
    HistoryChunk,
    check_exchanges,
)
from objectives.market.funding_events import MarketNote
from search_spaces.errors import DataError, FetchError
from studies.market.fetch_plan import (
    Listing,
    Missing,
    check_request,
    choose_markets,
    missing_parts,
    wants_volumes,
)
from studies.market.fetch_records import (
    ExchangeSummary,
    FetchProgress,
    FetchRequest,
    FetchSummary,
    KeepsEvents,
    SeriesSummary,
)

__all__ = ["fetch_market"]

_MS_PER_DAY = 86_400_000
_LATE_MS = 7 * _MS_PER_DAY
_QUEUED = 32  # chunks that wait for the store
_TICK_SECONDS = 0.5

OpenClient = Callable[[str, Callable[[float], None]], ExchangeClient]


def fetch_market(
    request: FetchRequest,
    store: KeepsEvents,
    on_progress: Callable[[FetchProgress], None] | None = None,
    *,
    open_client: OpenClient | None = None,
) -> FetchSummary:
    """Fetch what a store lacks of funding rates.

    Exchanges are asked at the same time, each as fast as it allows; this thread alone writes. Each
    call of ``store.add`` is one step, and after every step the history of a symbol has no hole: a
    fetch that was killed goes on with what is missing, and loses nothing.

    Parameters
    ----------
    request : FetchRequest
    store : KeepsEvents
    on_progress : callable, optional
        Called about twice a second.
    open_client : callable, optional
        Opens an exchange by its id and a function that waits for seconds.

    Returns
    -------
    FetchSummary
        Exchanges that stopped half way say why; the others are complete.

    Raises
    ------
    ConfigError
        If ccxt is not installed, or an exchange or a symbol is none.
    DataError
        If no exchange has one of the symbols.
    FetchError
        If no exchange could be reached.
    """
    check_request(request)
    check_exchanges(request.exchanges)
    stop = threading.Event()
    open_client = open_client or _open_client
    jobs = [_Job(exchange) for exchange in dict.fromkeys(request.exchanges)]
    try:
        for job in jobs:
            _read_listing(job, request, open_client, stop)
        _plan(jobs, request, store.last_instants())
        _fetch(jobs, store, stop, on_progress or (lambda progress: None))
    finally:
        stop.set()
    summary = FetchSummary(
        n_events=sum(job.n_events for job in jobs),
        exchanges=tuple(job.summary() for job in jobs),
    )
    if summary.stopped and not any(job.series for job in jobs):
        raise FetchError("; ".join(summary.stopped))
    return summary


@dataclass
class _Series:
    """What has come of a symbol."""

    n_events: int = 0
    first: int | None = None
    last: int | None = None
    notes: list[MarketNote] = field(default_factory=list)

    def take(self, chunk: HistoryChunk, n_new: int) -> None:
        self.n_events += n_new
        self.notes += chunk.notes
        if chunk.events is not None:
            first, last = int(chunk.events.micros.min()), int(chunk.events.micros.max())
            self.first = first if self.first is None else min(self.first, first)
            self.last = last if self.last is None else max(self.last, last)

    def summary(self, symbol: str) -> SeriesSummary:
        return SeriesSummary(
            symbol, self.n_events, _instant(self.first), _instant(self.last), tuple(self.notes)
        )


@dataclass
class _Job:
    """An exchange and what there is to do with it; times are milliseconds."""

    exchange: str
    history: ExchangeHistory | None = None
    listing: Listing | None = None
    missing: list[Missing] = field(default_factory=list)
    series: dict[str, _Series] = field(default_factory=dict)
    notes: list[MarketNote] = field(default_factory=list)
    stopped: str | None = None
    total: int = 0
    done: int = 0
    is_working: bool = False

    @property
    def n_events(self) -> int:
        return sum(series.n_events for series in self.series.values())

    def summary(self) -> ExchangeSummary:
        return ExchangeSummary(
            self.exchange,
            self.n_events,
            tuple(self.series[symbol].summary(symbol) for symbol in sorted(self.series)),
            (*self.notes, *self._late()),
            self.stopped,
        )

    def _late(self) -> Iterator[MarketNote]:
        """Note histories that begin long after their market did: okx gives three months only."""
        begun = {}
        for part in self.missing:
            first = self.series[part.market.symbol].first
            is_asked = part.market.listed is not None and self.stopped is None
            if is_asked and first is not None and first // 1000 - part.first > _LATE_MS:
                begun[part.market.symbol] = first
        if begun:
            symbol = min(begun)
            text = (
                f"{self.exchange} gives {len(begun)} of {len(self.series)} histories not from "
                f"their beginning: {symbol} only from {_instant(begun[symbol])} on"
            )
            yield MarketNote("late_history", text, len(begun), symbol)


@dataclass(frozen=True)
class _Message:
    """Of the thread of an exchange to the one that writes."""

    job: _Job
    symbol: str = ""
    chunk: HistoryChunk | None = None
    done: int = 0
    is_end: bool = False
    error: BaseException | None = None


class _StoppedError(Exception):
    """The fetch is over while a thread still works."""


def _open_client(exchange: str, wait: Callable[[float], None]) -> ExchangeClient:
    return ExchangeClient(exchange, wait=wait)


def _read_listing(
    job: _Job, request: FetchRequest, open_client: OpenClient, stop: threading.Event
) -> None:
    """Open an exchange and read what it offers; one that cannot be reached is left out."""

    def wait(seconds: float) -> None:
        if stop.wait(seconds):
            raise _StoppedError

    try:
        client = open_client(job.exchange, wait)
        history = ExchangeHistory(client)
        job.notes += history.read_clock()
        markets = history.perpetuals()
        volumes = history.volumes() if wants_volumes(request.symbols) else {}
    except FetchError as error:
        job.stopped = str(error)
        return
    job.history, job.listing = history, Listing(markets, volumes)


def _plan(
    jobs: Iterable[_Job], request: FetchRequest, held: Mapping[tuple[str, str], tuple[int, int]]
) -> None:
    """Fill in what every exchange has to be asked for."""
    jobs = list(jobs)
    listings = {job.exchange: job.listing for job in jobs if job.listing is not None}
    chosen, notes = choose_markets(request.symbols, listings, held)
    for job in jobs:
        if job.history is None:
            continue
        job.notes += notes[job.exchange]
        for market in chosen[job.exchange]:
            job.series[market.symbol] = _Series()
            there = held.get((job.exchange, market.symbol))
            job.missing += missing_parts(market, there, request, job.history)
        job.total = sum(part.last - part.first + 1 for part in job.missing)
    if not any(job.series or job.stopped for job in jobs):
        raise DataError(
            f"none of {', '.join(request.symbols)} is traded as a perpetual swap in USDT or USDC "
            f"on {', '.join(job.exchange for job in jobs)}; name coins as BTC,ETH"
        )


def _fetch(
    jobs: Iterable[_Job],
    store: KeepsEvents,
    stop: threading.Event,
    on_progress: Callable[[FetchProgress], None],
) -> None:
    """Let every exchange be asked in a thread of its own, and write what they give."""
    messages: queue.Queue[_Message] = queue.Queue(_QUEUED)
    working = [job for job in jobs if job.missing]
    meter = _Meter(working)
    for job in working:
        job.is_working = True
        threading.Thread(
            target=_ask_exchange, args=(job, messages, stop), name=job.exchange, daemon=True
        ).start()
    at = ""
    while any(job.is_working for job in working):
        try:
            message = messages.get(timeout=_TICK_SECONDS)
        except queue.Empty:
            on_progress(meter.read(at))
            continue
        job = message.job
        if message.error is not None:
            raise message.error
        job.is_working = not message.is_end
        if message.chunk is not None:
            at = f"{job.exchange} {message.symbol}"
            events = message.chunk.events
            n_new = 0 if events is None else store.add(events)
            job.series[message.symbol].take(message.chunk, n_new)
        job.done = max(job.done, message.done)
        on_progress(meter.read(at))


def _ask_exchange(job: _Job, messages: queue.Queue[_Message], stop: threading.Event) -> None:
    """Work of the thread of an exchange."""

    def send(**content: Any) -> None:
        if not _put(messages, _Message(job, **content), stop):
            raise _StoppedError

    assert job.history is not None
    try:
        done = 0
        for part in job.missing:
            length = part.last - part.first + 1
            symbol = part.market.symbol
            try:
                for chunk in job.history.chunks(
                    part.market, part.first, part.last, newest_first=part.newest_first
                ):
                    send(symbol=symbol, chunk=chunk, done=done + length - chunk.left)
            except LookupError as error:
                text = f"{job.exchange} refuses {symbol}: {error.args[0]}"
                send(symbol=symbol, chunk=_only(MarketNote("refused_symbol", text, 1, symbol)))
            done += length
        send(done=done, is_end=True)
    except FetchError as error:
        job.stopped = str(error)
        _put(messages, _Message(job, is_end=True), stop)
    except _StoppedError:
        return
    except BaseException as error:
        _put(messages, _Message(job, error=error), stop)


def _put(messages: queue.Queue[_Message], message: _Message, stop: threading.Event) -> bool:
    """Hand a message over; False if the fetch is over."""
    while not stop.is_set():
        try:
            messages.put(message, timeout=_TICK_SECONDS)
        except queue.Full:
            continue
        return True
    return False


def _only(note: MarketNote) -> HistoryChunk:
    return HistoryChunk(None, 0, (note,))


class _Meter:
    """How far all exchanges are, and how long the slowest still takes."""

    def __init__(self, jobs: list[_Job], clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs = jobs
        self._clock = clock
        self._started = clock()

    def read(self, at: str) -> FetchProgress:
        elapsed = self._clock() - self._started
        etas = [elapsed / job.done * (job.total - job.done) for job in self._jobs if job.done]
        waiting = any(job.is_working and not job.done for job in self._jobs)
        return FetchProgress(
            done=sum(job.done for job in self._jobs) // _MS_PER_DAY,
            total=sum(job.total for job in self._jobs) // _MS_PER_DAY,
            n_events=sum(job.n_events for job in self._jobs),
            eta_seconds=None if waiting or not etas else max(etas),
            at=at,
        )


def _instant(micros: int | None) -> str | None:
    return None if micros is None else f"{np.datetime64(micros, 'us').astype('M8[s]')}Z"
