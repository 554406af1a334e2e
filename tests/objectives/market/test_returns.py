"""Tables of daily returns: what is read, and how each kind of bad data is reported."""

import datetime as dt
import gzip
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.market import ReturnPanel
from search_spaces.errors import DataError

PARITY = Path(__file__).parents[2] / "parity"
HEADER = "trading_pair,date,return_1d\n"
GOOD = HEADER + "B_x_y,2024-01-02,0.2\nA_x_y,2024-01-01,0.1\nA_x_y,2024-01-03,-0.3\n"


def write(tmp_path, text, name="returns.csv"):
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def read(tmp_path, text, name="returns.csv", **kwargs):
    return ReturnPanel.from_returns(write(tmp_path, text, name), **kwargs)


@pytest.mark.parametrize("name", ["r.csv", "r.csv.gz", "R.CSV"])
def test_rows_out_of_order_become_a_calendar(tmp_path, name):
    panel = read(tmp_path, GOOD, name)
    assert panel.pairs == ("A_x_y", "B_x_y")
    assert [f"{date:%d}" for date in panel.dates] == ["01", "02", "03"]
    expected = [[0.1, np.nan], [np.nan, 0.2], [-0.3, np.nan]]
    np.testing.assert_array_equal(panel.returns, expected)
    assert panel.source.endswith(name)


def test_parquet_frame_and_csv_agree(tmp_path):
    frame = pd.read_csv(write(tmp_path, GOOD))
    frame.to_parquet(tmp_path / "r.parquet")
    frame.set_index(["trading_pair", "date"]).to_parquet(tmp_path / "indexed.parquet")
    prints = {
        ReturnPanel.from_returns(source).fingerprint()
        for source in (
            tmp_path / "returns.csv",
            str(tmp_path / "r.parquet"),
            tmp_path / "indexed.parquet",
            frame,
            frame.set_index(["trading_pair", "date"]),
            frame.assign(date=pd.to_datetime(frame["date"])),
            frame.assign(date=pd.to_datetime(frame["date"]).dt.date),
            frame.assign(date=pd.to_datetime(frame["date"]).dt.tz_localize("UTC")),
            frame.assign(trading_pair=frame["trading_pair"].astype("category")),
            frame.assign(return_1d=frame["return_1d"].astype(str)),
            frame.assign(return_1d=[Decimal("0.2"), Decimal("0.1"), Decimal("-0.3")]),
        )
    }
    assert len(prints) == 1


def test_time_zones_are_converted_and_naive_dates_are_utc(tmp_path):
    text = HEADER + (
        "A_x_y,2024-01-02T00:00:00+08:00,0.1\nA_x_y,2024-01-02,0.2\nA_x_y,2024-01-03T23:59Z,0.3\n"
    )
    panel = read(tmp_path, text)
    assert panel.returns[:, 0].tolist() == [0.1, 0.2, 0.3]
    assert panel.dates[0] == pd.Timestamp("2024-01-01")
    zoned = pd.DataFrame(
        {
            "trading_pair": ["A_x_y"],
            "date": pd.to_datetime(["2024-01-02"]).tz_localize("Asia/Taipei"),
            "return_1d": [0.1],
        }
    )
    assert ReturnPanel.from_returns(zoned).dates[0] == pd.Timestamp("2024-01-01")


def test_numbers_are_read_to_the_last_bit(tmp_path):
    text = (
        HEADER
        + "A_x_y,2024-01-01,0.31367999999999999e-3\nA_x_y,2024-01-02,1.0000000000000002e-12\n"
    )
    assert read(tmp_path, text).returns[:, 0].tolist() == [
        0.31367999999999999e-3,
        1.0000000000000002e-12,
    ]


def test_roi_column(tmp_path):
    text = "trading_pair,date,return_1d,roi_1d\nA_x_y,2024-01-01,0.1,40\nA_x_y,2024-01-02,0.2,\n"
    roi = read(tmp_path, text).factor_input("roi_1d")
    assert roi[:, 0].tolist() == [40, 0.2 * 365]


def test_rows_without_a_return_count_as_no_row(tmp_path):
    text = GOOD + "C_x_y,2024-01-09,\nA_x_y,2024-01-02,nan\n"
    panel = read(tmp_path, text)
    assert panel.pairs == ("A_x_y", "B_x_y")
    assert panel.n_days == 3
    assert "2 rows" in panel.warnings[0]


