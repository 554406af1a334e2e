"""Constraints: the grammar, how rules fit parameters, and what they allow."""

import itertools

import pytest

from search_spaces import Choice, Constraint, Range, SpaceError, Subsets
from search_spaces.constraints import parse_constraint

PARAMETERS = {
    "fast": Choice("fast", (5, 10, 20)),
    "slow": Range("slow", 5, 20, step=5),
    "rate": Range("rate", 0.0, 1.0),
    "codes": Subsets("codes", ("A", "B", "C"), 3),
    "kind": Choice("kind", ("x", "y")),
    "other-kind": Choice("other-kind", ("y", "z")),
    "mixed": Choice("mixed", (None, True, 2, "x")),
}


@pytest.mark.parametrize("operator", ["<=", "<", ">=", ">", "==", "!="])
def test_every_operator_agrees_with_python(operator):
    rule = Constraint.parse(f"fast {operator} slow")
    pairs = itertools.product(PARAMETERS["fast"].values, PARAMETERS["slow"].values)
    expected = [eval(f"{fast} {operator} {slow}") for fast, slow in pairs]
    assert rule.table(PARAMETERS).ravel().tolist() == expected
    pairs = itertools.product(PARAMETERS["fast"].values, PARAMETERS["slow"].values)
    assert [
        rule.allows(PARAMETERS, {"fast": fast, "slow": slow}) for fast, slow in pairs
    ] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fast <= 10", [5, 10]),
        ("fast<=10", [5, 10]),
        ("10 >= fast", [5, 10]),
        ("fast > -2.5", [5, 10, 20]),
        ("fast != 10", [5, 20]),
        ("kind == 'x'", ["x"]),
        ('kind != "x"', ["y"]),
        ("size(codes) >= 2", [("A", "B"), ("A", "C"), ("B", "C"), ("A", "B", "C")]),
        ("size( codes ) == 3", [("A", "B", "C")]),
        ("codes == 'A_C'", [("A", "C")]),
        ("mixed == null", [None]),
        ("mixed == true", [True]),
        ("mixed != true", [None, 2, "x"]),
        ("mixed == 2", [2]),
        ("mixed != 1", [None, True, 2, "x"]),
    ],
)
def test_rules_with_a_literal(text, expected):
    rule = Constraint.parse(text)
    rule.check(PARAMETERS)
    (name,) = rule.names
    domain = PARAMETERS[name].values
    table = rule.table(PARAMETERS)
    assert [value for value, allowed in zip(domain, table, strict=True) if allowed] == expected
    assert [value for value in domain if rule.allows(PARAMETERS, {name: value})] == expected


def test_rules_between_texts():
    rule = Constraint.parse("kind == other-kind")
    rule.check(PARAMETERS)
    assert rule.table(PARAMETERS).tolist() == [[False, False], [True, False]]


def test_rules_between_a_size_and_a_number():
    rule = Constraint.parse("size(codes) < fast")
    rule.check(PARAMETERS)
    assert rule.names == ("codes", "fast")
    assert rule.table(PARAMETERS).all()


@pytest.mark.parametrize(
    "text",
    [
        "fast <= slow",
        "size(codes) <= 3",
        "kind != 'x'",
        "mixed == null",
        'kind == "it\'s"',
        "2 < fast",
    ],
)
def test_text_and_config_round_trip(text):
    rule = Constraint.parse(text)
    assert rule.text == text == str(rule)
    assert Constraint.parse(rule.text) == rule
    assert parse_constraint(rule.to_config()) == rule
    named = Constraint.parse(text, name="warm up")
    assert named.to_config() == {"warm up": text}
    assert parse_constraint(named.to_config()) == named


def test_violation_names_rule_and_values():
    values = {"fast": 20, "slow": 5}
    said = Constraint.parse("fast <= slow").violation(PARAMETERS, values)
    assert said == "fast <= slow is broken by fast=20, slow=5"
    said = Constraint.parse("fast <= slow", name="order").violation(PARAMETERS, values)
    assert said == "order (fast <= slow) is broken by fast=20, slow=5"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("fast", r"two operands.*got 'fast'"),
        ("fast = slow", r"two operands"),
        ("fast <= ", r"two operands|neither a parameter"),
        ("fast <= slow <= 3", r"two operands"),
        ("fast => slow", r"two operands"),
        (5, r"two operands.*got 5"),
        (None, r"two operands"),
        ("fast + 1 <= slow", r"'fast \+ 1' is neither a parameter"),
        ("__import__('os') == 1", r"is neither a parameter"),
        ("len(codes) <= 3", r"'len\(codes\)' is neither a parameter"),
        ("3 <= 4", r"names no parameter"),
        ("fast <= fast", r"compares 'fast' with itself"),
        ({"a": "fast <= slow", "b": "fast < slow"}, r"one \{name: rule\}"),
        ({}, r"one \{name: rule\}"),
        ({"a": 3}, r"two operands"),
    ],
)
def test_malformed_rules(spec, message):
    with pytest.raises(SpaceError, match=message):
        parse_constraint(spec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fsat <= slow", r"unknown parameter 'fsat'; there are fast, slow"),
        ("kind == x", r"unknown parameter 'x'.*in quotes"),
        ("size(fast) <= 3", r"size\(\) is for subsets, which 'fast' is not"),
        ("kind <= 'x'", r"<= orders numbers only"),
        ("codes <= 3", r"orders numbers only; use == or !=, or size\(\)"),
        ("mixed < 3", r"orders numbers only"),
        ("fast == 'x'", r"compares number with text, which are never equal"),
        ("codes == 3", r"compares text with number"),
        ("kind == true", r"compares text with true/false"),
    ],
)
def test_rules_that_do_not_fit(text, message):
    with pytest.raises(SpaceError, match=message):
        Constraint.parse(text).check(PARAMETERS)


def test_a_continuous_parameter_may_be_compared():
    rule = Constraint.parse("rate < 0.5")
    rule.check(PARAMETERS)
    assert rule.allows(PARAMETERS, {"rate": 0.4})
    assert not rule.allows(PARAMETERS, {"rate": 0.5})
