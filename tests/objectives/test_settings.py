"""BacktestSettings: their period, resolved against the days of a panel."""

import datetime as dt

import pytest

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
    given = BacktestSettings(start_date="2024-01-05", end_date="2024-01-25")
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
