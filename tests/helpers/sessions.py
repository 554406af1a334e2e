"""Small sessions, what must hold of a finished one, and a process that breaks off at will."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa

from studies import Session, TuningConfig
from studies.database.tables import (
    hyperparameter_tuning_results,
    strategy_queue,
    work_chunks,
)
from studies.trials.running import SLOT
from tests.helpers import forks

PARAMETERS = {
    "factors": {"subsets": ["SR", "DD", "TR"], "max_size": 2},
    "window_size": {"choice": [5, 10, 20]},
    "rebalance_frequency": {"choice": [1, 7]},
    "data_period": {"choice": [10, 140]},
    "selection_count": {"choice": [3, 5]},
    "weight_method": {"choice": ["EQ", "IC", "FS"]},
}
"""432 strategies; those with data_period 140 have too few active days and fail."""

BACKTEST = {"start_date": "2024-01-11", "min_active_days": 30}
OWN_TABLES = (
    "tuning_sessions",
    "strategy_queue",
    "hyperparameter_tuning_results",
    "execution_log",
    "work_chunks",
)
RUN_COLUMNS = {"id", "session_id", "created_at", "execution_time"}
"""Columns of a result that differ between two runs of the same strategies."""


def make_config(url: str, **sections: Any) -> TuningConfig:
    """Configuration of a small session; sections replace the ones here.

    Strategies are evaluated even if another session of the database knows them: tests compare
    sessions with each other.
    """
    values: dict[str, Any] = {
        "database": url,
        "parameters": PARAMETERS,
        "backtest": BACKTEST,
        "execution": {"chunk_size": 20},
        **sections,
    }
    values["execution"] = {"reuse": False, **values["execution"]}
    return TuningConfig.from_mapping(values)


def table_rows(session: Session, table: sa.Table, *order: str) -> list[dict[str, Any]]:
    """Rows of a session in a table."""
    query = sa.select(table).where(table.c.session_id == session.row.session_id)
    with session.engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
    # not by the database, whose collation is its own affair
    return sorted(rows, key=lambda row: [row[name] for name in order])


def results_of(session: Session) -> list[dict[str, Any]]:
    """Results by strategy, without what differs between runs."""
    rows = table_rows(session, hyperparameter_tuning_results, "strategy_id")
    return [{k: v for k, v in row.items() if k not in RUN_COLUMNS} for row in rows]


def queue_of(session: Session) -> list[dict[str, Any]]:
    """Queue rows by strategy."""
    return table_rows(session, strategy_queue, "strategy_id")


def chunks_of(session: Session) -> list[dict[str, Any]]:
    """Chunks by number."""
    return table_rows(session, work_chunks, "chunk_no")


def url_of(session: Session) -> str:
    """URL of the session's database."""
    return session.engine.url.render_as_string(hide_password=False)


def stock_study(session: Session, name: str | None = None) -> optuna.Study:
    """The study as a plain Optuna script opens it; without a name that with the best."""
    return optuna.load_study(study_name=name or session.study_name, storage=url_of(session))


def check_completed(session: Session, results: list[dict[str, Any]]) -> None:
    """Assert that a session is completed, with these results and nothing lost or twice."""
    row = session.refresh()
    assert row.status == "completed"
    assert results_of(session) == results
    failed = {r["strategy_id"] for r in results if r["net_sharpe_ratio"] is None}
    assert (row.total, row.failed, row.completed) == (
        len(results),
        len(failed),
        len(results) - len(failed),
    )
    queue = queue_of(session)
    assert [q["strategy_id"] for q in queue] == [r["strategy_id"] for r in results]
    assert {q["strategy_id"] for q in queue if q["status"] == "failed"} == failed
    assert {q["status"] for q in queue} <= {"completed", "failed"}
    chunks = chunks_of(session)
    assert {chunk["state"] for chunk in chunks} == {"completed"}
    assert sum(chunk["completed_strategies"] for chunk in chunks) == row.completed
    assert sum(chunk["failed_strategies"] for chunk in chunks) == row.failed
    for name in session.studies.names:
        trials = stock_study(session, name).trials
        assert [trial.number for trial in trials] == list(range(len(trials)))
        ids = [trial.user_attrs["strategy_id"] for trial in trials]
        assert len(ids) == len(set(ids))
    if session.stores_all:
        assert set(ids) == {r["strategy_id"] for r in results}


def check_adaptive(session: Session, *, over: bool = True) -> list[optuna.trial.FrozenTrial]:
    """Assert that slots, results and study of an adaptive session agree; return the trials.

    With ``over`` also that every slot is spent and no trial is left running.
    """
    row = session.refresh()
    slots = [c for c in chunks_of(session) if c["position_start"] < c["position_stop"]]
    spent = {c["position_start"] for c in slots if c["state"] == "completed"}
    assert len(slots) == row.total
    assert row.completed + row.failed == len(spent)
    assert queue_of(session) == []
    trials = stock_study(session).trials
    assert [trial.number for trial in trials] == list(range(len(trials)))
    running = {t.system_attrs[SLOT] for t in trials if not t.state.is_finished()}
    assert running <= {c["position_start"] for c in slots if c["state"] == "running"}
    told = [t for t in trials if "strategy_id" in t.user_attrs]
    assert sorted(t.system_attrs[SLOT] for t in told) == sorted(spent)
    complete = [t for t in trials if t.state == optuna.trial.TrialState.COMPLETE]
    assert len(complete) == row.completed
    assert all("failure" in t.user_attrs for t in trials if t.state.name == "FAIL")
    results = {r["strategy_id"]: r for r in results_of(session)}
    assert set(results) == {t.user_attrs["strategy_id"] for t in told}
    for trial in told:
        space = session.space
        assert (
            space.strategy_id(space.from_trial_params(trial.params))
            == (trial.user_attrs["strategy_id"])
        )
        result = results[trial.user_attrs["strategy_id"]]
        values = [result[name] for name in session.directions]
        if trial.state.name == "COMPLETE":
            assert trial.values == values
        else:
            assert json.loads(result["raw_result"])["failure"] == trial.user_attrs["failure"]
    if over:
        assert row.status == "completed"
        assert len(spent) == row.total
        assert {c["state"] for c in chunks_of(session)} == {"completed"}
        assert running == set()
    return trials


class Nursery:
    """A process that has imported everything and forks a child for every job.

    A job breaks off by a signal to itself at its ``after``-th event: an SQL statement, a commit,
    a chunk evaluated or reported. Progress decides, never a clock.
    """

    def __init__(self) -> None:
        self._process = forks.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    def do(self, job: str, url: str, **options: Any) -> dict[str, Any]:
        """Do one job; return its exit code (negative: signal) and number of events."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps({"job": job, "url": url, **options}), file=self._process.stdin, flush=True)
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=30)
