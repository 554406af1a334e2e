"""The last complete JSON object in whatever a program prints."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objectives.external.json_output import decoded, last_object

RESULT = {"success": True, "performance": {"sharpe_ratio": 1.25, "name": 'a } { b " \\'}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=5), JSON, max_size=4)
NOISE = st.text(alphabet=st.characters(exclude_characters="{}"), max_size=30)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RESULT),
        json.dumps(RESULT, indent=2),
        "loading {config}\n[INFO] {'a': 1}\n" + json.dumps(RESULT) + "\ndone in 3 s\n",
        json.dumps({"step": 1}) + json.dumps(RESULT),
        json.dumps({"step": 1}) + "\nbetween\n" + json.dumps(RESULT, indent=1) + "\n{broken",
        "{{" + json.dumps(RESULT) + "}}",
        "\x1b[32mok\x1b[0m " + json.dumps(RESULT),
    ],
)
def test_the_last_object_is_found(text):
    assert last_object(text) == RESULT


@pytest.mark.parametrize("text", ["", "no json", "{", '{"a": ', "[1, 2]", "{'a': 1}", '{"a": 1,}'])
def test_without_a_complete_object_there_is_none(text):
    assert last_object(text) is None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(NOISE, OBJECTS), min_size=1, max_size=4), NOISE)
def test_any_objects_with_any_noise(parts, after):
    text = "".join(noise + json.dumps(found) for noise, found in parts) + after
    assert last_object(text) == parts[-1][1]


def test_an_object_cut_off_leaves_the_one_before():
    assert last_object('{"a": 1}\n{"b": {"c": 2') == {"a": 1}


def test_inside_of_an_object_cut_off_there_is_no_result():
    whole = json.dumps({"performance": {"sharpe_ratio": 1.0}, "name": "x", "next": [1, 2]})
    for length in range(1, len(whole)):
        assert last_object(whole[:length]) is None, whole[:length]
        assert last_object("done {\n" + whole[:length] + "\n") is None, whole[:length]


def test_an_inner_object_of_a_broken_one_counts_as_nothing_better():
    assert last_object('{"a": {"b": 2}, oops') == {"b": 2}


def test_text_made_to_be_slow_ends():
    assert last_object('{"a":' * 400_000) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings(encoding):
    text = "訊息 noise\n" + json.dumps(RESULT)
    if encoding.startswith("utf-16"):
        text = "noise\n" + json.dumps(RESULT)
    assert last_object(decoded(text.encode(encoding))) == RESULT


def test_bytes_that_are_no_text_are_passed_over():
    assert last_object(decoded(b"\xff\x80 noise " + json.dumps(RESULT).encode())) == RESULT
