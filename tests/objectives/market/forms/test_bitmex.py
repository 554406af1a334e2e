"""BitMEX: XBT is BTC, the interval is no time."""

import json

from objectives.market.reading import form_of
from tests.helpers.funding import read, rows

RECORDS = [
    {
        "timestamp": "2024-01-01T04:00:00.000Z",
        "symbol": "XBTUSD",
        "fundingInterval": "2000-01-01T08:00:00.000Z",
        "fundingRate": 0.0001,
        "fundingRateDaily": 0.0003,
    },
    {
        "timestamp": "2024-01-01T12:00:00.000Z",
        "symbol": "ETHUSDT",
        "fundingInterval": "2000-01-01T08:00:00.000Z",
        "fundingRate": -0.000025,
        "fundingRateDaily": -0.000075,
    },
]
EXPECTED = [
    ("bitmex", "BTCUSD", "2024-01-01T04:00:00.000000", 0.0001),
    ("bitmex", "ETHUSDT", "2024-01-01T12:00:00.000000", -0.000025),
]


def test_json(tmp_path):
    assert rows(read(tmp_path, "funding.json", json.dumps(RECORDS))) == EXPECTED
    assert form_of(tmp_path / "funding.json") == "bitmex"


def test_csv(tmp_path):
    text = ",".join(RECORDS[0]) + "\n"
    text += "".join(",".join(str(v) for v in record.values()) + "\n" for record in RECORDS)
    assert rows(read(tmp_path, "funding.csv", text)) == EXPECTED
