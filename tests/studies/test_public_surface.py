"""The public names of `studies`, and the examples of its public classes."""

import doctest

import pytest

import studies
from studies import config, session


def test_public_names():
    assert studies.__all__ == ["DeapSampler", "Session", "TuningConfig", "load_config"]
    for name in studies.__all__:
        assert getattr(studies, name).__doc__


@pytest.mark.parametrize("module", [config, session])
def test_the_examples_of_docstrings(module):
    outcome = doctest.testmod(module)
    assert outcome.failed == 0
    assert outcome.attempted > 0
