"""Strategies evaluated together, and what they were worth."""

import datetime
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from search_spaces import SearchSpace

if TYPE_CHECKING:
    from objectives.base import Batch

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """Strategies evaluated together.

    Attributes
    ----------
    indices : ndarray of int64, shape (n_strategies,)
        Lattice indices.
    positions : ndarray of int64, shape (n_strategies,)
        Design positions.
    batch : Batch
        What they were worth.
    started, completed : datetime
        Naive UTC.
    seconds : float
        Time of the whole evaluation.
    cached : ndarray of bool, shape (n_strategies,), optional
        Which of them were looked up instead of evaluated (`studies.workers.known_outcomes`).
    queued_ids : tuple of str, optional
        Ids of the strategies where the queue has others than the space writes: an earlier system
        wrote them.
    """

    indices: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    batch: "Batch"
    started: datetime.datetime
    completed: datetime.datetime
    seconds: float
    cached: npt.NDArray[np.bool_] | None = None
    queued_ids: tuple[str, ...] | None = None

    @cached_property
    def failed(self) -> npt.NDArray[np.bool_]:
        """Which strategies failed, shape (n_strategies,)."""
        return np.array([reason is not None for reason in self.batch.failure], dtype=np.bool_)

    def ids(self, space: SearchSpace, rows: slice = slice(None)) -> list[str]:
        """Ids of the strategies, or of some of them, as they are recorded."""
        if self.queued_ids is not None:
            return list(self.queued_ids[rows])
        return space.strategy_ids(self.indices[rows])
