"""Questions to a session: status, top, one strategy, export."""

import json

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from search_spaces.errors import ConfigError, SessionError
from studies.analysis import export_rows
from studies.analysis.export import export_results
from studies.analysis.export_rows import ExportedRows, Selection
from studies.analysis.leaderboard import result_row, top
from studies.analysis.one_strategy import best_strategy_id
from studies.database.tables import METRIC_COLUMNS, hyperparameter_tuning_results, work_chunks
from studies.database.transactions import WritePacer, write_transaction
from studies.runs.stop import Stop
from studies.upkeep.status import read_status
from studies.workers.planned_task import PlannedTask
from tests.helpers.sessions import results_of, table_rows

NUMBERS = {*METRIC_COLUMNS, "window_size", "selection_count", "data_period"}


def failed_of(session):
    return [row["strategy_id"] for row in results_of(session) if row["net_sharpe_ratio"] is None]


def test_status_of_a_new_session(make_session):
    session = make_session(size=100, notes="a note")
    told = read_status(session, detailed=True)
    assert (told.state, told.total, told.completed, told.failed, told.pending) == (
        "created",
        100,
        0,
        0,
        100,
    )
    assert told.chunks == {"pending": 5}
    assert told.rate is told.eta_seconds is None
    assert (told.workers, told.failures, told.log) == ((), {}, ())
    assert told.notes == "a note"
    assert any("data_period=140" in text for text in told.warnings)


def test_status_in_the_middle(make_session):
    session = make_session(size=100)
    stop = Stop()
    session.run(stop=stop, on_progress=lambda progress: stop.set())
    with WritePacer(session.engine) as pacer:
        worker = PlannedTask(session, session.objective(), pacer, 15.0)
        held = worker.claim()
        told = read_status(session, detailed=True)
    (hand,) = told.workers
    assert (hand.worker, hand.chunk, hand.strategies, hand.attempt) == (
        worker.name,
        held.chunk_no,
        20,
        held.attempt,
    )
    assert 0 < hand.lease_seconds_left <= 15
    assert told.completed + told.failed + told.pending == 100
    assert told.chunks["running"] == 1
    assert sum(told.chunks.values()) == 5
    assert told.state == "paused"
    assert told.eta_seconds is None  # nobody works
    assert told.log[0].message == "paused"


def test_status_of_a_completed_session(completed):
    told = read_status(completed, detailed=True)
    assert (told.state, told.pending, told.eta_seconds) == ("completed", 0, None)
    assert told.failures == {"insufficient_data": told.failed}
    assert told.failed == len(failed_of(completed)) > 0
    assert told.chunks == {"completed": 22}
    assert told.rate > 0
    assert dict(told.directions) == {"net_sharpe_ratio": "maximize"}
    assert read_status(completed).failures == {}
    assert read_status(completed).log == ()


def test_rate_and_time_left_by_the_clock_of_the_chunks(completed):
    begin = pd.Timestamp("2026-01-01").to_pydatetime()
    with write_transaction(completed.engine) as connection:
        for number in range(22):
            seconds = [pd.Timedelta(seconds=2 * number), pd.Timedelta(seconds=2 * number + 2)]
            connection.execute(
                work_chunks.update()
                .where(work_chunks.c.chunk_no == number)
                .values(started_at=begin + seconds[0], completed_at=begin + seconds[1])
            )
        connection.exec_driver_sql(
            "UPDATE tuning_sessions SET status = 'running', completed_strategies = 100, "
            "failed_strategies = 32"
        )
    told = read_status(completed)
    # the newest twenty chunks: nineteen of 20 and the last of 12, in 40 seconds
    assert told.rate == pytest.approx((19 * 20 + 12) / 40)
    assert told.eta_seconds == pytest.approx(300 / told.rate)


def test_top_is_sorted_and_leaves_out_failures(completed):
    frame = top(completed, 1000, all_names=True)
    values = frame["net_sharpe_ratio"]
    assert values.is_monotonic_decreasing
    assert len(frame) == completed.row.completed
    assert frame.index.tolist() == (-values).rank(method="dense").astype(int).tolist()
    assert frame.index.name == "rank"
    assert not set(frame["strategy_id"]) & set(failed_of(completed))
    assert list(frame.columns[:2]) == ["strategy_id", "factors"]
    assert set(METRIC_COLUMNS) <= set(frame.columns)
    assert len(top(completed, all_names=True)) == 10
    pd.testing.assert_frame_equal(top(completed, 5, all_names=True), frame.head(5))


