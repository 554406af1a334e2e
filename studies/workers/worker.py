"""The loop of a worker: claim, evaluate, record, claim the next.

Errors are of three kinds. A *strategy* that cannot be measured, raises, takes too long or crashes
its worker is recorded as failed. A *transient* error of the database (a lost connection, a held
lock) is waited for and tried again; ownership checks make that safe. Everything else is *fatal*
and raised.
"""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from studies.database import logged_suppress
from studies.outcomes import Outcome, sign_of
from studies.queue import Claim, LeaseKeeper, LostClaimError
from studies.sessions import StoredSession
from studies.workers.task import Task
from studies.workers.work_report import WorkReport

__all__ = ["Worker"]

_logger = logging.getLogger(__name__)


@dataclass
class Worker:
    """One process working on one session, a claim at a time.

    Use `studies.workers.make_worker`, which chooses the task of the session.

    Parameters
    ----------
    task : Task
        What is done with a claim.

    Attributes
    ----------
    held : Claim or None
        Chunk claimed for the next step.
    """

    task: Task
    held: Claim | None = None
    _keeper: LeaseKeeper | None = field(default=None, init=False, repr=False)

    @property
    def session(self) -> StoredSession:
        """The session worked on."""
        return self.task.session

    @property
    def name(self) -> str:
        """Name of the worker in its claims."""
        return self.task.name

    def step(self, *, claim_next: Callable[[], bool] = lambda: True) -> WorkReport:
        """Work on the claimed chunk, or claim one first.

        Parameters
        ----------
        claim_next : callable
            Asked when the chunk is recorded: claim the next one in the same transaction?

        Returns
        -------
        WorkReport
            Idle if nothing could be claimed.

        Raises
        ------
        MassTuningError, sqlalchemy.exc.DBAPIError
            Fatal; the chunk is given back where that is possible.
        """
        claim = self.held or self.task.claim()
        self.held = None
        if claim is None:
            return WorkReport(idle=True)
        try:
            if claim.finishing:
                with self._lease(claim):
                    self.held = self.task.finish(claim)
                return WorkReport()
            with self._lease(claim):
                outcome = self.task.evaluate(claim)
            self.held = self.task.record(claim, outcome, claim_next=claim_next())
        except LostClaimError as error:
            _logger.info("%s", error)
            return WorkReport()  # somebody else has it; their rows count
        except BaseException:
            self._give_back(claim)
            raise
        return self._report(outcome)

    def close(self) -> None:
        """Give back the chunk claimed for the next step, and the connections."""
        claim, self.held = self.held, None
        if claim is not None:
            self._give_back(claim)
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None
        self.task.close()

    def _give_back(self, claim: Claim) -> None:
        """Give a claim back where that is possible; where it is not, its lease runs out."""
        with logged_suppress(_logger, f"give chunk {claim.chunk_no} back"):
            self.task.release(claim)

    def _lease(self, claim: Claim) -> contextlib.AbstractContextManager[None]:
        """Renew the lease of a claim in the background."""
        if self._keeper is None:
            self._keeper = LeaseKeeper(self.session.engine, self.task.lease_seconds)
        return self._keeper.hold(claim)

    def _report(self, outcome: Outcome) -> WorkReport:
        n_failed = int(outcome.failed.sum())
        best_id, best_value, last_failure = None, float("nan"), None
        direction = next(iter(self.task.objective.directions.values()))
        values = outcome.batch.objective[:, 0]
        if not np.isnan(values).all():
            row = int(np.nanargmax(sign_of(direction) * values))
            best_value = float(values[row])
            best_id = outcome.ids(self.session.space, slice(row, row + 1))[0]
        if n_failed:
            last_failure = outcome.batch.failure[int(np.flatnonzero(outcome.failed)[-1])]
        return WorkReport(
            len(outcome.batch) - n_failed, n_failed, best_id, best_value, last_failure
        )
