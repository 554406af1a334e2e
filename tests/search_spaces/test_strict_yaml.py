"""YAML read strictly: slips are refused with key and line; what is written reads back the same."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.strict_yaml import dump_yaml, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("a: 1e-3", {"a": 0.001}),
        ("a: [1e2, -2E+1, .5e3, 1.5e3, 1_0e1, 1.0e-3]", {"a": [100, -20, 500, 1500, 100, 0.001]}),
        ("a: 10_000", {"a": 10_000}),
        ("a: 0", {"a": 0}),
        ("a: 0.5", {"a": 0.5}),
        ("a: [0x1F, -3, +4]", {"a": [31, -3, 4]}),
        ("a: '1e-3'", {"a": "1e-3"}),
        ("a: '010'", {"a": "010"}),
        ("a: '1:30'", {"a": "1:30"}),
        ("a: yes", {"a": True}),
        ("a: [true, FALSE, 'yes', \"no\"]", {"a": [True, False, "yes", "no"]}),
        ("a: 2024-01-31", {"a": datetime.date(2024, 1, 31)}),
        ("a: &x {b: 1}\nc: {<<: *x, b: 2}", {"a": {"b": 1}, "c": {"b": 2}}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("1: a\n'1': b", {1: "a", "1": "b"}),
    ],
)
def test_values(text, value):
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3", r"the key b\.c is given twice, in lines 3 and 5;"),
        ("a: 1\n'a': 1", r"the key a is given twice, in lines 1 and 2"),
        ("a: [{b: 1, b: 2}]", r"the key a\.0\.b is given twice"),
        ("a: &x {b: 1, b: 2}\nc: *x", r"the key a\.b is given twice"),
        ("1: a\n+1: b", r"the key \+1 is given twice"),
        ("a: {b: 010}", r"a\.b \(line 1\): a number does not begin with 0, got 010"),
        ("a: -08", r"a \(line 1\): a number does not begin with 0, got -08"),
        ("a: 0_1", r"got 0_1"),
        ("\na: 1:30", r"a \(line 2\): 1:30 would be read to base 60"),
        ("a: 1:30:00.5", r"to base 60"),
        ("010: a", r"010 \(line 1\): a number does not begin with 0"),
        ("a: {b: [x, NO]}", r"a\.b\.1 \(line 1\): NO may be a text or a truth value"),
        ("a: {fixed: off}", r"a\.fixed \(line 1\): off may be a text or a truth value"),
        ("a: {on: 1}", r"a\.on \(line 1\): the key 'on' would be read as a truth value"),
        ("a: 2024-02-30", r"a \(line 1\): '2024-02-30' cannot be read \(day "),
        ("a: [", r"this is not YAML: while parsing"),
        ("a: !!python/object:os.system {}", r"this is not YAML: could not determine"),
        ("a: 1\n---\nb: 2", r"this is not YAML: expected a single document"),
        ("a: \x07", r"this is not YAML"),
        ("? [a]\n: 1", r"this is not YAML"),
        ("&a [*a]", r"contains itself"),
        ("[" * 100_000, r"nested too deeply"),
    ],
)
def test_refused(text, message):
    with pytest.raises(ValueError, match=message) as error:
        parse_yaml(text)
    assert "\n" not in str(error.value)


def test_aliases_that_stand_for_billions_of_values_are_refused_at_once():
    lines = ["a0: &a0 [1]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 30)]
    with pytest.raises(ValueError, match=r"more than 1,000,000 values .*leave out the aliases"):
        parse_yaml("\n".join(lines))


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["1e-3", "1E5", "010", "08", "1:30", "yes", "off", "<<", "0", ".5e1"])
)


@given(st.dictionaries(st.text(min_size=1, max_size=4), scalars | st.lists(scalars, max_size=3)))
def test_what_is_written_reads_back_the_same(values):
    assert parse_yaml(dump_yaml(values)) == values
