"""Bybit: its REST answer, and the same made a table."""

import json

import pytest

from objectives.market.reading import form_of
from search_spaces.errors import DataError
from tests.helpers.funding import read, rows

LIST = [
    {"symbol": "ETHPERP", "fundingRate": "0.0001", "fundingRateTimestamp": "1704067200000"},
    {"symbol": "10000SATSUSDT", "fundingRate": "-0.00005", "fundingRateTimestamp": "1704096000000"},
]
EXPECTED = [
    ("bybit", "ETHUSDC", "2024-01-01T00:00:00.000000", 0.0001),
    ("bybit", "SATSUSDT", "2024-01-01T08:00:00.000000", -0.00005),
]


def answer(records, message="OK"):
    result = {"category": "linear", "list": records}
    return json.dumps({"retCode": 0, "retMsg": message, "result": result, "time": 1704100000000})


def test_json(tmp_path):
    assert rows(read(tmp_path, "bybit.json", answer(LIST))) == EXPECTED
    assert form_of(tmp_path / "bybit.json") == "bybit"


def test_several_answers(tmp_path):
    text = "\n".join(answer([record]) for record in LIST)
    assert rows(read(tmp_path, "bybit.jsonl", text)) == EXPECTED


def test_csv(tmp_path):
    text = "symbol,fundingRate,fundingRateTimestamp\n" + "".join(
        ",".join(record.values()) + "\n" for record in LIST
    )
    assert rows(read(tmp_path, "rates.csv", text)) == EXPECTED


def test_csv_without_symbol(tmp_path):
    text = "fundingRateTimestamp,fundingRate\n1704067200000,0.0001\n"
    with pytest.raises(DataError, match="--symbol"):
        read(tmp_path, "rates.csv", text)
    assert rows(read(tmp_path, "rates.csv", text, symbol="ETHPERP")) == EXPECTED[:1]


def test_an_empty_answer(tmp_path):
    with pytest.raises(DataError, match="holds no records"):
        read(tmp_path, "bybit.json", answer([]))
