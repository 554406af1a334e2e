"""Gate: columns of one letter; the contract is a column, in the name, or given."""

import json

import pytest

from objectives.market.reading import form_of
from search_spaces.errors import DataError
from tests.helpers.funding import read, rows

ANSWER = json.dumps([{"t": 1704096000, "r": "-0.0001"}, {"t": 1704067200, "r": "0.000157"}])
EXPECTED = [
    ("gate", "BTCUSDT", "2024-01-01T08:00:00.000000", -0.0001),
    ("gate", "BTCUSDT", "2024-01-01T00:00:00.000000", 0.000157),
]


def test_json(tmp_path):
    assert rows(read(tmp_path, "BTC_USDT.json", ANSWER)) == EXPECTED
    assert form_of(tmp_path / "BTC_USDT.json") == "gate"


def test_csv_with_contract(tmp_path):
    text = "contract,t,r\nBTC_USDT,1704096000,-0.0001\nBTC_USDT,1704067200,0.000157\n"
    assert rows(read(tmp_path, "rates.csv", text)) == EXPECTED


def test_without_contract(tmp_path):
    with pytest.raises(DataError, match="does not say the symbol"):
        read(tmp_path, "rates.json", ANSWER)
    assert rows(read(tmp_path, "rates.json", ANSWER, symbol="BTC_USDT")) == EXPECTED
