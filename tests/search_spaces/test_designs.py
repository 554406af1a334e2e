"""Designs: pure, distinct, in range, and spread as promised."""

import tracemalloc
from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import DESIGNS, Choice, Range, SearchSpace, SpaceError, designs, make_design
from search_spaces.block_walk import BlockWalk, golden_stride, strided

SAMPLED = [method for method in DESIGNS if method != "exhaustive"]
SEQUENCES = ["latin_hypercube", "sobol", "halton"]


def assert_distinct_points(points, space, size):
    assert points.dtype == np.int64
    assert points.shape == (size,)
    assert len(np.unique(points)) == size
    assert points.min() >= 0
    assert points.max() < space.size


@pytest.mark.parametrize("method", DESIGNS)
class TestEveryDesign:
    @settings(deadline=None, max_examples=60)
    @given(data=st.data())
    def test_distinct_and_in_range(self, method, small_spaces, data):
        space = data.draw(small_spaces)
        size = data.draw(st.integers(1, space.size + 3))
        seed = data.draw(st.integers(0, 2**40))
        design = make_design(space, method, size, seed)
        assert design.size == len(design) == min(size, space.size)
        assert (design.method, design.seed) == (method, seed)
        assert (design.note is None) == (size <= space.size)
        assert_distinct_points(design.indices(), space, design.size)
        assert_distinct_points(make_design(space, method, space.size).indices(), space, space.size)

    @settings(deadline=None, max_examples=20)
    @given(data=st.data())
    def test_pure_in_space_size_and_seed(self, method, small_spaces, data):
        space = data.draw(small_spaces)
        size = data.draw(st.integers(1, space.size))
        seed = data.draw(st.integers(0, 99))
        options = {"block_parameters": space.block_parameters}
        again = SearchSpace.from_config(space.to_config(), **options)
        np.random.seed(seed)  # noqa: NPY002  # a design does not hang on the global state
        np.testing.assert_array_equal(
            make_design(space, method, size, seed).indices(),
            make_design(again, method, size, seed).indices(),
        )

    @settings(deadline=None, max_examples=30)
    @given(data=st.data())
    def test_slices(self, method, small_spaces, data):
        space = data.draw(small_spaces)
        design = make_design(space, method, data.draw(st.integers(1, space.size)), 3)
        start = data.draw(st.integers(0, design.size))
        stop = data.draw(st.integers(start, design.size))
        np.testing.assert_array_equal(design.indices(start, stop), design.indices()[start:stop])

    def test_the_seed_has_an_effect(self, method, default_space):
        one, other = (make_design(default_space, method, 1_000, seed) for seed in (0, 1))
        assert set(one.indices().tolist()) != set(other.indices().tolist())

    def test_the_default_space(self, method, default_space):
        for size in (1, 1_000, 436_800):
            points = make_design(default_space, method, size, 7).indices()
            assert_distinct_points(points, default_space, size)

    def test_a_billion_points(self, method, billion_space):
        tracemalloc.start()
        try:
            points = make_design(billion_space, method, 5_000, 1).indices()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert_distinct_points(points, billion_space, 5_000)
        assert peak < 20_000_000

    def test_every_value_is_met(self, method, default_space):
        if method == "grid":
            return  # a coarse grid leaves values out by its nature
        digits = default_space.digits(make_design(default_space, method, 20_000).indices())
        for column, parameter in enumerate(default_space.parameters):
            assert len(np.unique(digits[:, column])) == len(parameter.values)

    def test_a_shortfall_is_noted(self, method):
        space = SearchSpace([Choice("a", tuple(range(1_100)))])
        design = make_design(space, method, 2_000)
        assert design.size == 1_100
        assert design.note == "the space has only 1,100 distinct points; 2,000 were asked for"

    @pytest.mark.parametrize("size", [0, -1, 1.5, "3", True])
    def test_bad_sizes(self, method, default_space, size):
        with pytest.raises(SpaceError, match="an integer > 0; got size="):
            make_design(default_space, method, size)

    @pytest.mark.parametrize("seed", [-1, 1.5, None])
    def test_bad_seeds(self, method, default_space, seed):
        with pytest.raises(SpaceError, match="an integer >= 0; got seed="):
            make_design(default_space, method, 3, seed)

    @pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 1), (0, 11), (11, 11)])
    def test_bad_positions(self, method, default_space, start, stop):
        with pytest.raises(SpaceError, match="0 <= start <= stop <= 10; got start="):
            make_design(default_space, method, 10).indices(start, stop)

    def test_a_continuous_space(self, method):
        with pytest.raises(SpaceError, match="continuous in 'a'"):
            make_design(SearchSpace([Range("a", 0.0, 1.0)]), method, 3)


