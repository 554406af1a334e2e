"""Optuna's own suites of samplers, those that it holds its NSGA-II to."""

import pytest
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from studies.methods.genetic import DeapSampler


class TestDeapSampler(BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase):
    """With its defaults."""

    @pytest.fixture
    def sampler(self):
        return lambda: DeapSampler(seed=0)
