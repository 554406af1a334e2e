"""Breeding: what the next generation of a genetic search is, given all that went before.

Everything is a function of the seed, the state and the parents, so any process that knows them
breeds the same children. `DeapSampler` keeps them in the study, the generational mode of sessions
in the database.
"""

import dataclasses
import warnings
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.stats import qmc

from studies.methods.genetic.deap_tools import DeapTools, Individual, make_fitness
from studies.methods.genetic.genome import Genome
from studies.methods.genetic.options import GeneticOptions
from studies.methods.genetic.selection import first_front, select_survivors

__all__ = ["Breeder", "BreedingState"]

_LARGEST = 1e300
_TRIES_PER_CHILD = 40
_BOOST = 1.15


@dataclass(frozen=True)
class BreedingState:
    """How far a genetic search is, beside its parents.

    Attributes
    ----------
    generation : int
        Of the children to be bred next.
    designed : int
        Points of the initial design used so far.
    to_design : int
        Points of it still to come before mating begins (again).
    stalled : int
        Points evaluated since the best of this population last improved.
    """

    generation: int = 0
    designed: int = 0
    to_design: int = 0
    stalled: int = 0

    @classmethod
    def first(cls, options: GeneticOptions) -> Self:
        """Return the state in which a search begins."""
        return cls(to_design=options.initial_size)

    def to_dict(self) -> dict[str, int]:
        """Return what :meth:`from_dict` reads."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, int]) -> Self:
        """Read what :meth:`to_dict` wrote."""
        return cls(**document)


class Breeder:
    """Breeds generations of distinct points.

    Parameters
    ----------
    genome : Genome
    options : GeneticOptions
    directions : sequence of str
        ``maximize`` or ``minimize`` for every objective.
    seed : int
    key : callable, optional
        What is equal for equal points; `Genome.key` by default.
    """

    def __init__(
        self,
        genome: Genome,
        options: GeneticOptions,
        directions: Sequence[str],
        seed: int,
        key: Callable[[Sequence[Any]], Hashable] | None = None,
    ) -> None:
        self.genome = genome
        self.key = key or genome.key
        self.options = options
        self.seed = seed
        self._fitness = make_fitness(tuple(directions))
        self.tools = DeapTools()

    def individual(
        self, written: Sequence[Any], values: Sequence[float], label: Any = None
    ) -> Individual:
        """Make an individual of a point that was evaluated."""
        made = Individual(written)
        # crowding distances of infinite values are NaN
        bounded = [min(max(float(value), -_LARGEST), _LARGEST) for value in values]
        made.fitness = self._fitness(bounded)
        made.label = label
        return made

    def breed(
        self,
        state: BreedingState,
        parents: Sequence[Individual],
        taken: Collection[Any],
        n: int,
        given: Sequence[Sequence[Any]] = (),
    ) -> list[list[Any]]:
        """Breed one generation.

        Parameters
        ----------
        state : BreedingState
        parents : sequence of Individual
            Best first, as `advance` returns them.
        taken : collection of hashable
            Keys of every point that was tried before.
        n : int
            Children wanted.
        given : sequence of written points
            Taken first, as far as they are allowed and new (warm start).

        Returns
        -------
        list of written points
            Distinct, allowed and new; fewer than `n`, possibly none, where the space has no more
            of them or they are too few to be found.
        """
        offspring = _Offspring(self, taken, n)
        for written in given:
            offspring.add(list(written))
        if n > len(offspring) and (state.to_design > 0 or not parents):
            self._design(state, offspring, n)
        tools = self._seeded(state, 0)
        if n > len(offspring) and parents:
            self._mate(parents, offspring, n, tools)
        if n > len(offspring):
            self._search_rest(offspring, n, tools)
        return offspring.children

    def advance(
        self,
        state: BreedingState,
        parents: Sequence[Individual],
        children: Sequence[Individual],
        n_evaluated: int,
    ) -> tuple[BreedingState, list[Individual]]:
        """Select the next parents, and begin anew where the population has run dry.

        Parameters
        ----------
        state : BreedingState
            With which the generation was bred.
        parents : sequence of Individual
            Of that generation.
        children : sequence of Individual
            The generation, without points that failed.
        n_evaluated : int
            Size of the generation, failed points included.

        Returns
        -------
        tuple of (BreedingState, list of Individual)
            For the next generation.
        """
        tools = self._seeded(state, 1)
        survivors = select_survivors(parents, children, self.options, tools)
        new = {id(child) for child in children}
        # against the parents too: with `elitism` the best of them may be gone, and not surpassed
        known = {parent.fitness.values for parent in parents}
        improved = any(
            id(each) in new and each.fitness.values not in known
            for each in first_front([*parents, *survivors])
        )
        designed = min(n_evaluated, state.to_design)
        stalled = 0 if improved or designed else state.stalled + n_evaluated
        following = BreedingState(
            generation=state.generation + 1,
            designed=state.designed + designed,
            to_design=state.to_design - designed,
            stalled=stalled,
        )
        if self.options.restart_after and stalled >= self.options.restart_after:
            following = dataclasses.replace(
                following, to_design=self.options.restart_size, stalled=0
            )
            return following, []
        return following, survivors

    def _seeded(self, state: BreedingState, purpose: int) -> DeapTools:
        """Return the operators with the generation's own draws."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(state.generation, purpose))
        self.tools.seed(int(sequence.generate_state(1)[0]))
        return self.tools

    def _design(self, state: BreedingState, offspring: "_Offspring", n: int) -> None:
        """Take the next points of the initial design."""
        sobol = qmc.Sobol(len(self.genome.genes), rng=np.random.default_rng(self.seed))
        if state.designed:
            sobol.fast_forward(state.designed)
        missing = n - len(offspring)
        for _ in range(_TRIES_PER_CHILD):
            if missing <= 0:
                return
            for unit in _draw(sobol, missing):
                offspring.add(self.genome.from_unit(unit))
            missing = n - len(offspring)

    def _mate(
        self, parents: Sequence[Individual], offspring: "_Offspring", n: int, tools: DeapTools
    ) -> None:
        """Cross and mutate parents; the longer it takes to find new points, the more mutation."""
        for place, parent in enumerate(parents):
            parent.rank = -float(place)
        mutation_prob = self.options.mutation_prob
        for tries in range(1, _TRIES_PER_CHILD * n + 1):
            if len(offspring) >= n:
                return
            offspring.add(self._child(parents, mutation_prob, tools))
            if tries % _TRIES_PER_CHILD == 0:
                mutation_prob = min(1.0, max(mutation_prob, 0.01) * _BOOST)

    def _child(
        self, parents: Sequence[Individual], mutation_prob: float, tools: DeapTools
    ) -> list[Any]:
        options = self.options
        first, second = tools.selection.selTournament(
            list(parents), 2, options.tournament_size, fit_attr="rank"
        )
        child = list(first)
        if tools.random.random() < options.crossover_prob:
            child = self._cross(child, list(second), tools)
        for gene, place in zip(self.genome.genes, self.genome.places, strict=True):
            if tools.random.random() < mutation_prob:
                child[place] = gene.mutate(child[place], tools, options)
        return child

    def _cross(self, first: list[Any], second: list[Any], tools: DeapTools) -> list[Any]:
        discrete, real = self.genome.other_elements, self.genome.real_elements
        child = list(first)
        if discrete:
            a, b = [first[i] for i in discrete], [second[i] for i in discrete]
            if self.options.crossover == "uniform":
                tools.crossover.cxUniform(a, b, 0.5)
            elif len(discrete) > 1:
                points = {"one_point": "cxOnePoint", "two_point": "cxTwoPoint"}
                getattr(tools.crossover, points[self.options.crossover])(a, b)
            for element, value in zip(discrete, a, strict=True):
                child[element] = value
        if real:
            x, y = [first[i] for i in real], [second[i] for i in real]
            tools.crossover.cxSimulatedBinaryBounded(x, y, self.options.crossover_eta, 0.0, 1.0)
            for element, value in zip(real, x, strict=True):
                child[element] = value
        for gene, place in zip(self.genome.genes, self.genome.places, strict=True):
            child[place] = gene.repair(child[place], tools)
        return child

    def _search_rest(self, offspring: "_Offspring", n: int, tools: DeapTools) -> None:
        """Draw points at random: near the end of a small space breeding finds nothing new."""
        n_genes = len(self.genome.genes)
        for _ in range(_TRIES_PER_CHILD * n):
            if len(offspring) >= n:
                return
            offspring.add(self.genome.from_unit([tools.random.random() for _ in range(n_genes)]))


class _Offspring:
    """Children found so far; refuses what is taken or not allowed."""

    def __init__(self, breeder: Breeder, taken: Collection[Any], n: int) -> None:
        self.children: list[list[Any]] = []
        self._breeder = breeder
        self._taken = taken
        self._keys: set[Any] = set()
        self._n = n

    def __len__(self) -> int:
        return len(self.children)

    def add(self, written: list[Any]) -> None:
        if len(self.children) >= self._n:
            return
        key = self._breeder.key(written)
        if key in self._keys or key in self._taken:
            return
        if not self._breeder.genome.is_allowed(written):
            return
        self._keys.add(key)
        self.children.append(written)


def _draw(sobol: qmc.Sobol, n: int) -> list[list[float]]:
    with warnings.catch_warnings():
        # the balance of a power of two matters for integrals, not here
        warnings.simplefilter("ignore", UserWarning)
        drawn: list[list[float]] = sobol.random(n).tolist()
    return drawn
