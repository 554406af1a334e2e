"""ccxt: the exchange is in a column, in the path, or given."""

import json
from pathlib import PurePath

import pandas as pd
import pytest

from objectives.market.forms.rows import exchange_of_path
from objectives.market.reading import ReadingOptions, form_of, read_events
from search_spaces.errors import DataError
from tests.helpers.funding import kinds, read, rows

RECORDS = [
    {
        "info": {"symbol": "BTCUSDT"},
        "symbol": "BTC/USDT:USDT",
        "fundingRate": 0.0003,
        "timestamp": 1704067200000,
        "datetime": "2024-01-01T00:00:00.000Z",
    },
    {
        "info": {},
        "symbol": "1000PEPE/USDT:USDT",
        "fundingRate": -1e-05,
        "timestamp": 1704096000000,
        "datetime": "2024-01-01T08:00:00.000Z",
    },
]
EXPECTED = [
    ("okx", "BTCUSDT", "2024-01-01T00:00:00.000000", 0.0003),
    ("okx", "PEPEUSDT", "2024-01-01T08:00:00.000000", -1e-05),
]


def test_json_needs_the_exchange(tmp_path):
    text = json.dumps(RECORDS)
    with pytest.raises(DataError, match=r"rates\.json: does not say the exchange.*--exchange"):
        read(tmp_path, "rates.json", text)
    assert rows(read(tmp_path, "rates.json", text, exchange="okex-swap")) == EXPECTED
    assert form_of(tmp_path / "rates.json") == "ccxt"


@pytest.mark.parametrize("name", ["okx_funding.json", "okx/rates.json", "okx/2024/rates.json"])
def test_the_path_may_say_the_exchange(tmp_path, name):
    events = read(tmp_path, name, json.dumps(RECORDS))
    assert rows(events) == EXPECTED
    assert kinds(events) == ["exchange_from_path", "multiples"]


@pytest.mark.parametrize(
    ("path", "exchange"),
    [
        ("a/binance/futures/x.json", "binance"),
        ("a/binance-data/x.json", "binance"),
        ("a/hyperliquid-xyz/x.json", "hyperliquid-xyz"),
        ("a/hyperliquid-data/x.json", "hyperliquid"),
        ("a/okx/bybit_rates.json", "bybit"),
        ("a/rates-okex-swap.json", "okx"),
        ("binance/1/2/3/4/x.json", None),
        ("a/floodgate/x.json", None),
        ("binance_vs_okx/x.json", None),
    ],
)
def test_exchanges_in_paths(path, exchange):
    assert exchange_of_path(PurePath(path)) == exchange


def test_a_path_with_two_exchanges_says_none(tmp_path):
    with pytest.raises(DataError, match="--exchange"):
        read(tmp_path, "binance_vs_okx.json", json.dumps(RECORDS))


def test_the_option_comes_before_the_path(tmp_path):
    events = read(tmp_path, "okx.json", json.dumps(RECORDS), exchange="bybit")
    assert events.exchanges == ("bybit",)


def test_frames(tmp_path):
    frame = pd.DataFrame(RECORDS).drop(columns="info")
    options = ReadingOptions(exchange="okx")
    assert rows(read_events(frame, options)) == EXPECTED
    assert rows(read_events(frame.assign(exchange="OKX"))) == EXPECTED
    for name, save in (("r.csv", frame.to_csv), ("r.parquet", frame.to_parquet)):
        save(tmp_path / name)
        assert rows(read_events(tmp_path / name, options)) == EXPECTED


def test_contracts_with_a_delivery_date_are_left_out(tmp_path):
    dated = {**RECORDS[0], "symbol": "BTC/USDT:USDT-240329"}
    events = read(tmp_path, "okx.json", json.dumps([*RECORDS, dated]))
    assert rows(events) == EXPECTED
    (note,) = [note for note in events.notes if note.kind == "delivery_contracts"]
    assert (note.n, note.example) == (1, "BTC/USDT:USDT-240329")
    with pytest.raises(DataError, match="all contracts have a delivery date"):
        read(tmp_path, "dated_okx.json", json.dumps([dated]))


def test_hyperliquid_by_ccxt_is_in_usdc(tmp_path):
    one = {**RECORDS[0], "symbol": "BTC/USDC:USDC"}
    events = read(tmp_path, "r.json", json.dumps([one]), exchange="hyperliquid")
    assert events.symbols == ("BTCUSDT",)
    assert kinds(events) == ["hyperliquid_quote"]
    assert read(tmp_path, "r.json", json.dumps([one]), exchange="bybit").symbols == ("BTCUSDC",)
