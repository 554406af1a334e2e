"""One search of the table: which strategies, in which order, at what cost."""

import os
import time
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from search_quality.methods import begin
from search_spaces import SearchSpace

__all__ = ["TRIALS_PER_EVALUATION", "Run", "search"]

TRIALS_PER_EVALUATION = 6
"""A run ends after so many trials per distinct strategy of its budget: it only repeats itself."""

_WARM_UP = 15  # more than the startup trials of any sampler


@dataclass(frozen=True)
class Run:
    """What a method did with a seed.

    Attributes
    ----------
    points : ndarray of int64, shape (n_evaluations,)
        Lattice indices of the distinct strategies, in the order in which they came first.
    trials : ndarray of int64, shape (n_evaluations,)
        Trials made up to that one, itself and repeats included.
    seconds : ndarray of float64, shape (n_evaluations,)
        Processor time of the method alone up to then.
    n_trials : int
        All trials, repeats after the last new strategy included.
    total_seconds : float
        Processor time of all trials.
    """

    points: npt.NDArray[np.int64]
    trials: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]
    n_trials: int
    total_seconds: float

    def save(self, path: Path) -> None:
        """Write to a file, at once or not at all."""
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        with partial.open("wb") as file:
            np.savez(
                file,
                points=self.points,
                trials=self.trials,
                seconds=self.seconds,
                total=np.array([self.n_trials, self.total_seconds]),
            )
        partial.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Read what `save` wrote; None if it is missing or damaged."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                n_trials, total_seconds = held["total"].tolist()
                columns = held["points"], held["trials"], held["seconds"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        return cls(*columns, int(n_trials), total_seconds)


def search(
    method: str, values: npt.NDArray[np.float64], space: SearchSpace, seed: int, budget: int
) -> Run:
    """Search a table once.

    Parameters
    ----------
    method : str
    values : ndarray of float64, shape (n_strategies,)
        What every strategy is worth, by lattice index; the higher the better, NaN: failed.
    space : SearchSpace
    seed : int
    budget : int
        Distinct strategies after which to stop.
    """
    _warm_up(method, space)
    return _search(method, values, space, seed, budget)


@cache
def _warm_up(method: str, space: SearchSpace) -> None:
    """Pay for imports at first use before anything is timed."""
    _search(method, np.zeros(len(space)), space, seed=0, budget=min(_WARM_UP, len(space)))


def _search(
    method: str, values: npt.NDArray[np.float64], space: SearchSpace, seed: int, budget: int
) -> Run:
    goal = min(budget, len(space))
    most_trials = TRIALS_PER_EVALUATION * budget
    first_met: dict[int, tuple[int, float]] = {}
    n_trials = 0
    clock = time.process_time  # other programs on the machine do not count
    began = clock()
    searcher = begin(method, space, seed, budget)
    spent = clock() - began
    while len(first_met) < goal and n_trials < most_trials:
        before = spent
        began = clock()
        asked = searcher.ask(goal - len(first_met))
        spent += clock() - began
        points = np.asarray(searcher.indices(asked), dtype=np.int64)
        if not len(points):
            break
        worth = values[points]
        began = clock()
        searcher.tell(asked, worth)
        spent += clock() - began
        for place, point in enumerate(points.tolist(), start=1):
            n_trials += 1
            # a generation's time is shared by its members
            reached = before + (spent - before) * place / len(points)
            first_met.setdefault(point, (n_trials, reached))
    trials, seconds = zip(*first_met.values(), strict=True) if first_met else ((), ())
    return Run(
        points=np.fromiter(first_met, dtype=np.int64),
        trials=np.array(trials, dtype=np.int64),
        seconds=np.array(seconds, dtype=np.float64),
        n_trials=n_trials,
        total_seconds=spent,
    )
