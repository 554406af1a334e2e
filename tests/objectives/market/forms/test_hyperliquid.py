"""Hyperliquid: coins instead of contracts, thousands with a small k, markets of others."""

import json

from objectives.market.reading import form_of
from tests.helpers.funding import kinds, read, rows

TEXT = (
    "coin,fundingRate,premium,time\n"
    "BTC,0.0000125,-0.0003,1704067200041\n"
    "kPEPE,-0.0000125,-0.0003,1704070800041\n"
)
EXPECTED = [
    ("hyperliquid", "BTCUSDT", "2024-01-01T00:00:00.041000", 0.0000125),
    ("hyperliquid", "PEPEUSDT", "2024-01-01T01:00:00.041000", -0.0000125),
]


def test_csv(tmp_path):
    events = read(tmp_path, "funding.csv", TEXT)
    assert rows(events) == EXPECTED
    assert kinds(events) == ["multiples", "hyperliquid_quote"]
    assert form_of(tmp_path / "funding.csv") == "hyperliquid"


def test_json(tmp_path):
    head, *lines = TEXT.splitlines()
    records = [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]
    for record in records:
        record["time"] = int(record["time"])
    assert rows(read(tmp_path, "funding.json", json.dumps(records))) == EXPECTED


def test_markets_of_others_are_exchanges_of_their_own(tmp_path):
    events = read(tmp_path, "f.csv", TEXT + "xyz:AAPL,0.0001,0,1704067200041\n")
    assert events.exchanges == ("hyperliquid", "hyperliquid-xyz")
    assert rows(events)[2][:2] == ("hyperliquid-xyz", "AAPLUSDT")
