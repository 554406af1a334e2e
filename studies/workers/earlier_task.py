"""Sessions of an earlier system: what it left in the queue, row by row as it wrote them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from studies import queue
from studies.database import strategy_queue
from studies.outcomes import Outcome, RowWriter
from studies.queue import Claim
from studies.sessions import add_totals, mark_completed, queued_strategy
from studies.workers.planned_task import PlannedTask

if TYPE_CHECKING:
    from objectives import Batch

__all__ = ["EarlierTask"]


@dataclass
class EarlierTask(PlannedTask):
    """A chunk of row ids of the queue: its strategies evaluated and recorded under their own ids.

    There is no Optuna study, and nothing is looked up in other sessions.
    """

    def evaluate(self, claim: Claim) -> Outcome:
        """Evaluate the strategies of some rows of the queue."""
        rows = self.patience.retry(lambda: self._read(claim))
        space = self.objective.space
        indices = np.array(
            [space.index(queued_strategy(row.strategy_config)) for row in rows], dtype=np.int64
        )
        return self._outcome(claim, indices, tuple(row.strategy_id for row in rows))

    def _measure(self, indices: npt.NDArray[np.int64]) -> "tuple[Batch, None]":
        """Measure strategies; nothing is looked up."""
        return self._evaluate(indices), None

    def record(self, claim: Claim, outcome: Outcome, *, claim_next: bool = True) -> Claim | None:
        """Write a chunk: its state, results, queue rows and totals, all or nothing."""
        backtest = self.session.config.backtest
        writer = RowWriter(
            claim.session_id,
            self.objective.space,
            start_date=backtest["start_date"],
            end_date=backtest["end_date"],
        )
        rows = writer.prepare_results(outcome, self.objective.columns(outcome.indices))
        n_failed = int(outcome.failed.sum())
        n_completed = len(outcome.batch) - n_failed

        def transaction() -> Claim | None:
            with self.pacer.transaction() as connection:
                queue.settle(connection, claim, n_completed, n_failed)
                writer.insert_results(connection, rows, outcome)
                _complete_rows(connection, outcome)
                self._log_isolation(connection, claim)
                add_totals(connection, claim.session_id, n_completed, n_failed)
                return self._claim_next(connection) if claim_next else None

        return self.patience.retry(transaction)

    def finish(self, claim: Claim) -> Claim | None:
        """Close the session."""

        def close() -> None:
            with self.pacer.transaction() as connection:
                queue.settle(connection, claim, 0, 0)
                mark_completed(connection, claim.session_id)

        self.patience.retry(close)
        return None

    def _read(self, claim: Claim) -> list[Any]:
        table = strategy_queue.c
        query = sa.select(table.strategy_id, table.strategy_config).where(
            table.session_id == claim.session_id,
            table.id >= claim.start,
            table.id < claim.stop,
        )
        with self.session.engine.connect() as connection:
            return list(connection.execute(query.order_by(table.id)))


def _complete_rows(connection: Connection, outcome: Outcome) -> None:
    """Update the queue rows of a chunk, by their row ids: ids of strategies may be repeated."""
    connection.execute(
        strategy_queue.update()
        .where(strategy_queue.c.id == sa.bindparam("row"))
        .values(
            status=sa.bindparam("state"),
            error_message=sa.bindparam("reason"),
            started_at=outcome.started,
            completed_at=outcome.completed,
            execution_time_seconds=outcome.seconds / len(outcome.batch),
        ),
        [
            {"row": row_id, "reason": reason, "state": "completed" if reason is None else "failed"}
            for row_id, reason in zip(
                outcome.positions.tolist(), outcome.batch.failure, strict=True
            )
        ],
    )
