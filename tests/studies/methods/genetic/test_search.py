"""The search over numbered points: every point once, and it goes on from a snapshot."""

import itertools
import json
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import Choice, Fixed, Range, SearchSpace, Subsets
from search_spaces.errors import SpaceError
from studies.methods.genetic import GeneticOptions, GeneticSearch

SPACE = SearchSpace(
    [
        Subsets("codes", ("A", "B", "C", "D"), 3),
        Range("n", 0, 15),
        Choice("how", ("x", "y", "z")),
        Range("log", 1, 40, log=True),
    ]
)
ODD = SearchSpace(
    [Subsets("codes", ("A", "B", "C"), 3, min_size=2), Range("a", 1, 6), Range("b", 1, 6)],
    ["a < b", "size(codes) <= 2"],
)
"""45 points of 144."""


def values_of(space, points, n_objectives=1):
    """Objectives by position of the values; one point in seven fails."""
    digits = space.digits(points).astype(float)
    one = -np.abs(digits[:, 1] - 3) - digits[:, 0]
    other = digits[:, -1] - digits[:, 1]
    values = np.stack([one, other], axis=1)[:, :n_objectives]
    values[np.asarray(points) % 7 == 3] = np.nan
    return values


def joined(lists):
    return list(itertools.chain.from_iterable(lists))


def generations(search, n, n_objectives=1):
    asked = []
    for _ in range(n):
        points = search.ask()
        search.tell(points, values_of(search.space, points, n_objectives))
        asked.append(points.tolist())
    return asked


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("generation_size", [1, 4, 100])
def test_every_point_of_a_small_space_is_asked_for_once(seed, generation_size):
    options = GeneticOptions(initial_size=10, generation_size=generation_size, restart_after=12)
    search = GeneticSearch(ODD, options, seed=seed)
    assert ODD.size == 45
    asked = joined(generations(search, 60))
    assert sorted(asked) == list(range(45))
    for _ in range(2):
        assert search.ask().tolist() == []
        assert search.ask(5).tolist() == []
        search.tell([], np.empty((0, 1)))


def test_a_space_of_one_point():
    search = GeneticSearch(SearchSpace([Fixed("a", 1), Choice("b", ("x",))]))
    assert search.ask().tolist() == [0]
    search.tell([0], [[1.0]])
    assert search.ask().tolist() == []


def test_a_large_space_with_few_points_left_over_by_its_constraints():
    """Chance finds none of them, so they are drawn from their numbers."""
    parameters = [Range(name, 0, 199) for name in "abc"]
    space = SearchSpace(parameters, ["a < b", "b < c", "c <= 3"])
    search = GeneticSearch(space, GeneticOptions(initial_size=3, generation_size=1), seed=4)
    assert sorted(joined(generations(search, 5))) == list(range(space.size)) == [0, 1, 2, 3]


def test_drawing_from_what_is_left_needs_no_list_of_the_space():
    """Of 1.6 billion points, where the constraints hold for one draw in eight million."""
    parameters = [Range(name, 0, 199) for name in "abcdefg"]
    space = SearchSpace(parameters, ["a == b", "c == d", "e == f"])
    options = GeneticOptions(initial_size=20, generation_size=20)
    tracemalloc.start()
    search = GeneticSearch(space, options, seed=4)
    asked = joined(generations(search, 3))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(set(asked)) == len(asked) == 60
    assert peak < 100_000_000 < space.size / 10
    assert asked == joined(generations(GeneticSearch(space, options, seed=4), 3))
    thirds = np.histogram(asked[:20], bins=4, range=(0, space.size))[0]
    assert thirds.min() > 0


def test_asked_again_it_is_the_same_until_told():
    search = GeneticSearch(SPACE, seed=3)
    for _ in range(6):
        points = search.ask()
        np.testing.assert_array_equal(search.ask(), points)
        np.testing.assert_array_equal(search.ask(3), points[:3])
        np.testing.assert_array_equal(search.ask(10**9), points)
        search.tell(points, values_of(SPACE, points))


def test_a_budget_ends_a_generation_early():
    search = GeneticSearch(SPACE, GeneticOptions(initial_size=10, generation_size=6))
    first = search.ask(4)
    assert len(first) == 4
    search.tell(first, values_of(SPACE, first))
    assert (search.state.designed, search.state.to_design) == (4, 6)
    assert len(search.ask()) == 6
    assert search.ask(0).tolist() == []


