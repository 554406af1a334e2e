"""Generations: the design first, then children that are new, allowed and of the parents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from scipy.stats import qmc

from search_spaces import Fixed, Range, SearchSpace, Subsets
from studies.methods.genetic.breeding import Breeder, BreedingState
from studies.methods.genetic.genome import Genome
from studies.methods.genetic.options import GeneticOptions

MIXED = {
    "n": IntDistribution(0, 9),
    "x": FloatDistribution(-1.0, 1.0),
    "c": CategoricalDistribution(("a", "b", "c")),
    "log": IntDistribution(1, 1000, log=True),
}


def breeder_of(distributions=None, *, seed=0, directions=("maximize",), **options):
    genome = Genome.of_distributions(distributions or MIXED)
    return Breeder(genome, GeneticOptions(**options), directions, seed)


def evaluated(breeder, children, value):
    return [breeder.individual(each, [value(each)], label=k) for k, each in enumerate(children)]


def sobol(dimension, seed, n, skip=0):
    sequence = qmc.Sobol(dimension, rng=np.random.default_rng(seed))
    return sequence.random_base2(10)[skip : skip + n]


@pytest.mark.parametrize("seed", [0, 7])
def test_the_first_points_are_a_sobol_sequence(seed):
    breeder = breeder_of(seed=seed, initial_size=20)
    children = breeder.breed(BreedingState.first(breeder.options), [], set(), 20)
    expected = []
    for u in sobol(4, seed, 40):
        point = breeder.genome.from_unit(u.tolist())
        if point not in expected:
            expected.append(point)
    assert children == expected[:20]
    (x,) = {tuple(round(child[1], 12) for child in children)}
    assert x == tuple(np.round(sobol(4, seed, 20)[:, 1], 12))


def test_the_design_goes_on_where_it_stopped():
    breeder = breeder_of(initial_size=20)
    first = BreedingState.first(breeder.options)
    whole = breeder.breed(first, [], set(), 20)
    part = breeder.breed(first, [], set(), 8)
    assert part == whole[:8]
    taken = {breeder.key(child) for child in part}
    state, parents = breeder.advance(first, [], evaluated(breeder, part, lambda c: c[0]), 8)
    assert (state.designed, state.to_design, state.generation) == (8, 12, 1)
    assert breeder.breed(state, parents, taken, 12) == whole[8:]
    assert breeder.breed(BreedingState(designed=8, to_design=12), [], set(), 12) == whole[8:]


def test_given_points_come_first_and_the_design_fills_up():
    breeder = breeder_of(initial_size=6)
    state = BreedingState.first(breeder.options)
    design = breeder.breed(state, [], set(), 6)
    given = [breeder.genome.encode({"n": 3, "x": 0.5, "c": "b", "log": 10})]
    assert breeder.breed(state, [], set(), 6, [*given, *given, design[0]]) == [
        *given,
        design[0],
        *design[1:5],
    ]
    assert breeder.breed(state, [], {breeder.key(given[0])}, 6, given) == design


def test_breeding_is_a_function_of_seed_state_and_parents():
    breeder = breeder_of(seed=1)
    other = breeder_of(seed=1)
    different = breeder_of(seed=2)
    design = breeder.breed(BreedingState.first(breeder.options), [], set(), 22)
    parents = evaluated(breeder, design, lambda c: c[0])
    state = BreedingState(generation=5, designed=22)
    children = breeder.breed(state, parents, set(), 8)
    assert breeder.breed(state, parents, set(), 8) == children
    assert other.breed(state, parents, set(), 8) == children
    assert different.breed(state, parents, set(), 8) != children
    assert breeder.breed(BreedingState(generation=6, designed=22), parents, set(), 8) != children
    assert breeder.breed(state, parents, set(), 5) == children[:5]


CONSTRAINED = SearchSpace(
    [
        Subsets("codes", ("A", "B", "C", "D"), 3),
        Range("fast", 1, 8),
        Range("slow", 2, 16, step=2),
        Fixed("fixed", 1),
    ],
    ["fast < slow", "size(codes) <= 2"],
)


@settings(max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 9),
    st.sets(st.integers(0, 399), max_size=300),
    st.sampled_from(["uniform", "one_point", "two_point"]),
)
def test_children_are_distinct_new_and_allowed(seed, generation, tried, crossover):
    space = CONSTRAINED
    genome = Genome.of_space(space)
    options = GeneticOptions(crossover=crossover)
    breeder = Breeder(genome, options, ["maximize"], seed, key=genome.positions)
    tried = sorted(index % space.size for index in tried)
    taken = set(map(tuple, space.digits(tried).tolist())) if tried else set()
    parents = [
        breeder.individual(genome.at_positions(row), [float(-k)])
        for k, row in enumerate(space.digits(range(0, 60, 6)).tolist())
    ]
    children = breeder.breed(BreedingState(generation, designed=22), parents, taken, 8)
    assert len(children) == 8
    positions = [genome.positions(child) for child in children]
    assert len(set(positions)) == 8
    assert not set(positions) & taken
    assert np.unique(space.indices(positions)).size == 8  # rank refuses what is not allowed


def test_children_come_from_their_parents():
    """Without mutation every gene is one parent's; a population of one value cannot change it."""
    breeder = breeder_of({"a": IntDistribution(0, 9), "b": IntDistribution(0, 9)}, mutation_prob=0)
    parents = [breeder.individual([k, 9 - k], [float(k)]) for k in range(4)]
    taken = {breeder.key(parent) for parent in parents}
    children = breeder.breed(BreedingState(3, designed=22), parents, taken, 6)
    assert all(child[0] <= 3 and child[1] >= 6 for child in children)


