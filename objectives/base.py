"""What a trial is worth: the interface between a search space and anything that searches it."""

import abc
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna

from objectives.market.panel import ReturnPanel
from objectives.settings import BacktestSettings
from search_spaces import FactorSpace, SearchSpace

__all__ = ["Batch", "DailyReturns", "Objective", "Points"]

Points = npt.NDArray[np.int64] | Sequence[int] | Sequence[Any]
"""Lattice indices of the space, or parameters as its ``params`` returns them."""


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
    details : mapping of int to mapping
        By row, what else is worth a line of the session's log, as plain values: the traceback of
        what raised, or how a program of the user's own ended.
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    objective: npt.NDArray[np.float64]
    failure: tuple[str | None, ...]
    details: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.failure)

    @property
    def metrics(self) -> dict[str, npt.NDArray[np.float64]]:
        """Every figure by name, each of shape (n_strategies,)."""
        return dict(zip(self.names, self.values.T, strict=True))

    def row(self, ordinal: int) -> dict[str, float | None]:
        """Figures of one strategy of the batch; None where a figure does not exist."""
        return {
            name: None if math.isnan(value) else value
            for name, value in zip(self.names, self.values[ordinal].tolist(), strict=True)
        }


@dataclass(frozen=True)
class DailyReturns:
    """What several strategies earned day by day.

    Attributes
    ----------
    dates : ndarray of datetime64[D], shape (n_days,)
        The days at whose close the changes are known.
    net : ndarray of float32, shape (n_strategies, n_days)
        Change of wealth as a fraction of the wealth at the close of the day before, fees included.
        NaN in every day of a strategy that cannot be measured at all.
    exposure : ndarray of float32, shape (n_strategies, n_days), or None
        What was held over the day on each exchange, as a fraction of the same wealth. None where
        the objective does not know it; then nothing can be compared with the basket.
    basket : ndarray of float32, shape (n_strategies or 1, n_days), or None
        Mean return of the pairs that each strategy could choose from, without fees.
    failed : ndarray of bool, shape (n_strategies,)
        Which of them `Objective.evaluate` counts as failed: a search never returns those.
    """

    dates: npt.NDArray[np.datetime64]
    net: npt.NDArray[np.float32]
    failed: npt.NDArray[np.bool_]
    exposure: npt.NDArray[np.float32] | None = None
    basket: npt.NDArray[np.float32] | None = None

    @property
    def excess(self) -> npt.NDArray[np.float32] | None:
        """What is left of ``net`` without the same exposure to the basket; same shape."""
        if self.exposure is None or self.basket is None:
            return None
        return np.asarray(self.net - self.exposure * self.basket)


