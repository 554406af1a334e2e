"""Parquet with a folder a venue, forecasts left out."""

import pandas as pd
import pytest

from objectives.market.reading import form_of, read_events
from search_spaces.errors import DataError
from tests.helpers.funding import kinds, rows

FRAME = pd.DataFrame(
    {
        "venue_symbol": ["BTC", "xyz:AAPL", "kBONK"],
        "canonical_symbol": ["BTC-USDT-PERP", "AAPL-USDT-PERP", "BONK-USDT-PERP"],
        "settlement_ts": pd.to_datetime(
            ["2024-01-01 00:00", "2024-01-01 01:00", "2024-01-02 00:00"], utc=True
        ),
        "rate_raw": [0.0000125, 0.0001, 0.5],
        "is_predicted": [False, False, True],
    }
)


@pytest.mark.parametrize("as_column", [True, False])
def test_hive_folder_or_column(tmp_path, as_column):
    folder = tmp_path / "data" / "venue=hyperliquid"
    folder.mkdir(parents=True)
    frame = FRAME.assign(venue="hyperliquid") if as_column else FRAME
    frame.to_parquet(folder / "data.parquet")
    binance = tmp_path / "data" / "venue=binance"
    binance.mkdir()
    FRAME.iloc[:1].assign(venue_symbol="BTCUSDT").to_parquet(binance / "data.parquet")
    events = read_events(tmp_path / "data")
    assert rows(events) == [
        ("binance", "BTCUSDT", "2024-01-01T00:00:00.000000", 0.0000125),
        ("hyperliquid", "BTCUSDT", "2024-01-01T00:00:00.000000", 0.0000125),
        ("hyperliquid-xyz", "AAPLUSDT", "2024-01-01T01:00:00.000000", 0.0001),
    ]
    assert kinds(events) == ["forecasts", "hyperliquid_quote"]
    assert form_of(tmp_path / "data") == "venue"


def test_forecasts_alone(tmp_path):
    FRAME.assign(is_predicted=True, venue="okx").to_parquet(tmp_path / "f.parquet")
    with pytest.raises(DataError, match="no settled rate is left"):
        read_events([tmp_path / "f.parquet"])