class TestExhaustive:
    @settings(deadline=None, max_examples=100)
    @given(data=st.data())
    def test_blocks_in_stride_order_and_lexicographic_inside(self, small_spaces, brute_force, data):
        space = data.draw(small_spaces)
        seed = data.draw(st.integers(0, 50))
        columns = [space.names.index(n) for n in space.block_parameters or space.names]
        rest = [c for c in range(len(space.names)) if c not in columns]
        blocks = {}
        for index, point in enumerate(brute_force(space)):
            blocks.setdefault(tuple(point[c] for c in columns), []).append((point, index))
        names = sorted(blocks)
        stride = golden_stride(len(names))
        expected = []
        for visit in range(len(names)):
            inside = blocks[names[(seed + visit * stride) % len(names)]]
            inside.sort(key=lambda entry: [entry[0][c] for c in rest])
            expected += [index for _, index in inside]
        assert make_design(space, "exhaustive", seed=seed).indices().tolist() == expected

    @settings(deadline=None, max_examples=40)
    @given(data=st.data())
    def test_a_smaller_design_is_a_prefix(self, small_spaces, data):
        space = data.draw(small_spaces)
        size = data.draw(st.integers(1, space.size))
        whole = make_design(space, "exhaustive", seed=5).indices()
        part = make_design(space, "exhaustive", size, seed=5).indices()
        np.testing.assert_array_equal(part, whole[:size])

    def test_all_points_without_a_size(self, default_space):
        design = make_design(default_space, "exhaustive")
        assert (design.size, design.note) == (436_800, None)
        np.testing.assert_array_equal(np.sort(design.indices()), np.arange(436_800))

    def test_many_unequal_blocks(self):
        """More blocks than one checkpoint holds, met in chunks of odd length."""
        parameters = [Range(name, 1, 60) for name in ("a", "b", "c")]
        space = SearchSpace(parameters, ["a <= b", "b <= c"], ("a", "b"))
        design = make_design(space, "exhaustive", seed=11)
        pieces = [
            design.indices(start, min(start + 977, design.size))
            for start in range(0, design.size, 977)
        ]
        assert BlockWalk(space).n_blocks == 60 * 61 // 2
        np.testing.assert_array_equal(np.sort(np.concatenate(pieces)), np.arange(space.size))
        np.testing.assert_array_equal(np.concatenate(pieces), design.indices())

    def test_every_prefix_is_spread_evenly(self, default_space):
        """After n whole blocks each factor set was visited n / 56 times, give or take three."""
        for n_blocks in (560, 1_120, 2_800):
            points = make_design(default_space, "exhaustive", n_blocks * 75).indices()
            visits = np.bincount(default_space.digits(points)[:, 0], minlength=56) / 75
            assert abs(visits - n_blocks / 56).max() <= 3

    def test_a_billion_points_cost_no_memory(self, billion_space):
        tracemalloc.start()
        try:
            design = make_design(billion_space, "exhaustive", seed=2)
            assert design.size == 10**9
            ends = [design.indices(0, 500), design.indices(10**9 - 500, 10**9)]
            middle = design.indices(123_456_789, 123_457_000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        points = np.concatenate([*ends, middle])
        assert_distinct_points(points, billion_space, 1_211)
        assert peak < 5_000_000

    def test_space_near_the_limit(self):
        space = SearchSpace([Range(f"x{k}", 1, 1_000) for k in range(6)])
        design = make_design(space, "exhaustive", seed=3)
        points = design.indices(10**18 - 1_000, 10**18)
        assert_distinct_points(points, space, 1_000)
        walk = golden_stride(10**18)
        assert points[-1] == (3 + (10**18 - 1) * walk) % 10**18

    def test_block_parameters_have_an_effect(self, default_space):
        plain = SearchSpace(default_space.parameters)
        one, other = (make_design(s, "exhaustive", 200) for s in (default_space, plain))
        assert set(one.indices().tolist()) != set(other.indices().tolist())


class TestGrid:
    def test_ends_and_middle_of_a_range(self):
        space = SearchSpace([Range("a", 0, 100), Choice("b", ("x", "y"))])
        points = make_design(space, "grid", 6).indices()
        assert [space.params(int(k)) for k in points] == [
            {"a": a, "b": b} for a in (0, 50, 100) for b in "xy"
        ]

    def test_all_points(self, default_space):
        points = make_design(default_space, "grid").indices()
        np.testing.assert_array_equal(points, np.arange(436_800))

    def test_it_is_the_coarsest_grid(self, default_space):
        digits = default_space.digits(make_design(default_space, "grid", 300).indices())
        assert [len(np.unique(column)) for column in digits.T] == [3] * 6
        digits = default_space.digits(make_design(default_space, "grid", 64).indices())
        assert [len(np.unique(column)) for column in digits.T] == [2] * 6

    def test_constraints_refine_it(self):
        space = SearchSpace([Range("a", 1, 50), Range("b", 1, 50)], ["a < b"])
        digits = space.digits(make_design(space, "grid", 40).indices())
        assert len(np.unique(digits)) == 10  # 9 values make 36 pairs, 10 make 45

    def test_the_seed_rotates_the_thinning_only(self, default_space):
        def grid(size, seed):
            return make_design(default_space, "grid", size, seed).indices().tolist()

        assert grid(64, 0) == grid(64, 1)
        assert grid(65, 0) != grid(65, 1)


class TestRandom:
    def test_all_points_in_another_order(self, default_space):
        points = make_design(default_space, "random").indices()
        np.testing.assert_array_equal(np.sort(points), np.arange(436_800))
        assert not np.array_equal(points, np.arange(436_800))

    def test_uniform(self):
        space = SearchSpace([Choice("a", (1, 2, 3, 4))])
        counts = np.zeros(4)
        for seed in range(2_000):
            counts[make_design(space, "random", 1, seed).indices()] += 1
        assert abs(counts - 500).max() < 100


class TestSequences:
    @pytest.mark.parametrize("method", SEQUENCES)
    def test_they_need_a_size(self, method, default_space):
        with pytest.raises(SpaceError, match=f"a {method} design needs a size"):
            make_design(default_space, method)

    @pytest.mark.parametrize("method", SEQUENCES)
    def test_margins_are_even(self, method, billion_space):
        digits = billion_space.digits(make_design(billion_space, method, 4_096, 1).indices())
        for column in range(3):
            counts = np.bincount(digits[:, column], minlength=100)
            assert abs(counts - 40.96).max() < 8

    def test_latin_hypercube_strata(self):
        """As many points as values: every value of a wide parameter exactly once."""
        space = SearchSpace([Range(name, 1, 500) for name in "ab"])
        digits = space.digits(make_design(space, "latin_hypercube", 500, 4).indices())
        assert (np.sort(digits, axis=0) == np.arange(500)[:, None]).all()

    @pytest.mark.parametrize("method", SEQUENCES)
    def test_constrained_points_need_no_rejection(self, method):
        space = SearchSpace([Range(name, 1, 100) for name in "abc"], ["a < b", "b < c"])
        digits = space.digits(make_design(space, method, 2_000).indices())
        assert (digits[:, 0] < digits[:, 1]).all()
        assert (digits[:, 1] < digits[:, 2]).all()


def test_designs_too_large_to_hold(billion_space, monkeypatch):
    for method in SAMPLED:
        with pytest.raises(SpaceError, match="at most 100,000,000; got size=200,000,000; ask"):
            make_design(billion_space, method, 200_000_000)
    monkeypatch.setattr(designs, "_MAX_HELD", 10)
    with pytest.raises(SpaceError, match="holds its points in memory, at most 10"):
        make_design(billion_space, "random", 11)


def test_unknown_methods(default_space):
    with pytest.raises(SpaceError, match="unknown design 'spiral'; there are exhaustive, grid"):
        make_design(default_space, "spiral", 3)


def test_points_are_read_only(default_space):
    points = make_design(default_space, "random", 10).indices()
    with pytest.raises(ValueError, match="read-only"):
        points[0] = 1


@settings(deadline=None)
@given(n=st.integers(1, 2**62))
def test_the_stride_is_coprime_and_golden(n):
    stride = golden_stride(n)
    assert gcd(stride, n) == 1
    assert 1 <= stride <= max(1, n)
    if n > 1_000_000:
        assert abs(stride / n - 0.6180339887) < 1e-3


@settings(deadline=None)
@given(n=st.integers(1, 2**62), first=st.integers(0, 2**63), count=st.integers(0, 50))
def test_strided_numbers_do_not_overflow(n, first, count):
    stride = golden_stride(n)
    expected = [(first + k * stride) % n for k in range(count)]
    assert strided(first, stride, n, count).tolist() == expected