def test_top_lists_distinct_results(completed):
    every = top(completed, 1000, all_names=True)
    frame = top(completed, 1000)
    assert list(frame.columns[:3]) == ["strategy_id", "n_strategies", "factors"]
    assert list(frame.columns.drop("n_strategies")) == list(every.columns)
    assert not frame.duplicated(METRIC_COLUMNS).any()
    assert len(frame) == len(every.drop_duplicates(METRIC_COLUMNS)) < len(every)
    assert frame["n_strategies"].sum() == len(every)
    assert frame["net_sharpe_ratio"].is_monotonic_decreasing
    assert frame.index.name == "rank"
    by_name = every.reset_index().set_index("strategy_id")
    assert frame.index.tolist() == by_name.loc[frame["strategy_id"], "rank"].tolist()
    assert len(top(completed)) == 10
    pd.testing.assert_frame_equal(top(completed, 5), frame.head(5))
    pd.testing.assert_frame_equal(completed.top(5, all_names=True), every.head(5))


def test_one_result_has_many_names_and_is_called_by_the_simplest(completed):
    results = hyperparameter_tuning_results
    names = top(completed, 40, all_names=True)["strategy_id"].tolist()
    with write_transaction(completed.engine) as connection:
        connection.execute(
            results.update()
            .where(results.c.strategy_id.in_(names))
            .values(dict.fromkeys(METRIC_COLUMNS, 99))
        )
    best = top(completed, 1).iloc[0]
    points = {name: completed.space.parse(name) for name in names}
    fewest = min(len(point.factors) for point in points.values())
    window = min(p.window_size for p in points.values() if len(p.factors) == fewest)
    simplest = [p for p in points.values() if (len(p.factors), p.window_size) == (fewest, window)]
    assert best["n_strategies"] == 40
    assert best["strategy_id"] in names
    assert len(json.loads(best["factors"])) == fewest
    assert best["window_size"] == window
    assert best["rebalance_frequency"] == max(p.rebalance_frequency for p in simplest)
    assert best_strategy_id(completed) == best["strategy_id"]
    for name in names[::13]:
        row = result_row(completed, name)
        assert (row["rank"], row["n_strategies"]) == (1, 40)
    rest = set(top(completed, 1000)["net_sharpe_ratio"])
    assert row["n_ranked"] == len(rest)


def test_of_equal_value_the_simplest_is_first(completed):
    with write_transaction(completed.engine) as connection:
        connection.exec_driver_sql(
            "UPDATE hyperparameter_tuning_results SET net_sharpe_ratio = 1.0 "
            "WHERE net_sharpe_ratio IS NOT NULL"
        )
    frame = top(completed, 1000)
    assert set(frame.index) == {1}
    n_factors = frame["factors"].map(json.loads).map(len)
    keys = list(zip(n_factors, frame["window_size"], -frame["rebalance_frequency"], strict=True))
    assert keys == sorted(keys)


def test_names_of_equal_value_are_ordered_by_strategy(completed):
    with write_transaction(completed.engine) as connection:
        connection.exec_driver_sql(
            "UPDATE hyperparameter_tuning_results SET net_sharpe_ratio = 1.0 "
            "WHERE net_sharpe_ratio IS NOT NULL"
        )
    names = top(completed, 1000, all_names=True)["strategy_id"].tolist()
    assert names == sorted(names)


def test_top_by_another_metric_and_direction(completed):
    frame = top(completed, 5, metric="max_drawdown")
    assert frame["max_drawdown"].is_monotonic_increasing  # its natural direction
    worst = top(completed, 5, metric="max_drawdown", direction="maximize")
    assert worst["max_drawdown"].iloc[0] >= frame["max_drawdown"].iloc[-1]
    assert top(completed, 3, direction="minimize")["net_sharpe_ratio"].is_monotonic_increasing
    assert top(completed, 3, metric="trade_count")["trade_count"].dtype.kind == "i"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "at least 1, got 0"),
        ({"metric": "luck"}, "unknown metric 'luck'; known are final_balance"),
        ({"metric": "strategy_id"}, "unknown metric"),
        ({"direction": "up"}, "maximize or minimize, got 'up'"),
        ({"metric": "oos_total_return"}, "no split_date"),
    ],
)
def test_impossible_questions(completed, options, message):
    with pytest.raises(ConfigError, match=message):
        top(completed, **options)


def test_one_strategy_with_its_rank(completed):
    frame = top(completed, 4)
    row = result_row(completed, frame["strategy_id"][3])
    assert row["rank"] == 3
    assert row["failure"] is None
    assert row["net_sharpe_ratio"] == frame["net_sharpe_ratio"][3]
    assert (row["start_date"], row["end_date"]) == ("2024-01-11", "2024-06-08")
    assert "pareto" not in row


