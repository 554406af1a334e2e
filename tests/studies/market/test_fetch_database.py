"""Fetches into a database: killed by force, gone on with, made into returns."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from objectives import ReturnPanel
from search_spaces.errors import DataError
from studies.market import FetchRequest, fetch_into_database
from studies.market.event_store import EventStore
from studies.market.project_database import opened
from tests.helpers.exchange_server import DAY, ExchangeServer, Fault
from tests.helpers.exchanges import NOW, START, Opener

pytest.importorskip("ccxt", reason="ccxt is not installed: pip install 'mass-tuning[exchange]'")

ROOT = Path(__file__).parents[3]
SCRIPT = """
import sys
from studies.market import FetchRequest, fetch_into_database
from tests.helpers.exchange_server import ExchangeServer
from tests.helpers.exchanges import Opener
server = ExchangeServer(int(sys.argv[2]))
server.url = sys.argv[1]
request = FetchRequest(exchanges=("binance", "bybit"), symbols=("BTC", "ETH"), start="2021-01-01")
fetch_into_database(request, sys.argv[3], open_client=Opener(server))
"""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ExchangeServer(NOW)
    for coin in ("BTC", "ETH"):
        for exchange in ("binance", "bybit"):
            sign = 1 if exchange == "binance" else -1
            server.add(exchange, coin, START - 1000 * DAY, hours=8, jitter=9, sign=sign)
    server.coins = [
        {"symbol": "btc", "market_cap": 2e12},
        {"symbol": "eth", "market_cap": 0},
    ]
    yield server
    server.close()


@pytest.fixture
def database(tmp_path):
    return f"sqlite:///{tmp_path}/fetched.db"


def wanted(**more):
    return FetchRequest(
        exchanges=("binance", "bybit"), symbols=("BTC", "ETH"), start="2021-01-01", **more
    )


def test_returns_and_caps(server, database):
    request = wanted(market_caps="coingecko", coingecko_url=f"{server.url}/coingecko")
    done = fetch_into_database(request, database, open_client=Opener(server))
    panel = ReturnPanel.from_database(database)
    assert panel.pairs == ("BTCUSDT_binance_bybit", "ETHUSDT_binance_bybit")
    assert done.imported.n_returns == int((~np.isnan(panel.returns)).sum())
    day = pd.Timestamp("2023-06-01")
    first = int(day.timestamp() * 1000)
    rates = server.histories["binance", "BTCUSDT"]
    total = sum(rate for instant, rate in rates.items() if first <= instant < first + DAY)
    assert panel.returns[panel.dates.get_loc(day), 0] == pytest.approx(2 * total)
    assert panel.market_caps[-1, 0] == 2e12
    assert np.isnan(panel.market_caps[-1, 1])
    assert done.notes[0].kind == "caps_missing"


def test_caps_that_cannot_be_had(server, database, tmp_path):
    file = tmp_path / "caps.csv"
    with pytest.raises(DataError, match="caps"):
        fetch_into_database(wanted(market_caps=str(file)), database, open_client=Opener(server))
    assert server.requests == []  # refused before anything was asked for
    request = wanted(market_caps="coingecko", coingecko_url=f"{server.url}/coingecko")
    server.before_answer = lambda path, parameters: (
        server.faults.append(Fault("coins", 403)) if "coins" in path else None
    )
    done = fetch_into_database(request, database, open_client=Opener(server))
    assert done.stopped == (
        "CoinGecko refuses its list of coins: 403 Forbidden; the returns were made without",
    )
    assert done.imported.n_pairs == 2


def test_a_process_killed_by_force_goes_on(server, database, tmp_path):
    whole = f"sqlite:///{tmp_path}/whole.db"
    n_events = fetch_into_database(wanted(), whole, open_client=Opener(server)).n_events
    n_requests = len(server.asked("binance")) + len(server.asked("bybit"))
    server.requests.clear()
    process = None

    def kill_late(path, parameters):
        if len(server.asked("bybit")) == 20:
            os.kill(process.pid, signal.SIGKILL)

    server.before_answer = kill_late
    command = [sys.executable, "-c", SCRIPT, server.url, str(NOW), database]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert process.wait(60) == -signal.SIGKILL
    server.before_answer = lambda path, parameters: None
    server.requests.clear()
    before = len(events(database))
    assert 0 < before < n_events
    done = fetch_into_database(wanted(), database, open_client=Opener(server))
    assert done.n_events == n_events - before
    assert events(database) == events(whole)
    assert len(server.asked("binance")) + len(server.asked("bybit")) < n_requests


def events(database):
    with opened(database) as engine:
        held = EventStore(engine).read()
    rows = zip(held.exchange, held.symbol, held.micros, held.rate, strict=True)
    return [(held.exchanges[e], held.symbols[s], int(t), float(r)) for e, s, t, r in rows]
