"""Charts of text: two curves and a split, in 80 columns, and in words where only ASCII is shown."""

import io
import sys

import pandas as pd
import pytest

from studies.cli.chart import bars_of, line_chart

DAYS = pd.date_range("2024-01-01", periods=100)
RISING = pd.Series([1_000.0 + 10 * day for day in range(100)], DAYS)
LEVEL = pd.Series(1_000.0, DAYS)


def chart(*given):
    return list(line_chart(*given))


def plain(line):
    return line.replace("\x1b[33m", "").replace("\x1b[0m", "")


def test_a_line_alone():
    lines = chart(RISING)
    assert len(lines) == 9
    assert lines[0].startswith("1,990 ┤")
    assert lines[7].startswith("1,000 ┤⣀")
    assert lines[8].split() == ["2024-01-01", "2024-04-09"]


def test_the_basket_is_thin_and_named_and_widens_the_range():
    lines = [plain(line) for line in chart(RISING, LEVEL - 500)]
    assert lines[7].lstrip().startswith("500 ┤")
    thin = lines[7].split("┤")[1]
    assert 10 < len(thin.replace(" ", "")) < 60
    assert "strategy" in lines[9]
    assert "basket" in lines[9]
    assert "strategy" not in "".join(chart(RISING))
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("split", ["2024-02-20", DAYS[50].date()])
def test_the_split_stands_where_its_day_is(split):
    lines = chart(RISING, None, split)
    places = {line.index("┊") for line in lines[:8] if "┊" in line}
    (place,) = places
    start = lines[0].index("┤") + 1
    assert (place - start) / (len(lines[8]) - start) == pytest.approx(0.5, abs=0.03)
    assert lines[9].endswith("┊ unseen from 2024-02-20")


@pytest.mark.parametrize("split", [None, "auto", "2024-01-01", "2025-01-01"])
def test_no_split_is_marked_where_all_days_are_on_one_side(split):
    assert "┊" not in "".join(chart(RISING, LEVEL, split))


def test_ascii_says_it_in_words(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    lines = chart(RISING, LEVEL, "2024-02-20")
    assert lines == [
        "2024-01-01 1,000.00 to 2024-04-09 1,990.00, 1,000.00 to 1,990.00",
        "basket 1,000.00 to 1,000.00",
        "unseen from 2024-02-20",
    ]
    assert bars_of([1, 2]) is None


def test_bars():
    assert bars_of([0, 1, 8]) == "·▂█"
