"""BacktestSettings: their period, resolved against the days of a panel."""

import datetime as dt

import pytest
from hypothesis import given as given_values
from hypothesis import strategies as st

from objectives import BacktestSettings
from objectives.settings import ResolvedSettings
from search_spaces.errors import ConfigError

FIRST, LAST = dt.date(2024, 1, 1), dt.date(2024, 1, 31)


def test_dates_that_were_left_out_are_filled_in():
    resolved = BacktestSettings(fee_rate=0.01).resolve(FIRST, LAST, n_warm_up_days=10)
    assert isinstance(resolved, ResolvedSettings)
    assert (resolved.start_date, resolved.end_date) == (dt.date(2024, 1, 11), LAST)
    assert resolved.fee_rate == 0.01


def test_a_warm_up_takes_at_most_half_of_the_days():
    resolved = BacktestSettings(end_date="2024-01-20").resolve(FIRST, LAST, n_warm_up_days=300)
    assert resolved.start_date == dt.date(2024, 1, 11)


def test_given_dates_stay():
    given = BacktestSettings(start_date="2024-01-05", end_date="2024-01-25", split_date=None)
    resolved = given.resolve(FIRST, LAST, n_warm_up_days=10)
    assert resolved.to_dict() == given.to_dict()
    assert resolved.resolve(FIRST, LAST) == resolved
    assert ResolvedSettings.from_dict(resolved.to_dict()) == resolved


def test_resolved_settings_have_dates():
    with pytest.raises(TypeError, match="start_date"):
        ResolvedSettings()


def test_dates_outside_the_data():
    with pytest.raises(ConfigError, match="end_date 2024-02-01 is outside the data"):
        BacktestSettings(end_date="2024-02-01").resolve(FIRST, LAST)
    with pytest.raises(ConfigError, match="start_date 2023-12-31 is outside the data"):
        BacktestSettings(start_date="2023-12-31").resolve(FIRST, LAST)


def lasting(n_days, **settings):
    """Resolve settings over `n_days` days from the first one."""
    last = FIRST + dt.timedelta(days=n_days - 1)
    return BacktestSettings(start_date=FIRST, end_date=last, **settings).resolve(FIRST, last)


@given_values(st.integers(10, 2_000))
def test_auto_splits_off_the_last_30_percent_where_181_days_are_left(n_days):
    resolved = lasting(n_days)
    if n_days < 259:
        assert resolved.split_date is None
        assert resolved.n_search_days == n_days - 1
        return
    n_before = (resolved.split_date - resolved.start_date).days
    n_after = n_days - n_before
    assert n_before >= 181
    assert n_after >= 60
    assert 10 * n_before <= 7 * n_days < 10 * (n_before + 1)
    assert resolved.n_search_days == n_before - 1


def test_auto_is_the_default_and_goes_by_the_measured_days():
    last = FIRST + dt.timedelta(days=599)
    assert BacktestSettings().split_date == "auto"
    assert BacktestSettings().to_dict()["split_date"] == "auto"
    # 300 days of 600 warm up: of the other 300 the last 90 are out of sample
    resolved = BacktestSettings().resolve(FIRST, last, n_warm_up_days=300)
    assert resolved.split_date == FIRST + dt.timedelta(days=300 + 210)
    again = ResolvedSettings.from_dict(resolved.to_dict())
    assert again.split_date == resolved.split_date
    # a resolved split stays where it is when days are appended
    assert again.resolve(FIRST, last + dt.timedelta(days=100)) == again


@pytest.mark.parametrize("written", [None, "none", "None"])
def test_no_split_however_long(written):
    resolved = lasting(2_000, split_date=written)
    assert resolved.split_date is None
    assert resolved.describe_split(was_auto=False) == "no split: all 2,000 days are in sample"


@pytest.mark.parametrize("written", ["auto", "AUTO"])
def test_auto_is_written_in_any_case(written):
    assert lasting(259, split_date=written).split_date == FIRST + dt.timedelta(days=181)


def test_a_split_date_that_is_none_of_these():
    with pytest.raises(
        ConfigError, match="split_date is a date like 2025-01-31, auto, or none, got 'soon'"
    ):
        BacktestSettings(split_date="soon")


def test_what_is_said_of_a_split():
    assert lasting(259).describe_split(was_auto=True) == "out of sample from 2024-06-30 (78 days)"
    short = lasting(150)
    assert short.describe_split(was_auto=True) == "no split: 150 days, and auto needs 259"
    assert short.describe_split(was_auto=False) == "no split: all 150 days are in sample"
    named = lasting(150, split_date="2024-05-29")
    assert named.describe_split(was_auto=False) == "out of sample from 2024-05-29 (1 day)"
