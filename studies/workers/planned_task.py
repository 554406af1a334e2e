"""Planned sessions: chunks of strategies that are known beforehand."""

import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from studies import queue
from studies.database import utc_now
from studies.outcomes import Outcome
from studies.planning import QUEUE_LIMIT
from studies.queue import Claim
from studies.sessions import add_totals, write_entry
from studies.workers.evaluation import CRASHES_BEFORE_FAILURE, Isolation, crash_failure, joined
from studies.workers.task import Task

if TYPE_CHECKING:
    from objectives import Batch
    from studies.workers.known_outcomes import KnownOutcomes

__all__ = ["PlannedTask"]


@dataclass
class PlannedTask(Task):
    """A chunk of design positions: looked up, else evaluated together, recorded together."""

    _isolation: Isolation | None = field(default=None, init=False, repr=False)

    def claim(self) -> Claim | None:
        """Claim the next chunk."""

        def transaction() -> Claim | None:
            with self.pacer.transaction() as connection:
                return self._claim_next(connection)

        return self.patience.retry(transaction)

    def evaluate(self, claim: Claim) -> Outcome:
        """Evaluate a chunk, but for what is known already."""
        return self._outcome(claim, self.session.design.indices(claim.start, claim.stop))

    def record(self, claim: Claim, outcome: Outcome, *, claim_next: bool = True) -> Claim | None:
        """Write a chunk: its state, results, queue rows, totals and trials, all or nothing."""
        session_id = self.session.row.session_id
        writer = self.session.row_writer
        rows = writer.prepare_results(outcome, self.objective.columns(outcome.indices))
        trials = self.session.study_writer.prepare(outcome)
        late_queue = self.session.row.total > QUEUE_LIMIT
        strategies = writer.prepare_queue(outcome.indices) if late_queue else []
        n_failed = int(outcome.failed.sum())
        n_completed = len(outcome.batch) - n_failed

        def transaction() -> Claim | None:
            with self.pacer.transaction() as connection:
                queue.settle(connection, claim, n_completed, n_failed)
                if late_queue and not writer.is_queued(connection, rows):
                    writer.insert_queue(connection, strategies, outcome.started, outcome)
                else:
                    writer.complete_queue(connection, rows, outcome)
                writer.insert_results(connection, rows, outcome)
                self._log_isolation(connection, claim)
                # all workers share this row, so it is locked as late as possible
                add_totals(connection, session_id, n_completed, n_failed)
                self.session.study_writer.append(connection, outcome, trials)
                return self._claim_next(connection) if claim_next else None

        return self.patience.retry(transaction)

    def release(self, claim: Claim) -> None:
        """Give a chunk back unfinished."""
        with self.pacer.transaction() as connection:
            queue.release(connection, claim)

    def _claim_next(self, connection: Connection) -> Claim | None:
        return queue.claim_next(
            connection, self.session.row.session_id, self.name, self.lease_seconds
        )

    def _outcome(
        self,
        claim: Claim,
        indices: npt.NDArray[np.int64],
        queued_ids: tuple[str, ...] | None = None,
    ) -> Outcome:
        """Evaluate the strategies of a chunk; one that workers die with fails."""
        started, began = utc_now(), time.perf_counter()
        cached, self._isolation = None, None
        if claim.crashes >= CRASHES_BEFORE_FAILURE and len(indices) == 1:
            batch = joined(self.objective, [crash_failure(claim)])
        else:
            batch, cached = self._measure(indices)
        return Outcome(
            indices=indices,
            positions=np.arange(claim.start, claim.stop),
            batch=batch,
            started=started,
            completed=utc_now(),
            seconds=time.perf_counter() - began,
            cached=cached,
            queued_ids=queued_ids,
        )

    def _measure(
        self, indices: npt.NDArray[np.int64]
    ) -> "tuple[Batch, npt.NDArray[np.bool_] | None]":
        """Measure strategies; also return which of them were looked up."""
        known = self.patience.retry(lambda: self._known.find(indices))
        return known.completed(indices, self._evaluate), known.found

    def _evaluate(self, indices: npt.NDArray[np.int64]) -> "Batch":
        batch, self._isolation = self.evaluator.evaluate_batch(indices)
        return batch

    @cached_property
    def _known(self) -> "KnownOutcomes":
        from studies.workers.known_outcomes import KnownOutcomes

        return KnownOutcomes(self.session, self.objective)

    def _log_isolation(self, connection: Connection, claim: Claim) -> None:
        """Note in the session's log that a batch was evaluated one by one, and why."""
        isolation = self._isolation
        if isolation is None:
            return
        write_entry(
            connection,
            claim.session_id,
            "WARNING",
            f"{isolation.n_strategies} strategies were evaluated one by one: together they ended "
            f"with {isolation.kind}",
            {
                "chunk": claim.chunk_no,
                "n_strategies": isolation.n_strategies,
                "failure": str(isolation.failure),
            },
        )
