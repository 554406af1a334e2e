"""Names of contracts and exchanges: every spelling gives one name."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from objectives.market.symbols import contract_name, exchange_name, is_bare
from search_spaces.errors import DataError
from tests.helpers.funding import HEADER, kinds, read, rows

bases = st.text("ABCDEFGHIJKLMNOPQRSTUVWYZ", min_size=2, max_size=8)
quotes = st.sampled_from(["USDT", "USDC", "USD", "FDUSD"])

SPELLINGS = {
    "plain": "{b}{q}",
    "ccxt": "{b}/{q}:{q}",
    "ccxt, spot": "{b}/{q}",
    "okx": "{b}-{q}-SWAP",
    "hyphen": "{b}-{q}",
    "underscore": "{b}_{q}",
    "website": "{b}{q} Perpetual",
    "coin-margined": "{b}{q}_PERP",
    "long": "{b}-{q}-PERPETUAL",
    "spaces": "  {b}{q} ",
    "chinese": "{b}{q}永续",
}


@given(bases, quotes, st.sampled_from(sorted(SPELLINGS)), st.booleans())
def test_any_spelling_is_the_same_name(base, quote, how, lower):
    written = SPELLINGS[how].format(b=base, q=quote)
    found = contract_name(written.lower() if lower else written)
    assert (found.name, found.factor, found.delivery) == (base + quote, 1, False)
    assert not is_bare(written)


@given(bases, st.sampled_from([1000, 10_000, 1_000_000]), st.sampled_from(sorted(SPELLINGS)))
def test_thousands_of_a_coin(base, factor, how):
    found = contract_name(SPELLINGS[how].format(b=f"{factor}{base}", q="USDT"))
    assert (found.name, found.factor) == (f"{base}USDT", factor)
    assume(is_bare(f"k{base}"))
    assert contract_name(f"k{base}", "USDT") == contract_name(f"1000{base}USDT")


@pytest.mark.parametrize(
    ("written", "name", "factor"),
    [
        ("1INCHUSDT", "1INCHUSDT", 1),
        ("1INCH/USDT:USDT", "1INCHUSDT", 1),
        ("0GUSDT", "0GUSDT", 1),
        ("4USDT", "4USDT", 1),
        ("2ZUSDT", "2ZUSDT", 1),
        ("1MILUSDT", "1MILUSDT", 1),
        ("1MBABYDOGEUSDT", "BABYDOGEUSDT", 1_000_000),
        ("1000000MOGUSDT", "MOGUSDT", 1_000_000),
        ("10000000AIDOGEUSDT", "AIDOGEUSDT", 10_000_000),
        ("1000SATSUSDT", "SATSUSDT", 1000),
        ("SHIB1000USDT", "SHIBUSDT", 1000),
        ("kPEPE", "PEPE", 1000),
        ("kaspausdt", "KASPAUSDT", 1),
        ("KAITOUSDT", "KAITOUSDT", 1),
        ("PF_XBTUSD", "BTCUSD", 1),
        ("PI_ETHUSD", "ETHUSD", 1),
        ("XBTUSD", "BTCUSD", 1),
        ("XBTUSDT", "BTCUSDT", 1),
        ("XBT/USD:BTC", "BTCUSD", 1),
        ("XBT", "BTC", 1),
        ("BTC/USD:BTC", "BTCUSD", 1),
        ("BTC-USD-SWAP", "BTCUSD", 1),
        ("BTCUSD_PERP", "BTCUSD", 1),
        ("币安人生USDT", "币安人生USDT", 1),
        ("BTCDOMUSDT", "BTCDOMUSDT", 1),
        ("BANANAS31USDT", "BANANAS31USDT", 1),
    ],
)
def test_names(written, name, factor):
    found = contract_name(written)
    assert (found.name, found.factor, found.delivery) == (name, factor, False)


@pytest.mark.parametrize(
    "written",
    [
        "BTC-USDT-240329",
        "BTCUSDT_240329",
        "BTC/USDT:USDT-240329",
        "BTC_USDT_20240329",
        "BTC-29MAR24",
        "BTCUSDT-29MAR24",
        "FF_XBTUSD_240329",
        "BTC-240329-50000-C",
    ],
)
def test_delivery_dates(written):
    assert contract_name(written).delivery


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Binance", "binance"),
        ("binance-futures", "binance"),
        ("binance_futures", "binance"),
        ("binance_perpetual", "binance"),
        ("binanceusdm", "binance"),
        ("BINANCE USD-M Futures", "binance"),
        ("okex-swap", "okx"),
        ("OKX", "okx"),
        (" Bybit ", "bybit"),
        ("bybit-linear", "bybit"),
        ("gateio", "gate"),
        ("gate-io-futures", "gate"),
        ("gate.io", "gate"),
        ("huobi-dm-linear-swap", "htx"),
        ("krakenfutures", "kraken"),
        ("hyperliquid", "hyperliquid"),
        ("hyperliquid-xyz", "hyperliquid-xyz"),
        ("hyperliquid_xyz", "hyperliquid-xyz"),
        ("spot", "spot"),
    ],
)
def test_exchanges(written, name):
    assert exchange_name(written) == name


@given(st.text("abcdefgh_- ABC", min_size=1, max_size=12))
def test_a_name_of_an_exchange_read_again_stays(written):
    assume(written.strip())
    once = exchange_name(written)
    assert exchange_name(once) == once
    assert "_" not in once


def lines(*names):
    return HEADER + "\n" + "".join(f"2024-01-01 0{k}:00,{n},0.1\n" for k, n in enumerate(names))


@pytest.mark.parametrize(
    ("names", "symbols"),
    [
        (("BTCUSDT,binance", "btcusdt,bybit"), {"BTCUSDT"}),
        (("BTC_USDT,binance_futures", "BTC_USDT,gate_io"), {"BTCUSDT"}),
        (("BTC/USDT:USDT,binance", "BTC-USDT-SWAP,okx"), {"BTCUSDT"}),
        (("1000PEPEUSDT,binance", "kPEPE,hyperliquid"), {"PEPEUSDT"}),
        (("ETHPERP,bybit", "XBTUSDTM,kucoin"), {"ETHUSDC", "BTCUSDT"}),
        (("BTC,okx", "BTC,bybit"), {"BTC"}),
    ],
)
def test_names_in_a_file(tmp_path, names, symbols):
    assert set(read(tmp_path, "e.csv", lines(*names)).symbols) == symbols


def test_a_coin_and_its_multiple_on_one_exchange_stay_apart(tmp_path):
    text = lines("BOBUSDT,binance", "1000000BOBUSDT,binance", "1000000BOBUSDT,bybit")
    events = read(tmp_path, "e.csv", text)
    assert [row[:2] for row in rows(events)] == [
        ("binance", "BOBUSDT"),
        ("binance", "1000000BOBUSDT"),
        ("bybit", "1000000BOBUSDT"),
    ]
    (note,) = events.notes
    assert (note.kind, note.n, note.example) == ("multiples_kept", 1, "BOBUSDT")


def test_notes_name_a_number_and_an_example(tmp_path):
    text = lines(
        "1000PEPEUSDT,binance",
        "BTC,hyperliquid",
        "BTCUSDT_240329,binance",
        "BTC/USDT:USDT,okx",
        "BTC-USDT-SWAP,okx",
    )
    notes = {note.kind: note for note in read(tmp_path, "e.csv", text).notes}
    assert notes.keys() == {"multiples", "hyperliquid_quote", "delivery_contracts", "spellings"}
    assert "1000PEPEUSDT on binance as PEPEUSDT (1,000 coins)" in notes["multiples"].text
    assert "no conversion" in notes["multiples"].text
    assert "BTC on hyperliquid as BTCUSDT" in notes["hyperliquid_quote"].text
    assert "1 rows are left out: BTCUSDT_240329" in notes["delivery_contracts"].text
    assert "BTC-USDT-SWAP and BTC/USDT:USDT on okx as BTCUSDT" in notes["spellings"].text
    assert all(note.n == 1 for note in notes.values())


def test_aliases(tmp_path):
    text = lines("LUNAUSDT,binance", "LUNAUSDT,bybit", "xyz:TSLA,hyperliquid", "BTC,deribit")
    aliases = {
        "binance:LUNAUSDT": "LUNA2USDT",
        "LUNAUSDT": "LUNCUSDT",
        "hyperliquid:xyz:TSLA": "TESLAUSDT",
        "BTC": " BTCUSD ",
    }
    events = read(tmp_path, "e.csv", text, aliases=aliases)
    assert [row[:2] for row in rows(events)] == [
        ("binance", "LUNA2USDT"),
        ("bybit", "LUNCUSDT"),
        ("hyperliquid-xyz", "TESLAUSDT"),
        ("deribit", "BTCUSD"),
    ]
    for bad in ("", "BTC_USDT"):
        with pytest.raises(DataError, match=r"row 5: the name 'BTC' cannot be read as BASEQUOTE"):
            read(tmp_path, "e.csv", text, aliases={"BTC": bad})


def test_an_alias_keeps_two_contracts_apart(tmp_path):
    text = lines("BTC/USDT:USDT,okx", "BTC-USDT-SWAP,okx")
    assert kinds(read(tmp_path, "e.csv", text)) == ["spellings"]
    events = read(tmp_path, "e.csv", text, aliases={"BTC-USDT-SWAP": "BTCUSDTX"})
    assert events.symbols == ("BTCUSDT", "BTCUSDTX")
    assert kinds(events) == []
