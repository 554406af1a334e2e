"""Sharpe statistics: published examples, limits, and series against moments."""

import math

import numpy as np
import pytest
from scipy import stats

from objectives.metrics import SegmentRecord, performance
from objectives.validation import (
    ReturnMoments,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    return_moments,
    sharpe_ratio,
)
from search_spaces.errors import ConfigError, DataError

EXAMPLE = ReturnMoments(1250, mean=2.5 / math.sqrt(250), std=1.0, skewness=-3.0, kurtosis=10.0)
"""The example of Bailey and Lopez de Prado (2014): a year has 250 days."""


@pytest.fixture
def daily():
    rng = np.random.default_rng(3)
    return 0.002 + 0.01 * rng.standard_t(5, size=400)


def test_sharpe_of_rows(daily):
    rows = np.stack([daily, np.full(400, 1e-4), np.zeros(400), -2 * daily])
    expected = daily.mean() / daily.std(ddof=1)
    np.testing.assert_allclose(sharpe_ratio(rows), [expected, 0, 0, -expected], rtol=1e-12)
    np.testing.assert_allclose(
        sharpe_ratio(rows, annualise=True), sharpe_ratio(rows) * math.sqrt(365), rtol=1e-15
    )


def test_sharpe_is_that_of_the_metrics(daily):
    wealth = np.cumprod(np.concatenate(([1e4], 1 + daily)))
    record = SegmentRecord(
        wealth.tolist(), [0.0] * len(daily), len(daily), [], [], 0, [], 0.0, 0.0, 0
    )
    np.testing.assert_allclose(
        sharpe_ratio(daily, annualise=True), performance(record)[3], rtol=1e-9
    )


def test_nan_stays_nan():
    assert np.isnan(sharpe_ratio(np.array([0.1, np.nan, 0.2])))


@pytest.mark.parametrize("shape", [(1,), (3, 1), ()])
def test_sharpe_of_a_day(shape):
    with pytest.raises(DataError, match="two days"):
        sharpe_ratio(np.zeros(shape))


def test_moments(daily):
    moments = return_moments(daily)
    assert moments.n_days == 400
    np.testing.assert_allclose(
        [moments.mean, moments.std, moments.skewness, moments.kurtosis],
        [
            daily.mean(),
            daily.std(ddof=1),
            stats.skew(daily),
            stats.kurtosis(daily, fisher=False),
        ],
        rtol=1e-12,
    )
    deviation = daily - daily.mean()
    np.testing.assert_allclose(
        moments.effective_days, (deviation**2).sum() ** 2 / (deviation**4).sum(), rtol=1e-12
    )


@pytest.mark.parametrize("bad", [np.zeros((2, 5)), np.zeros(1), np.array([0.1, np.nan])])
def test_no_moments(bad):
    with pytest.raises(DataError, match="finite returns"):
        return_moments(bad)


@pytest.mark.parametrize(("n_trials", "dsr"), [(100, 0.9004), (46, 0.9505)])
def test_published_example(n_trials, dsr):
    """The annual variance 1/2 of the trials is 0.5 / 250 in days."""
    assert deflated_sharpe_ratio(EXAMPLE, n_trials, 0.5 / 250) == pytest.approx(dsr, abs=1e-4)


def test_published_expected_maximum():
    assert expected_maximum_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=1e-4)


@pytest.mark.parametrize("n_trials", [10, 100, 1000])
def test_expected_maximum_is_that_of_normal_draws(n_trials):
    rng = np.random.default_rng(0)
    drawn = rng.normal(scale=0.3, size=(4000, n_trials)).max(axis=1)
    assert expected_maximum_sharpe(n_trials, 0.09) == pytest.approx(drawn.mean(), rel=0.03)


def test_expected_maximum_of_few_and_of_very_many():
    values = [expected_maximum_sharpe(n, 1.0) for n in (1, 1.2, 2, 2.5, 1e6, 1e18, 1e40)]
    assert values[:2] == [0.0, 0.0]
    assert np.isfinite(values).all()
    assert (np.diff(values[1:]) > 0).all()