def test_points_are_numbers_of_the_space_and_distinct():
    search = GeneticSearch(SPACE, seed=1)
    assert search.ask().dtype == np.int64
    asked = generations(search, 10)
    every = joined(asked)
    assert [len(each) for each in asked] == [22, *[8] * 9]
    assert len(set(every)) == len(every)
    assert 0 <= min(every) <= max(every) < SPACE.size


def test_given_points_come_first():
    given = [5, 100, 5, 700]
    search = GeneticSearch(SPACE, seed=1, given=given)
    plain = GeneticSearch(SPACE, seed=1).ask().tolist()
    points = search.ask().tolist()
    assert points == [5, 100, 700, *[p for p in plain if p not in given][:19]]
    search.tell(points, values_of(SPACE, points))
    assert not set(search.ask().tolist()) & set(points)


def test_more_given_points_than_the_design_has():
    options = GeneticOptions(initial_size=4)
    search = GeneticSearch(SPACE, options, given=range(10))
    assert search.ask().tolist() == list(range(10))
    assert search.ask(6).tolist() == list(range(6))


def test_the_best_are_the_parents():
    search = GeneticSearch(SPACE, GeneticOptions(restart_after=0), seed=5)
    asked = np.array(joined(generations(search, 20)))
    values = values_of(SPACE, asked)[:, 0]
    assert not np.isnan([parent.fitness.values[0] for parent in search.parents]).any()
    best = sorted(set(values[~np.isnan(values)].tolist()), reverse=True)[:12]
    assert [parent.fitness.values[0] for parent in search.parents] == best
    assert all(asked.tolist().index(parent.label) >= 0 for parent in search.parents)


def test_the_survivors_are_the_front():
    options = GeneticOptions(restart_after=0, population_size=30)
    search = GeneticSearch(SPACE, options, directions=["maximize", "minimize"], seed=5)
    asked = np.array(joined(generations(search, 25, 2)))
    values = values_of(SPACE, asked, 2)
    told = {tuple(row) for row in values[~np.isnan(values).any(axis=1)].tolist()}
    front = {p for p in told if not any(q != p and q[0] >= p[0] and q[1] <= p[1] for q in told)}
    assert 1 < len(front) <= 30
    assert front <= {parent.fitness.values for parent in search.parents}


def test_the_direction_is_what_is_searched_for():
    ends = {}
    for direction in ("maximize", "minimize"):
        search = GeneticSearch(SPACE, directions=[direction], seed=1)
        for _ in range(25):
            points = search.ask()
            search.tell(points, SPACE.digits(points)[:, [1]].astype(float))
        ends[direction] = search.parents[0].fitness.values[0]
    assert ends == {"maximize": 15.0, "minimize": 0.0}


@settings(max_examples=25)
@given(
    st.integers(0, 14),
    st.integers(0, 2**32 - 1),
    st.sampled_from([(1, "auto"), (2, "auto"), (2, "nsga3"), (2, "spea2")]),
    st.sampled_from([None, 0, 3]),
)
def test_a_snapshot_goes_on_as_if_nothing_had_been(n, seed, kind, elitism):
    n_objectives, selection = kind
    options = GeneticOptions(
        initial_size=10, restart_after=24, restart_size=7, selection=selection, elitism=elitism
    )
    directions = ["maximize", "minimize"][:n_objectives]

    def make():
        return GeneticSearch(SPACE, options, directions=directions, seed=seed, given=[3, 4])

    whole = make()
    asked = generations(whole, n, n_objectives)
    told = json.loads(json.dumps(whole.snapshot(), allow_nan=False))
    restored = make().restore(told, joined(asked))
    assert restored.snapshot() == whole.snapshot()
    assert generations(restored, 5, n_objectives) == generations(whole, 5, n_objectives)
    assert restored.snapshot() == whole.snapshot()


def test_restoring_forgets_what_was_before():
    search = GeneticSearch(SPACE, seed=2)
    told = json.loads(json.dumps(search.snapshot()))
    first = generations(search, 4)
    assert generations(search.restore(told, []), 4) == first


def test_seeds_differ():
    same = [generations(GeneticSearch(SPACE, seed=1), 5) for _ in range(2)]
    assert same[0] == same[1] != generations(GeneticSearch(SPACE, seed=2), 5)


def test_a_continuous_space_is_refused():
    with pytest.raises(SpaceError, match="continuous in 'x'"):
        GeneticSearch(SearchSpace([Range("x", 0.0, 1.0)])).ask()
