"""Parameters: domains, spellings, restriction, and the YAML that describes them."""

import numpy as np
import optuna
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
)

from search_spaces import Choice, Fixed, Range, SpaceError, Subsets, parse_parameter

KINDS = [
    Choice("p", (5, 10, 20)),
    Choice("p", ("EQ", None, True, 2.5)),
    Fixed("p", 7),
    Fixed("p", None),
    Range("p", 1, 9),
    Range("p", 1, 9, step=2),
    Range("p", 1, 64, log=True),
    Range("p", 0.1, 0.5, step=0.1),
    Subsets("p", ("SR", "DD", "TR"), 2),
    Subsets("p", ("SR", "DD", "TR"), 3, 2, only=(("SR", "DD", "TR"), ("SR", "TR"))),
]
CONTINUOUS = [Range("p", 0.0, 1.0), Range("p", 1e-5, 1.0, log=True)]


@pytest.mark.parametrize("parameter", KINDS, ids=repr)
class TestEveryFiniteKind:
    def test_positions_number_the_domain(self, parameter):
        assert [parameter.value_index(value) for value in parameter.values] == list(
            range(len(parameter.values))
        )

    def test_external_round_trip(self, parameter):
        for value in parameter.values:
            assert parameter.from_stored(parameter.to_stored(value)) == value

    def test_internal_values_are_those_of_optuna(self, parameter):
        ours = parameter.internal_values
        external = [parameter.to_stored(value) for value in parameter.values]
        theirs = [parameter.distribution.to_internal_repr(value) for value in external]
        assert ours.dtype == np.float64
        np.testing.assert_array_equal(ours, theirs)

    def test_config_round_trip(self, parameter):
        assert parse_parameter("p", parameter.to_config()) == parameter

    def test_restricting_to_one_value(self, parameter):
        for value in parameter.values:
            assert parameter.restrict([value]).values == (value,)

    def test_restricting_keeps_the_order_and_drops_repetitions(self, parameter):
        backwards = [*reversed(parameter.values), parameter.values[0]]
        assert parameter.restrict(backwards).values == parameter.values

    def test_restricting_to_spelled_values(self, parameter):
        spelled = [parameter.to_stored(value) for value in parameter.values]
        spelled = [
            {None: "null", True: "true"}[value] if value is None or value is True else str(value)
            for value in spelled
        ]
        assert parameter.restrict(spelled).values == parameter.values

    def test_restricting_to_nothing_is_refused(self, parameter):
        with pytest.raises(SpaceError, match="no value at all; allowed:"):
            parameter.restrict([])

    def test_foreign_values_are_refused(self, parameter):
        for value in ("nonsense", 1e9, ("SR", "XX"), [["list"]], float("nan")):
            with pytest.raises(SpaceError, match=r"is not a value of parameter 'p'; allowed: "):
                parameter.value_index(value)
            with pytest.raises(SpaceError, match="allowed:"):
                parameter.from_stored(value)
            with pytest.raises(SpaceError, match="allowed:"):
                parameter.restrict([value])

    def test_suggest(self, parameter):
        trial = optuna.create_study().ask()
        value = parameter.suggest(trial)
        assert value in parameter.values
        assert parameter.from_stored(trial.params["p"]) == value
        check_distribution_compatibility(trial.distributions["p"], parameter.distribution)


@pytest.mark.parametrize("parameter", CONTINUOUS, ids=repr)
class TestContinuousRanges:
    def test_it_has_no_positions(self, parameter):
        assert parameter.values is None
        with pytest.raises(SpaceError, match=r"continuous.*`step`"):
            parameter.value_index(0.5)

    def test_config_round_trip(self, parameter):
        assert parse_parameter("p", parameter.to_config()) == parameter

    def test_values_outside_are_refused(self, parameter):
        assert parameter.from_stored(0.5) == 0.5
        for value in (-0.1, 1.1, "0.5", True):
            with pytest.raises(SpaceError, match="numbers from"):
                parameter.from_stored(value)

    def test_restriction_makes_a_choice(self, parameter):
        assert parameter.restrict(["0.5", 0.25]) == Choice("p", (0.25, 0.5))

    def test_suggest(self, parameter):
        value = parameter.suggest(optuna.create_study().ask())
        assert parameter.low <= value <= parameter.high