def test_probability_against_the_formula(daily):
    """Student's distribution is not normal: both moments count."""
    moments = return_moments(daily)
    sharpe = moments.mean / moments.std
    variance = 1 - moments.skewness * sharpe + (moments.kurtosis - 1) / 4 * sharpe**2
    expected = stats.norm.cdf((sharpe - 0.05) * math.sqrt(399) / math.sqrt(variance))
    assert probabilistic_sharpe_ratio(daily, 0.05) == pytest.approx(expected, abs=1e-12)
    assert probabilistic_sharpe_ratio(moments, 0.05) == probabilistic_sharpe_ratio(daily, 0.05)


def test_probability_is_half_at_the_own_ratio(daily):
    assert probabilistic_sharpe_ratio(daily, float(sharpe_ratio(daily))) == 0.5


def test_probability_is_calibrated_on_noise():
    """Of worthless normal series 5 % have a PSR above 0.95."""
    rng = np.random.default_rng(1)
    found = [probabilistic_sharpe_ratio(x) > 0.95 for x in rng.normal(size=(2000, 250))]
    assert np.mean(found) == pytest.approx(0.05, abs=0.015)


def test_autocorrelation_multiplies_the_variance(daily):
    moments = return_moments(daily)
    plain = stats.norm.ppf(probabilistic_sharpe_ratio(daily))
    wide = stats.norm.ppf(probabilistic_sharpe_ratio(daily, long_run_std=2 * moments.std))
    assert wide == pytest.approx(plain / 2, rel=1e-9)
    assert probabilistic_sharpe_ratio(daily, long_run_std=moments.std) == pytest.approx(
        probabilistic_sharpe_ratio(daily), abs=1e-15
    )
    assert deflated_sharpe_ratio(
        daily, 50, 0.001, long_run_std=2 * moments.std
    ) == probabilistic_sharpe_ratio(
        daily, expected_maximum_sharpe(50, 0.001), long_run_std=2 * moments.std
    )


@pytest.mark.parametrize("factor", [None, 1.7])
def test_track_record_reaches_the_confidence(factor):
    omega = None if factor is None else factor * EXAMPLE.std
    days = minimum_track_record_length(EXAMPLE, 0.01, confidence=0.9, long_run_std=omega)
    reached = ReturnMoments(days, EXAMPLE.mean, EXAMPLE.std, EXAMPLE.skewness, EXAMPLE.kurtosis)
    assert probabilistic_sharpe_ratio(reached, 0.01, long_run_std=omega) == pytest.approx(0.9)


def test_track_record_of_a_loser(daily):
    assert minimum_track_record_length(-daily) == math.inf


def test_constant_series():
    constant = np.full(100, 3e-4, dtype=np.float32)
    assert return_moments(constant).sharpe == 0.0
    assert not return_moments(constant).is_reliable
    assert math.isnan(probabilistic_sharpe_ratio(constant, long_run_std=1.0))
    assert math.isnan(deflated_sharpe_ratio(constant, 10, 0.01))
    assert math.isnan(minimum_track_record_length(constant))


def test_impossible_moments_have_no_probability():
    """Skewness 9 with kurtosis 3 is no distribution: kurtosis is at least 1 + skewness squared."""
    assert math.isnan(probabilistic_sharpe_ratio(ReturnMoments(100, 1.0, 1.0, 9.0, 3.0)))


def test_one_fee_day_is_not_reliable():
    rng = np.random.default_rng(0)
    held = 3e-4 + 1e-5 * rng.normal(size=500)
    assert return_moments(held).is_reliable
    held[0] -= 0.001
    moments = return_moments(held)
    assert moments.kurtosis > 100
    assert moments.effective_days == pytest.approx(1, abs=0.2)
    assert not moments.is_reliable


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: expected_maximum_sharpe(0.5, 1.0), "n_trials=0.5"),
        (lambda: expected_maximum_sharpe(math.nan, 1.0), "n_trials=nan"),
        (lambda: expected_maximum_sharpe(2, -1.0), "variance=-1.0"),
        (lambda: minimum_track_record_length(EXAMPLE, confidence=0.5), "confidence=0.5"),
        (lambda: probabilistic_sharpe_ratio(EXAMPLE, long_run_std=0.0), "long_run_std=0.0"),
    ],
)
def test_refused(call, message):
    with pytest.raises(ConfigError, match=message):
        call()
