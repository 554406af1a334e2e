"""What is embedded in a report is what was recorded."""

import base64
import gzip
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces import Choice, Range, SearchSpace
from studies.reports.embedded import FAILED, MISSING, embed, levels_of
from studies.reports.embedded_parameters import MOST_PLACES, embedded_parameters
from studies.reports.json_in_page import json_in_page
from tests.helpers.figures import FIGURE, SPACE, make_table, whole_table

WIDTHS = {1: "<u1", 2: "<u2", 4: "<u4"}
VALUES = st.floats(allow_nan=True, allow_infinity=True)


def unpacked(embedded, parameters):
    """Figures, places of parameters and groups, as the script of the page reads them."""
    rest = memoryview(gzip.decompress(base64.b64decode(embedded.data)))
    document = embedded.document

    def take(n, kind):
        nonlocal rest
        width = np.dtype(kind).itemsize
        part, rest = rest[: n * width], rest[n * width :]
        planes = np.frombuffer(part, "u1").reshape(width, n)
        return np.frombuffer(planes.T.tobytes(), kind)

    figures = {}
    for listed in document["figures"]:
        levels = take(listed["levels"], f"<f{listed['width']}")
        figures[listed["name"]] = levels, take(document["n"], "<u2")
    places = [take(document["n"], WIDTHS[width]) for width in document["columns"]]
    if document["grid"]:
        shape = [len(each.place_of) for each in parameters]
        digits = np.array(np.unravel_index(np.arange(document["n"]), shape))
        places = [each.place_of[row] for each, row in zip(parameters, digits, strict=True)]
    ends = np.cumsum(document["groups"])
    groups = np.split(take(int(ends[-1]), "<u4"), ends[:-1])
    assert not rest
    return figures, places, groups


@given(st.lists(VALUES, max_size=60), st.data())
def test_levels_are_the_recorded_values_with_their_signs(values, data):
    values = np.array(values, dtype=np.float64)
    failed = np.array([data.draw(st.booleans()) for _ in values], dtype=np.bool_)
    levels = levels_of(values, failed)
    assert (levels.codes == FAILED).tolist() == failed.tolist()
    assert (levels.codes == MISSING).tolist() == (~failed & np.isnan(values)).tolist()
    known = levels.codes < MISSING
    read = levels.values[levels.codes[known]].astype(np.float64)
    assert np.sign(read).tolist() == np.sign(values[known]).tolist()
    assert np.isinf(read).tolist() == np.isinf(values[known]).tolist()
    finite = np.isfinite(read)
    # as 32-bit numbers; the smallest of them are as far apart as they are large
    steps = float(np.finfo(np.float32).smallest_subnormal)
    assert np.allclose(read[finite], values[known][finite], rtol=2e-7, atol=steps)
    assert levels.is_exact


def test_more_values_than_levels_keep_signs_ends_and_order():
    generator = np.random.default_rng(3)
    values = np.concatenate([generator.normal(size=100_000), [0.0, math.inf, -math.inf, 1e-30]])
    levels = levels_of(values, np.zeros(len(values), dtype=np.bool_))
    assert not levels.is_exact
    assert len(levels.values) <= 32_768
    assert (np.diff(levels.values.astype(np.float64)[1:-1]) >= 0).all()
    read = levels.values[levels.codes].astype(np.float64)
    assert (np.sign(read) == np.sign(values)).all()
    order = np.argsort(values)
    for end in (order[:2_000], order[-2_000:]):
        assert np.allclose(read[end], values[end], rtol=2e-7)
    ranks = np.searchsorted(values[order], read[np.isfinite(read)])
    assert np.abs(ranks - np.argsort(order)[np.isfinite(read)]).max() <= 10


def test_values_that_half_the_digits_would_make_equal_keep_all():
    values = 1e9 + np.arange(50.0)
    levels = levels_of(values, np.zeros(50, dtype=np.bool_))
    assert levels.values.dtype.itemsize == 8
    assert levels.values[levels.codes].tolist() == values.tolist()


@pytest.mark.parametrize("share", [1.0, 0.6, 0.0])
def test_a_table_comes_out_as_it_went_in(share):
    whole = whole_table(seed=4)
    generator = np.random.default_rng(5)
    rows = np.flatnonzero(generator.random(len(whole)) < share) if share < 1 else range(len(whole))
    shuffled = generator.permutation(np.array(rows, dtype=np.int64))
    table = make_table(whole.indices[shuffled], whole.figure()[shuffled])
    parameters = embedded_parameters(SPACE)
    groups = [np.arange(len(table))[:2], np.arange(len(table))[2:3]]
    embedded = embed(table, [FIGURE], parameters, groups)
    assert embedded.document["grid"] is (share == 1.0)
    figures, places, read = unpacked(embedded, parameters)
    levels, codes = figures[FIGURE]
    for row, position in enumerate(embedded.position.tolist()):
        value, code = table.figure()[row], codes[position]
        assert code == FAILED if math.isnan(value) else levels[code] == np.float32(value)
        digits = zip(parameters, table.digits[row], places, strict=True)
        assert all(each.place_of[digit] == column[position] for each, digit, column in digits)
    for rows, positions in zip(groups, read, strict=True):
        assert positions.tolist() == embedded.position[rows].tolist()


def test_subsets_say_their_codes_and_values_how_they_are_filtered():
    factors, kind, window = embedded_parameters(SPACE)
    assert factors.codes == ("A", "B", "C")
    assert factors.labels == ("A", "B", "C", "A_B", "A_C", "B_C")
    assert factors.members == (1, 2, 4, 3, 5, 6)
    assert factors.literals[3] == "'A_B'"
    assert kind.literals == ("'x'", "'y'")
    assert window.literals == ("1", "2", "3")


def test_many_values_are_chosen_together():
    (parameter,) = embedded_parameters(SearchSpace([Range("n", 1, 1000)]))
    assert len(parameter.labels) <= MOST_PLACES
    assert parameter.labels[0] == "1 – 25"
    assert parameter.place_of[[0, 24, 25, 999]].tolist() == [0, 0, 1, 39]
    assert parameter.literals[1].startswith("26, 27, ")


def test_values_that_a_filter_cannot_spell_have_no_spelling():
    (parameter,) = embedded_parameters(SearchSpace([Choice("c", ("it's", "b"))]))
    assert parameter.literals == ()


def test_json_never_ends_its_element():
    text = json_in_page({"a": "</script><!-- & \u2028 中"})
    assert not set("<>&\u2028") & set(text)
    assert "中" in text
