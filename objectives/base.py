"""What a trial is worth: the interface between a search space and anything that searches it."""

import abc
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna

from search_spaces import SearchSpace, StrategyParams

__all__ = ["Batch", "Objective", "Points"]

Points = npt.NDArray[np.int64] | Sequence[int] | Sequence[StrategyParams]
"""Lattice indices of the space, or parameters themselves."""


@dataclass(frozen=True)
class Batch:
    """Outcome of several strategies.

    Attributes
    ----------
    names : tuple of str
        What was measured, in the order of the columns of ``values``.
    values : ndarray of float64, shape (n_strategies, n_metrics)
        NaN where a figure does not exist. Measured for failed strategies all the same, where
        they could be run at all.
    objective : ndarray of float64, shape (n_strategies, n_objectives)
        What a search optimises; NaN for a failed strategy.
    failure : tuple of (str or None), length n_strategies
        The reason of a failed strategy.
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    objective: npt.NDArray[np.float64]
    failure: tuple[str | None, ...]

    def __len__(self) -> int:
        return len(self.failure)

    @property
    def metrics(self) -> dict[str, npt.NDArray[np.float64]]:
        """Every figure by name, each of shape (n_strategies,)."""
        return dict(zip(self.names, self.values.T, strict=True))

    def row(self, position: int) -> dict[str, float | None]:
        """Figures of one strategy; None where a figure does not exist."""
        return {
            name: None if math.isnan(value) else value
            for name, value in zip(self.names, self.values[position].tolist(), strict=True)
        }


class Objective(abc.ABC):
    """A function over a search space, evaluated in batches or by an Optuna trial.

    Attributes
    ----------
    space : SearchSpace
        Where the points live.
    directions : dict of str to str
        The optimised metrics, in order, each ``maximize`` or ``minimize``.
    """

    space: SearchSpace
    directions: Mapping[str, str]

    @abc.abstractmethod
    def evaluate(self, points: Points) -> Batch:
        """Evaluate several points; one that cannot be measured is a failure, not an error."""

    @property
    @abc.abstractmethod
    def fingerprint(self) -> str:
        """Hex digest of everything but the point that decides the outcome."""

    @property
    def measurement_fingerprint(self) -> str:
        """Hex digest of everything but the point that decides the figures of a strategy.

        Objectives that differ only in what they optimise may share it, and then share figures.
        """
        return self.fingerprint

    def __call__(self, trial: optuna.trial.Trial) -> float | tuple[float, ...]:
        """Evaluate the point an Optuna trial suggests.

        Parameters
        ----------
        trial : optuna.trial.Trial
            Every parameter of the space is suggested from its distribution.

        Returns
        -------
        float or tuple of float
            The optimised metrics; NaN, which Optuna records as a failed trial, for a strategy
            that failed. User attributes: ``strategy_id``, ``metrics``, and ``failure`` if any.
        """
        params = self.space.suggest(trial)
        violated = self.space.violation(params)
        trial.set_user_attr("strategy_id", self.space.strategy_id(params))
        if violated is not None:
            trial.set_user_attr("failure", f"constraint: {violated}")
            return self._trial_value([math.nan] * len(self.directions))
        batch = self.evaluate([params])
        trial.set_user_attr("metrics", batch.row(0))
        if batch.failure[0] is not None:
            trial.set_user_attr("failure", batch.failure[0])
        return self._trial_value(batch.objective[0].tolist())

    def create_study(self, **options: Any) -> optuna.Study:
        """Create an Optuna study with the directions of this objective."""
        directions: list[Any] = list(self.directions.values())
        return optuna.create_study(directions=directions, **options)

    def _trial_value(self, values: list[float]) -> float | tuple[float, ...]:
        return values[0] if len(values) == 1 else tuple(values)