def test_other_columns_white_space_byte_order_mark_and_blank_lines_are_fine(tmp_path):
    text = (
        "\ufeffid, trading_pair,date,return_1d\n"
        "1, A_x_y ,2024-01-01, 0.1\n\n2,A_x_y,2024-01-02,0.2\n\n"
    )
    panel = read(tmp_path, text)
    assert panel.pairs == ("A_x_y",)
    assert panel.returns[:, 0].tolist() == [0.1, 0.2]


BAD_ROWS = [
    (
        "A_x_y,2024-01-01,0.5",
        r"row 5, column 'date': duplicate of row 3: pair 'A_x_y' .*2024-01-01",
    ),
    ("A_x_y,2024-01-01T05:00Z,0.5", r"row 5, column 'date': duplicate of row 3"),
    ("A_x_y,2024-02-30,0.5", r"row 5, column 'date': not a date: '2024-02-30'"),
    ("A_x_y,yesterday,0.5", r"row 5, column 'date': not a date: 'yesterday'"),
    ("A_x_y,now,0.5", r"row 5, column 'date': not a date: 'now'"),
    ("A_x_y,02/01/2024,0.5", r"row 5, column 'date': not a date: '02/01/2024'"),
    ("A_x_y,1704067200000,0.5", r"row 5, column 'date': not a date: '1704067200000'"),
    ("A_x_y,1704067200,0.5", r"row 5, column 'date': not a date"),
    ("A_x_y,,0.5", r"row 5, column 'date': not a date: ''"),
    ("A_x_y,1970-01-01,0.5", r"row 5, column 'date': '1970-01-01' makes the history longer"),
    ("A_x_y,2024-01-04,ten", r"row 5, column 'return_1d': not a number: 'ten'"),
    ("A_x_y,2024-01-04,1_000", r"row 5, column 'return_1d': not a number: '1_000'"),
    ("A_x_y,2024-01-04,True", r"row 5, column 'return_1d': not a number: 'True'"),
    ("A_x_y,2024-01-04,inf", r"row 5, column 'return_1d': the number is infinite: 'inf'"),
    ("A_x_y,2024-01-04,-1e999", r"row 5, column 'return_1d': the number is infinite"),
    (",2024-01-04,0.1", r"row 5, column 'trading_pair': the name is empty"),
    ("  ,2024-01-04,0.1", r"row 5, column 'trading_pair': the name is empty"),
    ("_x_y,2024-01-04,0.1", r"row 5, column 'trading_pair': the symbol before the first '_'"),
    ("A_x_y,2024-01-04,0.1,9", r"cannot be read: .*line 5"),
    ("A_x_y", r"row 5, column 'date': not a date"),
]


@pytest.mark.parametrize(("row", "message"), BAD_ROWS)
@pytest.mark.parametrize("name", ["returns.csv", "returns.csv.gz"])
def test_bad_row_of_a_file(tmp_path, row, message, name):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, GOOD + row + "\n", name)
    assert name in str(caught.value)


def test_lines_are_counted_over_blank_lines_and_quoted_line_ends(tmp_path):
    text = "note," + HEADER + '"two\nlines",A_x_y,2024-01-01,0.1\n\n\n"x\ny",A_x_y,2024-01-02,ten\n'
    with pytest.raises(DataError, match=r"row 6, column 'return_1d'"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty; a table needs a header and rows"),
        (HEADER, "has no rows"),
        (HEADER + "\n\n", "has no rows"),
        ("\n# nothing\n", "row 1: no header"),
        ("trading_pair,return_1d\nA,1\n", "row 1: missing column 'date'; the columns are"),
        ("a\n1\n", "missing column 'trading_pair', 'date', 'return_1d'; the columns are a"),
        ("date,trading_pair,date,return_1d\n", "column 'date' appears 2 times"),
        (HEADER + "A_x_y,2024-01-01,\n", "no row has a return"),
        (HEADER + "A_x_y,2024-01-01,1,2\n", "row 2: more cells than the header"),
    ],
)
def test_bad_file(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, text)
    assert "returns.csv" in str(caught.value)


def test_files_that_are_not_what_they_say(tmp_path):
    for name in ("broken.parquet", "broken.csv.gz"):
        path = tmp_path / name
        path.write_bytes(b"not at all")
        with pytest.raises(DataError, match=f"{name}: cannot be read"):
            ReturnPanel.from_returns(path)
    latin = tmp_path / "latin.csv"
    latin.write_bytes(GOOD.encode() + b"\xe9_x_y,2024-01-01,0.1\n")
    with pytest.raises(DataError, match=r"latin\.csv: cannot be read"):
        ReturnPanel.from_returns(latin)
    with pytest.raises(DataError, match=r"absent\.csv: cannot be read \(No such file"):
        ReturnPanel.from_returns(tmp_path / "absent.csv")
    workbook = tmp_path / "returns.xls"
    workbook.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8))
    with pytest.raises(DataError, match=r"returns\.xls: is an Excel workbook; save"):
        ReturnPanel.from_returns(workbook)
    with pytest.raises(DataError, match="a path, got int"):
        ReturnPanel.from_returns(7)


