"""Reasons of failures: recorded as text, read back without a change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives import factor_backtest
from studies.outcomes.failure import Failure, FailureKind

K = FailureKind


@pytest.mark.parametrize(
    ("reason", "failure"),
    [
        ("timeout: longer than 0.5 s", Failure(K.TIMEOUT, "longer than 0.5 s")),
        ("error: ValueError: a: b\nc", Failure(K.ERROR, "ValueError: a: b\nc")),
        ("error: ValueError: ", Failure(K.ERROR, "ValueError: ")),
        ("crashed: 3 workers died while they evaluated it", None),
        ("constraint: window_size <= data_period", None),
        ("released: the run ended before the strategy was evaluated", None),
        ("insufficient_data", Failure(K.INSUFFICIENT_DATA)),
        ("undefined_metric", Failure(K.UNDEFINED_METRIC)),
        ("out of stock: 3", Failure(K.OTHER, "out of stock: 3")),
        ("error", Failure(K.ERROR)),
        ("error: ", Failure(K.ERROR, "")),
        ("error:ValueError", Failure(K.OTHER, "error:ValueError")),
        ("", Failure(K.OTHER, "")),
        (": x", Failure(K.OTHER, ": x")),
    ],
)
def test_a_reason_is_read_and_written_as_it_was(reason, failure):
    parsed = Failure.parse(reason)
    assert str(parsed) == reason
    if failure is not None:
        assert parsed == failure
    else:
        assert parsed.kind == reason.split(":")[0]


@given(st.one_of(st.text(), st.tuples(st.sampled_from(list(K)), st.text()).map(": ".join)))
def test_any_reason_stays_what_it_is(reason):
    assert str(Failure.parse(reason)) == reason


def test_what_raised_is_named():
    assert str(Failure.raised(ZeroDivisionError("odd"))) == "error: ZeroDivisionError: odd"
    assert str(Failure.raised(KeyError("a"))) == "error: KeyError: 'a'"


def test_the_kinds_of_the_factor_backtest_are_its_own():
    for kind in (K.INSUFFICIENT_DATA, K.NO_MARKET_CAPS, K.UNDEFINED_METRIC):
        assert getattr(factor_backtest, kind.name) == str(kind)
