"""What looks wrong in a market: each kind of note, with its number and an example."""

import numpy as np
import pandas as pd
import pytest

from objectives.market import ReturnPanel
from objectives.market.funding_events import MarketNote
from objectives.market.plausibility import doubts, notes_of_panel

TODAY = pd.Timestamp("2024-06-01")
START = "2024-03-01"


def side(exchange, rate, symbol="BTC", hours=8, n_days=5, start=START):
    stamps = pd.date_range(start, periods=n_days * 24 // hours, freq=f"{hours}h")
    return [(stamp, symbol, exchange, rate) for stamp in stamps]


def notes(*sides):
    rows = [row for rows in sides for row in rows]
    frame = pd.DataFrame(rows, columns=["timestamp", "symbol", "exchange", "funding_rate"])
    panel = ReturnPanel.from_funding_events(frame)
    return {note.kind: note for note in panel.notes}


def test_an_ordinary_market_needs_no_word():
    assert notes(side("a", 1e-4), side("b", -2e-4)) == {}


def test_percent_read_as_fraction():
    found = notes(side("a", 1e-4), side("b", 0.01))
    assert set(found) == {"high_rates"}
    assert (found["high_rates"].n, found["high_rates"].example) == (1, "BTC on b, 0.01")
    assert "percent?" in found["high_rates"].text


def test_the_limit_of_a_rate_is_half_a_percent():
    assert notes(side("a", 0.005), side("b", 0.005)) == {}
    assert set(notes(side("a", 0.0051), side("b", 0.005))) == {"high_rates"}


def test_snapshots_are_not_settlements():
    minutes = pd.date_range(START, periods=1440, freq="min")
    found = notes([(t, "BTC", "a", 1e-6) for t in minutes], side("b", 1e-4, n_days=1))
    assert found["many_settlements"].example == "BTC on a, 1,440 in a day"


def test_one_side_a_hundred_times_the_other():
    found = notes(side("a", 1e-5), side("b", 1.1e-3))
    assert set(found) == {"scale_difference"}
    assert found["scale_difference"].example == "BTC, 0.0033 a day on b and 3e-05 on a"
    assert notes(side("a", 1e-5), side("b", 0.9e-3)) == {}


def test_a_gap_of_more_than_sixty_days():
    late = pd.Timestamp(START) + pd.Timedelta(days=66)
    found = notes(side("a", 1e-4), side("a", 1e-4, start=late), side("b", 1e-4, n_days=80))
    assert found["long_gaps"].example == "BTC on a, 62 days from 2024-03-05"
    near = pd.Timestamp(START) + pd.Timedelta(days=64)
    assert "long_gaps" not in notes(
        side("a", 1e-4), side("a", 1e-4, start=near), side("b", 1e-4, n_days=80)
    )


def test_settlements_after_today():
    found = notes(side("a", 1e-4), side("b", 1e-4), side("a", 1e-4, start="2060-03-01"))
    assert found["future_dates"].n == 1
    assert found["future_dates"].example == "BTC on a, 2060-03-05"


def test_sides_without_a_partner():
    found = notes(side("a", 1e-4), side("b", 1e-4), side("a", 1e-4, "ETH"), side("b", 1e-4, "SOL"))
    assert found["no_partner"].n == 2
    assert found["no_partner"].example == "ETH on a"


def panel_notes(returns, pairs=("BTC_a_b",), start=START):
    returns = np.asarray(returns, dtype=float).reshape(-1, len(pairs))
    dates = pd.date_range(start, periods=len(returns), freq="D")
    return {note.kind: note for note in notes_of_panel(dates, pairs, returns, TODAY)}


def test_returns_of_any_source():
    assert panel_notes([1e-4, -2e-4, np.nan, 3e-4]) == {}
    assert panel_notes([0.02, 0.03, -0.02])["high_returns"].example == "BTC_a_b, 0.02"
    extreme = panel_notes([1e-4, 5.0, 1e-4])["extreme_returns"]
    assert (extreme.n, extreme.example) == (1, "BTC_a_b on 2024-03-02, 5")
    assert panel_notes([1e-4, *[np.nan] * 60, 1e-4])["long_gaps"].n == 1
    assert panel_notes([1e-4, *[np.nan] * 59, 1e-4]) == {}


def test_returns_after_today():
    found = panel_notes([[1e-4, 1e-4], [1e-4, np.nan]], ("A_x_y", "B_x_y"), start="2024-06-01")
    assert (found["future_dates"].n, found["future_dates"].example) == (
        1,
        "A_x_y on 2024-06-02, 0.0001",
    )


@pytest.mark.parametrize(
    ("kind", "doubted"), [("high_rates", True), ("incomplete_days", False), ("no_partner", False)]
)
def test_what_strict_refuses(kind, doubted):
    assert bool(doubts([MarketNote(kind, "text", 1)])) == doubted
