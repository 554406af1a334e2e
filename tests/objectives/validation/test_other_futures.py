"""Markets with another future: the past stays, every part of the future changes on its own."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives import ReturnPanel
from objectives.validation.other_futures import (
    FUTURE_PARTS,
    with_day_scaled,
    with_other_caps,
    with_other_future,
)
from tests.helpers.panels import array_panel, panels

PANEL = ReturnPanel.synthetic(n_pairs=30, n_days=90, seed=1)
DAY = 60


def seen(panel):
    return ~np.isnan(panel.returns)


@settings(deadline=None, max_examples=60)
@given(panel=panels(), data=st.data())
def test_what_was_known_on_the_day_stays(panel, data):
    day = data.draw(st.integers(0, panel.n_days - 1))
    parts = tuple(data.draw(st.lists(st.sampled_from(FUTURE_PARTS), unique=True)))
    other = with_other_future(panel, day, seed=data.draw(st.integers(0, 5)), parts=parts)
    assert other.pairs == panel.pairs
    assert other.dates.equals(panel.dates)
    past, kept = panel.until(panel.dates[day]), other.until(panel.dates[day])
    assert kept.fingerprint() == past.fingerprint()
    np.testing.assert_array_equal(kept.factor_input("roi_1d"), past.factor_input("roi_1d"))
    np.testing.assert_array_equal(kept.market_caps, past.market_caps)


def test_returns_change_on_every_later_day_and_nothing_else():
    other = with_other_future(PANEL, DAY, parts=("returns",))
    np.testing.assert_array_equal(seen(other), seen(PANEL))
    np.testing.assert_array_equal(other.market_caps, PANEL.market_caps)
    later = seen(PANEL)[DAY + 1 :]
    assert (other.returns != PANEL.returns)[DAY + 1 :][later].all()
    assert 0.2 < (other.returns > 0)[DAY + 1 :][later].mean() < 0.8


def test_listings_change_and_nothing_else():
    returns = PANEL.returns.copy()
    returns[DAY - 10 :, :10] = np.nan  # ended before
    returns[:, 10:15] = np.nan  # not listed yet
    panel = replace(PANEL, returns=returns)
    other = with_other_future(panel, DAY, parts=("listings",))
    both = (seen(other) & seen(panel))[DAY + 1 :]
    np.testing.assert_array_equal(other.returns[DAY + 1 :][both], panel.returns[DAY + 1 :][both])
    last, first = seen(other)[-1], seen(other)[DAY + 1 :].any(axis=0)
    assert first[:15].any(), "a pair is listed or traded again"
    assert not first[:15].all()
    assert (~last[15:]).any(), "a pair ends"
    gaps = seen(panel)[DAY + 1 :, 15:] & ~seen(other)[DAY + 1 :, 15:]
    assert gaps.any(axis=0).mean() > 0.5


def test_dated_market_caps_change_and_nothing_else():
    caps = np.full((3, 20), 1e9)
    caps[:, ::2] = np.nan
    panel = array_panel(np.full((40, 20), 1e-4), caps, cap_days=np.array([5, 20, 30]))
    other = with_other_future(panel, 20, parts=("market caps",))
    np.testing.assert_array_equal(other.returns, panel.returns)
    np.testing.assert_array_equal(other.market_caps[:2], caps[:2])
    assert np.isfinite(other.market_caps[2, ::2]).any()
    assert np.isnan(other.market_caps[2, 1::2]).any()
    known = np.isfinite(caps[2]) & np.isfinite(other.market_caps[2])
    assert (other.market_caps[2, known] != 1e9).all()


def test_undated_market_caps_stay_unless_all_change():
    panel = array_panel(np.full((40, 20), 1e-4), np.full(20, 1e9))
    np.testing.assert_array_equal(with_other_future(panel, 3).market_caps, panel.market_caps)
    assert (with_other_caps(panel).market_caps != panel.market_caps).all()


def test_the_roi_changes_with_the_returns():
    panel = replace(PANEL, roi=PANEL.returns * 200.0)
    other = with_other_future(panel, DAY)
    later = seen(other)[DAY + 1 :]
    assert (other.roi != panel.roi)[DAY + 1 :][later].all()
    assert np.isnan(other.roi[DAY + 1 :][~later]).all()


def test_a_part_is_replaced_by_the_same_numbers_whatever_the_others_are():
    alone = with_other_future(PANEL, DAY, parts=("returns",))
    together = with_other_future(PANEL, DAY)
    both = seen(alone) & seen(together)
    np.testing.assert_array_equal(alone.returns[both], together.returns[both])
    listings = with_other_future(PANEL, DAY, parts=("listings",))
    np.testing.assert_array_equal(seen(listings), seen(together))


def test_seeds_and_days_have_their_own_futures():
    made = [with_other_future(PANEL, day, seed=seed) for day, seed in ((60, 0), (60, 1), (61, 0))]
    assert len({panel.fingerprint() for panel in made}) == 3
    assert with_other_future(PANEL, 60).fingerprint() == made[0].fingerprint()


@pytest.mark.parametrize("factor", [1.0, -1.0, 0.0])
def test_a_day_is_raised_and_multiplied(factor):
    panel = array_panel(np.array([[0.001, 0.002], [0.001, -0.3], [np.nan, 0.002]]))
    returns = with_day_scaled(panel, 1, factor).returns
    np.testing.assert_allclose(returns[1], factor * np.array([0.03, -0.5]))
    np.testing.assert_array_equal(returns[::2], panel.returns[::2])


def test_a_market_without_observations_gets_small_returns():
    panel = array_panel(np.full((10, 3), np.nan))
    other = with_other_future(panel, 4)
    assert seen(other).any()
    assert np.nanmax(np.abs(other.returns)) < 0.1
