"""The lattice against brute force, at a billion points, and its refusals."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import (
    Choice,
    Constraint,
    Lattice,
    Range,
    SearchSpace,
    SpaceError,
    SpaceTooLargeError,
    Subsets,
)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_small_spaces_against_enumeration(small_spaces, brute_force, data):
    space = data.draw(small_spaces)
    expected = np.array(brute_force(space), dtype=np.int64)
    lattice = space.lattice
    assert lattice.size == len(expected)
    np.testing.assert_array_equal(lattice.unrank(np.arange(lattice.size)), expected)
    np.testing.assert_array_equal(lattice.rank(expected), np.arange(lattice.size))


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_forbidden_points_are_refused(small_spaces, brute_force, data):
    space = data.draw(small_spaces)
    allowed = set(brute_force(space))
    radices = [len(parameter.values) for parameter in space.parameters]
    point = tuple(data.draw(st.integers(0, radix - 1)) for radix in radices)
    if point in allowed:
        assert space.lattice.unrank(space.lattice.rank([point])).tolist() == [list(point)]
    else:
        with pytest.raises(SpaceError, match=r"point outside the space: .* is broken by"):
            space.lattice.rank([point])


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_prefixes_against_enumeration(small_spaces, brute_force, data):
    space = data.draw(small_spaces)
    depth = data.draw(st.integers(1, len(space.names)))
    points = brute_force(space)
    beginnings = sorted({point[:depth] for point in points})
    prefix = space.lattice.prefix(depth)
    assert prefix.size == len(beginnings)
    digits = prefix.unrank(np.arange(prefix.size))
    assert [tuple(row) for row in digits.tolist()] == beginnings
    first, count = space.lattice.prefix_ranges(digits)
    inside = [[n for n, p in enumerate(points) if p[:depth] == one] for one in beginnings]
    assert first.tolist() == [numbers[0] for numbers in inside]
    assert count.tolist() == [len(numbers) for numbers in inside]
    equal = space.lattice.uniform_completions(depth)
    assert equal == (count[0] if (count == count[0]).all() else None)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_the_unit_cube_covers_every_point_evenly(small_spaces, data):
    """The measure of a point's cell is 1 / size: seen at the midpoints of a fine mesh."""
    space = data.draw(small_spaces)
    if space.size > 400:
        return
    lattice = space.lattice
    unit = np.empty((lattice.size, lattice.n_parameters))
    digits = lattice.unrank(np.arange(lattice.size))
    for column in range(lattice.n_parameters):
        before, total = lattice.prefix_ranges(digits[:, :column])
        first, count = lattice.prefix_ranges(digits[:, : column + 1])
        unit[:, column] = (first - before + count / 2) / total
    np.testing.assert_array_equal(lattice.from_unit(unit), digits)


def test_the_unit_cube_gives_allowed_points_with_equal_probability():
    space = SearchSpace([Range("a", 1, 4), Range("b", 1, 4)], ["a <= b"])
    unit = np.random.default_rng(5).random((50_000, 2))
    counts = np.bincount(space.indices(space.lattice.from_unit(unit)), minlength=10)
    assert len(counts) == 10
    assert abs(counts - 5_000).max() < 350  # five standard deviations


def test_the_corners_of_the_unit_cube(default_space):
    lattice = default_space.lattice
    corners = np.array([[0.0] * 6, [np.nextafter(1.0, 0.0)] * 6])
    assert lattice.rank(lattice.from_unit(corners)).tolist() == [0, 436_799]


@pytest.mark.parametrize("rules", [(), ("a <= b", "b < c", "d != e", "a != 50")])
def test_a_billion_points(billion_space, rules):
    tracemalloc.start()
    try:
        space = SearchSpace(billion_space.parameters, rules)
        points = np.random.default_rng(0).integers(0, space.size, 20_000)
        digits = space.digits(points)
        np.testing.assert_array_equal(space.indices(digits), points)
        assert space.index(space.params(space.size - 1)) == space.size - 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000
    if not rules:
        assert space.size == 10**9
    else:
        pairs = sum(100 - b for b in range(1, 101) for a in range(1, b + 1) if a != 50)
        assert space.size == pairs * (100 - 10) * 10


