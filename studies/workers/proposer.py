"""Asking an Optuna sampler for strategies, and telling it what became of them."""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import optuna
import sqlalchemy as sa
from optuna.exceptions import UpdateFinishedTrialError
from sqlalchemy.exc import DBAPIError

from search_spaces.errors import MassTuningError, SessionError, SpaceError
from studies import queue
from studies.database import database_error, logged_suppress
from studies.methods import SamplerContext, find_method
from studies.outcomes import Failure, FailureKind
from studies.queue import Claim, LostClaimError
from studies.sessions import StoredSession
from studies.trials import (
    RunningTrial,
    begin_trial,
    end_trial,
    open_optuna_storage,
    study_id_of,
)
from studies.workers.patience import Patience

__all__ = ["MAX_REJECTED", "Proposer"]

MAX_REJECTED = 20
"""Number of proposals in a row that break a constraint, after which a strategy is drawn."""

Result = TypeVar("Result")
_logger = logging.getLogger(__name__)


class Proposer:
    """Asks the sampler of an adaptive session; one for each worker.

    The sampler lives as long as the proposer; its seed is made of the session's, the first slot
    it proposes for and how often that was claimed. A worker that is alone from the beginning
    repeats the same trials for the same seed.

    Parameters
    ----------
    session : StoredSession
    lease_seconds : float
    patience : Patience
    """

    def __init__(self, session: StoredSession, lease_seconds: float, patience: Patience) -> None:
        self.session = session
        self.lease_seconds = lease_seconds
        self.patience = patience
        self._sampler: optuna.samplers.BaseSampler | None = None
        self._connections: set[Any] = set()

    def propose(self, claim: Claim, trial: RunningTrial) -> tuple[int, RunningTrial]:
        """Let the sampler propose until a strategy obeys the constraints.

        A proposal that breaks one becomes a failed trial and does not spend the slot. After
        `MAX_REJECTED` of them in a row each next trial is given a strategy that is drawn from the
        allowed ones: where constraints leave little of the space, that keeps the session going.

        Parameters
        ----------
        claim : Claim
            On the slot.
        trial : RunningTrial
            Begun for the slot.

        Returns
        -------
        int
            Lattice index of the strategy.
        RunningTrial
            The trial that proposes it: the one given, or a later one of the same slot.

        Raises
        ------
        LostClaimError
            If the slot was lost, or its trial ended by somebody else.
        SessionError
            If the sampler fails, or proposes a strategy outside the space.
        """
        space = self.session.space
        n_rejected = 0
        while True:
            params = self._ask(claim, trial)
            violated = space.violation(params)
            if violated is None:
                return space.index(params), trial
            n_rejected += 1
            fixed = self._draw(claim) if n_rejected >= MAX_REJECTED else None
            if fixed is not None:
                _logger.debug("slot %d: %d proposals rejected, drawing", claim.start, n_rejected)
            self.tell(trial, None)
            trial = self._reject(claim, trial, Failure(FailureKind.CONSTRAINT, violated), fixed)

    def tell(self, trial: RunningTrial, values: list[float] | None) -> None:
        """Let the sampler learn from the end of a trial, as Optuna does before it writes it.

        Parameters
        ----------
        trial : RunningTrial
        values : list of float or None
            Of the metrics; None if it failed.
        """
        assert self._sampler is not None
        sampler = self._sampler
        state = optuna.trial.TrialState.FAIL if values is None else optuna.trial.TrialState.COMPLETE

        def tell() -> None:
            frozen = self._storage.get_trial(trial.trial_id)
            sampler.after_trial(self._study(), frozen, state, values)

        self._sampling(tell)

    def close(self) -> None:
        """Give back the connections of Optuna's storage."""
        if "_storage" in self.__dict__:
            self._rdb_storage.engine.dispose()

    def _ask(self, claim: Claim, trial: RunningTrial) -> Any:
        if self._sampler is None:
            self._sampler = self._make_sampler(claim)

        def ask() -> Any:
            study = self._study()
            # so that the storage knows the trial; samplers that look at no other never read it
            self._storage.get_all_trials(self._study_id, deepcopy=False, states=())
            return self.session.space.suggest(optuna.trial.Trial(study, trial.trial_id))

        return self._sampling(ask)

    def _draw(self, claim: Claim) -> dict[str, Any]:
        """Draw an allowed strategy, by the seed and the slot."""
        space = self.session.space
        rng = np.random.default_rng([self.session.row.seed, claim.start, claim.attempt])
        params: dict[str, Any] = space.trial_params(space.params(int(rng.integers(space.size))))
        return params

    def _reject(
        self, claim: Claim, trial: RunningTrial, failure: Failure, fixed: dict[str, Any] | None
    ) -> RunningTrial:
        """End the trial and begin another in the same slot, if the claim still holds."""

        def transaction() -> RunningTrial:
            with self.patience.pacer.transaction() as connection:
                held = queue.renew(connection, claim, self.lease_seconds)
                attributes = {"failure": str(failure)}
                if not held or not end_trial(connection, trial.trial_id, None, attributes):
                    raise LostClaimError(f"slot {claim.start} of {claim.session_id} was taken over")
                return begin_trial(connection, self._study_id, claim.start, fixed)

        return self.patience.retry(transaction)

    def _sampling(self, action: Callable[[], Result]) -> Result:
        """Do something with the sampler; wait for what passes, and say what failed."""
        method = self.session.row.method
        try:
            return self.patience.retry(action, before_retry=self._begin_anew)
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

    def _begin_anew(self) -> None:
        self._roll_back()
        if "_rdb_storage" in self.__dict__:
            self._rdb_storage.remove_session()

    def _roll_back(self) -> None:
        """End what Optuna's connections had begun when they were interrupted.

        Interrupted in a commit it keeps the write lock of SQLite, which giving the slot back needs.
        """
        for connection in self._connections:
            with logged_suppress(_logger, "roll a connection of Optuna's back"):
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

    def _study(self) -> optuna.Study:
        # a new one for every trial: a study remembers the trials it has read in this thread
        study = optuna.load_study(
            study_name=self.session.study_name, storage=self._storage, sampler=self._sampler
        )
        # Samplers that have tried everything stop the study, which must be in `optimize` for that.
        # What they propose from then on is looked up, and spends the slots that are left.
        study.stop = lambda: None  # type: ignore[method-assign]
        return study

    @property
    def _study_id(self) -> int:
        return self.session.study_writer.study_id

    @cached_property
    def _rdb_storage(self) -> optuna.storages.RDBStorage:
        storage = open_optuna_storage(self.session.engine)
        sa.event.listen(storage.engine, "checkout", lambda raw, *_: self._connections.add(raw))
        return storage

    @cached_property
    def _storage(self) -> optuna.storages.BaseStorage:
        # remembers finished trials, as the one that Optuna makes of a URL
        return optuna.storages.get_storage(self._rdb_storage)
