"""Market caps, dated and undated."""

import numpy as np
import pandas as pd
import pytest

from objectives.market import ReturnPanel
from search_spaces.errors import DataError

RETURNS = pd.DataFrame(
    {
        "trading_pair": ["A_x_y"] * 4 + ["B_x_y"],
        "date": ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-01"],
        "return_1d": 0.1,
    }
)


def with_caps(tmp_path, text, name="caps.csv"):
    (tmp_path / name).write_text(text)
    return ReturnPanel.from_returns(RETURNS, tmp_path / name)


def test_undated(tmp_path):
    panel = with_caps(tmp_path, "symbol,market_cap\nZ,1\nA,5\nB,\n")
    np.testing.assert_array_equal(panel.market_caps, [[5, np.nan]])
    assert panel.caps_look_ahead


def test_dated_caps_are_carried_forward_and_known_a_day_later(tmp_path):
    text = "date,symbol,market_cap\n2024-01-03,A,7\n2024-01-01,A,5\n2024-01-02,B,3\n2024-01-03,B,\n"
    panel = with_caps(tmp_path, text)
    used = [panel.market_caps[row].tolist() if row >= 0 else None for row in panel.market_cap_row]
    assert used[0] is None
    np.testing.assert_array_equal(used[1:], [[5, np.nan], [5, 3], [7, 3]])
    assert not panel.caps_look_ahead
    assert panel.warnings == ()


def test_symbols_are_matched_exactly(tmp_path):
    panel = with_caps(tmp_path, "symbol,market_cap\na,1\nBUSDT,1\n")
    assert not panel.has_market_caps
    assert any("no market cap belongs to a pair" in warning for warning in panel.warnings)


def test_zero_is_unknown(tmp_path):
    panel = with_caps(tmp_path, "symbol,market_cap\nA,0\nB,3\n")
    np.testing.assert_array_equal(panel.market_caps, [[np.nan, 3]])


@pytest.mark.parametrize("rows", ["A,5\nA,6\nA,", "A,6\nA,5\nA,0"])
def test_of_a_symbol_listed_twice_the_larger_counts(tmp_path, rows):
    panel = with_caps(tmp_path, f"symbol,market_cap\n{rows}\nB,1\n")
    np.testing.assert_array_equal(panel.market_caps, [[6, 1]])
    assert [(note.kind, note.n) for note in panel.notes] == [("caps_listed_twice", 1)]
    assert "row 2 and row 3" in panel.notes[0].example


def test_of_a_symbol_listed_twice_on_one_day_the_larger_counts(tmp_path):
    text = "symbol,market_cap,date\nA,7,2024-01-01\nA,5,2024-01-02\nA,6,2024-01-01\n"
    panel = with_caps(tmp_path, text)
    np.testing.assert_array_equal(panel.market_caps[:, 0], [7, 5])


def test_pairs_and_caps_that_do_not_meet_are_counted(tmp_path):
    panel = with_caps(tmp_path, "symbol,market_cap\nA,5\nb,1\nc,1\n")
    notes = {note.kind: (note.n, note.example) for note in panel.notes}
    assert notes == {"pairs_without_cap": (1, "B_x_y"), "caps_without_pair": (2, "b")}
    late = with_caps(
        tmp_path, "symbol,market_cap,date\nA,5,2024-01-04\nA,5,2024-01-05\nB,5,2024-01-01"
    )
    notes = {note.kind: (note.n, note.example) for note in late.notes}
    assert notes == {"outside_calendar": (1, "2024-01-05")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("symbol,market_cap\nA,-5\n", "row 2, column 'market_cap': .*negative, got '-5'"),
        ("symbol,market_cap\nA,inf\n", "row 2, column 'market_cap': .*infinite"),
        ("symbol,market_cap\nA,big\n", "row 2, column 'market_cap': not a number"),
        ("symbol,market_cap,date\nA,5,soon\n", "row 2, column 'date': not a date"),
        ("symbol,market_cap\n,5\n", "row 2, column 'symbol': the name is empty"),
        ("symbol,cap\nA,5\n", "row 1: missing column 'market_cap'"),
        ("symbol,market_cap\nA,\n", "no market cap is known"),
        ("symbol,market_cap\nA,0\n", "no market cap is known"),
        ("", "is empty; a table needs a header"),
    ],
)
def test_bad_caps(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        with_caps(tmp_path, text)
