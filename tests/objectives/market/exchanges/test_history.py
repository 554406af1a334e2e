"""Histories of exchanges over HTTP: pages, limits, what goes wrong on the way."""

import logging

import numpy as np
import pytest

from objectives.market.exchanges import ExchangeClient, ExchangeHistory, check_exchanges
from objectives.market.exchanges.paging import RULES
from search_spaces.errors import ConfigError, FetchError
from tests.helpers.exchange_server import DAY, HOUR, ExchangeServer, Fault
from tests.helpers.exchanges import NOW, START, Opener, same

pytest.importorskip("ccxt", reason="ccxt is not installed: pip install 'mass-tuning[exchange]'")

EXCHANGES = ("binance", "bybit", "hyperliquid", "okx")
HOURS = {"binance": 8, "bybit": 8, "hyperliquid": 1, "okx": 8}
QUOTE = {"binance": "USDT", "bybit": "USDT", "hyperliquid": "USDC", "okx": "USDT"}
EARLY = START - 440 * DAY  # several pages on binance and bybit; hyperliquid has them in 60 days


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ExchangeServer(NOW)
    yield server
    server.close()


def listed(server, exchange, coin="BTC", first=START, **more):
    more = {"hours": HOURS[exchange], "quote": QUOTE[exchange], **more}
    return server.add(exchange, coin, first, **more)