def test_a_failed_strategy_tells_why_and_what_was_measured(completed):
    row = result_row(completed, failed_of(completed)[0])
    assert (row["failure"], row["rank"]) == ("insufficient_data", None)
    assert row["active_days"] < 30
    assert row["data_period"] == 140


def test_a_strategy_without_a_result(completed):
    with pytest.raises(SessionError, match=r"no result of 'SR_W1'; list the best with: mass-tun"):
        result_row(completed, "SR_W1")


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(export_rows, "_ROWS_AT_ONCE", 50)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("name", ["all.csv", "all.json", "all.parquet", "all.jsonl"])
def test_exports_hold_every_figure_exactly(completed, tmp_path, name):
    path = tmp_path / name
    assert export_results(completed, path) == 432
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("all")] == [name]
    frame = _read(path)
    rows = table_rows(completed, hyperparameter_tuning_results, "id")
    assert frame["strategy_id"].tolist() == [row["strategy_id"] for row in rows]
    for column in METRIC_COLUMNS:
        expected = np.array([np.nan if row[column] is None else row[column] for row in rows])
        np.testing.assert_array_equal(frame[column].to_numpy(dtype=float), expected)
    failures = {
        row.strategy_id: row.failure for row in frame.itertuples() if isinstance(row.failure, str)
    }
    assert failures == dict.fromkeys(failed_of(completed), "insufficient_data")
    assert "pareto" not in frame  # there is one objective
    for column in ("window_size", "selection_count", "data_period"):
        assert frame[column].tolist() == [row[column] for row in rows]
    assert frame["weight_method"].tolist() == [row["weight_method"] for row in rows]
    assert [json.loads(text) for text in frame["factors"]] == [
        json.loads(row["factors"]) for row in rows
    ]


def _read(path):
    if path.suffix == ".csv":
        frame = pd.read_csv(path, dtype=str)
        numbers = [name for name in frame if name in NUMBERS]
        frame[numbers] = frame[numbers].map(float)
        return frame
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])


@pytest.mark.usefixtures("small_batches")
def test_a_parquet_file_whose_first_batch_has_no_failure(completed, tmp_path):
    with write_transaction(completed.engine) as connection:
        connection.execute(
            sa.update(hyperparameter_tuning_results)
            .where(hyperparameter_tuning_results.c.id <= 60)
            .values(raw_result=None)
        )
    export_results(completed, tmp_path / "x.parquet")
    frame = pd.read_parquet(tmp_path / "x.parquet")
    assert frame["failure"][:60].isna().all()
    assert (frame["failure"] == "insufficient_data").any()


@pytest.mark.parametrize("file_format", ["csv", "json", "parquet"])
def test_a_session_without_results_exports_an_empty_file(make_session, tmp_path, file_format):
    session = make_session(size=20)
    path = tmp_path / "empty.out"
    assert export_results(session, path, file_format) == 0
    if file_format == "parquet":
        assert "strategy_id" in pd.read_parquet(path).columns
    elif file_format == "csv":
        assert path.read_text().startswith("strategy_id,factors")
    else:
        assert path.read_text() == ""
    assert top(session).empty


@pytest.mark.parametrize("name", ["x.csv", "x.json", "x.parquet", "x.xlsx"])
@pytest.mark.usefixtures("small_batches")
def test_a_failed_export_leaves_the_old_file(completed, tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_text("precious")
    batches = ExportedRows.batches

    def fail_later(rows):
        for number, batch in enumerate(batches(rows)):
            if number == 3:
                raise OSError(28, "No space left on device")
            yield batch

    monkeypatch.setattr(ExportedRows, "batches", fail_later)
    with pytest.raises(OSError, match="No space"):
        export_results(completed, path)
    assert path.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("x.")] == [name]


def test_impossible_exports(completed, tmp_path):
    with pytest.raises(ConfigError, match="of csv, json, parquet, xlsx, got 'xls'; give --for"):
        export_results(completed, tmp_path / "x.xls")
    with pytest.raises(ConfigError, match=r"folder .*nowhere does not exist"):
        export_results(completed, tmp_path / "nowhere" / "x.csv")
    with pytest.raises(ConfigError, match=r"needs several objectives, session_\w+ has only net_sh"):
        export_results(completed, tmp_path / "x.csv", selection=Selection(pareto=True))
    assert not (tmp_path / "x.csv").exists()


def test_questions_during_a_run(make_session):
    session = make_session()
    seen = []
    session.run(
        on_progress=lambda p: seen.append(
            (p.done, len(top(session, 999)), read_status(session).state)
        )
    )
    assert [done for done, *_ in seen] == [*range(20, 432, 20), 432]
    assert all(n <= done for done, n, _ in seen)
    assert {state for *_, state in seen} == {"running"}
