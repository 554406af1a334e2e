"""Rates and the columns of the record: what is read, and how each kind of bad cell is refused."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.market.reading import form_of, read_events
from objectives.market.reading_options import ReadingOptions
from objectives.market.sources import SourceKind, source_kind
from search_spaces.errors import DataError
from tests.helpers.funding import HEADER, read, rows, totals, write


def line(rate):
    return f'{HEADER}\n2024-01-01,BTCUSDT,okx,"{rate}"\n'


@pytest.mark.parametrize(
    ("cell", "rate"),
    [
        ("0.0003", 0.0003),
        ("3.0e-04", 0.0003),
        ("+0.0003", 0.0003),
        (" 0.0003 ", 0.0003),
        ("-0.0", 0.0),
        ("0.0300%", 0.0003),
        ("0.03 %", 0.0003),
        ("-0.0125%", -0.000125),
        ("1e-2%", 0.0001),
        ("0.03", 0.03),  # without % never taken for percent
        ("0.31367999999999999e-3", 0.31367999999999999e-3),
    ],
)
def test_rates(tmp_path, cell, rate):
    events = read(tmp_path, "e.csv", line(cell))
    assert events.rate.tolist() == [rate]
    assert totals(events) == {("okx", "BTCUSDT", "2024-01-01"): rate}


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "the number is missing: ''; fill it in or remove the row"),
        ("NaN", "the number is missing: 'NaN'"),
        ("null", "not a number: 'null'; write it as 0.0001"),
        ("0,0003", "not a number: '0,0003'"),
        ("1,234", "not a number: '1,234'"),
        ("−0.0003", "not a number: '−0.0003'"),
        ("inf", "the number is infinite: 'inf'"),
        ("1e999", "the number is infinite"),
        ("-", "not a number: '-'"),
        ("1_000", "not a number: '1_000'"),
        ("true", "not a number: 'true'"),
        ("%", "not a number: '%'"),
    ],
)
def test_rates_refused(tmp_path, cell, message):
    with pytest.raises(DataError, match=f"e.csv, row 2, column 'funding_rate': {message}"):
        read(tmp_path, "e.csv", line(cell))


@pytest.mark.parametrize(
    "rates",
    [
        np.array([0.0003, -0.0001], dtype=np.float32),
        [Decimal("0.0003"), Decimal("-0.0001")],
        ["0.0003", "-1e-4"],
        ["0.03%", "-0.01%"],
        pd.array([0.0003, -0.0001], dtype="Float64"),
    ],
)
def test_kinds_of_columns(tmp_path, rates):
    frame = pd.DataFrame(
        {
            "timestamp": [1704067200, 1704096000],
            "symbol": "BTCUSDT",
            "exchange": "okx",
            "funding_rate": rates,
        }
    )
    assert read_events(frame).rate.tolist() == [0.0003, -0.0001]
    frame.to_parquet(tmp_path / "e.parquet")
    assert read_events(tmp_path / "e.parquet").rate.tolist() == [0.0003, -0.0001]


@given(st.lists(st.floats(-1, 1).map(lambda one: one + 0.0), min_size=1, max_size=20))
def test_numbers_are_read_to_the_last_bit(tmp_path_factory, rates):
    folder = tmp_path_factory.mktemp("bits")
    text = HEADER + "\n" + "".join(f"{10**9 + k},BTCUSDT,okx,{r!r}\n" for k, r in enumerate(rates))
    assert read(folder, "e.csv", text).rate.tolist() == rates


def test_the_record(tmp_path):
    text = HEADER + "\n2024-01-01,ETHUSDT,okx,0.1\n\n2024-01-02,BTCUSDT,bybit,0.2\n"
    events = read(tmp_path, "e.csv", text)
    assert (events.symbols, events.exchanges) == (("BTCUSDT", "ETHUSDT"), ("bybit", "okx"))
    for column, dtype in (
        (events.symbol, np.int32),
        (events.exchange, np.int32),
        (events.source, np.int32),
        (events.row, np.int64),
        (events.micros, np.int64),
        (events.rate, np.float64),
    ):
        assert (column.dtype, column.shape) == (dtype, (2,))
    assert events.place(1) == f"{tmp_path / 'e.csv'}, row 4"
    assert events.sources[0].form == "general"


def test_a_frame_is_not_changed(tmp_path):
    frame = pd.DataFrame([["2024-01-01", "btc_usdt", "OKX", 0.1]], columns=HEADER.split(","))
    before = frame.copy(deep=True)
    assert rows(read_events(frame))[0][:2] == ("okx", "BTCUSDT")
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("e.tsv", HEADER.replace(",", "\t") + "\n", SourceKind.EVENTS),
        ("E", HEADER.upper() + "\n", SourceKind.EVENTS),
        ("x.csv", "coin,fundingRate,premium,time\n", SourceKind.EVENTS),
        ("r.csv", "Trading_Pair;Date;Return_1d\n", SourceKind.RETURNS),
        ("folder/_SUCCESS", "", None),
        ("m.db", "", SourceKind.DATABASE),
        ("synthetic", "", SourceKind.SYNTHETIC),
    ],
)
def test_what_a_source_holds(tmp_path, monkeypatch, name, text, kind):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, name, text)
    if kind is None:
        with pytest.raises(DataError, match="the folder has no file"):
            source_kind("folder")
    else:
        assert source_kind(name) == kind


def test_a_file_whose_columns_a_person_names_holds_events(tmp_path):
    path = write(tmp_path, "x.csv", "a,b,c\n2024-01-01,BTCUSDT,0.1\n")
    with pytest.raises(
        DataError, match=r"neither the columns of returns .*binance-vision.*it has a, b"
    ):
        source_kind(str(path))
    options = ReadingOptions(columns={"timestamp": "a", "symbol": "b", "rate": "c"})
    assert source_kind(str(path), options) == SourceKind.EVENTS
    assert form_of(str(path), options) == "general"