def test_distributions():
    assert Choice("p", (5, 10)).distribution == CategoricalDistribution((5, 10))
    assert Fixed("p", "x").distribution == CategoricalDistribution(("x",))
    assert Range("p", 1, 9, step=2).distribution == IntDistribution(1, 9, step=2)
    assert Range("p", 1, 9, log=True).distribution == IntDistribution(1, 9, log=True)
    assert Range("p", 1, 2.5, step=0.5).distribution == FloatDistribution(1.0, 2.5, step=0.5)
    assert Range("p", 0.1, 1, log=True).distribution == FloatDistribution(0.1, 1.0, log=True)
    assert Subsets("p", ("A", "B"), 2).distribution == CategoricalDistribution(("A", "B", "A_B"))


def test_subsets_are_ordered_by_size_then_by_the_list():
    assert Subsets("p", ("B", "A", "C"), 2).values == (
        *(("B",), ("A",), ("C",)),
        *(("B", "A"), ("B", "C"), ("A", "C")),
    )
    assert Subsets("p", ("A", "B", "C"), 3, min_size=3).values == (("A", "B", "C"),)


def test_a_subset_in_another_order_is_another_value():
    with pytest.raises(SpaceError, match="not a value"):
        Subsets("p", ("A", "B"), 2).value_index(("B", "A"))
    assert Subsets("p", ("A", "B"), 2).value_index(["A", "B"]) == 2


def test_float_grids_are_decimal():
    assert Range("p", 0.1, 0.7, step=0.1).values == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    assert Range("p", 0.1, 0.7, step=0.1).value_index(0.1 + 0.2) == 2


def test_integers_make_an_integer_range_and_a_float_anywhere_a_float_range():
    assert Range("p", 0, 3).values == (0, 1, 2, 3)
    assert Range("p", 0, 3.0).values is None
    assert Range("p", 0, 1, step=0.5).values == (0.0, 0.5, 1.0)
    assert Range("p", 2.0, 2.0).values == (2.0,)


def test_numpy_values_are_found_and_true_is_not_one():
    assert Choice("p", (5, 10)).value_index(np.int64(10)) == 1
    assert Range("p", 0, 4).value_index(np.float64(3.0)) == 3
    with pytest.raises(SpaceError, match="not a value"):
        Choice("p", (1, 2)).value_index(True)


def test_large_integers_keep_their_last_digit():
    parameter = Range("p", 10**17, 10**17 + 5)
    assert [parameter.value_index(10**17 + k) for k in range(6)] == list(range(6))


def test_a_range_too_fine_to_be_listed_counts_as_continuous():
    fine = Range("p", 1, 10**9)
    assert fine.values is None
    assert fine.from_stored(123_456_789) == 123_456_789
    assert fine.restrict([7, "9"]) == Choice("p", (7, 9))
    with pytest.raises(SpaceError, match="integers from 1 to"):
        fine.from_stored(2.5)
    assert Range("p", 0.0, 1.0, step=1e-7).values is None
    assert len(Range("p", 1, 1_000_000).values) == 1_000_000


def test_numbers_that_yaml_reads_as_text():
    parsed = parse_parameter("p", {"range": ["1e-5", "1e-1"], "log": True})
    assert parsed == Range("p", 1e-5, 0.1, log=True)


