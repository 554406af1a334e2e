"""A fetch asks for what is missing, whatever was there, and may be killed at any step."""

import pytest

from objectives.market.exchanges import ExchangeHistory
from search_spaces.errors import ConfigError, DataError, FetchError
from studies.market import FetchRequest, fetch_market
from studies.market.fetch_plan import missing_parts
from tests.helpers.exchange_server import DAY, HOUR, ExchangeServer, Fault
from tests.helpers.exchanges import NOW, START, MemoryStore, Opener, same

pytest.importorskip("ccxt", reason="ccxt is not installed: pip install 'mass-tuning[exchange]'")

ALL = ("binance", "bybit", "hyperliquid")
SERIES = {
    ("binance", "BTCUSDT"): ("binance", "BTCUSDT"),
    ("binance", "PEPEUSDT"): ("binance", "1000PEPEUSDT"),
    ("bybit", "BTCUSDT"): ("bybit", "BTCUSDT"),
    ("bybit", "XRPUSDT"): ("bybit", "XRPUSDT"),
    ("hyperliquid", "BTCUSDT"): ("hyperliquid", "BTC"),
    ("hyperliquid", "PEPEUSDT"): ("hyperliquid", "kPEPE"),
}
"""Histories in the store, and on the server."""


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ExchangeServer(NOW)
    server.add("binance", "BTC", START - 300 * DAY, hours=8, volume=9e9, jitter=20)
    server.add("binance", "BTC", START, hours=8, volume=1e9, quote="USDC")
    server.add("binance", "1000PEPE", START + 10 * DAY, hours=4, volume=1e8)
    server.add("bybit", "BTC", START - 100 * DAY, hours=8, volume=5e9)
    server.add("bybit", "XRP", START + 55 * DAY, hours=8, volume=2e8)
    server.add("hyperliquid", "BTC", START - 40 * DAY, hours=1, volume=2e9, quote="USDC", jitter=60)
    server.add("hyperliquid", "kPEPE", START + 50 * DAY, hours=1, volume=3e8, quote="USDC")
    yield server
    server.close()


def request(**more):
    wanted = {"exchanges": ALL, "symbols": ("top3",), "start": "2024-01-01", **more}
    return FetchRequest(**wanted)


def run(server, store, opener=None, **more):
    server.requests.clear()
    return fetch_market(request(**more), store, open_client=opener or Opener(server))


def wanted_of(server, key, first=START, last=NOW):
    return {k: v for k, v in server.histories[SERIES[key]].items() if first <= k <= last}


def is_complete(server, store, first=START, last=NOW):
    assert set(store.held) == set(SERIES)
    return all(
        same(store.milliseconds(*key), wanted_of(server, key, first, last)) for key in SERIES
    )


def test_all_of_three_exchanges(server):
    store, seen = MemoryStore(), []
    done = fetch_market(request(), store, seen.append, open_client=Opener(server))
    assert is_complete(server, store)
    assert [each.exchange for each in done.exchanges] == list(ALL)
    assert done.n_events == sum(len(rates) for rates in store.held.values())
    assert done.n_events == sum(s.n_events for e in done.exchanges for s in e.series)
    binance = done.exchanges[0]
    assert [series.symbol for series in binance.series] == ["BTCUSDT", "PEPEUSDT"]
    assert binance.series[0].first == "2024-01-01T00:00:00Z"
    assert binance.series[0].last.startswith("2024-03-01T00:00:00")
    assert done.stopped == ()
    assert all(each.notes == () and not each.stopped for each in done.exchanges)
    assert seen[-1].done == seen[-1].total > 200
    assert [each.done for each in seen] == sorted(each.done for each in seen)
    assert seen[-1].n_events == done.n_events
    assert seen[-1].eta_seconds == 0
    assert {each.at for each in seen} >= {"bybit XRPUSDT", "hyperliquid PEPEUSDT"}


def test_a_second_fetch_asks_for_what_is_new(server):
    store = MemoryStore()
    run(server, store)
    done = run(server, store)
    # Only of kPEPE it is not known when it was listed.
    assert done.n_events == 0
    assert server.asked("binance") == []
    assert server.asked("bybit") == []
    assert [parameters["coin"] for parameters in server.asked("hyperliquid")] == ["kPEPE"]
    server.now += DAY
    for (exchange, name), rates in server.histories.items():
        hours = 1 if exchange == "hyperliquid" else 4 if "PEPE" in name else 8
        rates |= {NOW - 5 * 60_000 + k * HOUR: 3e-5 for k in range(hours, 25, hours)}
    done = run(server, store)
    assert is_complete(server, store, last=server.now)
    assert len(server.asked("binance")) == 2
    assert len(server.asked("bybit")) == 2
    assert len(server.asked("hyperliquid")) == 3
    last = max(rate for rate in store.milliseconds("binance", "BTCUSDT"))
    asked = [int(q["startTime"]) for q in server.asked("binance") if q["symbol"] == "BTCUSDT"]
    assert NOW - 6 * 60_000 < asked[0] <= NOW - 4 * 60_000 < last
    assert done.n_events == 3 + 6 + 3 + 3 + 24 + 24


