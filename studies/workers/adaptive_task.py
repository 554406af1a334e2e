"""One worker of an adaptive session: Optuna's sampler proposes, the queue decides what counts.

A slot is a chunk of one position. The transaction that claims it also begins a trial for it, and
the transaction that settles it writes the result and ends the trial. So a trial is RUNNING
exactly as long as its slot is held, results and study cannot disagree, and after a crash there is
nothing to rebuild: whoever claims the slot next ends the trial of the dead worker as failed.
"""

import contextlib
import functools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import optuna
import sqlalchemy as sa
from optuna.exceptions import UpdateFinishedTrialError
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from search_spaces.errors import MassTuningError, SessionError, SpaceError
from studies import queue
from studies.database import database_error, retry_transient, utc_now
from studies.methods import SamplerContext, find_method
from studies.outcomes import Outcome
from studies.queue import Claim, LostClaimError
from studies.sessions import add_totals
from studies.trials import (
    RunningTrial,
    begin_trial,
    end_trial,
    open_optuna_storage,
    running_trials,
    study_id_of,
)
from studies.workers.evaluation import joined
from studies.workers.known_outcomes import KnownOutcomes
from studies.workers.worker import CRASHES_BEFORE_FAILURE, Worker

if TYPE_CHECKING:
    from objectives import Batch

__all__ = ["MAX_RAISED", "MAX_REJECTED", "AdaptiveWorker"]

MAX_REJECTED = 20
"""After so many proposals in a row that break a constraint, an allowed strategy is drawn."""

MAX_RAISED = 5
"""So many strategies raise before any was measured, and the objective is held to be broken."""

_DIED = "crashed: the worker died or lost its slot"
_RELEASED = "released: the run ended before the strategy was evaluated"

