"""freqtrade: candles whose open is the rate; symbol and exchange stand in the path."""

import json

import pandas as pd
import pytest

from objectives.market.reading import ReadingOptions, form_of, read_events
from objectives.market.sources import SourceKind, source_kind
from search_spaces.errors import DataError
from tests.helpers.funding import kinds, read, rows

FRAME = pd.DataFrame(
    {
        "date": pd.to_datetime(["2024-01-01 00:00", "2024-01-01 08:00"], utc=True),
        "open": [0.0003, -0.0001],
        **dict.fromkeys(("high", "low", "close", "volume"), 0.0),
    }
)
EXPECTED = [
    ("binance", "BTCUSDT", "2024-01-01T00:00:00.000000", 0.0003),
    ("binance", "BTCUSDT", "2024-01-01T08:00:00.000000", -0.0001),
]
NAME = "BTC_USDT_USDT-8h-funding_rate"


@pytest.mark.parametrize("compression", ["lz4", "uncompressed"])
def test_feather(tmp_path, compression):
    path = tmp_path / "binance" / "futures" / f"{NAME}.feather"
    path.parent.mkdir(parents=True)
    FRAME.to_feather(path, compression=compression)
    events = read_events([path])
    assert rows(events) == EXPECTED
    assert kinds(events) == ["exchange_from_path"]
    assert form_of(path) == "freqtrade"


def test_parquet_and_json(tmp_path):
    FRAME.to_parquet(tmp_path / f"{NAME}.parquet")
    millis = FRAME["date"].dt.as_unit("ms").astype("int64")
    lists = [[int(t), r, 0, 0, 0, 0] for t, r in zip(millis, FRAME["open"], strict=True)]
    (tmp_path / f"{NAME}.json").write_text(json.dumps(lists))
    for ending in ("parquet", "json"):
        events = read_events([tmp_path / f"{NAME}.{ending}"], ReadingOptions(exchange="binance"))
        assert rows(events) == EXPECTED


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTC_USDT_USDT-8h-funding_rate.csv", "BTCUSDT"),
        ("1000PEPE_USDT_USDT-4h-funding_rate.csv", "PEPEUSDT"),
        ("BTC_USD_BTC-8h-funding_rate.csv", "BTCUSD"),
        ("BTC_USDT-8h-funding_rate.csv", "BTCUSDT"),
        ("copy_BTC_USDT_USDT-8h-funding_rate.csv", "BTCUSDT"),
    ],
)
def test_names(tmp_path, name, symbol):
    text = "date,open,high,low,close,volume\n2024-01-01,0.0001,0,0,0,0\n"
    assert read(tmp_path, name, text, exchange="okx").symbols == (symbol,)


def test_a_file_without_exchange(tmp_path):
    FRAME.to_feather(tmp_path / f"{NAME}.feather")
    with pytest.raises(DataError, match=r"does not say the exchange.*--exchange"):
        read_events([tmp_path / f"{NAME}.feather"])


def test_prices_in_the_same_folder_are_left_out_with_a_note(tmp_path):
    folder = tmp_path / "binance"
    folder.mkdir()
    FRAME.to_feather(folder / f"{NAME}.feather")
    FRAME.to_feather(folder / "BTC_USDT_USDT-1h-futures.feather")
    FRAME.to_feather(folder / "BTC_USDT_USDT-8h-mark.feather")
    events = read_events([folder])
    assert rows(events) == EXPECTED
    (note,) = [note for note in events.notes if note.kind == "candles"]
    assert note.n == 2
    assert form_of(folder) == "freqtrade"
    assert source_kind(str(folder)) == SourceKind.EVENTS


def test_prices_alone_are_no_events(tmp_path):
    FRAME.to_feather(tmp_path / "BTC_USDT_USDT-8h-mark.feather")
    with pytest.raises(DataError, match="none of the forms"):
        read_events([tmp_path])
