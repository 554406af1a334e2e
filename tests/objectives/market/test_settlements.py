"""Settlements by the minute, whole days, and sums whose last digit is that of the true sum."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import FactorBacktest
from objectives.factors import factor_values
from objectives.market import ReturnPanel
from objectives.market.events import EventRules, fields_of_events
from objectives.market.reading import read_events
from objectives.market.settlements import daily_sums
from search_spaces import StrategyParams
from search_spaces.errors import DataError

DAY = "2024-03-01"


def events(*rows):
    return read_events(
        pd.DataFrame(rows, columns=["timestamp", "symbol", "exchange", "funding_rate"])
    )


def every(hours, n_days, rate, exchange="a", start=DAY, symbol="BTC"):
    """Settlements at a fixed interval from midnight."""
    stamps = pd.date_range(start, periods=n_days * 24 // hours, freq=f"{hours}h")
    return [(stamp, symbol, exchange, rate) for stamp in stamps]


def sums(*rows, keep=False):
    """Daily sums of the only side, from its first to its last day."""
    found = daily_sums(events(*rows), keep_incomplete=keep)
    (values,) = found.sums.values()
    return found, values.tolist()


def notes(found):
    return {note.kind: note.n for note in found.notes}


def returns(*rows, **rules):
    found = events(*rows)
    fields = fields_of_events(found, EventRules(**rules), None, n_exchanges=len(found.exchanges))
    return ReturnPanel.of_fields(fields)


def test_equal_funding_at_other_intervals_is_exactly_zero():
    panel = returns(
        *every(8, 40, 1e-4, "binance"),
        *every(4, 40, 5e-5, "bybit"),
        *every(1, 40, 1.25e-5, "hyperliquid"),
    )
    assert panel.pairs == ("BTC_binance_bybit", "BTC_binance_hyperliquid", "BTC_bybit_hyperliquid")
    assert (panel.returns == 0.0).all()
    assert not np.signbit(panel.returns).any()
    for code in ("SR", "WR", "ST", "SO", "TR", "DD"):
        values = factor_values(panel.returns, 10, [code])[0]
        assert (values[9:] == 0.0).all(), code


@settings(max_examples=60, deadline=None)
@given(
    units=st.lists(st.integers(-(3 * 10**8), 3 * 10**8), min_size=24, max_size=24),
    other=st.integers(-(10**9), 10**9),
    order=st.randoms(use_true_random=False),
)
def test_any_split_of_a_day_gives_the_same_return(units, other, order):
    """Of 24 hourly settlements, their sums by 4 and by 8 hours: bit for bit, in any order."""
    expected = round(float(Fraction(sum(units) - 3 * other, 10**10)), 12) + 0.0
    for hours in (1, 4, 8):
        own = [sum(units[k : k + hours]) for k in range(0, 24, hours)]
        stamps = pd.date_range(DAY, periods=24 // hours, freq=f"{hours}h")
        rows = [
            (t, "BTC", "a", float(Fraction(u, 10**10))) for t, u in zip(stamps, own, strict=True)
        ]
        rows += every(8, 1, float(Fraction(other, 10**10)), "b")
        order.shuffle(rows)
        panel = returns(*rows)
        value = panel.returns[0, 0]
        assert value.hex() == expected.hex(), hours


def test_rows_of_one_minute_are_one_settlement():
    jitter = [
        (pd.Timestamp(t) + pd.Timedelta(milliseconds=9), s, e, r)
        for t, s, e, r in every(8, 2, 1e-4)
    ]
    found, values = sums(*every(8, 2, 1e-4), *jitter)
    assert values == [pytest.approx(3e-4)] * 2
    assert notes(found) == {"repeated_settlements": 6}
    assert found.sides[0].n_settlements == 6


def test_two_rates_in_one_minute_name_both_rows():
    rows = every(8, 1, 1e-4)
    with pytest.raises(DataError, match=r"position 3 .*rate 0.0002 at .*and 0.0001 .*position 1 "):
        sums(*rows, (pd.Timestamp(f"{DAY} 08:00:12"), "BTC", "a", 2e-4))


def test_a_settlement_just_before_midnight_belongs_to_the_next_day():
    early = [(t - pd.Timedelta(milliseconds=2), *rest) for t, *rest in every(8, 3, 1e-4)]
    found, values = sums(*early)
    assert values == [pytest.approx(3e-4)] * 3
    assert found.first_day == (pd.Timestamp(DAY) - pd.Timestamp(0)).days


@pytest.mark.parametrize("hours", [1, 2, 4, 8, 24])
def test_whole_days_of_any_interval_are_complete(hours):
    found, values = sums(*every(hours, 4, 1e-4))
    assert np.isfinite(values).all()
    assert notes(found) == {}


@pytest.mark.parametrize("hours", [1, 4, 8])
@pytest.mark.parametrize("missing", [0, 1, -1])
def test_a_day_that_lacks_a_settlement_gives_nothing(hours, missing):
    rows = every(hours, 5, 1e-4)
    per_day = 24 // hours
    del rows[2 * per_day + missing % per_day]
    found, values = sums(*rows)
    assert np.isnan(values).tolist() == [False, False, True, False, False]
    assert notes(found) == {"incomplete_days": 1}
    kept, values = sums(*rows, keep=True)
    assert values[2] == pytest.approx((per_day - 1) * 1e-4)
    assert notes(kept) == {"incomplete_days": 1}
    assert kept.notes[0].example == "BTC on a, 2024-03-03"


@pytest.mark.parametrize("hours", [1, 4, 8])
def test_every_settlement_of_a_history_is_missed(hours):
    per_day = 24 // hours
    whole = every(hours, 6, 1e-4)
    for missing in range(len(whole)):
        _, values = sums(*whole[:missing], *whole[missing + 1 :])
        expected = [day == missing // per_day for day in range(6)]
        assert np.isnan(values).tolist() == expected, missing


@pytest.mark.parametrize("hours", [1, 4, 8])
def test_listing_and_download_in_the_middle_of_a_day(hours):
    rows = every(hours, 4, 1e-4)[1:-1]
    _, values = sums(*rows)
    assert np.isnan(values).tolist() == [True, False, False, True]


def test_a_gap_of_days_and_the_half_days_at_its_ends():
    rows = every(8, 10, 1e-4)
    _, values = sums(*rows[:8], *rows[19:])
    assert np.isnan(values).tolist() == [False, False, True, True, True, True, True] + [False] * 3


@pytest.mark.parametrize("intervals", [(8, 1), (1, 8), (8, 4), (4, 8), (4, 1), (1, 4)])
@pytest.mark.parametrize("n_days", [1, 3])
def test_an_interval_may_change(intervals, n_days):
    first, second = intervals
    later = pd.Timestamp(DAY) + pd.Timedelta(days=n_days)
    rows = every(first, n_days, 1e-4) + every(second, 3, 1e-4, start=later)
    found, values = sums(*rows)
    assert np.isfinite(values).all()
    assert notes(found) == {}


def test_an_interval_may_change_within_a_day():
    rows = every(8, 3, 1e-4)
    at = pd.Timestamp("2024-03-02 08:00")
    changed = [row for row in rows if row[0] <= at]
    changed += [
        (t, "BTC", "a", 1e-4) for t in pd.date_range("2024-03-02 12:00", "2024-03-04", freq="4h")
    ]
    _, values = sums(*changed[:-1])
    assert np.isfinite(values).all()


def test_late_stamps_are_no_gap():
    late = [
        (t + pd.Timedelta(minutes=24 * (k % 7 == 3)), *rest)
        for k, (t, *rest) in enumerate(every(1, 5, 1e-5))
    ]
    found, values = sums(*late)
    assert np.isfinite(values).all()
    assert notes(found) == {}


def test_one_settlement_has_no_rhythm():
    _, values = sums((pd.Timestamp(f"{DAY} 16:00"), "BTC", "a", 1e-4))
    assert values == [1e-4]


def test_sides_do_not_see_each_other():
    rows = [*every(8, 3, 1e-4, "a"), *every(1, 3, 1e-5, "b"), *every(8, 2, 1e-4, "a", symbol="ETH")]
    found = daily_sums(events(*rows[::-1]))
    assert {str(side): side.most_in_a_day for side in found.sides} == {
        "BTC on a": 3,
        "BTC on b": 24,
        "ETH on a": 3,
    }
    assert np.isfinite(found.sums[0, 1]).all()
    assert np.isnan(found.sums[1, 0]).tolist() == [False, False, True]


def test_equal_funding_is_not_ranked_first_for_its_residue():
    """Under version 1 a residue of 5e-20 a day was a win rate of 1 and a stability of 1e9."""
    panel = returns(
        *every(8, 90, 1e-4, "binance"),
        *every(1, 90, 1.25e-5, "hyperliquid"),
        *every(8, 90, 2e-4, "binance", symbol="ETH"),
        *every(8, 90, 1e-4, "hyperliquid", symbol="ETH"),
    )
    params = StrategyParams(
        factors=("ST", "WR"),
        window_size=10,
        rebalance_frequency=1,
        data_period=10,
        selection_count=3,
        weight_method="EQ",
    )
    ranking = FactorBacktest(panel).run(params).ranking(panel.dates[-2])
    assert ranking.iloc[0]["trading_pair"] == "ETH_binance_hyperliquid"