@pytest.mark.parametrize("held", [(20, 30), (0, 30), (30, 60), (30, 30)])
def test_what_is_there_is_completed_on_both_sides(server, held):
    store = MemoryStore()
    run(server, store, start="2023-12-01")
    store.cut(*(START + days * DAY for days in held))
    store.held = {key: rates for key, rates in store.held.items() if rates}
    first = START - 20 * DAY
    run(server, store, start="2023-12-12")
    assert is_complete(server, store, first)


def test_an_earlier_start_asks_for_what_comes_before_only(server):
    store = MemoryStore()
    run(server, store)
    done = run(server, store, start="2023-12-01")
    assert is_complete(server, store, START - 31 * DAY)
    assert done.exchanges[0].series[0].last == "2023-12-31T16:00:00Z"
    for exchange in ("binance", "bybit"):
        assert len(server.asked(exchange)) == 1
        assert all(int(q["endTime"]) < START for q in server.asked(exchange))


def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(server):
    whole = MemoryStore()
    run(server, whole, start="2023-05-01")
    assert whole.n_steps > 10
    n_requests = len(server.requests)
    for n_steps in range(0, whole.n_steps, 4):
        store = MemoryStore(dies_after=n_steps)
        with pytest.raises(KeyboardInterrupt):
            run(server, store, start="2023-05-01")
        assert store.n_steps == n_steps
        for key, rates in store.held.items():  # without a hole
            first, last = min(rates) // 1000, max(rates) // 1000
            assert same(store.milliseconds(*key), wanted_of(server, key, first, last))
        before = sum(len(rates) for rates in store.held.values())
        store.dies_after = None
        done = run(server, store, start="2023-05-01")
        assert store.held == whole.held
        assert done.n_events == sum(len(rates) for rates in whole.held.values()) - before
        assert len(server.requests) <= n_requests + len(SERIES)


def test_kills_one_after_the_other(server):
    whole, store = MemoryStore(), MemoryStore(dies_after=1)
    run(server, whole, start="2023-05-01")
    for _ in range(40):
        try:
            run(server, store, start="2023-05-01")
            break
        except KeyboardInterrupt:
            store.dies_after += 2
    assert store.held == whole.held


def test_refresh_asks_again(server):
    store = MemoryStore()
    run(server, store)
    gone = sorted(store.held["binance", "BTCUSDT"])[50:60]
    for micros in gone:
        del store.held["binance", "BTCUSDT"][micros]
    assert run(server, store).n_events == 0
    assert run(server, store, refresh=True).n_events == 10
    assert is_complete(server, store)


def test_an_end(server):
    store = MemoryStore()
    done = run(server, store, symbols=("BTC",), end="2024-01-31")
    last = START + 31 * DAY - 1
    for key in store.held:
        assert same(store.milliseconds(*key), wanted_of(server, key, last=last))
    assert done.exchanges[2].series[0].last.startswith("2024-01-31T23:00:00")


def test_coins_and_symbols_by_name(server):
    store = MemoryStore()
    done = run(server, store, symbols=("BTCUSDC", "PEPE", "FOO", "bar", "btcusdt"))
    assert {each.exchange: [s.symbol for s in each.series] for each in done.exchanges} == {
        "binance": ["BTCUSDC", "BTCUSDT", "PEPEUSDT"],
        "bybit": ["BTCUSDT"],
        "hyperliquid": ["BTCUSDT", "PEPEUSDT"],
    }
    (note,) = done.exchanges[0].notes
    assert (note.kind, note.n, note.example) == ("unknown_symbol", 2, "FOO")
    assert note.text == "binance has no perpetual swap in USDT or USDC of FOO, bar"
    (note,) = done.exchanges[1].notes
    assert "of PEPE, FOO, bar" in note.text
    assert "/v5/market/tickers" not in {path for path, _ in server.requests}


def test_the_most_traded_are_those_of_all_exchanges_together(server):
    done = run(server, MemoryStore(), symbols=("top2",))
    symbols = {each.exchange: [s.symbol for s in each.series] for each in done.exchanges}
    assert symbols["bybit"] == ["BTCUSDT"]  # XRP is traded more there than PEPE, but less in all
    assert symbols["binance"] == ["BTCUSDT", "PEPEUSDT"]


def test_held_goes_on_with_what_is_there(server):
    store = MemoryStore()
    run(server, store, exchanges=("bybit",), symbols=("XRP",), end="2024-02-28")
    done = run(server, store, symbols=("held",))
    assert [[s.symbol for s in each.series] for each in done.exchanges] == [[], ["XRPUSDT"], []]
    assert same(
        store.milliseconds("bybit", "XRPUSDT"), wanted_of(server, ("bybit", "XRPUSDT"), START)
    )