def test_chained_constraints_need_few_states():
    """a <= b <= ... <= h over 30 values: the states are minima, not the combinations."""
    names = "abcdefgh"
    rules = [f"{one} <= {other}" for one, other in itertools.pairwise(names)]
    rules += [f"{one} <= h" for one in names[:-1]]
    space = SearchSpace([Range(name, 1, 30) for name in names], rules)
    assert space.size == 38_608_020  # 37 over 8: non-decreasing sequences


def test_nearly_as_many_points_as_can_be_numbered():
    """Many states of many completions each stay within int64."""
    wide = [Range(f"x{k}", 1, 1000) for k in range(5)]
    space = SearchSpace([Range("a", 1, 60), *wide, Range("b", 1, 60)], ["a <= b"])
    assert space.size == 1830 * 10**15
    points = np.random.default_rng(1).integers(0, space.size, 1_000)
    np.testing.assert_array_equal(space.indices(space.digits(points)), points)


def test_too_many_points():
    space = SearchSpace([Range(f"x{k}", 1, 1_000) for k in range(7)])
    assert space.finite
    with pytest.raises(SpaceTooLargeError, match=r"more than 2\*\*62 points.*adaptive"):
        _ = space.size


def test_constraints_that_tie_too_much_together():
    names = [f"x{k}" for k in range(8)]
    rules = [f"{a} != {b}" for a in names for b in names if a < b]
    space = SearchSpace([Range(name, 1, 40) for name in names], rules)
    with pytest.raises(
        SpaceTooLargeError, match=r"tie the parameters after .* to too many earlier"
    ):
        _ = space.size


def test_constraints_over_too_many_values():
    space = SearchSpace([Range("a", 1, 10_000), Range("b", 1, 10_000)], ["a <= b"])
    with pytest.raises(SpaceTooLargeError, match="'a <= b' compares parameters of too many"):
        _ = space.size


def test_an_empty_lattice():
    with pytest.raises(SpaceError, match="leave no point of the space: a > b; b > 1"):
        SearchSpace([Range("a", 1, 2), Range("b", 1, 2)], ["a > b", "b > 1"])


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ([-1], r"index -1 is outside the space, whose 3 points are numbered 0 to 2"),
        ([0, 3], r"index 3 is outside"),
        ([0.5], r"indices are integers"),
        (1, r"indices are integers of shape \(n,\)"),
        ([[1]], r"indices are integers of shape \(n,\)"),
        ([2**63], r"is outside"),
    ],
)
def test_bad_indices(indices, message):
    lattice = Lattice([Choice("a", (1, 2, 3))])
    with pytest.raises(SpaceError, match=message):
        lattice.unrank(indices)


@pytest.mark.parametrize(
    ("digits", "message"),
    [
        ([[0]], r"shape \(n, 2\); got shape \(1, 1\)"),
        ([[0, 0.5]], r"digits are integers"),
        ([[0, 2]], r"digit 2 of parameter 'b' is outside 0 to 1"),
        ([[-1, 0]], r"digit -1 of parameter 'a' is outside 0 to 1"),
        ([[0, 0], [1, 0]], r"point outside the space: a <= b is broken by a=2, b=1"),
    ],
)
def test_bad_digits(digits, message):
    rule = Constraint.parse("a <= b")
    lattice = Lattice([Choice("a", (1, 2)), Choice("b", (1, 2))], [rule])
    with pytest.raises(SpaceError, match=message):
        lattice.rank(digits)


def test_bad_unit_points_and_depths():
    lattice = Lattice([Choice("a", (1, 2)), Subsets("b", ("A", "B"), 1)])
    for unit in ([[0.5]], [0.5, 0.5]):
        with pytest.raises(SpaceError, match=r"expected shape \(n, 2\)"):
            lattice.from_unit(unit)
    for value in (1.0, -0.1, float("nan")):
        with pytest.raises(SpaceError, match=r"coordinates in \[0, 1\)"):
            lattice.from_unit([[0.5, value]])
    with pytest.raises(SpaceError, match="1 to 2 digits"):
        lattice.prefix(3)


def test_no_points_asked_for(default_space):
    assert default_space.digits([]).shape == (0, 6)
    assert default_space.indices(np.empty((0, 6), dtype=np.int64)).shape == (0,)
    assert default_space.strategy_ids([]) == []


def test_inputs_are_left_alone(default_space):
    points = np.arange(100)
    digits = default_space.digits(points)
    before = digits.copy()
    default_space.indices(digits[::2])
    np.testing.assert_array_equal(digits, before)
    np.testing.assert_array_equal(points, np.arange(100))
