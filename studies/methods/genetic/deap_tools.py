"""DEAP's operators with a random generator of their own.

DEAP draws from the global states of `random` and `numpy.random`. Here its modules are loaded once
more, privately, and their name ``random`` stands for a generator that belongs to one object: the
same seed gives the same draws, whatever the program, its threads or a worker process do with the
global states, which are neither read nor changed.
"""

import importlib.util
import random
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from deap import base

__all__ = ["DeapTools", "Individual", "make_fitness"]


class Individual(list[Any]):
    """A genotype, as DEAP's operators take it: a list with a fitness.

    Attributes
    ----------
    fitness : deap.base.Fitness
        Of the objectives' values; invalid while they are not known.
    rank : float
        Minus the place among the parents: what tournaments compare.
    label : object
        What the individual stands for (a trial, a lattice index); operators ignore it.
    """

    fitness: Any = None
    rank: float = 0.0
    label: Any = None


class DeapTools:
    """Private copies of DEAP's operators that draw from one seeded generator.

    Parameters
    ----------
    seed : int

    Attributes
    ----------
    random : random.Random
        What the operators draw from, for own operators too.
    crossover, mutation, selection, emo : module
        DEAP's modules of these names (Fortin et al., Journal of Machine Learning Research 13,
        2012).
    """

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random()  # noqa: S311 (no secret is made of it)
        self.crossover = self._load("crossover")
        self.mutation = self._load("mutation")
        self.selection = self._load("selection")
        self.emo = self._load("emo")
        # selNSGA3 shuffles with numpy
        self._shuffler = np.random.RandomState()
        self.emo.numpy = SimpleNamespace(**{**vars(np), "random": self._shuffler})
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Begin a sequence of draws: the same ones for the same seed, below 2**32."""
        self.random.seed(seed)
        self._shuffler.seed(seed)

    def _load(self, name: str) -> Any:
        spec = importlib.util.find_spec(f"deap.tools.{name}")
        if spec is None or spec.loader is None:
            raise ImportError(f"this release of DEAP has no deap.tools.{name}")
        module: ModuleType = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.random = self.random  # type: ignore[attr-defined]
        return module


def make_fitness(directions: tuple[str, ...]) -> type[Any]:
    """Make a DEAP fitness class for directions ``maximize`` and ``minimize``."""
    weights = tuple(1.0 if direction == "maximize" else -1.0 for direction in directions)
    return type("Fitness", (base.Fitness,), {"weights": weights})
