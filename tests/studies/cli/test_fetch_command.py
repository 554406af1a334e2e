"""``fetch``."""

import signal
import threading
import time
from pathlib import Path

import pytest

from objectives import ReturnPanel
from studies.market.event_store import EventStore
from studies.market.project_database import opened
from tests.helpers.exchange_server import DAY, ExchangeServer, Fault
from tests.helpers.exchanges import NOW, START, Opener

pytest.importorskip("ccxt", reason="ccxt is not installed: pip install 'mass-tuning[exchange]'")

FETCH = ("fetch", "--exchanges", "binance, Bybit", "--start", "2024-01-01")


@pytest.fixture
def server(empty, monkeypatch):
    from studies.market import fetching

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ExchangeServer(NOW)
    for coin in ("BTC", "ETH", "XRP"):
        server.add("binance", coin, START - 20 * DAY, hours=8)
        server.add("bybit", coin, START + 5 * DAY, hours=8, sign=-1)
    server.add("binance", "ONLY", START, hours=8, volume=1.0)
    monkeypatch.setattr(fetching, "_open_client", Opener(server))
    yield server
    server.close()


def test_a_market_to_search_in(cli, server):
    done = cli(*FETCH)
    assert done.code == 0, done.err
    assert "fetched 1,222 new events into sqlite:///funding_rate.db" in done.out
    rows = [line.split() for line in done.out.splitlines()]
    assert ["binance", "4", "724", "2024-01-01", "2024-03-01"] in rows
    assert ["bybit", "3", "498", "2024-01-06", "2024-03-01"] in rows
    assert "of 3 pairs" in done.out
    assert "next: mass-tuning generate" in done.out
    panel = ReturnPanel.from_database("sqlite:///funding_rate.db")
    assert panel.pairs == tuple(f"{coin}USDT_binance_bybit" for coin in ("BTC", "ETH", "XRP"))


def test_json(cli, server):
    done = cli(*FETCH, "--symbols", "BTC,FOO", "--json")
    assert done.code == 0
    document = done.json
    assert document["stopped"] == []
    binance, bybit = document["exchanges"]
    assert binance["n_events"] == 181
    assert binance["series"] == [
        {
            "symbol": "BTCUSDT",
            "n_events": 181,
            "first": "2024-01-01T00:00:00Z",
            "last": "2024-03-01T00:00:00Z",
            "notes": [],
        }
    ]
    assert [note["kind"] for note in bybit["notes"]] == ["unknown_symbol"]
    assert document["imported"]["n_pairs"] == 1
    again = cli(*FETCH, "--symbols", "BTC", "--json").json
    assert again["n_events"] == 0


def test_notes_and_caps_of_a_file(cli, server):
    Path("caps.csv").write_text("symbol,market_cap\nBTCUSDT,2e12\n")
    done = cli(*FETCH, "--symbols", "BTC,FOO,BAR", "--market-caps", "caps.csv")
    assert done.code == 0, done.err
    assert "note: binance has no perpetual swap in USDT or USDC of FOO, BAR" in done.err
    assert "weight_method" not in done.out


def test_an_exchange_that_stops_is_an_error_and_the_rest_stays(cli, server):
    server.faults.append(Fault("fundingRate", 418, {"Retry-After": "1200"}, {}))
    done = cli(*FETCH, "--json")
    assert done.code == 1
    assert done.error == (
        "binance wants no request for 20 minutes; what is fetched stays, fetch again then"
    )
    assert done.json["exchanges"][0]["n_events"] == 0
    assert done.json["exchanges"][1]["n_events"] > 0
    assert len(done.json["stopped"]) == 1
    assert cli(*FETCH).code == 0


def test_ctrl_c_keeps_what_is_written(cli, server):
    main = threading.main_thread().ident
    once = threading.Lock()

    def interrupt(path, parameters):
        if len(server.asked("binance")) == 3 and once.acquire(blocking=False):
            while "binance" not in {exchange for exchange, _ in held()}:
                time.sleep(0.01)
            signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.2)

    server.before_answer = interrupt
    done = cli(*FETCH)
    assert done.code == 130
    assert done.error == "stopped; what is fetched stays, the same command goes on"
    server.before_answer = lambda path, parameters: None
    assert held()
    again = cli(*FETCH, "--json").json
    assert again["exchanges"][0]["n_events"] < 724


def held():
    if not Path("funding_rate.db").exists():
        return {}
    with opened("sqlite:///funding_rate.db") as engine:
        return EventStore(engine).last_instants()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("fetch",), "Missing option '--exchanges'"),
        (("fetch", "--exchanges", "binance"), "Missing option '--start'"),
        ((*FETCH, "--symbols", ","), "name symbols, such as top100 or BTC,ETH"),
        ((*FETCH, "--end", "2023-01-01"), "--start 2024-01-01 is after --end 2023-01-01"),
        (("fetch", "--exchanges", "binanse", "--start", "2024-01-01"), "did you mean binance"),
    ],
)
def test_refused(cli, empty, args, words):
    done = cli(*args)
    assert done.code == 2
    assert words in done.error
    assert not list(empty.iterdir())


def test_without_ccxt(cli, empty, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ccxt", None)
    done = cli(*FETCH)
    assert (done.code, done.out) == (2, "")
    assert done.error == (
        "fetching needs ccxt, which is not installed: pip install 'mass-tuning[exchange]'"
    )
