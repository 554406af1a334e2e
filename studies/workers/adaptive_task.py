"""Adaptive sessions: Optuna's sampler proposes, the queue decides what counts.

A slot is a chunk of one position. The transaction that claims it also begins a trial for it, and
the transaction that settles it writes the result and ends the trial. So a trial is RUNNING
exactly as long as its slot is held, results and study cannot disagree, and after a crash there is
nothing to rebuild: whoever claims the slot next ends the trial of the dead worker as failed.
"""

import contextlib
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from sqlalchemy.engine import Connection

from search_spaces.errors import SessionError, SpaceError
from studies import queue
from studies.database import logged_suppress, utc_now
from studies.outcomes import Failure, FailureKind, Outcome
from studies.queue import Claim, LostClaimError
from studies.sessions import add_totals
from studies.trials import RunningTrial, begin_trial, end_trial, running_trials
from studies.workers.evaluation import CRASHES_BEFORE_FAILURE, crash_failure, joined
from studies.workers.known_outcomes import KnownOutcomes
from studies.workers.proposer import Proposer
from studies.workers.task import Task

if TYPE_CHECKING:
    from objectives import Batch

__all__ = ["MAX_RAISED", "AdaptiveTask"]

MAX_RAISED = 5
"""Number of strategies that raise before any was measured, from which the session stops."""

_DIED = Failure(FailureKind.CRASHED, "the worker died or lost its slot")
_RELEASED = Failure(FailureKind.RELEASED, "the run ended before the strategy was evaluated")

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Begun:
    """What was begun with a claim.

    Attributes
    ----------
    trial : RunningTrial or None
        None: workers crash with this slot before its trial has parameters.
    crashed : bool
        The trial is of dead workers, and its strategy is to fail.
    cached : bool
        The strategy was looked up.
    """

    trial: RunningTrial | None
    crashed: bool = False
    cached: bool = False