def test_better_parents_have_more_children():
    distributions = {name: IntDistribution(0, 99) for name in "abcdef"}
    breeder = breeder_of(distributions, mutation_prob=0.0, crossover_prob=1.0, tournament_size=3)
    parents = [breeder.individual([k] * 6, [float(-k)]) for k in range(10)]  # best first
    children = breeder.breed(BreedingState(3, designed=22), parents, set(), 100)
    genes = np.array(children).ravel()
    assert (genes < 3).mean() > 0.5  # 3 of 10 parents
    assert (genes >= 7).mean() < 0.1


def test_without_parents_the_design_goes_on():
    breeder = breeder_of()
    state = BreedingState(generation=4, designed=22)  # nothing has worked so far
    children = breeder.breed(state, [], set(), 8)
    first = breeder.breed(BreedingState(designed=22, to_design=8), [], set(), 8)
    assert children == first


def test_failed_points_have_no_offspring():
    breeder = breeder_of({"a": IntDistribution(0, 99)}, initial_size=10)
    state = BreedingState.first(breeder.options)
    children = breeder.breed(state, [], set(), 10)
    told = [c for c in evaluated(breeder, children, lambda c: 1.0 * c[0]) if c.label % 2]
    following, parents = breeder.advance(state, [], told, len(children))
    assert sorted(parent.label for parent in parents) == [1, 3, 5, 7, 9]
    assert (following.designed, following.to_design) == (10, 0)


def test_one_point():
    breeder = breeder_of({"a": IntDistribution(3, 3), "b": CategoricalDistribution(("x",))})
    state = BreedingState.first(breeder.options)
    (child,) = breeder.breed(state, [], set(), 8)
    assert breeder.genome.decode(child) == {"a": 3, "b": "x"}
    taken = {breeder.key(child)}
    assert breeder.breed(state, [], taken, 8) == []
    parents = [breeder.individual(child, [1.0])]
    assert breeder.breed(BreedingState(1, designed=1), parents, taken, 8) == []


def run(breeder, values, n):
    """States of a search whose generations are worth the given values."""
    state, parents, taken = BreedingState.first(breeder.options), [], set()
    for k in range(n):
        size = state.to_design or breeder.options.generation_size
        children = breeder.breed(state, parents, taken, size)
        taken |= {breeder.key(child) for child in children}
        worth = values(k)
        told = [] if worth is None else evaluated(breeder, children, lambda c, w=worth: w)
        before, (state, parents) = state, breeder.advance(state, parents, told, len(children))
        yield before, state, parents, children


