"""Evaluating strategies under time limits; one that raises or takes too long fails alone."""

import contextlib
import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from search_spaces.errors import MassTuningError, SessionError
from studies.outcomes import Failure, FailureKind
from studies.queue import Claim
from studies.sessions import StoredSession
from studies.workers.time_limit import TimeLimitError, time_limit

if TYPE_CHECKING:
    from objectives.base import Batch, Objective

__all__ = ["CRASHES_BEFORE_FAILURE", "Evaluator", "Isolation", "crash_failure", "joined"]

CRASHES_BEFORE_FAILURE = 3
"""Number of workers that died with a strategy alone in its chunk, from which it fails."""

_MOST_TRACEBACK = 4_000

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Isolation:
    """A batch that raised as a whole, so that its strategies were evaluated one by one.

    Attributes
    ----------
    failure : Failure
        Why the batch as a whole could not be evaluated.
    n_strategies : int
    """

    failure: Failure
    n_strategies: int

    @property
    def kind(self) -> str:
        """``timeout``, or the type of the exception."""
        if self.failure.kind is FailureKind.TIMEOUT:
            return str(self.failure.kind)
        return (self.failure.text or "").partition(":")[0]


@dataclass(frozen=True)
class Evaluator:
    """Evaluates strategies of a session under its time limits.

    Parameters
    ----------
    session : StoredSession
        Its ``execution`` settings say how long a chunk and a strategy may take.
    objective : Objective
    on_limit : callable, optional
        See `studies.workers.time_limit.time_limit`.
    """

    session: StoredSession
    objective: "Objective"
    on_limit: Callable[[], None] | None = None

    def evaluate_batch(self, indices: npt.NDArray[np.int64]) -> "tuple[Batch, Isolation | None]":
        """Evaluate strategies together; if that raises or takes too long, one by one.

        Parameters
        ----------
        indices : ndarray of int64, shape (n_strategies,)
            Lattice indices.

        Returns
        -------
        Batch
        Isolation or None
            Why they were evaluated one by one, if they were and there are several.

        Raises
        ------
        MassTuningError
            What the objective raises of this family is fatal, not a strategy's failure.
        SessionError
            See :meth:`evaluate_each`.
        """
        try:
            with self._limit(self.session.config.execution.chunk_seconds, len(indices)):
                return self.objective.evaluate(indices), None
        except TimeLimitError as error:
            failure = Failure(FailureKind.TIMEOUT, str(error))
        except MassTuningError:
            raise
        except Exception as error:
            failure = Failure.raised(error)
            _logger.debug("a batch raised", exc_info=True)
        n = len(indices)
        if n > 1:
            _logger.info("evaluating %d strategies one by one: %s", n, failure)
        return self.evaluate_each(indices), Isolation(failure, n) if n > 1 else None

    def evaluate_each(self, indices: npt.NDArray[np.int64]) -> "Batch":
        """Evaluate strategies one by one; one that raises or takes too long fails.

        Raises
        ------
        SessionError
            If there are several, all fail so, and the session has no completed strategy yet.
        """
        batches: list[Batch | Failure] = []
        tracebacks: dict[int, str] = {}
        for position in range(len(indices)):
            try:
                with self._limit(self.session.config.execution.strategy_seconds, 1):
                    batches.append(self.objective.evaluate(indices[position : position + 1]))
            except TimeLimitError as error:
                batches.append(Failure(FailureKind.TIMEOUT, str(error)))
            except MassTuningError:
                raise
            except Exception as error:
                batches.append(Failure.raised(error))
                tracebacks[position] = traceback.format_exc()[-_MOST_TRACEBACK:]
        failures = [batch for batch in batches if isinstance(batch, Failure)]
        if len(failures) == len(indices) > 1 and self.session.refresh().completed == 0:
            # nothing has ever worked: not the strategies, what evaluates them is broken
            raise SessionError(f"every strategy of a chunk raised; the first: {failures[0]}")
        return joined(self.objective, batches, tracebacks)

    def _limit(self, seconds: float, n_strategies: int) -> contextlib.AbstractContextManager[None]:
        """Limit a block to a number of seconds, or to the objective's own limits if longer."""
        return time_limit(max(seconds, self.objective.longest_seconds(n_strategies)), self.on_limit)


def crash_failure(claim: Claim) -> Failure:
    """Return the failure of a strategy whose workers died."""
    return Failure(FailureKind.CRASHED, f"{claim.crashes} workers died while they evaluated it")


def joined(
    objective: "Objective",
    batches: "Sequence[Batch | Failure]",
    tracebacks: Mapping[int, str] | None = None,
) -> "Batch":
    """Join batches of one strategy each, and failures of strategies that have none.

    Parameters
    ----------
    objective : Objective
    batches : sequence of Batch or Failure
    tracebacks : mapping of int to str, optional
        Of those failures that raised, by their place.
    """
    from objectives import Batch

    names = next((batch.names for batch in batches if isinstance(batch, Batch)), ())
    values = np.full((len(batches), len(names)), np.nan)
    values_objective = np.full((len(batches), len(objective.directions)), np.nan)
    reasons: list[str | None] = []
    details: dict[int, Mapping[str, Any]] = {
        position: {"traceback": text} for position, text in (tracebacks or {}).items()
    }
    for position, batch in enumerate(batches):
        if isinstance(batch, Batch):
            values[position], values_objective[position] = batch.values[0], batch.objective[0]
            reasons.append(batch.failure[0])
            details.update({position: batch.details[0]} if 0 in batch.details else {})
        else:
            reasons.append(str(batch))
    return Batch(names, values, values_objective, tuple(reasons), details)
