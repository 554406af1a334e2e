"""ReturnPanel itself: its invariants, views of it and its fingerprint."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import FactorBacktest
from objectives.examples.momentum import MomentumObjective
from objectives.market import ReturnPanel
from search_spaces import Choice, SearchSpace
from search_spaces.errors import DataError

NAN = np.nan


def panel_of(returns, *, start="2024-01-01", **fields):
    returns = np.asarray(returns, dtype=float)
    pairs = fields.pop("pairs", tuple(f"S{k}_a_b" for k in range(returns.shape[1])))
    dates = pd.date_range(start, periods=len(returns), freq="D")
    return ReturnPanel(dates=dates, pairs=pairs, returns=returns, **fields)


def test_shapes_and_derived_arrays():
    panel = panel_of([[NAN, 0.1], [0.2, NAN], [NAN, NAN]], pairs=("A_x_y", "B_x_y"))
    assert (panel.n_days, panel.n_pairs) == (3, 2)
    assert panel.symbols == ("A", "B")
    assert panel.first_observation.tolist() == [1, 0]
    assert panel.market_caps.shape == (0, 2)
    assert panel.market_cap_row.tolist() == [-1, -1, -1]
    assert not panel.has_market_caps
    assert not panel.caps_look_ahead
    assert panel.returns.flags.c_contiguous
    assert panel.dates.tz is None


def test_a_pair_without_data_is_first_observed_after_the_end():
    assert panel_of([[NAN], [NAN]]).first_observation.tolist() == [2]


def test_arrays_are_read_only_and_do_not_follow_the_callers():
    returns = np.ones((2, 1))
    panel = panel_of(returns)
    returns[0, 0] = 5
    assert panel.returns[0, 0] == 1
    for array in (panel.returns, panel.market_cap_row, panel.factor_input("roi_1d")):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_factor_input():
    returns = [[0.5, NAN]]
    assert panel_of(returns).factor_input("roi_1d")[0, 0] == 0.5 * 365
    with_roi = panel_of(returns, roi=np.array([[7.0, NAN]]))
    assert with_roi.factor_input("roi_1d")[0, 0] == 7
    assert with_roi.factor_input() is with_roi.returns
    assert panel_of(returns, roi=np.array(returns) * 365).roi is None
    with pytest.raises(DataError, match=r"one of return_1d, roi_1d, column='sharpe'"):
        panel_of(returns).factor_input("sharpe")


def test_a_calendar_without_a_market_is_refused_where_one_is_needed():
    panel = ReturnPanel.without_pairs("2024-01-01", "2024-12-31")
    assert (panel.n_days, panel.n_pairs, panel.source) == (366, 0, "no market")
    with pytest.raises(DataError, match="a market of at least one pair is needed"):
        FactorBacktest(panel)
    space = SearchSpace([Choice("lookback", (5, 20)), Choice("n_held", (1, 5))])
    with pytest.raises(DataError, match="a market of at least one pair is needed"):
        MomentumObjective(panel, space=space, metrics=["net_sharpe_ratio"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"pairs": ("B_x_y", "A_x_y")}, "ascending and distinct: 'B_x_y' before 'A_x_y'"),
        ({"pairs": ("A_x_y", "A_x_y")}, "ascending and distinct"),
        ({"pairs": ("A_x_y", " ")}, "non-empty"),
        ({"returns": np.array([[1.0, np.inf]])}, "infinite"),
        ({"returns": np.array([[1.0]])}, r"returns must have shape \(1, 2\), got \(1, 1\)"),
        ({"returns": np.array([["a", "b"]])}, "must be numbers"),
        ({"dates": pd.DatetimeIndex([])}, "at least one day"),
        ({"dates": pd.DatetimeIndex(["2024-01-01 12:00"])}, "consecutive UTC midnights"),
        ({"market_caps": np.array([[1.0, 0.0]])}, "greater than 0"),
        ({"market_caps": np.ones((2, 2))}, "undated market caps have one row, not 2"),
        (
            {
                "market_caps": np.ones((2, 2)),
                "market_cap_dates": pd.DatetimeIndex(["2024-01-02", "2024-01-01"]),
            },
            "2 distinct ascending days",
        ),
    ],
)
def test_refuses_what_is_not_a_panel(fields, message):
    good = {
        "dates": pd.DatetimeIndex(["2024-01-01"]),
        "pairs": ("A_x_y", "B_x_y"),
        "returns": np.array([[0.1, 0.2]]),
    }
    with pytest.raises(DataError, match=message):
        ReturnPanel(**(good | fields))


def test_tiny_returns_are_zero():
    panel = panel_of([[9.9e-13, -0.0], [-9.9e-13, 1e-12], [NAN, -1e-12]], pairs=("A", "B"))
    assert panel.returns[:2].tolist() == [[0.0, 0.0], [0.0, 1e-12]]
    assert not np.signbit(panel.returns[:2]).any()
    assert np.isnan(panel.returns[2, 0])
    assert panel.returns[2, 1] == -1e-12
    assert panel.first_observation.tolist() == [0, 0]


def test_the_annualised_column_of_a_tiny_return_is_zero_too():
    returns = np.array([[5e-20], [0.25]])
    panel = panel_of(returns, roi=returns * 365.0)
    assert panel.roi is None
    assert panel.factor_input("roi_1d")[:, 0].tolist() == [0.0, 0.25 * 365.0]


def test_dates_must_be_consecutive():
    with pytest.raises(DataError, match="consecutive"):
        ReturnPanel(
            dates=pd.DatetimeIndex(["2024-01-01", "2024-01-03"]),
            pairs=("A",),
            returns=np.ones((2, 1)),
        )


def test_day():
    panel = panel_of(np.ones((3, 1)))
    for date in ("2024-01-02", pd.Timestamp("2024-01-02 23:00"), "2024-01-03T07:00:00+08:00"):
        assert panel.day(date) == 1
    with pytest.raises(DataError, match=r"outside the panel, .* 2024-01-01 to 2024-01-03"):
        panel.day("2024-01-04")
    for wrong in ("soon", None, 20240101, float("nan")):
        with pytest.raises(DataError, match="YYYY-MM-DD"):
            panel.day(wrong)


def test_dated_caps_are_used_from_the_day_after_they_are_known():
    panel = panel_of(
        np.ones((5, 1)),
        market_caps=np.array([[10.0], [20.0]]),
        market_cap_dates=pd.DatetimeIndex(["2024-01-02", "2024-01-04"]),
    )
    assert panel.market_cap_row.tolist() == [-1, -1, 0, 0, 1]
    assert panel.has_market_caps
    assert not panel.caps_look_ahead
    assert panel.warnings == ()


def test_dated_caps_of_the_last_day_are_not_known_in_time():
    panel = panel_of(
        np.ones((2, 1)),
        market_caps=np.array([[10.0]]),
        market_cap_dates=pd.DatetimeIndex(["2024-01-02"]),
    )
    assert not panel.has_market_caps


def test_undated_caps_serve_all_days_with_a_warning():
    panel = panel_of(np.ones((3, 2)), market_caps=np.array([[10.0, NAN]]))
    assert panel.market_cap_row.tolist() == [0, 0, 0]
    assert panel.caps_look_ahead
    assert "look ahead" in panel.warnings[0]
    assert panel.until("2024-01-02").warnings == panel.warnings


def test_until_cuts_returns_roi_and_dated_caps():
    panel = panel_of(
        [[0.1, NAN], [0.2, NAN], [0.3, 0.4]],
        roi=np.array([[1.0, NAN], [2.0, NAN], [3.0, 4.0]]),
        market_caps=np.array([[1.0, 1.0], [2.0, 2.0]]),
        market_cap_dates=pd.DatetimeIndex(["2024-01-01", "2024-01-03"]),
    )
    cut = panel.until("2024-01-02")
    assert cut.n_days == 2
    assert cut.pairs == panel.pairs
    assert np.array_equal(cut.returns, panel.returns[:2], equal_nan=True)
    assert np.array_equal(cut.factor_input("roi_1d"), panel.roi[:2], equal_nan=True)
    assert cut.market_caps.shape == (1, 2)
    assert cut.market_cap_row.tolist() == panel.market_cap_row[:2].tolist()


def test_fingerprint_sees_every_ingredient():
    base = {"returns": [[0.1, 0.2], [0.3, NAN]]}
    caps = {"market_caps": np.array([[1.0, 2.0]])}
    dated = caps | {"market_cap_dates": pd.DatetimeIndex(["2024-01-01"])}
    prints = [
        panel_of(**base),
        panel_of([[0.1, 0.2], [0.3, 0.0]]),
        panel_of([[0.1, 0.2], [0.3000001, NAN]]),
        panel_of(**base, start="2024-01-02"),
        panel_of(**base, pairs=("A_a_b", "B_a_b")),
        panel_of(**base, roi=np.array([[1.0, 1.0], [1.0, NAN]])),
        panel_of(**base, **caps),
        panel_of(**base, **dated),
        panel_of(**base, market_caps=np.array([[1.0, 3.0]])),
    ]
    assert len({panel.fingerprint() for panel in prints}) == len(prints)
    with_caps = panel_of(**base, **caps)
    assert with_caps.fingerprint(include_caps=False) == prints[0].fingerprint()


def test_fingerprint_is_the_same_in_a_fresh_process():
    code = "from objectives.market import ReturnPanel as R; print(R.synthetic(6, 40).fingerprint())"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == ReturnPanel.synthetic(6, 40).fingerprint()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_fingerprint_up_to_a_day_ignores_a_later_append(data):
    n_days, n_pairs = data.draw(st.integers(2, 8)), data.draw(st.integers(1, 4))
    cells = st.sampled_from([NAN, -0.0, 0.0, 0.1, -0.2])
    returns = np.array(
        data.draw(st.lists(cells, min_size=n_days * n_pairs, max_size=n_days * n_pairs))
    ).reshape(n_days, n_pairs)
    cut = data.draw(st.integers(1, n_days))
    whole = panel_of(
        returns,
        market_caps=np.arange(1.0, 1 + 2 * n_pairs).reshape(2, n_pairs),
        market_cap_dates=pd.DatetimeIndex(["2023-12-31", "2024-01-03"]),
    )
    end = whole.dates[cut - 1]
    assert whole.until(end).fingerprint() == whole.fingerprint(end)
    listed = ~np.isnan(returns[:cut]).all(axis=0)
    if listed.any():
        early = panel_of(
            returns[:cut, listed],
            pairs=tuple(np.array(whole.pairs)[listed]),
            market_caps=whole.market_caps[:, listed],
            market_cap_dates=whole.market_cap_dates,
        )
        assert early.fingerprint() == whole.fingerprint(end)


def test_to_frame_reads_back():
    panel = ReturnPanel.synthetic(n_pairs=5, n_days=30, seed=3)
    frame = panel.to_frame()
    assert list(frame.columns) == ["trading_pair", "date", "return_1d", "roi_1d"]
    again = ReturnPanel.from_returns(frame)
    assert again.fingerprint() == panel.fingerprint(include_caps=False)


def test_repr_names_span_size_and_source():
    assert "3 days 2024-01-01..2024-01-03, 1 pairs" in repr(panel_of(np.ones((3, 1))))
