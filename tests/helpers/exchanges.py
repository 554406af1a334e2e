"""Fetches from `ExchangeServer`, without waiting."""

import numpy as np

from objectives.market.exchanges import ExchangeClient
from tests.helpers.exchange_server import DAY

START = 1_704_067_200_000  # 2024-01-01
NOW = START + 60 * DAY + 5 * 60_000


class Opener:
    """Opens exchanges of a server, as `fetch_market` wants it.

    Parameters
    ----------
    server : ExchangeServer
    now : int, optional
        Milliseconds since 1970 by the clock of this computer; by default that of the server.
    """

    def __init__(self, server, now=None, **settings):
        self.server = server
        self.now = now
        self.waits = []
        self.settings = {"enableRateLimit": False, "timeout": 10_000, **settings}

    def __call__(self, exchange, wait=None):
        return ExchangeClient(
            exchange,
            {**self.server.urls(exchange), **self.settings},
            wait=self.waits.append,
            clock=lambda: 0.0,
            local_clock=lambda: self.server.now if self.now is None else self.now,
        )


class MemoryStore:
    """An `EventStore` that forgets nothing until the test is over.

    Parameters
    ----------
    dies_after : int, optional
        Number of steps after which adding is cut off, as by a kill.
    """

    def __init__(self, dies_after=None):
        self.held = {}  # (exchange, symbol) -> {micros: rate}
        self.n_steps = 0
        self.dies_after = dies_after

    def last_instants(self):
        return {key: (min(rates), max(rates)) for key, rates in self.held.items()}

    def add(self, events):
        if self.n_steps == self.dies_after:
            raise KeyboardInterrupt
        self.n_steps += 1
        n_new = 0
        rows = zip(events.exchange, events.symbol, events.micros, events.rate, strict=True)
        for exchange, symbol, micros, rate in rows:
            key = (events.exchanges[exchange], events.symbols[symbol])
            rates = self.held.setdefault(key, {})
            n_new += int(micros) not in rates
            assert rates.setdefault(int(micros), float(rate)) == rate
        return n_new

    def cut(self, first, last):
        """Keep events between two milliseconds only."""
        for key, rates in self.held.items():
            self.held[key] = {k: v for k, v in rates.items() if first * 1000 <= k <= last * 1000}

    def milliseconds(self, exchange, symbol):
        return {k // 1000: v for k, v in self.held[exchange, symbol].items()}


def same(held, wanted):
    """Whether two histories (instant: rate) are alike."""
    instants = sorted(wanted)
    return sorted(held) == instants and np.array_equal(
        [held[k] for k in instants], [wanted[k] for k in instants]
    )
