"""Rows of results and queue, against the objective itself."""

import datetime
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from objectives import Batch
from objectives.base import Objective
from search_spaces import SearchSpace
from studies.database.tables import METRIC_COLUMNS, hyperparameter_tuning_results, strategy_queue
from studies.database.transactions import write_transaction
from studies.outcomes.outcome import Outcome
from studies.outcomes.row_writer import RowWriter
from tests.helpers.sessions import results_of, table_rows

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)


def prepared(writer, outcome):
    """Result rows of an outcome, as a worker prepares them."""
    columns = Objective.columns(SimpleNamespace(space=writer.space), outcome.indices)
    return writer.prepare_results(outcome, columns)


def outcome_of(indices, batch):
    return Outcome(
        indices=np.asarray(indices),
        positions=np.arange(len(batch)),
        batch=batch,
        started=NOW,
        completed=NOW + datetime.timedelta(seconds=2),
        seconds=2.0,
    )


def write(engine, recorder, outcome):
    rows = prepared(recorder, outcome)
    with write_transaction(engine) as connection:
        recorder.insert_queue(connection, recorder.prepare_queue(outcome.indices), NOW)
        recorder.complete_queue(connection, rows, outcome)
        recorder.insert_results(connection, rows, outcome)


def rows_in(engine, table):
    with engine.connect() as connection:
        return [dict(row._mapping) for row in connection.execute(table.select())]


def test_results_are_what_the_objective_says(completed):
    objective = completed.objective()
    for row in results_of(completed)[::13]:
        params = completed.space.parse(row["strategy_id"])
        assert json.loads(row["factors"]) == list(params.factors)
        for name in ("window_size", "rebalance_frequency", "data_period", "selection_count"):
            assert row[name] == getattr(params, name)
        assert row["weight_method"] == params.weight_method
        result = objective.run(params)
        figures = row
        if result.failure:
            told = json.loads(row["raw_result"])
            assert told["failure"] == result.failure
            assert all(row[name] is None for name in METRIC_COLUMNS)
            figures = told["metrics"]
        else:
            assert row["raw_result"] is None
        for name in METRIC_COLUMNS:
            expected = result.metrics[name]
            if expected is None:
                assert figures[name] is None
            else:
                assert figures[name] == pytest.approx(expected, rel=1e-12)


def test_counts_are_stored_as_integers(completed):
    row = next(r for r in results_of(completed) if r["net_sharpe_ratio"] is not None)
    for name in ("trade_count", "open_positions", "profit_days", "active_days"):
        assert isinstance(row[name], int)


def test_times_are_those_of_the_chunk(completed):
    rows = table_rows(completed, hyperparameter_tuning_results)
    queue = {row["strategy_id"]: row for row in table_rows(completed, strategy_queue)}
    for row in rows[::29]:
        queued = queue[row["strategy_id"]]
        assert row["created_at"] == queued["completed_at"]
        assert row["execution_time"] == queued["execution_time_seconds"] > 0
        assert queued["created_at"] <= queued["started_at"] <= queued["completed_at"]


def test_every_kind_of_failure_and_value(completed, engine):
    space = completed.space
    names = ("net_sharpe_ratio", "total_return", "unknown_to_the_table")
    batch = Batch(
        names,
        np.array([[1.5, math.nan, 9.0], [2.5, math.inf, 9.0], [math.nan, 0.1, math.nan]]),
        np.array([[1.5], [2.5], [math.nan]]),
        (None, None, 'error: "quoted" 因子 %s ?'),
    )
    recorder = RowWriter("s", space, start_date="2024-01-01")
    write(engine, recorder, outcome_of([3, 4, 5], batch))
    first, second, third = rows_in(engine, hyperparameter_tuning_results)
    assert (first["net_sharpe_ratio"], first["total_return"]) == (1.5, None)
    assert (second["net_sharpe_ratio"], second["total_return"]) == (2.5, math.inf)
    assert (third["net_sharpe_ratio"], third["total_return"]) == (None, None)
    told = json.loads(third["raw_result"])
    assert told["failure"] == 'error: "quoted" 因子 %s ?'
    assert told["metrics"]["total_return"] == 0.1
    assert json.loads(first["raw_result"])["metrics"]["unknown_to_the_table"] == 9.0
    assert (first["start_date"], first["end_date"]) == ("2024-01-01", None)
    assert first["created_at"] == NOW + datetime.timedelta(seconds=2)
    assert first["execution_time"] == pytest.approx(2 / 3)
    queue = rows_in(engine, strategy_queue)
    assert [row["status"] for row in queue] == ["completed", "completed", "failed"]
    assert queue[2]["error_message"] == 'error: "quoted" 因子 %s ?'
    assert [row["strategy_id"] for row in queue] == space.strategy_ids(np.array([3, 4, 5]))


def test_a_retried_strategy_loses_its_old_reason(completed, engine):
    recorder = RowWriter("s", completed.space)
    names, value = ("net_sharpe_ratio",), np.array([[1.0]])
    failed = outcome_of([3], Batch(names, value, np.array([[math.nan]]), ("insufficient_data",)))
    write(engine, recorder, failed)
    better = outcome_of([3], Batch(names, value, value, (None,)))
    with write_transaction(engine) as connection:
        recorder.complete_queue(connection, prepared(recorder, better), better)
    (row,) = rows_in(engine, strategy_queue)
    assert (row["status"], row["error_message"]) == ("completed", None)


def test_a_space_of_other_parameters_is_kept_as_json(engine):
    space = SearchSpace.from_config(
        {"parameters": {"alpha": {"choice": [0.1, 0.2]}, "kind": {"choice": ["a", "b", None]}}}
    )
    batch = Batch(("profit",), np.array([[7.0], [8.0]]), np.array([[7.0], [math.nan]]), (None, "x"))
    write(engine, RowWriter("s", space), outcome_of([2, 5], batch))
    first, second = rows_in(engine, hyperparameter_tuning_results)
    assert [row["strategy_id"] for row in (first, second)] == ["P2", "P5"]
    assert first["factors"] is first["window_size"] is None
    assert json.loads(first["raw_result"]) == {
        "params": space.params(2),
        "metrics": {"profit": 7.0},
    }
    assert json.loads(second["raw_result"])["failure"] == "x"
    queue = rows_in(engine, strategy_queue)
    assert [json.loads(row["strategy_config"]) for row in queue] == [
        space.params(2),
        space.params(5),
    ]


def test_sessions_share_the_tables_without_mixing(completed, engine):
    batch = Batch(("net_sharpe_ratio",), np.ones((1, 1)), np.ones((1, 1)), (None,))
    for name in ("a", "b"):
        recorder = RowWriter(name, completed.space)
        with write_transaction(engine) as connection:
            recorder.insert_queue(connection, recorder.prepare_queue(np.array([7])), NOW)
    outcome = outcome_of([7], batch)
    recorder = RowWriter("a", completed.space)
    with write_transaction(engine) as connection:
        recorder.complete_queue(connection, prepared(recorder, outcome), outcome)
    status = {row["session_id"]: row["status"] for row in rows_in(engine, strategy_queue)}
    assert status == {"a": "completed", "b": "pending"}
