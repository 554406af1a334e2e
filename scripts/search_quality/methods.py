"""The methods compared, each behind the same three verbs: ask, indices, tell."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from search_spaces import SearchSpace

__all__ = ["METHODS", "SearchMethod", "Searcher", "begin", "chosen_methods"]


class Searcher(Protocol):
    """A search in progress."""

    def ask(self, at_most: int) -> Any:
        """Propose one or several strategies, in whatever form the method has them."""

    def indices(self, asked: Any) -> Sequence[int] | npt.NDArray[np.int64]:
        """Return the lattice indices of a proposal; empty if the method has no more."""

    def tell(self, asked: Any, values: npt.NDArray[np.float64]) -> None:
        """Take what the proposal was worth; NaN: failed."""


@dataclass(frozen=True)
class SearchMethod:
    """What is known of a method before it begins.

    Attributes
    ----------
    begin : callable
        Of (space, seed, budget), returns a `Searcher`.
    what : str
        For the page.
    most_evaluations, most_seeds : int or None
        Limits for a method that takes too long beyond them.
    package : str or None
        Without which the method is left out.
    """

    begin: Callable[[SearchSpace, int, int], Searcher]
    what: str
    most_evaluations: int | None = None
    most_seeds: int | None = None
    package: str | None = None

    @property
    def missing(self) -> bool:
        """Whether its package is not installed."""
        return self.package is not None and find_spec(self.package) is None

    def budgets(self, budgets: Sequence[int]) -> list[int]:
        """Return those budgets that the method can afford."""
        return [b for b in budgets if self.most_evaluations is None or b <= self.most_evaluations]

    def seeds(self, seeds: Sequence[int]) -> list[int]:
        """Return those seeds that the method can afford."""
        return list(seeds[: self.most_seeds])


class OptunaSearcher:
    """An Optuna sampler on a study in memory."""

    def __init__(self, space: SearchSpace, make: Callable[[], Any]) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = make()
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._failed = optuna.trial.TrialState.FAIL
        self._space = space

    def ask(self, at_most: int) -> Any:
        return self._study.ask(self._space.distributions)

    def indices(self, asked: Any) -> list[int]:
        return [self._space.index(self._space.from_trial_params(asked.params))]

    def tell(self, asked: Any, values: npt.NDArray[np.float64]) -> None:
        if np.isnan(values[0]):
            self._study.tell(asked, state=self._failed)
        else:
            self._study.tell(asked, float(values[0]))


class GenerationalSearcher:
    """The genetic search as sessions run it: a generation at a time."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        from studies.methods.genetic.search import GeneticSearch

        self._search = GeneticSearch(space, directions=("maximize",), seed=seed)

    def ask(self, at_most: int) -> npt.NDArray[np.int64]:
        return self._search.ask(at_most)

    def indices(self, asked: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return asked

    def tell(self, asked: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> None:
        self._search.tell(asked, values[:, None])


class PlannedSearcher:
    """A design, whose points are known beforehand."""

    def __init__(self, space: SearchSpace, design: str, seed: int, budget: int) -> None:
        from search_spaces import make_design

        self._points = make_design(space, design, min(budget, len(space)), seed).indices()
        self._asked = 0

    def ask(self, at_most: int) -> npt.NDArray[np.int64]:
        self._asked += 1
        return self._points[self._asked - 1 : self._asked]

    def indices(self, asked: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return asked

    def tell(self, asked: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> None:
        """A design does not care."""


def _sampler(name: str, **options: Any) -> Callable[[SearchSpace, int, int], Searcher]:
    """Return how to begin with a sampler of Optuna, with its defaults but for `options`."""

    def start(space: SearchSpace, seed: int, budget: int) -> Searcher:
        import optuna

        return OptunaSearcher(space, lambda: getattr(optuna.samplers, name)(seed=seed, **options))

    return start


def _gp(space: SearchSpace, seed: int, budget: int) -> Searcher:
    from studies.methods.gp import GpSampler

    def make() -> Any:
        return GpSampler(seed=seed, warn_independent_sampling=False)

    return OptunaSearcher(space, make)


def _deap_sampler(space: SearchSpace, seed: int, budget: int) -> Searcher:
    from studies import DeapSampler

    return OptunaSearcher(space, lambda: DeapSampler(space=space, seed=seed))


METHODS: dict[str, SearchMethod] = {
    "genetic": SearchMethod(
        lambda space, seed, budget: GenerationalSearcher(space, seed),
        "`--mode genetic`: DEAP's operators, a generation at a time",
    ),
    "deap_sampler": SearchMethod(_deap_sampler, "`DeapSampler`: the same, as an Optuna sampler"),
    "tpe": SearchMethod(_sampler("TPESampler"), "Optuna's `TPESampler`"),
    "nsga2": SearchMethod(_sampler("NSGAIISampler"), "Optuna's `NSGAIISampler`"),
    "nsga3": SearchMethod(_sampler("NSGAIIISampler"), "Optuna's `NSGAIIISampler`"),
    "gp": SearchMethod(
        _gp,
        "`--mode gp`: Optuna's `GPSampler`, with a random point where it repeats a failure",
        most_evaluations=300,
        most_seeds=5,
        package="torch",
    ),
    "random": SearchMethod(_sampler("RandomSampler"), "Optuna's `RandomSampler`"),
    "qmc": SearchMethod(
        # without scrambling the seed would decide nothing but the first strategy
        _sampler("QMCSampler", scramble=True),
        "Optuna's `QMCSampler`, scrambled",
    ),
    "sobol": SearchMethod(
        lambda space, seed, budget: PlannedSearcher(space, "sobol", seed, budget),
        "`--method sobol`: a planned design, distinct by construction",
    ),
}


def begin(method: str, space: SearchSpace, seed: int, budget: int) -> Searcher:
    """Begin a search.

    Parameters
    ----------
    method : str
        A key of `METHODS`.
    space : SearchSpace
    seed : int
    budget : int
        Distinct strategies that will be asked for.
    """
    return METHODS[method].begin(space, seed, budget)


def chosen_methods(names: str | None) -> tuple[list[str], list[str]]:
    """Read ``a,b``.

    Parameters
    ----------
    names : str or None
        None: all.

    Returns
    -------
    tuple of (list of str, list of str)
        Methods in the order of `METHODS`, and those left out because a package is missing.

    Raises
    ------
    ValueError
        For an unknown name, or a chosen method whose package is missing.
    """
    if names is None:
        missing = [name for name, method in METHODS.items() if method.missing]
        return [name for name in METHODS if name not in missing], missing
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in METHODS:
            raise ValueError(f"unknown method {name!r}; there are {', '.join(METHODS)}")
        if METHODS[name].missing:
            raise ValueError(
                f"{name} needs the package {METHODS[name].package}, which is not installed; "
                f"install it with: pip install 'mass-tuning[{name}]'"
            )
    return [name for name in METHODS if name in wanted], []
