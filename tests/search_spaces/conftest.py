"""Spaces that the tests of this folder share."""

import itertools

import pytest
from hypothesis import strategies as st

from search_spaces import Choice, FactorSpace, Fixed, Range, SearchSpace, SpaceError, Subsets

_OPERATORS = ("<=", "<", ">=", ">", "==", "!=")


@pytest.fixture(scope="session")
def default_space():
    return FactorSpace.default()


@pytest.fixture(scope="session")
def billion_space():
    """10^9 points: 100 x 100 x 100 x 10 x 10 x 10."""
    wide = [Range(name, 1, 100) for name in ("a", "b", "c")]
    narrow = [Range(name, 0, 90, step=10) for name in ("d", "e", "f")]
    return SearchSpace([*wide, *narrow], block_parameters=("b", "d"))


@pytest.fixture(scope="session")
def small_spaces():
    """Hypothesis strategy of small spaces with zero to three constraints, never empty."""
    return _small_spaces()


@pytest.fixture(scope="session")
def brute_force():
    """All allowed points of a small space in lexicographic order, as tuples of digits."""
    return _brute_force


def _brute_force(space):
    domains = [list(enumerate(parameter.values)) for parameter in space.parameters]
    allowed = []
    for point in itertools.product(*domains):
        values = dict(zip(space.names, (value for _, value in point), strict=True))
        if all(_obeys(rule, values) for rule in space.constraints):
            allowed.append(tuple(digit for digit, _ in point))
    return allowed


def _obeys(rule, values):
    sides = []
    for side in (rule.left, rule.right):
        if side.name is None:
            sides.append(side.literal)
        else:
            value = values[side.name]
            sides.append(len(value) if isinstance(value, tuple) else value)
    left, right = sides
    return {
        "<=": left <= right,
        "<": left < right,
        ">=": left >= right,
        ">": left > right,
        "==": left == right,
        "!=": left != right,
    }[rule.op]


@st.composite
def _small_spaces(draw):
    count = draw(st.integers(1, 5))
    parameters = [draw(_parameters(f"p{place}")) for place in range(count)]
    sides = [f"size({p.name})" if isinstance(p, Subsets) else p.name for p in parameters]
    rules = []
    for _ in range(draw(st.integers(0, 3))):
        left = draw(st.sampled_from(sides))
        others = [side for side in sides if side != left] + ["2", "3.5"]
        rules.append(f"{left} {draw(st.sampled_from(_OPERATORS))} {draw(st.sampled_from(others))}")
    blocks = draw(st.lists(st.sampled_from([p.name for p in parameters]), unique=True, max_size=3))
    try:
        return SearchSpace(parameters, rules, blocks)
    except SpaceError:  # the rules left no point
        return SearchSpace(parameters, (), blocks)


@st.composite
def _parameters(draw, name):
    kind = draw(st.sampled_from(["choice", "range", "float", "fixed", "subsets"]))
    if kind == "choice":
        values = st.lists(st.integers(-2, 6), unique=True, min_size=1, max_size=5)
        return Choice(name, tuple(draw(values)))
    if kind == "range":
        low, step = draw(st.integers(-1, 3)), draw(st.integers(1, 2))
        return Range(name, low, low + step * draw(st.integers(0, 4)), step=step)
    if kind == "float":
        return Range(name, 0.5, 0.5 + 0.5 * draw(st.integers(0, 3)), step=0.5)
    if kind == "fixed":
        return Fixed(name, draw(st.integers(0, 4)))
    codes = ("A", "B", "C")[: draw(st.integers(1, 3))]
    most = draw(st.integers(1, len(codes)))
    return Subsets(name, codes, most, draw(st.integers(1, most)))
