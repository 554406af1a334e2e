"""Raw funding events: daily sums, pairs of exchanges, and bad data."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.market import ReturnPanel
from search_spaces.errors import ConfigError, DataError

read = ReturnPanel.from_funding_events


def events(*rows):
    return pd.DataFrame(rows, columns=["timestamp", "symbol", "exchange", "funding_rate"])


def settled(symbol, exchange, rates_by_day):
    """Settlements of three a day, every eight hours."""
    return [
        (f"{day} {8 * k:02d}:00", symbol, exchange, rate)
        for day, rates in rates_by_day.items()
        for k, rate in enumerate(rates)
    ]


TWO_SIDES = events(
    *settled(
        "BTC",
        "okx",
        {
            "2024-01-01": (0.5, 0.0, 0.0),
            "2024-01-02": (0.125, 0.25, 0.0),
            "2024-01-03": (4.0, 0.0, 0.0),
            "2024-01-04": (2.0, 0.0, 0.0),
            "2024-01-05": (9.0, 0.0, 0.0),
        },
    ),
    *settled(
        "BTC",
        "bybit",
        {
            "2024-01-02": (0.0625, 0.0, 0.0),
            "2024-01-04": (0.25, 0.25, 0.5),
        },
    ),
    *settled("ETH", "okx", {"2024-01-02": (3.0, 3.0, 3.0)}),
)


def test_daily_sums_of_a_minus_b_within_the_common_life():
    panel = read(TWO_SIDES)
    assert panel.pairs == ("BTC_bybit_okx",)
    assert panel.symbols == ("BTC",)
    # Bybit lives from the 2nd to the 4th and has nothing on the 3rd: NaN, never zero.
    assert (panel.dates[0], panel.dates[-1]) == (
        pd.Timestamp("2024-01-02"),
        pd.Timestamp("2024-01-04"),
    )
    np.testing.assert_array_equal(panel.returns[:, 0], [0.0625 - 0.375, np.nan, 1.0 - 2.0])


def test_one_exchange_is_paired_with_spot():
    panel = read(TWO_SIDES, exchanges=["okx"])
    assert panel.pairs == ("BTC_okx_spot", "ETH_okx_spot")
    np.testing.assert_array_equal(panel.returns[:, 0], [0.5, 0.375, 4, 2, 9])
    assert np.isfinite(panel.returns[:, 1]).sum() == 1
    gap = read(TWO_SIDES, exchanges="bybit")
    np.testing.assert_array_equal(gap.returns[:, 0], [0.0625, np.nan, 1.0])


def test_both_directions():
    panel = read(TWO_SIDES, both_directions=True)
    assert panel.pairs == ("BTC_bybit_okx", "BTC_okx_bybit")
    np.testing.assert_array_equal(panel.returns[:, 0], -panel.returns[:, 1])
    assert read(TWO_SIDES, ["okx"], both_directions=True).pairs[:2] == (
        "BTC_okx_spot",
        "BTC_spot_okx",
    )


def test_three_exchanges_give_three_pairs_and_hyphens_are_fine():
    rows = [("2024-01-01", "BTC", name, 0.1) for name in ("okx", "hyperliquid-xyz", "bybit")]
    assert read(events(*rows)).pairs == (
        "BTC_bybit_hyperliquid-xyz",
        "BTC_bybit_okx",
        "BTC_hyperliquid-xyz_okx",
    )


def test_start_and_end_are_included():
    panel = read(TWO_SIDES, start_date="2024-01-03", end_date="2024-01-04")
    assert panel.returns[:, 0].tolist() == [-1.0]
    okx = read(TWO_SIDES, ["okx"], start_date=pd.Timestamp("2024-01-02"), end_date="2024-01-02")
    assert okx.returns.tolist() == [[0.375, 9.0]]


def test_time_zones_and_units():
    rows = [("2024-01-02T01:00:00+08:00", "BTC", "okx", 0.5), ("2024-01-02", "BTC", "okx", 0.25)]
    panel = read(events(*rows), incomplete_days="keep")
    assert panel.dates[0] == pd.Timestamp("2024-01-01")
    assert panel.returns[:, 0].tolist() == [0.5, 0.25]
    for unit in ("ms", "ns"):
        stamps = pd.to_datetime([row[0] for row in rows], format="ISO8601", utc=True).as_unit(unit)
        same = read(events(*rows).assign(timestamp=stamps), incomplete_days="keep")
        assert same.fingerprint() == panel.fingerprint()


def test_files(tmp_path):
    expected = read(TWO_SIDES).fingerprint()
    TWO_SIDES.to_csv(tmp_path / "e.csv", index=False)
    TWO_SIDES.to_csv(tmp_path / "e.csv.gz", index=False)
    TWO_SIDES.to_parquet(tmp_path / "e.parquet")
    for name in ("e.csv", "e.csv.gz", "e.parquet"):
        assert read(tmp_path / name).fingerprint() == expected


def test_market_caps():
    caps = pd.DataFrame({"symbol": ["BTC"], "market_cap": [1e12]})
    assert read(TWO_SIDES, market_caps=caps).market_caps.tolist() == [[1e12]]


@settings(max_examples=30, deadline=None)
@given(
    cells=st.dictionaries(
        st.tuples(st.integers(0, 100), st.sampled_from("PQ"), st.sampled_from(["a", "b", "c"])),
        st.integers(-(10**10), 10**10),
        min_size=1,
        max_size=60,
    ),
    seed=st.integers(0, 99),
)
def test_against_a_plain_computation_in_any_order(cells, seed):
    start = pd.Timestamp("2024-01-01")
    cells = {key: Fraction(units, 10**10) for key, units in cells.items()}
    rows = [(start + pd.Timedelta(hours=h), s, e, float(r)) for (h, s, e), r in cells.items()]
    np.random.default_rng(seed).shuffle(rows)
    expected = {}
    exchanges = sorted({e for _, _, e in cells})
    sides = [(a, b) for a in exchanges for b in exchanges if a < b]
    for symbol in "PQ":
        for day in range(5):
            total = {}
            for (h, s, e), rate in cells.items():
                if s == symbol and h // 24 == day:
                    total[e] = total.get(e, 0) + rate
            if len(exchanges) == 1 and total:
                expected[f"{symbol}_{exchanges[0]}_spot", day] = float(total[exchanges[0]])
            for a, b in sides:
                if a in total and b in total:
                    expected[f"{symbol}_{a}_{b}", day] = float(total[a] - total[b])
    if not expected:
        with pytest.raises(DataError, match="no symbol has events on two"):
            read(events(*rows), incomplete_days="keep")
        return
    frame = read(events(*rows), incomplete_days="keep").to_frame()
    days = (frame["date"] - start).dt.days
    found = dict(
        zip(zip(frame["trading_pair"], days, strict=True), frame["return_1d"], strict=True)
    )
    # nothing real is that small
    assert found == {k: v if abs(v) >= 1e-12 else 0.0 for k, v in expected.items()}


def test_incomplete_days_is_drop_or_keep():
    with pytest.raises(ConfigError, match="incomplete_days is drop or keep, got 'guess'"):
        read(TWO_SIDES, incomplete_days="guess")


GOOD_ROW = ("2024-01-01 08:00", "BTC", "okx", 0.5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ("2024-01-01T16:00:00.004+08:00", "BTC", "okx", 0.1),
            r"BTC on okx has the rate 0.1 at 2024-01-01 08:00:00.004 UTC, and 0.5 in the same "
            r"minute in .*; a settlement has one rate",
        ),
        (("noon", "BTC", "okx", 0.5), "column 'timestamp': not a date: 'noon'"),
        (("1970-01-01", "BTC", "okx", 0.5), "1970-01-01.* makes the history longer"),
        (("2024-01-02", "BTC", "okx", None), "column 'funding_rate': the number is missing"),
        (("2024-01-02", "BTC", "okx", np.inf), "column 'funding_rate': the number is infinite"),
        (("2024-01-02", "BTC", "okx", "low"), "column 'funding_rate': not a number: 'low'"),
        (("2024-01-02", "", "okx", 0.5), "column 'symbol': the name is empty"),
        (("2024-01-02", "BTC", None, 0.5), "column 'exchange': the name is empty"),
        (("2024-01-02", "BTC", "spot", 0.5), "'spot' is the name of the other side"),
    ],
)
def test_bad_event(tmp_path, row, message):
    frame = events(GOOD_ROW, ("2024-01-03", "BTC", "okx", 0.5), row)
    with pytest.raises(DataError, match=f"^frame, row position 2 .*{message}"):
        read(frame)
    frame.to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(DataError, match=r"e\.csv, row 4\b.*" + message):
        read(tmp_path / "e.csv")


def test_rows_keep_their_numbers_when_others_are_filtered_away():
    two_rates = ("2024-01-01 08:00", "BTC", "okx", 0.25)
    frame = events(("2024-01-01", "BTC", "bybit", 1.0), GOOD_ROW, two_rates)
    with pytest.raises(DataError, match=r"^frame, row position 2 .*row position 1 "):
        read(frame, exchanges=["okx"])
    assert read(frame, exchanges=["bybit"]).n_pairs == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"exchanges": ["okx", "kraken"]}, "no events of exchange 'kraken'; .* are bybit, okx"),
        ({"exchanges": []}, "at least one exchange"),
        (
            {"start_date": "2025-01-01"},
            r"no event from 2025-01-01 to None; the events go from 2024",
        ),
        ({"start_date": "2024-01-03", "end_date": "2024-01-02"}, "start_date must not be after"),
        ({"start_date": "soon"}, "YYYY-MM-DD"),
        ({"end_date": "2024-01-01", "exchanges": ["okx", "bybit"]}, None),
    ],
)
def test_bad_selection(arguments, message):
    if message is None:
        # Only one of the chosen exchanges has events by then: no pair, and not silently spot.
        message = "no symbol has events on two"
    with pytest.raises(DataError, match=message):
        read(TWO_SIDES, **arguments)


def test_missing_column():
    with pytest.raises(DataError, match="its columns are timestamp, symbol, exchange; say which"):
        read(TWO_SIDES.drop(columns="funding_rate"))
