"""What one worker does: claim a chunk, evaluate it, record it in one transaction, claim the next.

Errors are of three kinds. A *strategy* that cannot be measured, raises, takes too long or crashes
its worker is recorded as failed. A *transient* error of the database (a lost connection, a held
lock) is waited for and tried again; fences make that safe. Everything else is *fatal* and raised.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import sqlalchemy as sa

from search_spaces.errors import MassTuningError, SessionError
from studies import queue
from studies.database import (
    WritePacer,
    create_result_indexes,
    retry_transient,
    tuning_sessions,
    utc_now,
)
from studies.outcomes import Outcome
from studies.planning import QUEUE_LIMIT
from studies.queue import Claim, LeaseKeeper, LostClaimError
from studies.sessions import StoredSession, mark_completed
from studies.workers.evaluation import joined
from studies.workers.time_limit import TimeLimitError, time_limit
from studies.workers.work_report import WorkReport

if TYPE_CHECKING:
    from objectives import Batch, Objective
    from studies.workers.known_outcomes import KnownOutcomes

__all__ = ["CRASHES_BEFORE_FAILURE", "Worker", "add_totals"]

CRASHES_BEFORE_FAILURE = 3
"""A strategy alone in its chunk fails when so many workers died with it."""

_INDEX_FROM = 100_000
"""Sessions of so many strategies build the secondary indexes when they finish."""
_FACE_BATCH = 100

Result = TypeVar("Result")


@dataclass
class Worker:
    """One process working on one session.

    Parameters
    ----------
    session : StoredSession
    objective : Objective
    pacer : WritePacer
    lease_seconds : float
    on_limit : callable, optional
        Called from a thread when a chunk exceeds its time limit where it cannot be interrupted
        (compiled code, or not in the main thread): a worker process ends itself.

    Attributes
    ----------
    held : Claim or None
        Chunk claimed for the next step.
    """

    session: StoredSession
    objective: "Objective"
    pacer: WritePacer
    lease_seconds: float
    on_limit: Callable[[], None] | None = None
    name: str = field(default_factory=queue.new_worker_name)
    held: Claim | None = None
    _keeper: LeaseKeeper | None = field(default=None, init=False, repr=False)

    def step(self, *, claim_next: Callable[[], bool] = lambda: True) -> WorkReport:
        """Work on the claimed chunk, or claim one first.

        Parameters
        ----------
        claim_next : callable
            Asked when the chunk is recorded: claim the next one in the same transaction?

        Returns
        -------
        WorkReport

        Raises
        ------
        MassTuningError, sqlalchemy.exc.DBAPIError
            Fatal; the chunk is given back where that is possible.
        """
        claim = self.held or self.claim()
        self.held = None
        if claim is None:
            return WorkReport(idle=True)
        try:
            if claim.finishing:
                self.finish(claim)
                return WorkReport()
            outcome = self.evaluate(claim)
            self.held = self.record(claim, outcome, claim_next=claim_next())
        except LostClaimError:
            return WorkReport()  # somebody else has it; their rows count
        except BaseException:
            with contextlib.suppress(Exception):
                self.release(claim)
            raise
        return self._report(outcome)

    def claim(self) -> Claim | None:
        """Claim the next chunk."""

        def transaction() -> Claim | None:
            with self.pacer.transaction() as connection:
                return queue.claim_next(
                    connection, self.session.row.session_id, self.name, self.lease_seconds
                )

        return self._persist(transaction)

    def evaluate(self, claim: Claim) -> Outcome:
        """Evaluate a chunk, but for what is known already, while a thread renews its lease."""
        indices = self.session.design.indices(claim.start, claim.stop)
        started, began = utc_now(), time.perf_counter()
        cached = None
        if claim.crashes >= CRASHES_BEFORE_FAILURE and len(indices) == 1:
            reason = f"crashed: {claim.crashes} workers died while they evaluated it"
            batch = joined(self.objective, [reason])
        else:
            with self._lease(claim):
                known = self._persist(lambda: self._known.find(indices))
                batch, cached = known.completed(indices, self._evaluate), known.found
        return Outcome(
            indices=indices,
            positions=np.arange(claim.start, claim.stop),
            batch=batch,
            started=started,
            completed=utc_now(),
            seconds=time.perf_counter() - began,
            cached=cached,
        )

    def record(self, claim: Claim, outcome: Outcome, *, claim_next: bool = True) -> Claim | None:
        """Write a chunk: its state, results, queue rows, totals and trials, all or nothing.

        Parameters
        ----------
        claim : Claim
        outcome : Outcome
            Of the strategies of the claim.
        claim_next : bool
            Claim the next chunk in the same transaction: one lock instead of two.

        Returns
        -------
        Claim or None
            The next chunk, if there was one to claim.

        Raises
        ------
        LostClaimError
            If the claim was lost meanwhile; nothing is written.
        """
        session_id = self.session.row.session_id
        recorder = self.session.row_writer
        rows = recorder.prepare_results(outcome, self.objective.columns(outcome.indices))
        trials = self.session.study_writer.prepare(outcome)
        late_queue = self.session.row.total > QUEUE_LIMIT
        strategies = recorder.prepare_queue(outcome.indices) if late_queue else []
        n_failed = int(outcome.failed.sum())
        n_completed = len(outcome.batch) - n_failed

        def transaction() -> Claim | None:
            with self.pacer.transaction() as connection:
                queue.settle(connection, claim, n_completed, n_failed)
                if late_queue and not recorder.is_queued(connection, rows):
                    recorder.insert_queue(connection, strategies, outcome.started, outcome)
                else:
                    recorder.complete_queue(connection, rows, outcome)
                recorder.insert_results(connection, rows, outcome)
                # all workers share this row, so it is locked as late as possible
                add_totals(connection, session_id, n_completed, n_failed)
                self.session.study_writer.append(connection, outcome, trials)
                if not claim_next:
                    return None
                return queue.claim_next(connection, session_id, self.name, self.lease_seconds)

        return self._persist(transaction)

    def finish(self, claim: Claim) -> None:
        """Close the session: the rest of the study's digest, indexes, status."""
        session_id, total = self.session.row.session_id, self.session.row.total
        with self._lease(claim):
            missing = self._persist(self._missing_best)
            for start in range(0, len(missing), _FACE_BATCH):
                batch = missing[start : start + _FACE_BATCH]
                self._persist(lambda batch=batch: self._append_best(claim, batch))  # type: ignore[misc]

            def close() -> None:
                with self.pacer.transaction() as connection:
                    queue.settle(connection, claim, 0, 0)
                    mark_completed(connection, session_id)
                    if total >= _INDEX_FROM:
                        create_result_indexes(connection)

            self._persist(close)

    def release(self, claim: Claim) -> None:
        """Give a chunk back unfinished."""
        with self.pacer.transaction() as connection:
            queue.release(connection, claim)

    def close(self) -> None:
        """Give back the chunk claimed for the next step, and the connection."""
        claim, self.held = self.held, None
        if claim is not None:
            with contextlib.suppress(Exception):  # its lease runs out
                self.release(claim)
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None
        self.pacer.close()

    @cached_property
    def _known(self) -> "KnownOutcomes":
        from studies.workers.known_outcomes import KnownOutcomes

        return KnownOutcomes(self.session, self.objective)

    def _missing_best(self) -> list[str]:
        with self.session.engine.connect() as connection:
            return self.session.study_writer.missing_best(connection)

    def _append_best(self, claim: Claim, strategy_ids: list[str]) -> None:
        face = self.session.study_writer
        with self.pacer.transaction() as connection:
            _require(connection, claim, self.lease_seconds)
            # asked again in the transaction: a repeated one finds nothing left to do
            present = face.present(connection)
            face.append_recorded(connection, [i for i in strategy_ids if i not in present])

    def _evaluate(self, indices: np.ndarray) -> "Batch":
        """Evaluate together; if that raises, one by one: a poisonous strategy fails alone."""
        limits = self.session.config.execution
        try:
            with time_limit(limits.chunk_seconds, self.on_limit):
                return self.objective.evaluate(indices)
        except MassTuningError as error:
            if not isinstance(error, TimeLimitError):
                raise
        except Exception:  # noqa: S110 (what it is, is found out below)
            pass
        return self._one_by_one(indices, limits.strategy_seconds)

    def _one_by_one(self, indices: np.ndarray, seconds: float) -> "Batch":
        batches: list[Batch | str] = []
        for position in range(len(indices)):
            try:
                with time_limit(seconds, self.on_limit):
                    batches.append(self.objective.evaluate(indices[position : position + 1]))
            except TimeLimitError as error:
                batches.append(f"timeout: {error}")
            except MassTuningError:
                raise
            except Exception as error:
                batches.append(f"error: {type(error).__name__}: {error}")
        reasons = [batch for batch in batches if isinstance(batch, str)]
        if len(reasons) == len(indices) > 1 and self.session.refresh().completed == 0:
            # nothing has ever worked: not the strategies, what evaluates them is broken
            raise SessionError(f"every strategy of a chunk raised; the first: {reasons[0]}")
        return joined(self.objective, batches)

    def _persist(self, action: Callable[[], Result]) -> Result:
        return retry_transient(action, on_retry=lambda error, attempt: self.pacer.close())

    def _lease(self, claim: Claim) -> contextlib.AbstractContextManager[None]:
        """Renew the lease of a claim in the background."""
        if self._keeper is None:
            self._keeper = LeaseKeeper(self.session.engine, self.lease_seconds)
        return self._keeper.hold(claim)

    def _report(self, outcome: Outcome) -> WorkReport:
        n_failed = int(outcome.failed.sum())
        best_id, best_value, last_failure = None, float("nan"), None
        direction = next(iter(self.objective.directions.values()))
        values = outcome.batch.objective[:, 0]
        if not np.isnan(values).all():
            row = int(np.nanargmax(values) if direction == "maximize" else np.nanargmin(values))
            best_value = float(values[row])
            best_id = self.session.space.strategy_ids(outcome.indices[row : row + 1])[0]
        if n_failed:
            last_failure = outcome.batch.failure[int(np.flatnonzero(outcome.failed)[-1])]
        return WorkReport(
            len(outcome.batch) - n_failed, n_failed, best_id, best_value, last_failure
        )


def _require(connection: sa.Connection, claim: Claim, lease_seconds: float) -> None:
    if not queue.renew(connection, claim, lease_seconds):
        raise LostClaimError(f"the end of {claim.session_id} was taken over by another worker")


def add_totals(connection: sa.Connection, session_id: str, n_completed: int, n_failed: int) -> None:
    """Count strategies in the session's row, which stays locked until commit."""
    connection.execute(
        tuning_sessions.update()
        .where(tuning_sessions.c.session_id == session_id)
        .values(
            completed_strategies=tuning_sessions.c.completed_strategies + n_completed,
            failed_strategies=tuning_sessions.c.failed_strategies + n_failed,
        )
    )
