"""Binance's REST answers, and those of others that look alike."""

import json

import pytest

from objectives.market.reading import form_of
from search_spaces.errors import DataError
from tests.helpers.funding import read, rows

ANSWER = [
    {
        "symbol": "BTCUSDT",
        "fundingTime": 1704067200000,
        "fundingRate": "0.00030000",
        "markPrice": "42000.1",
    },
    {
        "symbol": "ETHUSDT",
        "fundingTime": 1704067200001,
        "fundingRate": "-0.00010000",
        "markPrice": "2300.5",
    },
]
EXPECTED = [
    ("binance", "BTCUSDT", "2024-01-01T00:00:00.000000", 0.0003),
    ("binance", "ETHUSDT", "2024-01-01T00:00:00.001000", -0.0001),
]


def test_json(tmp_path):
    assert rows(read(tmp_path, "answer.json", json.dumps(ANSWER))) == EXPECTED
    assert form_of(tmp_path / "answer.json") == "binance-rest"


def test_made_a_table(tmp_path):
    text = "symbol,fundingTime,fundingRate,markPrice\n" + "".join(
        ",".join(str(value) for value in record.values()) + "\n" for record in ANSWER
    )
    assert rows(read(tmp_path, "answer.csv", text)) == EXPECTED


def test_pages_a_line_each(tmp_path):
    text = "\n".join(json.dumps([record]) for record in ANSWER)
    assert rows(read(tmp_path, "pages.jsonl", text)) == EXPECTED


def test_without_mark_price_it_may_be_another_exchange(tmp_path):
    others = [{k: v for k, v in record.items() if k != "markPrice"} for record in ANSWER]
    text = json.dumps({"code": "00000", "msg": "success", "data": others})
    with pytest.raises(DataError, match=r"does not say the exchange .*--exchange"):
        read(tmp_path, "answer.json", text)
    events = read(tmp_path, "answer.json", text, exchange="bitget")
    assert [row[1:] for row in rows(events)] == [row[1:] for row in EXPECTED]
    assert events.exchanges == ("bitget",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"code": -1121, "msg": "Invalid symbol."}', "the exchange answered 'Invalid symbol.'"),
        ("[]", "holds no records"),
        ('[{"symbol": "BTCUSDT",', "row 1: cannot be read as JSON"),
        ("[1, 2]", "holds 1 where a record"),
        ('[{"symbol": "BTCUSDT"}]', "in none of the forms"),
    ],
)
def test_answers_without_rates(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, "answer.json", text)