def test_one_exchange_that_stays_away_does_not_keep_the_others(server):
    opener, store = Opener(server), MemoryStore()
    server.before_answer = lambda path, parameters: (
        server.faults.append(Fault("funding/history", 503)) if "funding/history" in path else None
    )
    done = run(server, store, opener)
    assert done.exchanges[1].stopped.startswith("bybit did not answer the rates of")
    assert done.stopped == (done.exchanges[1].stopped,)
    assert {exchange for exchange, _ in store.held} == {"binance", "hyperliquid"}
    server.before_answer = lambda path, parameters: None
    assert run(server, store).stopped == ()
    assert is_complete(server, store)


def test_an_exchange_that_cannot_be_opened(server):
    server.faults.append(Fault("exchangeInfo", 451))
    done = run(server, MemoryStore())
    assert "binance refuses its markets" in done.exchanges[0].stopped
    assert [len(each.series) for each in done.exchanges] == [0, 2, 2]
    server.faults.append(Fault("exchangeInfo", 451))
    with pytest.raises(FetchError, match="binance refuses its markets"):
        run(server, MemoryStore(), exchanges=("binance",))


def test_a_symbol_that_is_refused_is_noted_and_left_out(server):
    server.faults.append(
        Fault(
            "fundingRate {'symbol': '1000PEPE", 400, body={"code": -1121, "msg": "Invalid symbol."}
        )
    )
    done = run(server, MemoryStore(), exchanges=("binance",))
    btc, pepe = done.exchanges[0].series
    assert (pepe.n_events, pepe.notes[0].kind) == (0, "refused_symbol")
    assert btc.n_events > 0
    assert done.stopped == ()


def test_an_exchange_that_gives_its_last_months_only(server):
    rates = server.add("okx", "BTC", START - 300 * DAY, hours=8, volume=1e9)
    for instant in [each for each in rates if each < START - 30 * DAY]:
        del rates[instant]
    store = MemoryStore()
    done = run(server, store, exchanges=("okx",), symbols=("BTC",), start="2023-06-01")
    assert same(store.milliseconds("okx", "BTCUSDT"), rates)
    (note,) = done.exchanges[0].notes
    assert (note.kind, note.n, note.example) == ("late_history", 1, "BTCUSDT")
    assert "BTCUSDT only from 2023-12-02T00:00:00Z on" in note.text
    assert run(server, store, exchanges=("okx",), symbols=("BTC",)).exchanges[0].notes == ()


def test_clock_skew_is_noted(server):
    store = MemoryStore()
    done = run(server, store, Opener(server, now=NOW - 400 * DAY), exchanges=("bybit",))
    assert [note.kind for note in done.exchanges[0].notes] == ["clock_skew"]
    assert same(store.milliseconds("bybit", "BTCUSDT"), wanted_of(server, ("bybit", "BTCUSDT")))


def test_an_error_of_the_store_ends_the_fetch(server):
    class Broken(MemoryStore):
        def add(self, events):
            raise DataError("another rate")

    with pytest.raises(DataError, match="another rate"):
        run(server, Broken())


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"symbols": ()}, ConfigError, "name symbols"),
        ({"symbols": ("top0",)}, ConfigError, "1 or more, got top0"),
        ({"start": "yesterday"}, DataError, "YYYY-MM-DD"),
        ({"end": "2023-12-31"}, DataError, "--start 2024-01-01 is after --end 2023-12-31"),
        ({"exchanges": ("nowhere",)}, ConfigError, "no exchange 'nowhere'"),
        ({"symbols": ("FOO",)}, DataError, "none of FOO is traded as a perpetual swap"),
    ],
)
def test_requests_that_cannot_be_meant(server, more, error, words):
    with pytest.raises(error, match=words):
        run(server, MemoryStore(), **more)


def test_what_is_there_and_now_end_a_history(server):
    """Half a minute around a settlement belongs to it, whoever stamped it."""
    history = ExchangeHistory(Opener(server)("binance"))
    market = next(each for each in history.perpetuals() if each.symbol == "BTCUSDT")

    def parts(first, last, **more):
        held = (first * 1000, last * 1000)
        found = missing_parts(market, held, request(**more), history)
        return [(part.first, part.last, part.newest_first) for part in found]

    assert parts(START, NOW - HOUR // 2) == []
    assert parts(START, NOW + DAY) == []
    assert parts(START + 20_000, NOW) == []
    day = START + DAY
    assert parts(day, NOW) == [(START, day - 30_000, True)]
    assert parts(START, day, end="2024-01-05") == [(day + 30_000, START + 5 * DAY - 1, False)]
    # What lies between the time asked for and what is there is fetched too.
    month = START + 30 * DAY
    assert parts(month, NOW, end="2024-01-05") == [(START, month - 30_000, True)]
    assert parts(START, month, start="2024-02-20") == [(month + 30_000, NOW, False)]
