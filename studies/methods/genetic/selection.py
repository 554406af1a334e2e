"""Who survives a generation, and in which order the survivors stand."""

import math
from collections.abc import Sequence
from typing import Any

from studies.methods.genetic.deap_tools import DeapTools, Individual
from studies.methods.genetic.options import GeneticOptions

__all__ = ["first_front", "select_survivors"]

_REFERENCE_DIVISIONS = 12


def select_survivors(
    parents: Sequence[Individual],
    children: Sequence[Individual],
    options: GeneticOptions,
    tools: DeapTools,
) -> list[Individual]:
    """Choose the parents of the next generation.

    Parameters
    ----------
    parents, children : sequence of Individual
        With valid fitness; points that failed are left out by the caller.
    options : GeneticOptions
    tools : DeapTools

    Returns
    -------
    list of Individual
        At most ``options.population_size``, best first (several objectives: front by front, in
        the order of the selection). Of individuals with equal objectives the first one stays:
        equal strategies are many where a parameter makes no difference, and would crowd out
        everything else.
    """
    kept = list(parents)
    if options.elitism is not None:
        kept = _survivors(kept, options.elitism, options, tools)
    pool = _without_doubles([*kept, *children])
    return _survivors(pool, options.population_size, options, tools)


def first_front(individuals: Sequence[Individual]) -> list[Individual]:
    """Return the individuals that no other one dominates."""
    return [
        one
        for one in individuals
        if not any(other.fitness.dominates(one.fitness) for other in individuals)
    ]


def _survivors(
    pool: list[Individual], n: int, options: GeneticOptions, tools: DeapTools
) -> list[Individual]:
    if n == 0 or not pool:
        return []
    n_objectives = len(pool[0].fitness.values)
    selection = options.selection
    if selection == "auto":
        selection = "tournament" if n_objectives == 1 else "nsga2"
    if selection == "tournament" or n_objectives == 1:
        # sorted by all objectives in turn; with one every selection comes to this
        return sorted(pool, key=lambda each: each.fitness.wvalues, reverse=True)[:n]
    if selection == "nsga2":
        return list(tools.emo.selNSGA2(pool, min(n, len(pool))))
    if selection == "spea2":
        chosen: list[Any] = tools.emo.selSPEA2(pool, min(n, len(pool)))
    else:
        points = tools.emo.uniform_reference_points(n_objectives, _divisions(n_objectives, n))
        chosen = tools.emo.selNSGA3(pool, min(n, len(pool)), points)
    return _by_front(chosen, tools)


def _by_front(chosen: list[Individual], tools: DeapTools) -> list[Individual]:
    fronts = tools.emo.sortNondominated(chosen, len(chosen))
    return [each for front in fronts for each in front]


def _divisions(n_objectives: int, n: int) -> int:
    """Divisions of every axis for about as many reference points as survivors (Deb, Jain 2014)."""
    divisions = 1
    while math.comb(n_objectives + divisions, n_objectives - 1) <= n:
        divisions += 1
    return min(divisions, _REFERENCE_DIVISIONS)


def _without_doubles(individuals: Sequence[Individual]) -> list[Individual]:
    first: dict[tuple[float, ...], Individual] = {}
    for individual in individuals:
        first.setdefault(individual.fitness.values, individual)
    return list(first.values())
