"""Survivors: the best by value, or the first fronts; equal figures once; elitism as asked."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.methods.genetic.deap_tools import DeapTools, Individual, make_fitness
from studies.methods.genetic.options import GeneticOptions
from studies.methods.genetic.selection import first_front, select_survivors

MULTI = ["nsga2", "nsga3", "spea2"]
pairs = st.tuples(st.integers(0, 12), st.integers(0, 12))


def individuals(values, directions=("maximize",)):
    fitness = make_fitness(directions)
    made = []
    for number, each in enumerate(values):
        individual = Individual([number])
        individual.fitness = fitness(each if isinstance(each, tuple) else (each,))
        individual.label = number
        made.append(individual)
    return made


def select(parents, children, **options):
    return select_survivors(parents, children, GeneticOptions(**options), DeapTools(0))


def values(chosen):
    return [each.fitness.values for each in chosen]


def front_of(points):
    """Pairs that no other one dominates, the first maximised, the second minimised."""
    return {p for p in points if not any(q != p and q[0] >= p[0] and q[1] <= p[1] for q in points)}


TWO = ("maximize", "minimize")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("selection", ["auto", "tournament", *MULTI])
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=40), st.integers(2, 12))
def test_with_one_objective_the_best_survive(selection, numbers, size):
    chosen = select([], individuals(numbers), population_size=size, selection=selection)
    assert values(chosen) == [(x,) for x in sorted(set(numbers), reverse=True)[:size]]


def test_the_direction_decides_what_is_best():
    chosen = select([], individuals([3, 1, 2], ("minimize",)), population_size=2)
    assert values(chosen) == [(1,), (2,)]


@pytest.mark.parametrize("selection", ["auto", *MULTI])
@given(st.lists(pairs, min_size=1, max_size=30), st.integers(2, 20))
def test_the_first_front_survives_where_it_fits(selection, points, size):
    chosen = select([], individuals(points, TWO), population_size=size, selection=selection)
    survivors, front = set(values(chosen)), front_of(points)
    assert len(chosen) == len(survivors) == min(size, len(set(points)))
    if len(front) <= size:
        assert front <= survivors
    else:
        assert survivors <= front
    assert {each.fitness.values for each in first_front(individuals(points, TWO))} == front
    n_first = len(front & survivors)
    assert set(values(chosen[:n_first])) == front & survivors  # best front first


@pytest.mark.parametrize("selection", ["auto", *MULTI])
@given(st.lists(pairs, min_size=1, max_size=40, unique=True))
def test_survivors_stand_front_by_front(selection, points):
    chosen = values(select([], individuals(points, TWO), population_size=15, selection=selection))
    fronts, left = [], list(chosen)
    while left:
        fronts.append(front_of(left))
        left = [point for point in left if point not in fronts[-1]]
    places = [next(k for k, front in enumerate(fronts) if point in front) for point in chosen]
    assert places == sorted(places)


@pytest.mark.parametrize("selection", MULTI)
def test_a_front_is_thinned_where_it_is_crowded(selection):
    crowd = [(50 + k / 100, 50 + k / 100) for k in range(40)]
    spread = [(float(k), float(k)) for k in range(0, 101, 20)]
    pool = individuals([*crowd, *spread], TWO)
    chosen = values(select([], pool, population_size=8, selection=selection))
    assert {(0.0, 0.0), (100.0, 100.0)} <= set(chosen)
    assert len(set(chosen) & set(spread)) >= 4


def test_of_equal_figures_the_first_stays_and_parents_come_first():
    parents, children = individuals([5, 4]), individuals([5, 4, 3, 3])
    chosen = select(parents, children, population_size=10)
    assert [each.label for each in chosen] == [0, 1, 2]
    assert chosen[:2] == parents
    assert all(a is b for a, b in zip(chosen, parents, strict=False))


@pytest.mark.parametrize(
    ("elitism", "expected"),
    [
        (None, [9, 8, 7, 3, 2]),
        (0, [3, 2, 1]),
        (1, [9, 3, 2, 1]),
        (2, [9, 8, 3, 2, 1]),
        (5, [9, 8, 7, 3, 2]),
    ],
)
def test_elitism_is_how_many_parents_compete(elitism, expected):
    chosen = select(
        individuals([7, 9, 8]), individuals([1, 3, 2]), population_size=5, elitism=elitism
    )
    assert values(chosen) == [(x,) for x in expected]


def test_elitism_with_several_objectives_keeps_the_front_of_the_parents():
    parents = individuals([(1, 1), (2, 2), (1, 2)], TWO)
    children = individuals([(0, 9)], TWO)
    chosen = select(parents, children, population_size=5, elitism=2)
    assert set(values(chosen)) == {(1, 1), (2, 2), (0, 9)}


@pytest.mark.parametrize("selection", ["auto", *MULTI])
def test_nobody_to_select_from(selection):
    assert select([], [], selection=selection) == []
    parents = individuals([(1, 2), (2, 3)], TWO)
    assert select(parents, [], selection=selection, elitism=0) == []
    assert set(values(select(parents, [], selection=selection))) == {(1, 2), (2, 3)}


@pytest.mark.parametrize("selection", MULTI)
def test_extreme_values_do_not_break_the_selection(selection):
    points = [(1e300, 0.0), (0.0, -1e300), (1e300, 1e300), (-1e300, 5.0), (0.0, 0.0)]
    chosen = select([], individuals(points, TWO), population_size=4, selection=selection)
    assert len(set(values(chosen))) == 4
    assert set(values(chosen)) >= front_of(points)


@pytest.mark.parametrize("selection", MULTI)
@pytest.mark.parametrize("n_objectives", [3, 4, 5])
def test_many_objectives(selection, n_objectives):
    """A simplex, all of it one front, of which a part is kept."""
    grid = [each for each in itertools.product(range(5), repeat=n_objectives) if sum(each) == 4]
    directions = ("maximize",) * n_objectives
    chosen = select([], individuals(grid, directions), population_size=12, selection=selection)
    assert len(set(values(chosen))) == 12
    assert set(values(chosen)) <= set(grid)
