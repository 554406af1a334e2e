"""Options of the genetic search, the same for `DeapSampler` and the generational mode."""

from typing import Annotated, Literal

from pydantic import Field

from studies.methods.method import MethodOptions

__all__ = ["GeneticOptions"]

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class GeneticOptions(MethodOptions):
    """How a population is begun, selected, crossed and mutated.

    The defaults were found on synthetic markets, by the rank of the best strategy after 100, 300
    and 1,000 evaluations (``scripts/benchmark.py search-quality``).

    Attributes
    ----------
    initial_size : int
        Number of first points, taken from a scrambled Sobol sequence.
    restart_after : int
        Number of points in a row without improvement after which a new population begins with
        `restart_size` further points of the sequence; 0: never. The landscapes of factor
        strategies have many local optima, and a second attempt finds more than a longer one.
    restart_size : int
        See `restart_after`.
    generation_size : int
        Children bred at a time.
    population_size : int
        Parents kept, at most.
    elitism : int or None
        Parents that survive beside their children, best first; None: as many as are better.
    selection : {"auto", "tournament", "nsga2", "nsga3", "spea2"}
        Who survives. ``auto``: ``tournament`` (the best by value) with one objective, ``nsga2``
        with several.
    tournament_size : int
        Either parent of a child is the best of this number drawn from the population.
    crossover : {"uniform", "one_point", "two_point"}
        Of everything but continuous parameters, which take simulated binary crossover.
    crossover_prob : float
        A child is crossed with this probability, else a mutated copy.
    crossover_eta : float
        Of simulated binary crossover: the higher, the nearer to the parents.
    mutation_prob : float
        Every gene is mutated with this probability.
    step_continue_prob : float
        A mutated ordered gene moves by one place, and with this probability by one more, and so
        on.
    jump_prob : float
        A mutated ordered gene takes any value with this probability, instead.
    mutation_eta : float
        Of polynomial mutation of continuous genes: the higher, the smaller the moves.
    """

    initial_size: Annotated[int, Field(ge=1)] = 22
    restart_after: Annotated[int, Field(ge=0)] = 96
    restart_size: Annotated[int, Field(ge=1)] = 40
    generation_size: Annotated[int, Field(ge=1)] = 8
    population_size: Annotated[int, Field(ge=2)] = 12
    elitism: Annotated[int, Field(ge=0)] | None = None
    selection: Literal["auto", "tournament", "nsga2", "nsga3", "spea2"] = "auto"
    tournament_size: Annotated[int, Field(ge=1)] = 4
    crossover: Literal["uniform", "one_point", "two_point"] = "uniform"
    crossover_prob: Probability = 0.95
    crossover_eta: Annotated[float, Field(gt=0.0)] = 20.0
    mutation_prob: Probability = 0.2
    step_continue_prob: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    jump_prob: Probability = 0.05
    mutation_eta: Annotated[float, Field(gt=0.0)] = 20.0