Result = TypeVar("Result")


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
class AdaptiveWorker(Worker):
    """One process that proposes, evaluates and records one strategy at a time.

    The sampler lives as long as the worker; its seed is made of the session's, the first slot
    claimed and how often that was claimed. A worker that is alone from the beginning repeats the
    same trials for the same seed.
    """

    _begun: _Begun = field(default=_Begun(None), init=False, repr=False)
    _sampler: optuna.samplers.BaseSampler | None = field(default=None, init=False, repr=False)
    _n_raised: float = field(default=0, init=False, repr=False)
    _connections: set[Any] = field(default_factory=set, init=False, repr=False)

    def claim(self) -> Claim | None:
        """Claim the next slot and begin its trial."""
        self._persist(lambda: self._study_id)  # asked for in the transaction

        def transaction() -> tuple[Claim | None, _Begun]:
            with self.pacer.transaction() as connection:
                return self._claim_slot(connection)

        claim, self._begun = self._persist(transaction)
        return claim

    def evaluate(self, claim: Claim) -> Outcome:
        """Let the sampler propose a strategy, and evaluate it, while a thread renews the lease."""
        started = utc_now()
        if self._begun.trial is None:
            raise SessionError(
                f"{claim.crashes} workers died with slot {claim.start} of {claim.session_id} "
                f"before {self.session.row.method} proposed a strategy; find out why (memory?), "
                "and go on with: mass-tuning execute --resume"
            )
        seconds = 0.0
        if self._begun.crashed:
            params = self.session.space.from_trial_params(self._begun.trial.params)
            index = self.session.space.index(params)
            reason = f"crashed: {claim.crashes} workers died while they evaluated it"
            batch = joined(self.objective, [reason])
        else:
            with self._lease(claim), self._letting_go(claim):
                index = self._propose(claim)
                began = time.perf_counter()
                batch = self._value(index)
                seconds = time.perf_counter() - began
                self._tell(None if batch.failure[0] else batch.objective[0].tolist())
        return Outcome(
            indices=np.array([index], dtype=np.int64),
            positions=np.array([claim.start], dtype=np.int64),
            batch=batch,
            started=started,
            completed=utc_now(),
            seconds=seconds,
        )

    def record(self, claim: Claim, outcome: Outcome, *, claim_next: bool = True) -> Claim | None:
        """Spend a slot: its state, result, totals and trial, all or nothing.

        The result of a strategy that the session has already is not written again.

        Returns
        -------
        Claim or None
            The next slot, its trial begun in the same transaction, if there was one to claim.

        Raises
        ------
        LostClaimError
            If the claim was lost meanwhile; nothing is written.
        """
        begun = self._begun
        assert begun.trial is not None
        trial_id = begun.trial.trial_id
        session_id = self.session.row.session_id
        recorder = self.session.row_writer
        rows = recorder.prepare_results(outcome)
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
                known = recorder.is_recorded(connection, rows)
                if not known:
                    recorder.insert_results(connection, rows, outcome)
                if known or begun.cached:
                    attributes["cached"] = True
                if not end_trial(connection, trial_id, values, attributes, outcome.completed):
                    raise LostClaimError(f"trial {trial_id} was ended by somebody else")
                return self._claim_slot(connection) if claim_next else (None, _Begun(None))

        with self._letting_go(claim):
            following, self._begun = self._persist(transaction)
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
                end_trial(connection, trial.trial_id, None, {"failure": _RELEASED})

    def close(self) -> None:
        """Give back the slot claimed for the next step, and the connections."""
        super().close()
        if "_storage" in self.__dict__:
            self._rdb_storage.engine.dispose()

    @contextlib.contextmanager
    def _letting_go(self, claim: Claim) -> Iterator[None]:
        """Give a slot back whose trial is lost: it is ours still if a stranger ended the trial."""
        try:
            yield
        except LostClaimError:
            with contextlib.suppress(Exception):  # its lease runs out
                self._persist(lambda: self.release(claim))
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
            end_trial(connection, trial.trial_id, None, {"failure": _DIED})
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

    def _propose(self, claim: Claim) -> int:
        """Let the sampler propose until a strategy obeys the constraints; return its index.

        What breaks one becomes a failed trial and does not spend the slot. A sampler that never
        finds an allowed one is given one: where constraints leave little of the space, that is
        what keeps the session going.
        """
        space = self.session.space
        n_rejected = 0
        while True:
            params = self._ask(claim)
            violated = space.violation(params)
            if violated is None:
                return space.index(params)
            n_rejected += 1
            fixed = self._drawn(claim) if n_rejected >= MAX_REJECTED else None
            self._tell(None)
            reject = functools.partial(self._reject, claim, f"constraint: {violated}", fixed)
            self._begun = self._persist(reject)

    def _drawn(self, claim: Claim) -> dict[str, Any]:
        """Draw an allowed strategy, by the seed and the slot."""
        space = self.session.space
        rng = np.random.default_rng([self.session.row.seed, claim.start, claim.attempt])
        params: dict[str, Any] = space.trial_params(space.params(int(rng.integers(space.size))))
        return params

    def _reject(self, claim: Claim, reason: str, fixed: dict[str, Any] | None) -> _Begun:
        """End the trial and begin another in the same slot, if the claim still holds."""
        trial = self._begun.trial
        assert trial is not None
        with self.pacer.transaction() as connection:
            held = queue.renew(connection, claim, self.lease_seconds)
            if not held or not end_trial(connection, trial.trial_id, None, {"failure": reason}):
                raise LostClaimError(f"slot {claim.start} of {claim.session_id} was taken over")
            return _Begun(begin_trial(connection, self._study_id, claim.start, fixed))

    def _ask(self, claim: Claim) -> Any:
        trial = self._begun.trial
        assert trial is not None
        if self._sampler is None:
            self._sampler = self._make_sampler(claim)

        def ask() -> Any:
            study = self._study()
            # so that the storage knows the trial; samplers that look at no other never read it
            self._storage.get_all_trials(self._study_id, deepcopy=False, states=())
            return self.session.space.suggest(optuna.trial.Trial(study, trial.trial_id))

        return self._sampling(ask)

    def _tell(self, values: list[float] | None) -> None:
        """Let the sampler learn from the end of a trial, as Optuna does before it writes it."""
        trial = self._begun.trial
        assert trial is not None
        assert self._sampler is not None
        sampler = self._sampler
        state = optuna.trial.TrialState.FAIL if values is None else optuna.trial.TrialState.COMPLETE

        def tell() -> None:
            frozen = self._storage.get_trial(trial.trial_id)
            sampler.after_trial(self._study(), frozen, state, values)

        self._sampling(tell)

    def _sampling(self, action: Callable[[], Result]) -> Result:
        """Do something with the sampler; wait for what passes, and say what failed."""

        def again(error: BaseException, attempt: int) -> None:
            self.pacer.close()
            self._roll_back()
            if "_rdb_storage" in self.__dict__:
                self._rdb_storage.remove_session()

        method = self.session.row.method
        try:
            return retry_transient(action, on_retry=again)
        except (DBAPIError, SessionError):
            raise
        except UpdateFinishedTrialError:
            raise LostClaimError("the trial was ended by another worker") from None
        except SpaceError as error:
            raise SessionError(
                f"the sampler {method} proposed a strategy outside the space: {error}"
            ) from error
        except MassTuningError:
            raise
        except Exception as error:
            behind = database_error(error)
            if behind is not None:
                raise behind from error
            study_id_of(self.session.engine, self.session.study_name)  # it may be deleted
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise SessionError(
                f"the sampler {method} failed ({reason}); change its options under "
                f"methods.{method}, or use another method in a new session"
            ) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """End what Optuna's connections had begun when they were interrupted.

        Interrupted in a commit it keeps the write lock of SQLite, which giving the slot back needs.
        """
        for connection in self._connections:
            with contextlib.suppress(Exception):
                connection.rollback()

    def _make_sampler(self, claim: Claim) -> optuna.samplers.BaseSampler:
        row = self.session.row
        context = SamplerContext(
            seed=row.seed,
            slot=claim.start,
            attempt=claim.attempt,
            space=self.session.space,
            directions=self.session.directions,
        )
        options = self.session.config.methods.options(row.method)
        return find_method(row.method).build(options, context)

    def _value(self, index: int) -> "Batch":
        """Look a strategy up, or evaluate it under the time limit of a strategy."""
        indices = np.array([index], dtype=np.int64)
        recorded = self._persist(lambda: self._recorded(indices))
        if recorded is not None:
            self._begun = _Begun(self._begun.trial, cached=True)
            return recorded
        batch = self._one_by_one(indices, self.session.config.execution.strategy_seconds)
        reason = batch.failure[0]
        if reason is None and np.isnan(batch.objective).any():
            return joined(self.objective, ["undefined_metric"])
        self._n_raised = self._n_raised + 1 if reason and reason.startswith("error:") else -math.inf
        if self._n_raised >= MAX_RAISED and self.session.refresh().completed == 0:
            # nothing has ever worked: not the strategies, what evaluates them is broken
            raise SessionError(f"the first {MAX_RAISED} strategies all raised; the last: {reason}")
        return batch

    def _recorded(self, indices: npt.NDArray[np.int64]) -> "Batch | None":
        """Look a strategy up; None if nothing is known of it."""
        known = self._known.find(indices)
        if known.found[0]:
            return known.batch
        # however it failed in this session before, it is not tried again
        (name,) = self.session.space.strategy_ids(indices)
        with self.session.engine.connect() as connection:
            failure = self.session.row_writer.failure_of(connection, name)
        return None if failure is None else joined(self.objective, [failure])

    def _study(self) -> optuna.Study:
        # a new one for every trial: a study remembers the trials it has read in this thread
        study = optuna.load_study(
            study_name=self.session.study_name, storage=self._storage, sampler=self._sampler
        )
        # Samplers that have tried everything stop the study, which must be in `optimize` for that.
        # What they propose from then on is looked up, and spends the slots that are left.
        study.stop = lambda: None  # type: ignore[method-assign]
        return study

    @cached_property
    def _study_id(self) -> int:
        return self.session.study_writer.study_id

    @cached_property
    def _known(self) -> KnownOutcomes:
        return self._persist(lambda: KnownOutcomes(self.session, own=True))

    @cached_property
    def _rdb_storage(self) -> optuna.storages.RDBStorage:
        storage = open_optuna_storage(self.session.engine)
        sa.event.listen(storage.engine, "checkout", lambda raw, *_: self._connections.add(raw))
        return storage

    @cached_property
    def _storage(self) -> optuna.storages.BaseStorage:
        # remembers finished trials, as the one that Optuna makes of a URL
        return optuna.storages.get_storage(self._rdb_storage)