def test_only_may_be_written_as_text():
    parsed = parse_parameter("p", {"subsets": ["A", "B"], "max_size": 2, "only": ["A_B", "B"]})
    assert parsed.values == (("B",), ("A", "B"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ([1, 2], r"described by a mapping such as"),
        (None, r"described by a mapping such as"),
        ({}, r"exactly one of choice, range, fixed, subsets; got nothing"),
        ({"chioce": [1]}, r"exactly one of .*; got chioce"),
        ({"choice": [1], "fixed": 1}, r"exactly one of .*; got choice, fixed"),
        ({"choice": [1], "step": 2}, r"unknown option step; `choice` knows no options"),
        ({"range": [1, 2], "stpe": 2}, r"unknown option stpe; `range` knows step, log"),
        ({"choice": []}, r"needs at least one choice"),
        ({"choice": "EQ"}, r"the choices of 'p' are a list; got 'EQ'"),
        ({"choice": 5}, r"the choices of 'p' are a list; got 5"),
        ({"choice": [1, 1]}, r"lists 1 twice"),
        ({"choice": [1, True]}, r"lists True twice"),
        ({"choice": [1, 1.0]}, r"lists 1.0 twice"),
        ({"choice": [[1], [2]]}, r"text, a number, true, false or null; got \[1\]"),
        ({"choice": [1, float("nan")]}, r"finite; got nan"),
        ({"fixed": [1]}, r"text, a number, true, false or null; got \[1\]"),
        ({"fixed": float("inf")}, r"finite; got inf"),
        ({"range": 5}, r"range 'p' is \[low, high\]; got 5"),
        ({"range": [1]}, r"range 'p' is \[low, high\]; got \[1\]"),
        ({"range": [1, 2, 3]}, r"range 'p' is \[low, high\]"),
        ({"range": ["a", 2]}, r"`low` of range 'p' is a finite number; got 'a'"),
        ({"range": [1, None]}, r"`high` of range 'p' is a finite number; got None"),
        ({"range": [1, float("inf")]}, r"`high` of range 'p' is a finite number; got inf"),
        ({"range": [True, 2]}, r"`low` of range 'p' is a finite number; got True"),
        ({"range": [3, 2]}, r"low <= high; got low=3, high=2"),
        ({"range": [1, 9], "step": 0}, r"step > 0; got step=0"),
        ({"range": [1, 9], "step": -1}, r"step > 0; got step=-1"),
        ({"range": [1, 9], "step": "x"}, r"`step` of range 'p' is a finite number; got 'x'"),
        ({"range": [1, 9], "step": 3}, r"do not arrive at 9; use 7 as the upper bound"),
        ({"range": [0.0, 1.0], "step": 0.3}, r"do not arrive at 1.0; use 0.9 as the upper bound"),
        ({"range": [0, 9], "log": True}, r"`log` needs low > 0; got low=0"),
        ({"range": [1, 9], "log": True, "step": 2}, r"`log` and `step`"),
        ({"range": [1, 9], "log": "yes"}, r"`log` of range 'p' is true or false; got 'yes'"),
        ({"subsets": ["A", "B"]}, r"subsets 'p' need `max_size`"),
        ({"subsets": "AB", "max_size": 1}, r"of a list of codes; got 'AB'"),
        ({"subsets": [], "max_size": 1}, r"of a list of codes; got \[\]"),
        ({"subsets": ["A", False], "max_size": 1}, r"quote it in YAML.*got False"),
        ({"subsets": ["A_B"], "max_size": 1}, r"letters and digits only.*got 'A_B'"),
        ({"subsets": ["A", "A"], "max_size": 1}, r"list a code twice: A, A"),
        ({"subsets": ["A"], "max_size": 2}, r"max_size <= 1 .*max_size=2"),
        ({"subsets": ["A"], "max_size": 1, "min_size": 0}, r"1 <= min_size.*min_size=0"),
        ({"subsets": ["A"], "max_size": "1"}, r"`max_size` of subsets 'p' is an integer; got '1'"),
        ({"subsets": ["A"], "max_size": 1, "only": []}, r"`only` .* is a list of subsets"),
        ({"subsets": ["A"], "max_size": 1, "only": "A"}, r"`only` .* is a list of subsets"),
        ({"subsets": ["A"], "max_size": 1, "only": ["B"]}, r"'B' is not a value .*allowed: A"),
        ({"subsets": [f"F{k}" for k in range(40)], "max_size": 20}, r"more than 100,000; lower"),
    ],
)
def test_bad_specifications(spec, message):
    with pytest.raises(SpaceError, match=message):
        parse_parameter("p", spec)


@pytest.mark.parametrize("name", ["", "1a", "a b", "a<b", "größe", None, 3])
def test_bad_names(name):
    with pytest.raises(SpaceError, match="a parameter name begins with"):
        parse_parameter(name, {"fixed": 1})