@pytest.mark.parametrize("elitism", [None, 0, 1])
def test_a_population_that_runs_dry_begins_anew(elitism):
    """With the next points of the design, after so many evaluations without improvement."""
    options = {"initial_size": 8, "generation_size": 4, "elitism": elitism}
    breeder = breeder_of(restart_after=12, restart_size=6, **options)
    steps = list(run(breeder, lambda k: 5.0 - (k > 1), 8))
    stalled = [after.stalled for _, after, _, _ in steps]
    assert stalled[:4] == [0, 4, 8, 0]
    restarted = steps[3][1]
    assert (restarted.designed, restarted.to_design, steps[3][2]) == (8, 6, [])
    design = breeder.breed(BreedingState(to_design=14), [], set(), 14)
    taken = {breeder.key(child) for _, _, _, children in steps[:4] for child in children}
    fresh = [child for child in design[8:] if breeder.key(child) not in taken]
    assert len(fresh) >= 5
    assert steps[4][3][: len(fresh)] == fresh
    assert len(steps[4][3]) == 6
    assert (steps[4][1].to_design, steps[4][1].designed, steps[4][1].stalled) == (0, 14, 0)
    assert len(steps[5][3]) == 4


def test_an_improvement_puts_the_restart_off():
    breeder = breeder_of(initial_size=8, generation_size=4, restart_after=12)
    rising = [after.stalled for _, after, _, _ in run(breeder, float, 9)]
    assert rising == [0] * 9
    now_and_then = [after.stalled for _, after, _, _ in run(breeder, lambda k: float(k // 3), 9)]
    assert now_and_then == [0, 4, 8, 0, 4, 8, 0, 4, 8]


def test_equal_figures_are_no_improvement_and_zero_is_never():
    breeder = breeder_of(initial_size=8, generation_size=4, restart_after=0)
    stalled = [after.stalled for _, after, _, _ in run(breeder, lambda k: 1.0, 12)]
    assert stalled == [4 * k for k in range(12)]


def test_a_search_in_which_all_fails_goes_on_with_the_design():
    breeder = breeder_of(initial_size=8, generation_size=4, restart_after=12, restart_size=6)
    steps = list(run(breeder, lambda k: None, 9))
    assert all(parents == [] for _, _, parents, _ in steps)
    children = [breeder.key(child) for *_, bred in steps for child in bred]
    assert len(set(children)) == len(children) == 8 + 3 * 4 + 6 + 3 * 4 + 6


def test_a_restart_with_several_objectives():
    breeder = breeder_of(directions=("maximize", "minimize"), restart_after=8)
    parents = [breeder.individual([1, 0.5, 0, 0.5], [2.0, 1.0])]
    worse = [breeder.individual([k, 0.1, 0, 0.5], [2.0, 1.5]) for k in range(8)]
    beside = [breeder.individual([k, 0.1, 0, 0.5], [1.0, 0.5]) for k in range(8)]
    state = BreedingState(generation=3, designed=22)
    assert breeder.advance(state, parents, worse, 8)[1] == []
    following, survivors = breeder.advance(state, parents, beside, 8)
    assert (following.stalled, len(survivors)) == (0, 2)


def test_infinite_figures_are_the_largest_numbers():
    breeder = breeder_of(directions=("maximize", "minimize"))
    one = breeder.individual([0, 0.5, 0, 0.5], [float("inf"), float("-inf")])
    assert all(np.isfinite(one.fitness.values))
    assert one.fitness.dominates(breeder.individual([0, 0.5, 0, 0.5], [1e200, -1e200]).fitness)


def test_states_are_plain_numbers():
    state = BreedingState(3, 22, 0, 17)
    assert BreedingState.from_dict(state.to_dict()) == state
    assert BreedingState.first(GeneticOptions(initial_size=9)).to_dict() == {
        "generation": 0,
        "designed": 0,
        "to_design": 9,
        "stalled": 0,
    }