@dataclass
class AdaptiveTask(Task):
    """A slot: the sampler proposes one strategy, which is evaluated and recorded."""

    _begun: _Begun = field(default=_Begun(None), init=False, repr=False)
    _n_raised: float = field(default=0, init=False, repr=False)

    def claim(self) -> Claim | None:
        """Claim the next slot and begin its trial."""
        self.patience.retry(lambda: self._study_id)  # asked for in the transaction

        def transaction() -> tuple[Claim | None, _Begun]:
            with self.pacer.transaction() as connection:
                return self._claim_slot(connection)

        claim, self._begun = self.patience.retry(transaction)
        return claim

    def evaluate(self, claim: Claim) -> Outcome:
        """Let the sampler propose a strategy, evaluate it, and tell the sampler."""
        started = utc_now()
        trial = self._begun.trial
        if trial is None:
            raise SessionError(
                f"{claim.crashes} workers died with slot {claim.start} of {claim.session_id} "
                f"before {self.session.row.method} proposed a strategy; find out why (memory?), "
                "and go on with: mass-tuning execute --resume"
            )
        seconds = 0.0
        if self._begun.crashed:
            index = self.session.space.index(self.session.space.from_trial_params(trial.params))
            batch = joined(self.objective, [crash_failure(claim)])
        else:
            with self._letting_go(claim):
                index, trial = self.proposer.propose(claim, trial)
                self._begun = _Begun(trial)
                began = time.perf_counter()
                batch = self._value(index)
                seconds = time.perf_counter() - began
                values = None if batch.failure[0] else batch.objective[0].tolist()
                self.proposer.tell(trial, values)
        return Outcome(
            indices=np.array([index], dtype=np.int64),
            positions=np.array([claim.start], dtype=np.int64),
            batch=batch,
            started=started,
            completed=utc_now(),
            seconds=seconds,
        )

    def record(self, claim: Claim, outcome: Outcome, *, claim_next: bool = True) -> Claim | None:
        """Spend a slot: its state, result, totals and trial; begin the trial of the next slot.

        The result of a strategy that the session has already is not written again.
        """
        begun = self._begun
        assert begun.trial is not None
        trial_id = begun.trial.trial_id
        session_id = self.session.row.session_id
        writer = self.session.row_writer
        rows = writer.prepare_results(outcome, self.objective.columns(outcome.indices))
        trial = self.session.study_writer.prepare(outcome)
        assert trial is not None
        failed = bool(outcome.failed[0])
        values = None if failed else outcome.batch.objective[0].tolist()

        def transaction() -> tuple[Claim | None, _Begun]:
            with self.pacer.transaction() as connection:
                queue.settle(connection, claim, int(not failed), int(failed))
                # locks the session's row: workers with the same strategy come one by one
                add_totals(connection, session_id, int(not failed), int(failed))
                attributes = dict(trial.user_attrs[0])
                known = writer.is_recorded(connection, rows)
                if not known:
                    writer.insert_results(connection, rows, outcome)
                if known or begun.cached:
                    attributes["cached"] = True
                if not end_trial(connection, trial_id, values, attributes, outcome.completed):
                    raise LostClaimError(f"trial {trial_id} was ended by somebody else")
                return self._claim_slot(connection) if claim_next else (None, _Begun(None))

        with self._letting_go(claim):
            following, self._begun = self.patience.retry(transaction)
        return following

    def release(self, claim: Claim) -> None:
        """Give a slot back, and end its trial as failed."""
        begun = self._begun
        with self.pacer.transaction() as connection:
            hopeless = begun.trial is None and not claim.finishing
            if not queue.release(connection, claim, forget_crashes=hopeless):
                return
            if claim.finishing or begun.crashed:  # the next one fails the crashed strategy
                return
            for trial in running_trials(connection, self._study_id, claim.start):
                end_trial(connection, trial.trial_id, None, {"failure": str(_RELEASED)})

    def close(self) -> None:
        """Give back the connections, Optuna's too."""
        super().close()
        self.proposer.close()

    @cached_property
    def proposer(self) -> Proposer:
        """Asks the session's sampler."""
        return Proposer(self.session, self.lease_seconds, self.patience)

    @contextlib.contextmanager
    def _letting_go(self, claim: Claim) -> Iterator[None]:
        """Give a slot back whose trial is lost: it is ours still if a stranger ended the trial."""
        try:
            yield
        except LostClaimError:
            # if that fails, its lease runs out
            with logged_suppress(_logger, f"give slot {claim.start} back"):
                self.patience.retry(lambda: self.release(claim))
            raise

    def _claim_slot(self, connection: Connection) -> tuple[Claim | None, _Begun]:
        claim = queue.claim_next(
            connection, self.session.row.session_id, self.name, self.lease_seconds
        )
        if claim is None or claim.finishing:
            return claim, _Begun(None)
        left = []
        if claim.attempt > 1:
            left = running_trials(connection, self._study_id, claim.start)
        crashed = None
        if claim.crashes >= CRASHES_BEFORE_FAILURE and left and self._is_proposed(left[-1]):
            crashed = left.pop()
        for trial in left:
            end_trial(connection, trial.trial_id, None, {"failure": str(_DIED)})
        if claim.crashes >= CRASHES_BEFORE_FAILURE:
            return claim, _Begun(crashed, crashed=crashed is not None)
        return claim, self._begin(connection, claim)

    def _begin(self, connection: Connection, claim: Claim) -> _Begun:
        fixed = None
        first = self.session.slots.warm_start
        if claim.start < len(first):
            space = self.session.space
            fixed = space.trial_params(space.parse(first[claim.start]))
        return _Begun(begin_trial(connection, self._study_id, claim.start, fixed))

    def _is_proposed(self, trial: RunningTrial) -> bool:
        """Whether a trial has a whole strategy, one of the space."""
        try:
            params = self.session.space.from_trial_params(trial.params)
        except SpaceError:
            return False
        return self.session.space.violation(params) is None

    def _value(self, index: int) -> "Batch":
        """Look a strategy up, or evaluate it under the time limit of a strategy."""
        indices = np.array([index], dtype=np.int64)
        recorded = self.patience.retry(lambda: self._recorded(indices))
        if recorded is not None:
            self._begun = _Begun(self._begun.trial, cached=True)
            return recorded
        batch = self.evaluator.evaluate_each(indices)
        failure = None if batch.failure[0] is None else Failure.parse(batch.failure[0])
        if failure is None and np.isnan(batch.objective).any():
            return joined(self.objective, [Failure(FailureKind.UNDEFINED_METRIC)])
        raised = failure is not None and failure.kind is FailureKind.ERROR
        self._n_raised = self._n_raised + 1 if raised else -math.inf
        if self._n_raised >= MAX_RAISED and self.session.refresh().completed == 0:
            # nothing has ever worked: not the strategies, what evaluates them is broken
            raise SessionError(f"the first {MAX_RAISED} strategies all raised; the last: {failure}")
        return batch

    def _recorded(self, indices: npt.NDArray[np.int64]) -> "Batch | None":
        """Look a strategy up; None if nothing is known of it."""
        known = self._known.find(indices)
        if known.found[0]:
            return known.batch
        # however it failed in this session before, it is not tried again
        (name,) = self.session.space.strategy_ids(indices)
        with self.session.engine.connect() as connection:
            reason = self.session.row_writer.failure_of(connection, name)
        return None if reason is None else joined(self.objective, [Failure.parse(reason)])

    @cached_property
    def _study_id(self) -> int:
        return self.session.study_writer.study_id

    @cached_property
    def _known(self) -> KnownOutcomes:
        return self.patience.retry(lambda: KnownOutcomes(self.session, self.objective, own=True))
