"""Market caps from a server that answers as CoinGecko."""

import pytest

from objectives.market.exchanges import fetch_coin_caps
from search_spaces.errors import FetchError
from tests.helpers.exchange_server import ExchangeServer, Fault


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ExchangeServer(0)
    server.coins = [coin("btc", 2e12), coin("eth", 4e11)]
    server.coins += [coin(f"c{k}", 1e9 - k) for k in range(600)]
    server.coins += [coin("btc", 5e6), coin("zero", 0), coin("null", None)]
    yield server
    server.close()


def coin(symbol, cap):
    return {"id": f"{symbol}-{cap}", "symbol": symbol, "name": symbol, "market_cap": cap}


def caps(server, *wanted):
    waits = []
    found = fetch_coin_caps(wanted, f"{server.url}/coingecko", wait=waits.append)
    return found, waits


def test_pages_until_all_are_found(server):
    found, _ = caps(server, "BTC", "ETH")
    assert found.by_coin == {"BTC": 2e12, "ETH": 4e11}
    assert found.notes == ()
    assert [parameters["page"] for _, parameters in server.requests] == ["1"]
    found, _ = caps(server, "C300")
    assert found.by_coin == {"C300": 1e9 - 300}
    assert len(server.requests) == 1 + 2


def test_unknown_caps_and_tickers_used_twice(server):
    server.coins.insert(0, coin("btc", 7e5))
    found, _ = caps(server, "BTC", "ZERO", "NULL", "NONE")
    assert found.by_coin == {"BTC": 2e12}
    twice, missing = found.notes
    assert (twice.kind, twice.n, twice.example) == ("caps_ticker_twice", 1, "BTC")
    assert (missing.kind, missing.n) == ("caps_missing", 3)
    assert "3 of 4 coins, such as NONE" in missing.text


def test_limits_and_outages_are_waited_for(server):
    server.faults.append(Fault("coins", 429, {"Retry-After": "45"}))
    server.faults.append(Fault("coins", 429))
    server.faults.append(Fault("coins", 503))
    found, waits = caps(server, "BTC")
    assert found.by_coin == {"BTC": 2e12}
    assert waits == [45, 40, 80]


def test_refusals(server):
    server.faults.append(Fault("coins", 403))
    with pytest.raises(FetchError, match="CoinGecko refuses its list of coins: 403"):
        caps(server, "BTC")
    server.faults.append(Fault("coins", body={"status": "no"}))
    with pytest.raises(FetchError, match="something else than a list"):
        caps(server, "BTC")
    server.faults.extend(Fault("coins", 500) for _ in range(5))
    with pytest.raises(FetchError, match="in 5 tries: 500"):
        caps(server, "BTC")
    with pytest.raises(FetchError, match="begins with https"):
        fetch_coin_caps(["BTC"], "file:///etc")


def test_nothing_wanted_is_no_request(server):
    assert caps(server)[0].by_coin == {}
    assert server.requests == []
