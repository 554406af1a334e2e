"""Marks of axes are round, and numbers are written short."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.reports.ticks import date_ticks, linear_ticks, log_ticks, tick_text, value_text


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 9))
def test_linear_ticks_are_round_and_within(low, share, most):
    span = share * max(abs(low), 1.0)
    ticks = linear_ticks(low, low + span, most)
    assert len(ticks) <= most
    room = 1e-8 * span
    assert all(low - room <= tick <= low + span + room for tick in ticks)
    for before, after in pairwise(ticks):
        power = 10.0 ** math.floor(math.log10((after - before) * 1.001))
        assert min(abs((after - before) / power - step) for step in (1, 2, 5)) < 1e-3


def test_linear_ticks():
    assert linear_ticks(-0.2, 1.0, 7) == pytest.approx([-0.2, 0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert linear_ticks(3.2, 3.4, 3) == pytest.approx([3.2, 3.3, 3.4])


def test_log_ticks():
    assert log_ticks(1, 291_200) == [1, 10, 100, 1_000, 10_000, 100_000]
    assert log_ticks(1, 1e12, 5) == [1, 1e3, 1e6, 1e9, 1e12]
    assert log_ticks(2, 9) == [2, 4, 6, 8]


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (19_723, 19_725, ["2024-01-01", "2024-01-02", "2024-01-03"]),
        (19_723, 19_723 + 182, [f"2024-0{month}" for month in range(1, 8)]),
        (19_724, 19_723 + 730, ["2024-05", "2024-09", "2025-01", "2025-05", "2025-09"]),
        (19_723, 19_723 + 1_900, [str(year) for year in range(2024, 2030)]),
    ],
)
def test_date_ticks(low, high, texts):
    found = date_ticks(low, high)
    assert [text for _, text in found] == texts
    assert all(low <= day <= high for day, _ in found)


@pytest.mark.parametrize(
    ("value", "unit", "ticks", "text"),
    [
        (0.2, "ratio", [0.0, 0.2, 0.4], "0.2"),
        (-0.0, "ratio", [0.0, 1.0], "0"),
        (10_000.0, "money", [9_950.0, 10_000.0], "10,000"),
        (0.0005, "fraction", [0.0, 0.0005], "0.05 %"),
        (3e12, "ratio", [2e12, 3e12], "3e+12"),
    ],
)
def test_ticks_have_the_decimals_of_their_distance(value, unit, ticks, text):
    assert tick_text(value, unit, ticks) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (math.nan, "ratio", "–"),
        (math.inf, "fraction", "∞"),
        (-math.inf, "money", "-∞"),
        (0.4711, "fraction", "47.1 %"),
        (0.0004, "fraction", "0.04 %"),
        (291_200, "count", "291,200"),
        (2.0, "days", "2.0"),
        (-1.234, "ratio", "-1.23"),
        (1e300, "ratio", "1e+300"),
    ],
)
def test_values_are_short(value, unit, text):
    assert value_text(value, unit) == text