def read(history, first=START, last=NOW, newest_first=False):
    """Instants and rates of the first market, and all notes."""
    market = history.perpetuals()[0]
    found, notes = {}, []
    for chunk in history.chunks(market, first, last, newest_first=newest_first):
        notes += chunk.notes
        if chunk.events is not None:
            instants = (chunk.events.micros // 1000).tolist()
            found.update(zip(instants, chunk.events.rate.tolist(), strict=True))
    return found, notes


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("overlap", [0, 3 * DAY])
def test_a_long_history_comes_whole(server, exchange, newest_first, overlap):
    first = START if exchange == "hyperliquid" else EARLY
    rates = listed(server, exchange, first=first, jitter=60)
    server.overlap = overlap
    found, notes = read(ExchangeHistory(Opener(server)(exchange)), first, NOW, newest_first)
    assert same(found, rates)
    assert notes == []
    n_pages = -(-len(rates) // RULES[exchange].limit)
    extra = {True: 3, False: 1}[newest_first or exchange in ("bybit", "okx")]
    repeats = 2 * overlap // DAY  # a page that begins too early holds less of what was asked for
    assert n_pages <= len(server.asked(exchange)) <= n_pages + extra + repeats


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_the_events_of_a_chunk(server, exchange):
    rates = listed(server, exchange, first=NOW - DAY)
    history = ExchangeHistory(Opener(server)(exchange))
    (chunk,) = history.chunks(history.perpetuals()[0], NOW - DAY, NOW)
    events = chunk.events
    assert events.symbols == ("BTCUSDT",)
    assert events.exchanges == (exchange,)
    assert (events.sources[0].label, events.sources[0].form) == (exchange, "ccxt")
    assert events.micros.tolist() == [1000 * instant for instant in sorted(rates)]
    assert np.array_equal(events.rate, [rates[k] for k in sorted(rates)])
    assert {a.dtype.name for a in (events.symbol, events.exchange, events.source)} == {"int32"}
    assert events.place(0).startswith(f"{exchange}, settlement of 2024-02-")
    assert chunk.left == 0


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_an_interval_that_changes(server, exchange):
    """Hourly settlements between those of eight hours fill pages in the middle of a window."""
    rates = server.add(exchange, "BTC", START, hours=8, quote=QUOTE[exchange])
    rates |= {START + 20 * DAY + k * HOUR: 2e-5 for k in range(20 * 24)}
    name = next(key for key in server.histories if key[0] == exchange)
    server.histories[name] = rates
    for newest_first in (False, True):
        found, _ = read(ExchangeHistory(Opener(server)(exchange)), newest_first=newest_first)
        assert same(found, rates)


def test_markets_and_volumes(server):
    for exchange in EXCHANGES:
        listed(server, exchange, volume=3e6)
        listed(server, exchange, "ETH", first=START + DAY, volume=5e6)
    listed(server, "binance", "BTC", quote="USDC", volume=1e6)
    for exchange in EXCHANGES:
        history = ExchangeHistory(Opener(server)(exchange))
        markets = {market.symbol: market for market in history.perpetuals()}
        volumes = history.volumes()
        assert {"BTCUSDT", "ETHUSDT"} <= set(markets)
        assert volumes[markets["BTCUSDT"].name] == 3e6
        assert volumes[markets["ETHUSDT"].name] == 5e6
        if exchange != "hyperliquid":  # which does not say it
            assert markets["ETHUSDT"].listed == START + DAY


def test_429_with_retry_after_is_waited_for(server):
    rates = listed(server, "binance")
    server.faults.append(Fault("fundingRate", 429, {"Retry-After": "7"}, {"code": -1003}))
    server.faults.append(Fault("fundingRate", 429, {}, {"code": -1003}))
    opener = Opener(server)
    found, _ = read(ExchangeHistory(opener("binance")))
    assert same(found, rates)
    first, second, *_ = opener.waits
    assert first == 7.0
    assert 2.0 <= second <= 2.5
    assert len(server.asked("binance")) == 3


@pytest.mark.parametrize("exchange", ["bybit", "hyperliquid"])
def test_429_elsewhere(server, exchange):
    rates = listed(server, exchange)
    where = "funding" if exchange == "bybit" else "fundingHistory"
    server.faults.append(Fault(where, 429, {"Retry-After": "3"}, {"error": "too many"}))
    opener = Opener(server)
    found, _ = read(ExchangeHistory(opener(exchange)))
    assert same(found, rates)
    assert opener.waits[0] == 3.0


def test_a_ban_of_an_hour_is_not_waited_for(server):
    listed(server, "binance")
    server.faults.append(Fault("fundingRate", 418, {"Retry-After": "3600"}, {"code": -1003}))
    opener = Opener(server)
    with pytest.raises(FetchError, match="binance wants no request for 60 minutes"):
        read(ExchangeHistory(opener("binance")))
    assert opener.waits == []


def test_a_time_out_and_an_outage_are_tried_again(server):
    rates = listed(server, "bybit")
    server.faults.append(Fault("funding/history", seconds=2.0))
    server.faults.append(Fault("funding/history", 502, body="bad gateway"))
    opener = Opener(server, timeout=1_500)
    found, _ = read(ExchangeHistory(opener("bybit")))
    assert same(found, rates)
    assert [round(wait / 1.25) for wait in opener.waits] == [1, 2]


def test_an_exchange_that_stays_away(server):
    listed(server, "bybit")
    server.faults.extend(Fault("funding/history", 503, body="down") for _ in range(9))
    opener = Opener(server)
    with pytest.raises(FetchError, match=r"bybit did not answer the rates of BTC.* in 7 tries"):
        read(ExchangeHistory(opener("bybit")))
    assert len(opener.waits) == 6
    assert opener.waits == sorted(opener.waits)


def test_no_network_is_said_sooner(server):
    server.faults.extend(Fault("v5/market/time", 503, body="down") for _ in range(9))
    opener = Opener(server)
    with pytest.raises(FetchError, match="bybit did not answer its time in 4 tries"):
        ExchangeHistory(opener("bybit")).read_clock()
    assert sum(opener.waits) < 9


def test_an_exchange_that_does_not_serve_this_place(server):
    server.faults.append(Fault("exchangeInfo", 451, body={"code": 0, "msg": "restricted"}))
    with pytest.raises(FetchError, match="may not serve this place: use a proxy"):
        ExchangeHistory(Opener(server)("binance")).perpetuals()
    assert len(server.requests) == 1


@pytest.mark.parametrize(("exchange", "newest_first"), [(e, n) for e in EXCHANGES for n in (0, 1)])
def test_the_same_page_for_ever(server, exchange, newest_first):
    rates = listed(server, exchange, first=EARLY)
    server.same_page = True
    found, notes = read(
        ExchangeHistory(Opener(server)(exchange)), EARLY, NOW, newest_first=bool(newest_first)
    )
    assert set(found) <= set(rates)
    assert {note.kind for note in notes} == {"repeated_page"}
    assert len(server.asked(exchange)) < 60


def test_a_market_that_is_gone_meanwhile(server):
    listed(server, "binance")
    server.faults.append(Fault("fundingRate", 400, body={"code": -1121, "msg": "Invalid symbol."}))
    with pytest.raises(LookupError, match="Invalid symbol"):
        read(ExchangeHistory(Opener(server)("binance")))


def test_clock_skew_is_noted_and_allowed_for(server):
    listed(server, "bybit")
    for ahead, words in ((-2 * DAY, "behind"), (2 * DAY, "ahead of")):
        history = ExchangeHistory(Opener(server, now=NOW + ahead)("bybit"))
        (note,) = history.read_clock()
        assert note.kind == "clock_skew"
        assert f"2,880 minutes {words} that of bybit" in note.text
        assert history.now() == NOW
    assert ExchangeHistory(Opener(server, now=NOW + 30_000)("bybit")).read_clock() == ()


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_settlement_of_the_future_is_left_out(server, exchange):
    rates = dict(listed(server, exchange))
    name = next(iter(server.histories))
    server.histories[name][NOW + 4 * HOUR] = 0.5
    found, notes = read(ExchangeHistory(Opener(server)(exchange)), last=NOW + 5 * HOUR)
    assert same(found, rates)
    assert {note.kind for note in notes} == {"future"}
    assert "1 settlements after now, such as 2024-03-01T04:05:00.000" in notes[0].text


def test_settlements_without_a_rate_and_with_two(server):
    listed(server, "binance")
    body = [
        {"symbol": "BTCUSDT", "fundingTime": START, "fundingRate": "0.0001"},
        {"symbol": "BTCUSDT", "fundingTime": START, "fundingRate": "0.0002"},
        {"symbol": "BTCUSDT", "fundingTime": START + 8 * HOUR, "fundingRate": ""},
    ]
    server.faults.append(Fault("fundingRate", body=body))
    found, notes = read(ExchangeHistory(Opener(server)("binance")), last=START + 9 * HOUR)
    assert found == {START: 0.0001}
    assert [note.kind for note in notes] == ["no_rate", "differing_rates"]


def test_pages_are_asked_for_no_faster_than_the_exchange_allows(server):
    listed(server, "hyperliquid")
    waits = []
    settings = {**server.urls("hyperliquid"), "rateLimit": 1}
    client = ExchangeClient("hyperliquid", settings, wait=waits.append, local_clock=lambda: NOW)
    assert client.api.enableRateLimit
    read(ExchangeHistory(client))
    assert [round(wait) for wait in waits] == [2, 2]  # 500 settlements weigh 45 of 1,200 a minute


def test_no_password_is_sent_or_logged(server, monkeypatch, tmp_path, caplog):
    """Proxies of the environment are used, the passwords of .netrc are not."""
    listed(server, "binance")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with caplog.at_level(logging.DEBUG):
        client = Opener(server)("binance")
        assert client.api.session.trust_env
        read(ExchangeHistory(client))  # the server asserts that there is no Authorization
    assert "hunter2" not in caplog.text


def test_a_proxy_of_the_environment_is_used(server, monkeypatch):
    listed(server, "binance")
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    settings = {"urls": {"api": {"fapiPublic": "http://fapi.invalid/fapi/v1"}}}
    client = ExchangeClient("binance", settings, wait=lambda seconds: None)
    assert client.server_time() == NOW
    assert server.requests == [("/fapi/v1/time", {})]


@pytest.mark.parametrize(
    ("exchanges", "words"),
    [
        (["binnance"], "knows no exchange 'binnance'; did you mean binance"),
        (["zzz"], r"knows no exchange 'zzz'$"),
        (["binance", "bitstamp1"], "bitstamp1"),
        (["bitvavo"], "cannot ask bitvavo for its history of funding rates"),
        ([], "name at least one exchange"),
    ],
)
def test_exchanges_that_cannot_be_asked(exchanges, words):
    with pytest.raises(ConfigError, match=words):
        check_exchanges(exchanges)


def test_without_ccxt_the_way_out_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ccxt", None)
    with pytest.raises(ConfigError, match=r"pip install 'mass-tuning\[exchange\]'"):
        check_exchanges(["binance"])
