"""Neighbours of a point, against a walk over the whole space."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import (
    Choice,
    FactorSpace,
    Fixed,
    Range,
    SearchSpace,
    SpaceError,
    Subsets,
    one_step_neighbours,
)


def one_step(parameter, one, other):
    """Whether two values of a parameter are a step apart, in the plainest words."""
    if isinstance(parameter, Subsets):
        more, less = set(other) - set(one), set(one) - set(other)
        return (len(more), len(less)) in {(1, 0), (0, 1), (1, 1)}
    if all(type(value) in (int, float) for value in parameter.values):
        low, high = sorted((one, other))
        return low != high and not any(low < value < high for value in parameter.values)
    return one is not other


def brute_force_neighbours(space, points, own):
    found = []
    for index, point in enumerate(points):
        changed = [k for k, (a, b) in enumerate(zip(own, point, strict=True)) if a != b]
        if len(changed) != 1:
            continue
        parameter = space.parameters[changed[0]]
        one, other = (parameter.values[p[changed[0]]] for p in (own, point))
        if one_step(parameter, one, other):
            found.append(index)
    return found


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_against_a_walk_over_the_whole_space(small_spaces, brute_force, data):
    space = data.draw(small_spaces)
    points = brute_force(space)
    index = data.draw(st.integers(0, len(points) - 1))
    near = one_step_neighbours(space, index)
    assert near.dtype == np.int64
    assert near.tolist() == brute_force_neighbours(space, points, points[index])


def test_a_choice_in_any_order_steps_in_the_order_of_its_numbers():
    parameter = Choice("a", (30, 5, 10.5))
    assert [parameter.neighbours(k) for k in range(3)] == [[2], [2], [0, 1]]


@pytest.mark.parametrize("values", [("x", "y", "z"), (None, 1, 2), (True, 5, 7)])
def test_values_that_have_no_order_are_all_one_step_away(values):
    assert Choice("a", values).neighbours(1) == [0, 2]


def test_subsets_one_more_one_less_one_exchanged():
    parameter = Subsets("f", ("A", "B", "C", "D"), 3)
    near = {parameter.values[k] for k in parameter.neighbours(parameter.value_index(("A", "B")))}
    assert near == {
        ("A",), ("B",), ("A", "C"), ("A", "D"), ("B", "C"), ("B", "D"),
        ("A", "B", "C"), ("A", "B", "D"),
    }  # fmt: skip


def test_a_fixed_parameter_has_none():
    assert one_step_neighbours(SearchSpace([Fixed("a", 1)]), 0).size == 0


def test_a_step_over_a_forbidden_value_is_not_taken():
    space = SearchSpace([Choice("a", (1, 2, 3))], ["a != 2"])
    assert one_step_neighbours(space, 0).size == 0


def test_the_default_space():
    space = FactorSpace.default()
    index = space.index(space.parse("SR_DD_W5_1D_D10_S3_EQ"))
    near = set(space.strategy_ids(one_step_neighbours(space, index)))
    assert {name for name in near if name.startswith("SR_DD_W") and "WR" not in name} == {
        "SR_DD_W10_1D_D10_S3_EQ", "SR_DD_W5_2D_D10_S3_EQ", "SR_DD_W5_1D_D20_S3_EQ",
        "SR_DD_W5_1D_D10_S5_EQ", "SR_DD_W5_1D_D10_S3_IC", "SR_DD_W5_1D_D10_S3_FS",
    }  # fmt: skip
    assert len(near) == 6 + 2 + 4 + 8


def test_continuous_and_foreign_points_are_refused():
    with pytest.raises(SpaceError, match="continuous"):
        one_step_neighbours(SearchSpace([Range("a", 0.0, 1.0)]), 0)
    with pytest.raises(SpaceError, match="outside the space"):
        one_step_neighbours(SearchSpace([Range("a", 0, 3)]), 4)
