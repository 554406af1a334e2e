"""Tardis: the last change before each settlement, and nothing else."""

import pytest

from objectives.market.reading import form_of
from search_spaces.errors import DataError
from tests.helpers.funding import kinds, read, rows

HEADER = (
    "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,"
    "predicted_funding_rate,open_interest,last_price,index_price,mark_price\n"
)
DAY = 1704067200000000  # 2024-01-01
HOUR = 3_600_000_000


def line(at, settles, rate, symbol="BTCUSDT", exchange="binance-futures"):
    return f"{exchange},{symbol},{at},{at + 9},{settles},{rate},,1,42000,42000,42000\n"


def test_one_event_a_settlement(tmp_path):
    text = HEADER
    for minute in range(0, 480, 5):
        text += line(DAY + minute * 60_000_000, DAY + 8 * HOUR, minute / 1e6)
    text += line(DAY + 8 * HOUR, DAY + 16 * HOUR, 0.5)  # of the next settlement
    text += line(DAY + 8 * HOUR + 1, DAY + 8 * HOUR, 0.7)  # late
    events = read(tmp_path, "binance-futures_derivative_ticker_2024-01-01_BTCUSDT.csv", text)
    assert rows(events) == [("binance", "BTCUSDT", "2024-01-01T08:00:00.000000", 475 / 1e6)]
    assert kinds(events) == ["unsettled"]  # that at 16:00 lies beyond the end
    assert (
        form_of(tmp_path / "binance-futures_derivative_ticker_2024-01-01_BTCUSDT.csv") == "tardis"
    )
    assert events.place(0).endswith("row 97")


def test_rows_without_a_rate_are_no_changes_and_order_does_not_matter(tmp_path):
    lines = [
        line(DAY + 8 * HOUR - 2, DAY + 8 * HOUR, 0.0001),
        line(DAY + 8 * HOUR - 1, DAY + 8 * HOUR, ""),
        line(DAY + 8 * HOUR - 1, "", 0.9),
        line(DAY + 8 * HOUR - 5, DAY + 8 * HOUR, 0.9),
        line(DAY + 8 * HOUR - 2, DAY + 8 * HOUR, 0.0003, "ETHUSDT"),
        line(
            DAY + 8 * HOUR - 2, DAY + 8 * HOUR, 0.0002, exchange="okex-swap", symbol="BTC-USDT-SWAP"
        ),
    ]
    expected = {
        ("binance", "BTCUSDT", "2024-01-01T08:00:00.000000", 0.0001),
        ("binance", "ETHUSDT", "2024-01-01T08:00:00.000000", 0.0003),
        ("okx", "BTCUSDT", "2024-01-01T08:00:00.000000", 0.0002),
    }
    assert set(rows(read(tmp_path, "t.csv", HEADER + "".join(lines)))) == expected
    assert set(rows(read(tmp_path, "t.csv", HEADER + "".join(lines[::-1])))) == expected


def test_snapshots_are_refused(tmp_path):
    text = HEADER + "".join(line(DAY + k * HOUR // 4, DAY + k * HOUR // 4, 1e-4) for k in range(96))
    with pytest.raises(
        DataError, match=r"row 2, column 'funding_timestamp': 96 settlements on one day"
    ):
        read(tmp_path, "t.csv", text)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (line(DAY, "", ""), "no row has a funding rate"),
        (line(DAY, DAY + 8 * HOUR, 0.1), "no settlement within 15 minutes"),
        (line(DAY, DAY + 8 * HOUR, "x"), "row 2, column 'funding_rate': not a number"),
    ],
)
def test_nothing_settled(tmp_path, lines, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path, "t.csv", HEADER + lines)
