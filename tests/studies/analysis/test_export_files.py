"""Exports: what is chosen of a session, and the four formats."""

import csv
import datetime
import json
import math

import pandas as pd
import pyarrow.parquet as pq
import pytest

from search_spaces.errors import ConfigError
from studies.analysis import export_files, export_rows
from studies.analysis.export import export_results
from studies.analysis.export_files import WRITERS, write_csv
from studies.analysis.export_rows import ExportColumn, ExportedRows, Selection
from studies.analysis.leaderboard import top
from studies.database.tables import METRIC_COLUMNS, hyperparameter_tuning_results
from tests.helpers.sessions import table_rows
from tests.helpers.worksheets import read_sheet

HOSTILE = [
    "=cmd()",
    "+1",
    "-1",
    "@sum",
    "\t=1",
    "\r=1",
    "plain",
    'a,"b"\n',
    "<b>&",
    "",
    "台灣",
    None,
]
NUMBERS = [-1.5, 1e-300, 0.1, -0.0, 3.0, math.inf, None, 1.0, 2.0, 5.0, 6.0, 7.0]
COLUMNS = [
    ExportColumn("=name", "text"),
    ExportColumn("number", "real"),
    ExportColumn("count", "whole"),
    ExportColumn("yes%", "truth"),
    ExportColumn("when", "time"),
]
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5)


