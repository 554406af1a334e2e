"""What a worker does with a claim; there is one implementation for each kind of session."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from studies import queue
from studies.database import WritePacer
from studies.outcomes import Outcome
from studies.queue import Claim
from studies.sessions import StoredSession
from studies.workers.evaluation import Evaluator
from studies.workers.patience import OnWait, Patience
from studies.workers.session_end import close_session

if TYPE_CHECKING:
    from objectives import Objective

__all__ = ["Task"]


@dataclass
class Task(ABC):
    """What `Worker` calls in its loop: claim, evaluate and record, or finish, or release.

    A `Worker` renews the lease of the claim during :meth:`evaluate` and :meth:`finish`, and calls
    :meth:`release` when an error ends either.

    Parameters
    ----------
    session : StoredSession
    objective : Objective
    pacer : WritePacer
    lease_seconds : float
        Length of a lease.
    on_limit : callable, optional
        Called from a thread when a chunk exceeds its time limit where it cannot be interrupted
        (compiled code, or not in the main thread): a worker process ends itself.
    on_wait : callable, optional
        Called while the database is waited for (`studies.database.retry_transient`).
    name : str
        Of the worker, in its claims.
    """

    session: StoredSession
    objective: "Objective"
    pacer: WritePacer
    lease_seconds: float
    on_limit: Callable[[], None] | None = None
    on_wait: OnWait | None = None
    name: str = field(default_factory=queue.new_worker_name)

    @abstractmethod
    def claim(self) -> Claim | None:
        """Claim what is next; None if there is nothing to claim now."""

    @abstractmethod
    def evaluate(self, claim: Claim) -> Outcome:
        """Evaluate the strategies of a claim that is not the finishing one.

        Raises
        ------
        LostClaimError
            If the claim turned out to be lost.
        """

    @abstractmethod
    def record(self, claim: Claim, outcome: Outcome, *, claim_next: bool = True) -> Claim | None:
        """Write the outcome of a claim in one transaction, all or nothing.

        Parameters
        ----------
        claim : Claim
        outcome : Outcome
            What :meth:`evaluate` returned for this claim.
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

    @abstractmethod
    def release(self, claim: Claim) -> None:
        """Give a claim back unfinished; others may have it at once."""

    def finish(self, claim: Claim) -> Claim | None:
        """Deal with the finishing chunk: close the session.

        Returns
        -------
        Claim or None
            The next chunk, where there is more to do than it seemed.

        Raises
        ------
        LostClaimError
            If the claim was lost meanwhile.
        """
        close_session(self.session, claim, self.lease_seconds, self.patience)
        return None

    def close(self) -> None:
        """Give back the connections."""
        self.pacer.close()

    @cached_property
    def patience(self) -> Patience:
        """Retries what is done with the database."""
        return Patience(self.pacer, self.on_wait)

    @cached_property
    def evaluator(self) -> Evaluator:
        """Evaluates under the time limits of the session."""
        return Evaluator(self.session, self.objective, self.on_limit)
