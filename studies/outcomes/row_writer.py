"""How strategies become rows: the queue at ``generate``, results and queue states at completion."""

import datetime
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from search_spaces import SearchSpace
from studies.database import (
    METRIC_COLUMNS,
    OOS_METRIC_COLUMNS,
    execution_log,
    hyperparameter_tuning_results,
    insert_rows,
    one_of,
    placeholder,
    stored_time,
    strategy_queue,
)
from studies.outcomes.outcome import Outcome

if TYPE_CHECKING:
    pass

__all__ = ["RowWriter"]

_RESULTS = "hyperparameter_tuning_results"
_QUEUE = "strategy_queue"
_MOST_ENTRIES = 20
_METRICS = frozenset(METRIC_COLUMNS + OOS_METRIC_COLUMNS)
_WHOLE = frozenset(
    column.name for column in hyperparameter_tuning_results.c if isinstance(column.type, sa.Integer)
)


class RowWriter:
    """Writes the rows of one session in the caller's transactions.

    Parameters
    ----------
    session_id : str
    space : SearchSpace
    start_date, end_date : str
        Of the backtest, ISO; empty for other objectives.
    """

    def __init__(
        self, session_id: str, space: SearchSpace, *, start_date: str = "", end_date: str = ""
    ) -> None:
        self.session_id = session_id
        self.space = space
        self._dates = (start_date or None, end_date or None)

    def prepare_queue(self, indices: npt.NDArray[np.int64]) -> list[tuple[str, str]]:
        """Strategy ids and configurations (JSON) of lattice indices; the slow part, no database."""
        ids = self.space.strategy_ids(indices)
        return list(zip(ids, self._configurations(indices), strict=True))

    def insert_queue(
        self,
        connection: Connection,
        strategies: Sequence[tuple[str, str]],
        created: datetime.datetime,
        outcome: Outcome | None = None,
    ) -> None:
        """Write pending queue rows; with an outcome, rows that are completed already."""
        n = len(strategies)
        created_at = stored_time(connection, created)
        columns = ["session_id", "strategy_id", "strategy_config", "status", "created_at"]
        ids, configurations = zip(*strategies, strict=True)
        values: list[Sequence[Any]] = [
            [self.session_id] * n,
            ids,
            configurations,
            ["pending"] * n,
            [created_at] * n,
        ]
        if outcome is not None:
            columns += ["started_at", "completed_at", "execution_time_seconds", "error_message"]
            values[3] = ["failed" if bad else "completed" for bad in outcome.failed.tolist()]
            values += [
                [stored_time(connection, outcome.started)] * n,
                [stored_time(connection, outcome.completed)] * n,
                [outcome.seconds / n] * n,
                outcome.batch.failure,
            ]
        columns += ["priority", "retry_count"]
        values += [[0] * n, [0] * n]
        insert_rows(connection, _QUEUE, columns, list(zip(*values, strict=True)))

    def prepare_results(
        self, outcome: Outcome, parameters: Mapping[str, Sequence[Any]]
    ) -> "_ResultRows":
        """Arrange result rows as columns; the slow part, no database.

        Parameters
        ----------
        outcome : Outcome
        parameters : mapping of str to sequence, each of length n_strategies
            Values of the columns of parameters (`Objective.columns`). Without any, and where a
            figure has no column, ``raw_result`` holds parameters and figures.
        """
        n = len(outcome.batch)
        ids = outcome.ids(self.space)
        columns: dict[str, Sequence[Any]] = {
            "session_id": [self.session_id] * n,
            "strategy_id": ids,
        }
        columns.update(parameters)
        measured = outcome.batch.values.copy()
        measured[outcome.failed] = math.nan
        for name, values in zip(outcome.batch.names, measured.T, strict=True):
            if name in _METRICS:
                columns[name] = _nullable(values, whole=name in _WHOLE)
        columns["start_date"] = [self._dates[0]] * n
        columns["end_date"] = [self._dates[1]] * n
        columns["execution_time"] = [outcome.seconds / n] * n
        columns["raw_result"] = self._raw_results(
            outcome, whole=bool(parameters) and _METRICS.issuperset(outcome.batch.names)
        )
        return _ResultRows(columns, ids)

    def insert_results(self, connection: Connection, rows: "_ResultRows", outcome: Outcome) -> None:
        """Write the results of a chunk, one row a strategy, failed ones included."""
        created_at = stored_time(connection, outcome.completed)
        columns = [*rows.columns, "created_at"]
        values = [*rows.columns.values(), [created_at] * len(rows.ids)]
        insert_rows(connection, _RESULTS, columns, list(zip(*values, strict=True)))
        self._log_details(connection, rows, outcome)

    def is_queued(self, connection: Connection, rows: "_ResultRows") -> bool:
        """Whether the strategies have queue rows: those of a chunk all have, or none."""
        known = sa.select(strategy_queue.c.id).where(
            strategy_queue.c.session_id == self.session_id,
            strategy_queue.c.strategy_id == rows.ids[0],
        )
        return connection.execute(known).first() is not None

    def is_recorded(self, connection: Connection, rows: "_ResultRows") -> bool:
        """Whether the session has a result of the first strategy."""
        known = sa.select(hyperparameter_tuning_results.c.id).where(*self._result(rows.ids[0]))
        return connection.execute(known).first() is not None

    def failure_of(self, connection: Connection, strategy_id: str) -> str | None:
        """Why a strategy of the session failed; None if it did not, or has no result."""
        recorded = sa.select(hyperparameter_tuning_results.c.raw_result).where(
            *self._result(strategy_id)
        )
        raw = connection.execute(recorded).scalar()
        failure: str | None = json.loads(raw).get("failure") if raw else None
        return failure

    def complete_queue(self, connection: Connection, rows: "_ResultRows", outcome: Outcome) -> None:
        """Update the queue rows of a chunk: completed, or failed with the reason."""
        chosen, ids = one_of(connection, rows.ids)
        place = placeholder(connection)
        connection.exec_driver_sql(
            f"UPDATE {_QUEUE} SET status = 'completed', started_at = {place}, "  # noqa: S608
            f"completed_at = {place}, execution_time_seconds = {place}, error_message = NULL "
            f"WHERE session_id = {place} AND strategy_id {chosen}",
            (
                stored_time(connection, outcome.started),
                stored_time(connection, outcome.completed),
                outcome.seconds / len(rows.ids),
                self.session_id,
                ids,
            ),
        )
        failures = [
            {"key": strategy_id, "reason": reason}
            for strategy_id, reason in zip(rows.ids, outcome.batch.failure, strict=True)
            if reason is not None
        ]
        if failures:
            connection.execute(
                strategy_queue.update()
                .where(
                    strategy_queue.c.session_id == self.session_id,
                    strategy_queue.c.strategy_id == sa.bindparam("key"),
                )
                .values(status="failed", error_message=sa.bindparam("reason")),
                failures,
            )

    def _log_details(self, connection: Connection, rows: "_ResultRows", outcome: Outcome) -> None:
        """Note in the session's log what a batch says of single strategies beside their figures."""
        chosen = sorted(outcome.batch.details.items())
        entries: list[dict[str, str | None]] = [
            {
                "strategy_id": rows.ids[row],
                "message": outcome.batch.failure[row] or "measured at another try",
                "details": json.dumps(dict(details)),
            }
            for row, details in chosen[:_MOST_ENTRIES]
        ]
        if len(chosen) > _MOST_ENTRIES:
            n_more = len(chosen) - _MOST_ENTRIES
            more = f"{n_more} more strategies evaluated at the same time had such entries"
            entries.append({"strategy_id": None, "message": more, "details": "{}"})
        if entries:
            connection.execute(
                execution_log.insert().values(
                    session_id=self.session_id, log_level="WARNING", created_at=outcome.completed
                ),
                entries,
            )

    def _result(self, strategy_id: str) -> tuple[sa.ColumnElement[bool], ...]:
        results = hyperparameter_tuning_results.c
        return results.session_id == self.session_id, results.strategy_id == strategy_id

    def _configurations(self, indices: npt.NDArray[np.int64]) -> list[str]:
        digits = self.space.digits(indices)
        texts: Any = "{"
        for position, parameter in enumerate(self.space.parameters):
            pieces = np.empty(len(parameter.finite_values()), dtype=object)
            comma = ", " if position else ""
            pieces[:] = [
                f"{comma}{json.dumps(parameter.name)}: {json.dumps(value)}"
                for value in parameter.finite_values()
            ]
            texts = texts + pieces[digits[:, position]]
        return list((texts + "}").tolist())

    def _raw_results(self, outcome: Outcome, *, whole: bool) -> list[str | None]:
        """Write what columns do not hold: reason and figures of failures; all, if not whole."""
        batch = outcome.batch
        raw: list[str | None] = [None] * len(batch)
        for row in np.flatnonzero(outcome.failed).tolist():
            raw[row] = json.dumps({"failure": batch.failure[row], "metrics": batch.row(row)})
        if not whole:
            for row, params in enumerate(self._configurations(outcome.indices)):
                document = {"params": json.loads(params), "metrics": batch.row(row)}
                if batch.failure[row] is not None:
                    document["failure"] = batch.failure[row]
                raw[row] = json.dumps(document)
        return raw


@dataclass(frozen=True)
class _ResultRows:
    columns: dict[str, Sequence[Any]]
    ids: list[str]


def _nullable(values: npt.NDArray[np.float64], *, whole: bool) -> list[float | None]:
    """Plain numbers, None where there is none; counts as int."""
    missing = np.isnan(values)
    plain = np.where(missing, 0.0, values)
    listed: list[float | None] = (plain.astype(np.int64) if whole else plain).tolist()
    for row in np.flatnonzero(missing).tolist():
        listed[row] = None
    return listed