def batches():
    """Hostile values in two batches."""
    n = len(HOSTILE)
    whole = [HOSTILE, NUMBERS, [-7, *range(n - 2), None], [True, False] * (n // 2), [MOMENT] * n]
    yield [values[:5] for values in whole]
    yield [values[5:] for values in whole]


def write(file_format, path):
    with path.open("wb") as file:
        assert WRITERS[file_format](file, COLUMNS, batches()) == len(HOSTILE)


def test_csv_guards_texts_that_a_spreadsheet_computes_and_nothing_else(tmp_path):
    write("csv", tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == ["'=name", "number", "count", "yes%", "when"]
    guarded = [f"'{text}" for text in HOSTILE[:6]]
    assert [row[0] for row in rows] == [*guarded, "plain", 'a,"b"\n', "<b>&", "", "台灣", ""]
    assert [row[1] for row in rows][:7] == ["-1.5", "1e-300", "0.1", "-0.0", "3.0", "inf", ""]
    assert (tmp_path / "x.csv").read_bytes().count(b"\r") == 1
    assert [rows[0][2], rows[-1][2], rows[0][3], rows[0][4]] == [
        *("-7", "", "True", "2026-01-02 03:04:05"),
    ]


def test_the_other_formats_hold_texts_as_they_are(tmp_path):
    write("json", tmp_path / "x.json")
    lines = [json.loads(line) for line in (tmp_path / "x.json").read_text().splitlines()]
    assert [line["=name"] for line in lines] == HOSTILE
    finite = [None if value is None or math.isinf(value) else value for value in NUMBERS]
    assert [line["number"] for line in lines] == finite
    assert (lines[0]["yes%"], lines[0]["when"]) == (True, "2026-01-02T03:04:05")
    write("parquet", tmp_path / "x.parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    assert table["=name"].to_pylist() == HOSTILE
    assert table["number"].to_pylist() == NUMBERS
    assert table["when"].to_pylist() == [MOMENT] * len(HOSTILE)
    assert [str(field.type) for field in table.schema] == [
        *("string", "double", "int64", "bool", "timestamp[us]"),
    ]


def test_a_worksheet_has_texts_numbers_and_no_formula(tmp_path):
    write("xlsx", tmp_path / "x.xlsx")
    head, *rows = read_sheet(tmp_path / "x.xlsx")
    assert list(head.values()) == [column.name for column in COLUMNS]
    texts = [row.get("A") for row in rows]
    wanted = list(HOSTILE)
    wanted[5] = texts[5]  # a carriage return is written _x000D_ or as such
    assert texts == wanted
    assert texts[5].endswith("=1")
    numbers = [row.get("B") for row in rows]
    assert numbers[:5] == NUMBERS[:5]
    assert numbers[5:7] == ["inf", None]
    assert (rows[0]["C"], rows[0]["D"]) == (-7.0, True)
    day = datetime.datetime(1899, 12, 30) + datetime.timedelta(days=rows[0]["E"])
    assert abs(day - MOMENT) < datetime.timedelta(seconds=1)


def test_a_worksheet_of_a_session(completed, tmp_path):
    assert export_results(completed, tmp_path / "x.xlsx") == 432
    head, *rows = read_sheet(tmp_path / "x.xlsx")
    letter_of = {name: letter for letter, name in head.items()}
    recorded = table_rows(completed, hyperparameter_tuning_results, "id")
    for name in ("strategy_id", "weight_method", "window_size"):
        assert [row[letter_of[name]] for row in rows] == [row[name] for row in recorded]
    for name in METRIC_COLUMNS:
        for row, record in zip(rows, recorded, strict=True):
            value = row.get(letter_of[name])
            assert value == (
                None if record[name] is None else pytest.approx(record[name], rel=1e-15)
            )


def test_more_rows_than_a_worksheet_holds(completed, tmp_path, monkeypatch):
    monkeypatch.setattr(export_files, "EXCEL_ROWS", 100)
    with pytest.raises(ConfigError, match=r"holds 100 rows, these are 432; take .* --top N, or"):
        export_results(completed, tmp_path / "x.xlsx")
    # a running session may have grown since it was counted
    monkeypatch.setattr(ExportedRows, "count", lambda rows: 0)
    with pytest.raises(ConfigError, match="holds 100 rows"):
        export_results(completed, tmp_path / "x.xlsx")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert ExportedRows(completed, Selection()).count() == 432
    few = Selection(n=7)
    assert ExportedRows(completed, few).count() == 7
    assert export_results(completed, tmp_path / "x.xlsx", selection=few) == 7


def test_parquet_is_written_in_row_groups(completed, tmp_path, monkeypatch):
    monkeypatch.setattr(export_rows, "_ROWS_AT_ONCE", 50)
    export_results(completed, tmp_path / "x.parquet")
    metadata = pq.ParquetFile(tmp_path / "x.parquet").metadata
    assert [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)][:9] == [
        *[50] * 8,
        32,
    ]


@pytest.mark.parametrize("all_names", [False, True])
@pytest.mark.parametrize("metric", [None, "total_return", "max_drawdown"])
@pytest.mark.parametrize("n", [1, 7, 999])
def test_the_best_are_those_of_top(completed, tmp_path, n, metric, all_names, monkeypatch):
    monkeypatch.setattr("studies.database.bulk_insert.IDS_PER_STATEMENT", 40)
    selection = Selection(n=n, metric=metric, all_names=all_names)
    path = tmp_path / "x.parquet"
    wanted = top(completed, n, metric=metric, all_names=all_names)
    assert export_results(completed, path, selection=selection) == len(wanted)
    frame = pd.read_parquet(path)
    assert frame["rank"].tolist() == wanted.index.tolist()
    for name in wanted.columns:  # n_strategies is one of them, unless all names are wanted
        expected = [None if value != value else value for value in wanted[name].tolist()]
        assert pq.read_table(path)[name].to_pylist() == expected
    assert ("n_strategies" in frame) == (not all_names)
    assert frame["failure"].isna().all()


def test_chosen_columns_in_their_order(completed, tmp_path):
    names = ("failure", "strategy_id", "max_drawdown")
    export_results(completed, tmp_path / "x.csv", selection=Selection(columns=names))
    frame = pd.read_csv(tmp_path / "x.csv")
    assert tuple(frame.columns) == names
    export_results(completed, tmp_path / "all.csv")
    pd.testing.assert_frame_equal(frame, pd.read_csv(tmp_path / "all.csv")[list(names)])
    for name in ("failure", "created_at", "rank"):  # of what is computed, nothing else is needed
        one = Selection(columns=(name,), n=5 if name == "rank" else None)
        assert export_results(completed, tmp_path / "x.csv", selection=one) in (5, 432)
        assert list(pd.read_csv(tmp_path / "x.csv").columns) == [name]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(columns=("strategy_id", "luck")), "unknown column 'luck'; there are strategy_i"),
        (Selection(columns=("raw_result",)), "unknown column 'raw_result'"),
        (Selection(columns=("rank",)), "unknown column 'rank'"),
        (Selection(columns=("failure", "failure")), "each once, got failure twice"),
        (Selection(columns=()), "at least one column"),
        (Selection(metric="total_return"), "--metric says how .* --top N"),
        (Selection(all_names=True), "--all-names says how"),
        (Selection(n=0), "at least 1, got 0"),
        (Selection(n=3, metric="luck"), "unknown metric 'luck'"),
        (Selection(n=3, metric="oos_total_return"), "no split_date"),
    ],
)
def test_impossible_selections(completed, tmp_path, selection, message):
    with pytest.raises(ConfigError, match=message):
        export_results(completed, tmp_path / "x.csv", selection=selection)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_export_has_the_names_of_its_columns(tmp_path):
    with (tmp_path / "x.csv").open("wb") as file:
        assert write_csv(file, COLUMNS, iter([[()] * len(COLUMNS)])) == 0
    assert (tmp_path / "x.csv").read_text() == "'=name,number,count,yes%,when\n"
