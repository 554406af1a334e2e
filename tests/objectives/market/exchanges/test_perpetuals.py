"""Which markets of ccxt are perpetual swaps of ours, and of which coin."""

import pytest

from objectives.market.exchanges import coin_of_symbol, perpetuals


def market(base, quote="USDT", **more):
    return {
        "symbol": f"{base}/{quote}:{quote}",
        "base": base,
        "quote": quote,
        "swap": True,
        "linear": True,
        "active": True,
        "created": 5,
        **more,
    }


def test_only_linear_swaps_in_dollars():
    listed = [
        market("BTC"),
        market("ETH", "USDC"),
        market("BTC", "USD", linear=False),
        market("BTC", "BTC"),
        market("SOL", swap=False),
        market("KPEPE", "USDC", baseName="kPEPE", created=None, active=None),
    ]
    found = perpetuals(listed, "bybit")
    assert [each.symbol for each in found] == ["BTCUSDT", "ETHUSDC", "PEPEUSDC"]
    assert [each.coin for each in found] == ["BTC", "ETH", "PEPE"]
    assert [each.listed for each in found] == [5, 5, None]
    assert all(each.active for each in found)


def test_of_two_with_one_symbol_the_traded_one_is_taken():
    old = market("BTC", active=False, symbol="old")
    for listed in ([old, market("BTC")], [market("BTC"), old]):
        (found,) = perpetuals(listed, "binance")
        assert (found.name, found.active) == ("BTC/USDT:USDT", True)


def test_of_two_quotes_with_one_symbol_usdt_is_taken():
    for listed in ([market("BTC"), market("BTC", "USDC")], [market("BTC", "USDC"), market("BTC")]):
        (found,) = perpetuals(listed, "hyperliquid")
        assert (found.symbol, found.quote) == ("BTCUSDT", "USDT")


def test_symbols_are_those_that_files_are_read_with():
    listed = [market("BTC", "USDC"), market("KPEPE", "USDC", baseName="kPEPE")]
    found = perpetuals(listed, "hyperliquid")
    assert [each.symbol for each in found] == ["BTCUSDT", "PEPEUSDT"]


def test_a_multiple_keeps_its_factor_where_the_coin_is_traded_too():
    listed = [market("BOB"), market("1000000BOB"), market("1000PEPE")]
    found = perpetuals(listed, "binance")
    assert [each.symbol for each in found] == ["1000000BOBUSDT", "BOBUSDT", "PEPEUSDT"]


@pytest.mark.parametrize(
    ("symbol", "coin"),
    [
        ("BTCUSDT", "BTC"),
        ("BTCUSDC", "BTC"),
        ("BTC", "BTC"),
        ("btc", "BTC"),
        ("1000PEPEUSDT", "PEPE"),
        ("kPEPEUSDC", "PEPE"),
        ("kPEPE", "PEPE"),
        ("1000000MOGUSDT", "MOG"),
        ("1MBABYDOGEUSDT", "BABYDOGE"),
        ("10000SATSUSDT", "SATS"),
        ("1INCHUSDT", "1INCH"),
        ("4USDT", "4"),
        ("KAVAUSDT", "KAVA"),
        ("USDCUSDT", "USDC"),
        ("1000XUSDT", "1000X"),
        ("USDT", "USDT"),
    ],
)
def test_coin(symbol, coin):
    assert coin_of_symbol(symbol) == coin