class Objective(abc.ABC):
    """A function over a search space, evaluated in batches or by an Optuna trial.

    An implementation gives `names`, `evaluate` and `fingerprint`, and sets the attributes; the
    rest has defaults that are right for an objective whose results are never reused.
    ``tests/objectives/objective_contract.py`` holds the tests that every one passes.

    Attributes
    ----------
    space : SearchSpace
        Where the points live.
    panel : ReturnPanel
        The market.
    settings : BacktestSettings
        Period and money rules of the evaluation.
    directions : dict of str to str
        The optimised metrics, in order, each ``maximize`` or ``minimize``; they are among
        `names`.
    """

    space: SearchSpace
    panel: "ReturnPanel"
    settings: BacktestSettings
    directions: Mapping[str, str]

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """The figures that `evaluate` measures, in the order of the columns of its batches."""

    @abc.abstractmethod
    def evaluate(self, points: Points) -> Batch:
        """Evaluate several points; one that cannot be measured is a failure, not an error.

        Parameters
        ----------
        points : ndarray of int64 or sequence, length n_strategies
            Lattice indices of the space, or parameters. Order and grouping never change a result.

        Returns
        -------
        Batch of n_strategies
        """

    @property
    @abc.abstractmethod
    def fingerprint(self) -> str:
        """Hex digest of everything but the point that decides the outcome."""

    @property
    def measurement_fingerprint(self) -> str:
        """Hex digest of everything but the point that decides the figures of a strategy.

        Objectives that share it share figures by strategy id, even if they optimise different
        metrics. It must therefore cover the space, unless an id means the same strategy in every
        space: ids ``P{index}`` do not, those of a `FactorSpace` do.
        """
        return self.fingerprint

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences a researcher should know before believing a result."""
        return ()

    @property
    def unmeasurable(self) -> Mapping[str, tuple[Any, ...]]:
        """Values of parameters that this market cannot measure at all, by parameter name."""
        return {}

    @property
    def n_distinct(self) -> int | None:
        """Strategies of the space that are distinct by construction; None where nobody knows.

        Strategies are not distinct if it follows from the market and the settings alone that
        they do the same on every day.
        """
        return None

    def may_succeed(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Say which strategies do not fail for certain, before any is evaluated.

        Parameters
        ----------
        indices : ndarray of int64, shape (n_strategies,)
            Lattice indices.

        Returns
        -------
        ndarray of bool, shape (n_strategies,)
            By default all of them.
        """
        return np.ones(len(indices), dtype=np.bool_)

    def daily_returns(self, points: Points) -> DailyReturns | None:
        """Return what strategies earned day by day, which the verdict on luck is made of.

        Parameters
        ----------
        points : ndarray of int64 or sequence, length n_strategies
            As for `evaluate`.

        Returns
        -------
        DailyReturns of n_strategies or None
            By default None: the objective does not say, and nothing can be judged.
        """
        return None

    def holdings(self, point: Any, day: int) -> npt.NDArray[np.float64] | None:
        """Return what a strategy holds over a day.

        Parameters
        ----------
        point : int or parameters
            One strategy, as for `evaluate`.
        day : int
            Column of its `daily_returns`.

        Returns
        -------
        ndarray of float64, shape (n_pairs,), or None
            Amount of each pair as a fraction of the wealth at the close before the day, when it
            was bought. By default None: the objective does not say.
        """
        return None

    @property
    def benchmark(self) -> Mapping[str, float]:
        """Figures of holding every pair alike, by name; empty where nobody knows."""
        return {}

    def check(self) -> None:  # noqa: B027 (a hook, empty by default)
        """Refuse a space that this market cannot measure, or in which all would fail."""

    def prepare(self, folder: Path | None = None) -> None:  # noqa: B027 (a hook)
        """Compute what all evaluations share, before any work is claimed.

        Calling it again changes nothing, and no result depends on it.

        Parameters
        ----------
        folder : Path, optional
            Take it from a file there, which other processes map too, or put it there.
        """

    def columns(self, indices: npt.NDArray[np.int64]) -> dict[str, list[Any]]:
        """Return the parameters that the results table has columns for.

        Parameters
        ----------
        indices : ndarray of int64, shape (n_strategies,)
            Lattice indices.

        Returns
        -------
        dict of str to list of length n_strategies
            The six strategy parameters as plain values, the factors as JSON; for a space of
            other parameters an empty dictionary.
        """
        if not isinstance(self.space, FactorSpace):
            return {}
        columns = {}
        digits = self.space.digits(indices)
        for parameter, ordinals in zip(self.space.parameters, digits.T, strict=True):
            plain = np.empty(len(parameter.finite_values()), dtype=object)
            plain[:] = [
                json.dumps(value) if isinstance(value, tuple) else value
                for value in parameter.finite_values()
            ]
            columns[parameter.name] = plain[ordinals].tolist()
        return columns

    def longest_seconds(self, n_strategies: int) -> float:
        """Return how long an evaluation may take before it has ended itself.

        Time limits of a run are at least as long, so that what has limits of its own is not
        interrupted before them. By default 0: it has none.
        """
        return 0.0

    @property
    def chunk_size(self) -> int | None:
        """Strategies that a worker takes at a time, unless ``execution.chunk_size`` says another.

        By default None: as many as suit the search.
        """
        return None

    def portable(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Say which strategies mean the same in another session of equal measurement fingerprint.

        Parameters
        ----------
        indices : ndarray of int64, shape (n_strategies,)
            Lattice indices.

        Returns
        -------
        ndarray of bool, shape (n_strategies,)
            By default none of them: their results are never looked up in other sessions.
        """
        return np.zeros(len(indices), dtype=np.bool_)

    def recall(
        self, values: npt.NDArray[np.float64], failures: Sequence[str | None]
    ) -> tuple[npt.NDArray[np.bool_], Batch]:
        """Make recorded figures the outcome they would have here.

        Parameters
        ----------
        values : ndarray of float64, shape (n_strategies, n_names)
            Recorded figures in the order of `names`, NaN where null.
        failures : sequence of (str or None), length n_strategies
            Recorded reasons of failure.

        Returns
        -------
        reliable : ndarray of bool, shape (n_strategies,)
            Which records can be relied on; the others are evaluated again. By default those
            without a failure whose optimised metrics are finite.
        batch : Batch of n_reliable strategies
            What `evaluate` would return of those, in their order.
        """
        optimised = values[:, [self.names.index(name) for name in self.directions]]
        succeeded = np.array([failure is None for failure in failures], dtype=np.bool_)
        reliable = succeeded & np.isfinite(optimised).all(axis=1)
        n_reliable = int(reliable.sum())
        batch = Batch(self.names, values[reliable], optimised[reliable], (None,) * n_reliable)
        return reliable, batch

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

    def strategies(self, points: Points) -> Sequence[Any]:
        """Return the parameters of points, given as for `evaluate`."""
        if isinstance(points, np.ndarray) or (
            len(points) and isinstance(points[0], (int, np.integer))
        ):
            return self.space.params_list(points)
        return points

    def _trial_value(self, values: list[float]) -> float | tuple[float, ...]:
        return values[0] if len(values) == 1 else tuple(values)