def good_frame(**changes):
    frame = pd.DataFrame(
        {
            "trading_pair": ["A_x_y", "B_x_y", "A_x_y"],
            "date": ["2024-01-01", "2024-01-01", "2024-01-02"],
            "return_1d": [0.1, 0.2, 0.3],
        },
        index=[10, 20, 30],
    )
    return frame.assign(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"return_1d": [0.1, np.inf, 0.3]}, "row position 1 .*column 'return_1d'.*infinite"),
        ({"return_1d": [0.1, 0.2, "x"]}, "row position 2 .*not a number: 'x'"),
        ({"return_1d": [True, False, True]}, "row position 0 .*not a number: True"),
        ({"return_1d": [[1], 0.2, 0.3]}, "row position 0 .*not a number"),
        ({"trading_pair": ["A", None, "A"]}, "row position 1 .*'trading_pair': the name is empty"),
        ({"trading_pair": ["A", 7, "A"]}, "row position 1 .*a name must be text, got 7"),
        (
            {"date": pd.to_datetime(["2024-01-01", None, "2024-01-02"])},
            "row position 1 .*not a date",
        ),
        (
            {"date": [dt.date(2024, 1, 1), 3.5, dt.date(2024, 1, 2)]},
            "row position 1 .*not a date: 3.5",
        ),
        ({"date": ["2024-01-01"] * 3}, "row position 2 .*duplicate of row position 0"),
    ],
)
def test_bad_row_of_a_frame(changes, message):
    frame = good_frame(**changes)
    before = frame.copy(deep=True)
    with pytest.raises(DataError, match=f"^frame, {message}"):
        ReturnPanel.from_returns(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_bad_frames():
    with pytest.raises(DataError, match="frame: has no rows"):
        ReturnPanel.from_returns(good_frame().iloc[:0])
    with pytest.raises(DataError, match="missing column 'return_1d'"):
        ReturnPanel.from_returns(good_frame().drop(columns="return_1d"))


def test_parquet_rows_are_named_by_position(tmp_path):
    good_frame(return_1d=[0.1, 0.2, np.inf]).to_parquet(tmp_path / "r.parquet", index=False)
    with pytest.raises(DataError, match=r"r\.parquet, row position 2 .*'return_1d'"):
        ReturnPanel.from_returns(tmp_path / "r.parquet")


@settings(max_examples=40, deadline=None)
@given(
    cells=st.dictionaries(
        st.tuples(st.sampled_from(["A_x_y", "B_x_y", "CC_x_y"]), st.integers(0, 9)),
        st.floats(-1, 1, allow_nan=False),
        min_size=1,
    ),
    seed=st.integers(0, 100),
)
def test_any_set_of_rows_in_any_order(cells, seed):
    rows = list(cells.items())
    np.random.default_rng(seed).shuffle(rows)
    day0 = pd.Timestamp("2024-01-01")
    frame = pd.DataFrame(
        {
            "trading_pair": [pair for (pair, _), _ in rows],
            "date": [day0 + pd.Timedelta(days=day) for (_, day), _ in rows],
            "return_1d": [value for _, value in rows],
        }
    )
    panel = ReturnPanel.from_returns(frame)
    assert np.isfinite(panel.returns).sum() == len(cells)
    for (pair, day), value in cells.items():
        row = panel.day(day0 + pd.Timedelta(days=day))
        expected = value if abs(value) >= 1e-12 else 0.0
        assert panel.returns[row, panel.pairs.index(pair)] == expected


def test_parity_data():
    panel = ReturnPanel.from_returns(PARITY / "return_metrics.csv.gz", PARITY / "market_caps.csv")
    assert (panel.n_days, panel.n_pairs) == (120, 25)
    assert panel.has_market_caps
    assert panel.caps_look_ahead
    unknown = {
        s for s, cap in zip(panel.symbols, panel.market_caps[0], strict=True) if np.isnan(cap)
    }
    assert "C000USDT" in unknown
    assert "C001USDT" not in unknown
