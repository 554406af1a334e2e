"""Whether the strategies next to a strategy are good as well."""

import math
from dataclasses import dataclass

import numpy as np

from objectives.base import Objective
from search_spaces import one_step_neighbours
from search_spaces.errors import SpaceError

__all__ = ["Neighbours", "measure_neighbours"]


@dataclass(frozen=True)
class Neighbours:
    """Outcomes of the strategies that differ in one parameter by one step.

    Attributes
    ----------
    metric, direction : str
        The first optimised metric, and ``maximize`` or ``minimize``.
    n_neighbours : int
        How many there are, inside the space and its constraints.
    n_succeeded : int
        How many of them did not fail.
    own, median, worst : float
        The metric of the strategy itself, and over the neighbours that succeeded; NaN where
        there is none.
    threshold : float or None
        The value that the best 10 % of the space reach, as the caller gave it.
    n_reaching : int or None
        Neighbours that succeeded and are at least as good as ``threshold``; None without one.
    """

    metric: str
    direction: str
    n_neighbours: int
    n_succeeded: int
    own: float
    median: float
    worst: float
    threshold: float | None
    n_reaching: int | None

    @property
    def share_succeeded(self) -> float:
        """Part of the neighbours that did not fail; NaN where there is none."""
        return self.n_succeeded / self.n_neighbours if self.n_neighbours else math.nan

    @property
    def plateau(self) -> float | None:
        """Part of the neighbours that reach the threshold; None without one or the other."""
        if self.n_reaching is None or not self.n_neighbours:
            return None
        return self.n_reaching / self.n_neighbours


def measure_neighbours(
    objective: Objective, index: int, *, threshold: float | None = None
) -> Neighbours:
    """Evaluate the one-step neighbours of a strategy.

    Parameters
    ----------
    objective : Objective
        Its space says what a neighbour is (`search_spaces.one_step_neighbours`).
    index : int
        Lattice index of the strategy.
    threshold : float, optional
        A value of the first optimised metric, to count the neighbours that reach it.

    Returns
    -------
    Neighbours

    Raises
    ------
    SpaceError
        If the space is continuous or too large to be numbered, or ``index`` is not one of it.
    """
    metric, direction = next(iter(objective.directions.items()))
    near = one_step_neighbours(objective.space, index)
    batch = objective.evaluate(np.concatenate([[index], near]))
    own, *others = batch.objective[:, 0].tolist()
    reached = [x for x, reason in zip(others, batch.failure[1:], strict=True) if reason is None]
    larger = direction == "maximize"
    n_reaching = None
    if threshold is not None:
        n_reaching = sum(x >= threshold if larger else x <= threshold for x in reached)
    return Neighbours(
        metric=metric,
        direction=direction,
        n_neighbours=len(near),
        n_succeeded=len(reached),
        own=own,
        median=float(np.median(reached)) if reached else math.nan,
        worst=(min(reached) if larger else max(reached)) if reached else math.nan,
        threshold=threshold,
        n_reaching=n_reaching,
    )


def index_of(objective: Objective, params: object) -> int | None:
    """Return the lattice index of a strategy; None if it is no point of the objective's space."""
    try:
        return objective.space.index(params)
    except SpaceError:
        return None
