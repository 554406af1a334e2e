"""Instants: every spelling of one gives the same microseconds; what is ambiguous is refused."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.market.instants import instants_of
from search_spaces.errors import DataError
from tests.helpers.funding import HEADER, kinds, read, rows

# 2001 to the last that a counter of nanoseconds holds, without what may be hours as YYYYMMDDHH.
seconds = st.integers(1_000_000_000, 1_999_999_999) | st.integers(2_100_000_000, 9_223_372_035)


def utc(second):
    return dt.datetime.fromtimestamp(second, dt.UTC)


def east(second):
    return utc(second).astimezone(dt.timezone(dt.timedelta(hours=8)))


SPELLINGS = {
    "seconds": str,
    "milliseconds": lambda s: f"{s}000",
    "microseconds": lambda s: f"{s}000000",
    "nanoseconds": lambda s: f"{s}000000000",
    "with a point": lambda s: f"{s}.0",
    "milliseconds with a point": lambda s: f"{s}000.000",
    "scientific, all digits": lambda s: f"{s / 1e9:.9f}e9",
    "Z": lambda s: f"{utc(s):%Y-%m-%dT%H:%M:%SZ}",
    "milliseconds, Z": lambda s: f"{utc(s):%Y-%m-%dT%H:%M:%S.000Z}",
    "naive": lambda s: f"{utc(s):%Y-%m-%d %H:%M:%S}",
    "slashes": lambda s: f"{utc(s):%Y/%m/%d %H:%M:%S}",
    "compact": lambda s: f"{utc(s):%Y%m%dT%H%M%SZ}",
    "UTC": lambda s: f"{utc(s):%Y-%m-%d %H:%M:%S} UTC",
    "utc": lambda s: f"{utc(s):%Y-%m-%d %H:%M:%S.000}utc",
    "GMT": lambda s: f"{utc(s):%Y-%m-%d %H:%M:%S} GMT",
    "as Go writes": lambda s: f"{utc(s):%Y-%m-%d %H:%M:%S} +0000 UTC",
    "as Java writes": lambda s: f"{utc(s):%Y-%m-%dT%H:%M:%SZ}[UTC]",
    "+08:00": lambda s: east(s).isoformat(),
    "+0800": lambda s: f"{east(s):%Y-%m-%dT%H:%M:%S%z}",
    " +0800": lambda s: f"{east(s):%Y-%m-%d %H:%M:%S %z}",
    "+08": lambda s: f"{east(s):%Y-%m-%d %H:%M:%S}+08",
    "white space": lambda s: f"  {utc(s):%Y-%m-%d %H:%M:%S} ",
}


@given(st.lists(seconds, min_size=1, max_size=5), st.data())
def test_any_spelling_is_the_same_instant(instants, data):
    spelled = [data.draw(st.sampled_from(list(SPELLINGS.values())))(s) for s in instants]
    for zone in (None, "UTC"):
        read_back = instants_of(pd.Series(spelled), epochs=True, timezone=zone)
        assert not read_back.bad.any()
        assert read_back.micros.tolist() == [s * 1_000_000 for s in instants]
        assert read_back.n_rounded == 0


@given(st.lists(seconds, min_size=1, max_size=5))
def test_columns_of_numbers_and_instants(instants):
    expected = [s * 1_000_000 for s in instants]
    numbers = np.array(instants, dtype=np.int64)
    stamps = pd.Series(pd.to_datetime(numbers, unit="s", utc=True))
    for column in (
        pd.Series(numbers),
        pd.Series(numbers).astype(float),
        pd.Series(numbers).astype("Int64"),
        pd.Series(numbers).astype(object),
        pd.Series(numbers * 1000),
        pd.Series(numbers * 1_000_000).astype(float),
        pd.Series(numbers * 1_000_000_000),
        stamps,
        stamps.dt.tz_convert("Asia/Taipei"),
        stamps.dt.tz_localize(None).dt.as_unit("us"),
        stamps.astype(str).astype("category"),
    ):
        found = instants_of(column, epochs=True)
        assert not found.bad.any()
        assert found.micros.tolist() == expected


@given(seconds)
def test_times_of_a_zone(second):
    naive = f"{east(second):%Y-%m-%d %H:%M:%S}"
    stamps = pd.Series(pd.to_datetime([naive]))
    for column in (pd.Series([naive]), stamps, pd.Series([f"{utc(second):%Y-%m-%dT%H:%M:%SZ}"])):
        found = instants_of(column, epochs=True, timezone="Etc/GMT-8")
        assert found.micros.tolist() == [second * 1_000_000]


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("1.704067e+12", "2024-01-01T00"),
        ("1.704096e+12", "2024-01-01T08"),
        ("1.704125e12", "2024-01-01T16"),
        ("1.704067E9", "2024-01-01T00"),
        ("1.7040672e+12", "2024-01-01T00"),
    ],
)
def test_digits_a_spreadsheet_left_out(tmp_path, text, hour):
    events = read(tmp_path, "e.csv", f"{HEADER}\n{text},BTCUSDT,okx,0.1\n")
    assert rows(events)[0][2] == f"{hour}:00:00.000000"
    assert kinds(events) == ["rounded_times"]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("01/02/2024 00:00", "which is the day .*write YYYY-MM-DD"),
        ("1.2.2024", "which is the day"),
        ("01-02-24", "which is the day"),
        ("01 Jan 2024 00:00", "write YYYY-MM-DD"),
        ("45292.333333", "a spreadsheet's day number"),
        ("45292", "a spreadsheet's day number"),
        ("1.70407E+12", "with all its digits"),  # any of three hours
        ("1.704068e+12", "with all its digits"),  # no full hour is near
        ("20240101000000", "with all its digits"),
        ("2024010108", "with all its digits"),  # an hour, or seconds of 2034
        ("170406720", "with all its digits"),
        ("2024-01-01 24:00:00", "write YYYY-MM-DD"),
        ("2024-01-01 08:00 CST", "write YYYY-MM-DD"),
        ("2024-01-01 08:00 +0800 UTC", "write YYYY-MM-DD"),
        ("2024-13-01", "write YYYY-MM-DD"),
        ("24-01-01", "which is the day"),
        ("noon", "write YYYY-MM-DD"),
        ("-1704067200", "write YYYY-MM-DD"),
        ("", "write YYYY-MM-DD"),
    ],
)
def test_what_is_no_instant_or_two(tmp_path, cell, message):
    text = f"{HEADER}\n2024-01-01,BTCUSDT,okx,0.1\n{cell},BTCUSDT,okx,0.1\n"
    with pytest.raises(DataError, match=f"row 3, column 'timestamp': not a date: .*{message}"):
        read(tmp_path, "e.csv", text)


@pytest.mark.parametrize("column", [[2024010108], [2024010108.0], ["2024010108"], ["2024010108.0"]])
def test_hours_as_ten_digits_are_not_taken_for_seconds(column):
    assert instants_of(pd.Series(column), epochs=True).bad.all()


def test_a_clock_that_is_put_back_or_forward(tmp_path):
    for naive in ("2024-11-03 01:30", "2024-03-10 02:30"):
        text = f"{HEADER}\n{naive},BTCUSDT,okx,0.1\n"
        with pytest.raises(DataError, match="row 2, column 'timestamp': not a date"):
            read(tmp_path, "e.csv", text, timezone="America/New_York")
        assert len(read(tmp_path, "e.csv", text)) == 1
