"""The stationary bootstrap, its block length and its standard error, against other definitions."""

import math
import pickle

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.kernels import reality_check as kernels
from objectives.validation import StationaryBootstrap, block_length, series_moments
from objectives.validation.bootstrap import series_moments_reference
from search_spaces.errors import ConfigError, DataError


def autoregression(rng, n_days, rho):
    """One series with the autocorrelation rho of neighbours."""
    series = rng.normal(size=n_days)
    for t in range(1, n_days):
        series[t] += rho * series[t - 1]
    return series


@st.composite
def daily_returns(draw, max_series=5, max_days=30):
    """Float32 returns (n_series, n_days), some constant, some hardly active."""
    n = draw(st.integers(1, max_series))
    n_days = draw(st.integers(3, max_days))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["noise", "constant", "sparse", "offset", "trend", "alternating"]))
    daily = rng.normal(0.0, 0.01, (n, n_days))
    if kind == "constant":
        daily[:] = 0.001
    elif kind == "sparse":
        daily *= rng.random((n, n_days)) < 0.1
    elif kind == "offset":
        daily += 1.0
    elif kind == "trend":
        daily = np.cumsum(daily, axis=1)
    elif kind == "alternating":
        daily = np.where(np.arange(n_days) % 2, 0.01, -0.01) + daily * 1e-4
    return daily.astype(np.float32)


# block length


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.3, 0.9])
@pytest.mark.parametrize("n_days", [16, 59, 182, 539, 1200])
def test_block_length_as_arch(rho, n_days):
    for seed in range(5):
        series = autoregression(np.random.default_rng(seed), n_days, rho)
        expected = max(1.0, float(optimal_block_length(series)["stationary"].iloc[0]))
        assert block_length(series) == pytest.approx(expected, rel=1e-10)


def test_block_length_grows_with_autocorrelation():
    rng = np.random.default_rng(3)
    lengths = [block_length(autoregression(rng, 1000, rho)) for rho in (0.0, 0.5, 0.9)]
    assert lengths[0] < lengths[1] < lengths[2]


@pytest.mark.parametrize("value", [0.0, 0.1, -3e-5])
def test_block_length_of_a_constant(value):
    assert block_length(np.full(100, value)) == 1.0


def test_block_length_of_a_series_that_moves_at_its_start_only():
    assert block_length(np.array([1.0, -1.0] + [0.0] * 60)) >= 1.0


@pytest.mark.parametrize(
    ("series", "message"),
    [
        (np.ones(15), "16 days or more"),
        (np.ones((2, 40)), "16 days or more"),
        (np.array([0.0] * 20 + [math.nan]), "finite"),
        (np.array([0.0] * 20 + [math.inf]), "finite"),
    ],
)
def test_block_length_refuses(series, message):
    with pytest.raises(DataError, match=message):
        block_length(series)


# moments


@given(daily_returns(), st.one_of(st.just(1.0), st.floats(1.0, 200.0)))
@settings(max_examples=60, deadline=None)
def test_moments_equal_their_plain_twin(daily, block):
    before = daily.copy()
    got = series_moments(daily, block)
    plain = series_moments_reference(daily, block)
    np.testing.assert_array_equal(daily, before)
    tiny = 1e-13 * np.abs(daily).max()
    np.testing.assert_allclose(got.mean, plain.mean, rtol=1e-12, atol=tiny)
    np.testing.assert_allclose(got.std, plain.std, rtol=1e-10, atol=tiny)
    np.testing.assert_allclose(got.centred, plain.centred, rtol=1e-5, atol=tiny)
    variance = plain.std.max() ** 2
    np.testing.assert_allclose(
        got.long_run_std**2, plain.long_run_std**2, rtol=1e-9, atol=1e-11 * variance + tiny**2
    )


@pytest.mark.parametrize("block", [1.0, 10.0, 45.0])
def test_long_run_std_by_autocovariances(block):
    """Hansen's formula as he wrote it; 1e-5 is what float32 returns allow."""
    rng = np.random.default_rng(1)
    n_days = 200
    daily = np.array([autoregression(rng, n_days, rho) for rho in (-0.5, 0.0, 0.8)]) * 0.01
    d = daily - daily.mean(axis=1, keepdims=True)
    variance = (d * d).sum(axis=1) / n_days
    q = 1.0 / block
    for i in range(1, n_days):
        kappa = (1 - i / n_days) * (1 - q) ** i + i / n_days * (1 - q) ** (n_days - i)
        variance += 2.0 * kappa * (d[:, i:] * d[:, :-i]).sum(axis=1) / n_days
    bootstrap = StationaryBootstrap(n_days, block)
    got = bootstrap.long_run_std(daily.astype(np.float32))
    np.testing.assert_allclose(got, np.sqrt(variance), rtol=1e-5)


def test_a_block_of_one_day_makes_both_deviations_equal():
    daily = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    moments = series_moments(daily, 1.0)
    np.testing.assert_allclose(moments.long_run_std, moments.std, rtol=1e-12)
    np.testing.assert_allclose(moments.std, daily.std(axis=1, ddof=0, dtype="f8"), rtol=1e-12)


def test_moments_do_not_depend_on_the_company():
    """The p-value of one series must see the very numbers its tile saw."""
    daily = np.random.default_rng(2).normal(0.0, 0.01, (131, 77)).astype(np.float32)
    together = series_moments(daily, 7.0)
    for k in range(len(daily)):
        alone = series_moments(daily[k : k + 1], 7.0)
        for name in ("mean", "std", "long_run_std", "centred"):
            np.testing.assert_array_equal(getattr(alone, name)[0], getattr(together, name)[k])


def test_the_kernel_writes_every_place():
    daily = np.random.default_rng(2).normal(size=(65, 9)).astype(np.float32)
    outputs = [np.full(65, math.nan) for _ in range(3)]
    centred = np.full((65, 9), math.nan, dtype=np.float32)
    kernels._moments_njit(daily, 0.5, *outputs, centred)
    assert all(np.isfinite(output).all() for output in (*outputs, centred))


def test_the_variance_of_resampled_means_is_the_long_run_variance():
    rng = np.random.default_rng(4)
    daily = np.array([autoregression(rng, 120, rho) for rho in (-0.5, 0.0, 0.7)], dtype="f4")
    bootstrap = StationaryBootstrap(120, 8.0, n_resamples=20_000)
    moments = bootstrap.moments(daily)
    spread = (daily @ bootstrap.weights).std(axis=1) * math.sqrt(120)
    np.testing.assert_allclose(spread, moments.long_run_std, rtol=0.03)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("moments", [series_moments, series_moments_reference])
def test_what_is_not_finite_is_refused(moments, bad):
    daily = np.zeros((3, 20), dtype=np.float32)
    daily[1, 7] = bad
    with pytest.raises(DataError, match="finite"):
        moments(daily, 5.0)


def test_wrong_shapes_and_blocks_are_refused():
    with pytest.raises(DataError, match="n_series, n_days"):
        series_moments(np.zeros(5, dtype=np.float32), 5.0)
    with pytest.raises(DataError, match="n_series, n_days"):
        series_moments(np.zeros((5, 0), dtype=np.float32), 5.0)
    with pytest.raises(DataError, match="series of 20 days"):
        StationaryBootstrap(20, 5.0).moments(np.zeros((2, 19), dtype=np.float32))
    for block in (0.99, math.inf, math.nan):
        with pytest.raises(ConfigError, match="1 day or more"):
            series_moments(np.zeros((2, 19), dtype=np.float32), block)


# resamples


def test_kernel_by_hand():
    kernel = StationaryBootstrap(4, 2.0).kernel
    assert kernel.tolist() == [1.0, 0.75 * 0.5 + 0.25 * 0.125, 0.25, 0.25 * 0.125 + 0.75 * 0.5]
    assert StationaryBootstrap(4, 1.0).kernel.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_days_are_blocks_of_the_length_asked_for():
    bootstrap = StationaryBootstrap(50, 5.0, n_resamples=2000)
    days = bootstrap.days
    assert days.shape == (2000, 50)
    assert days.min() == 0
    assert days.max() == 49
    follows = (days[:, 1:] - days[:, :-1]) % 50 == 1
    # one jump in five, of which one in fifty lands on the next day
    assert follows.mean() == pytest.approx(0.8 + 0.2 / 50, abs=0.005)
    share = np.bincount(days.ravel(), minlength=50) / days.size
    np.testing.assert_allclose(share, 1 / 50, rtol=0.05)


def test_days_of_a_seed_stay_what_they_are():
    """A changed stream changes published p-values: it needs a line in the changelog."""
    days = StationaryBootstrap(7, 3.0, n_resamples=2, seed=5).days
    assert days.tolist() == [[1, 2, 5, 3, 3, 4, 1], [2, 3, 0, 1, 2, 3, 2]]


def test_seeds_and_the_first_of_more():
    few = StationaryBootstrap(30, 4.0, n_resamples=10, seed=1)
    more = StationaryBootstrap(30, 4.0, n_resamples=25, seed=1)
    np.testing.assert_array_equal(more.days[:10], few.days)
    assert (StationaryBootstrap(30, 4.0, n_resamples=10, seed=2).days != few.days).any()


def test_weights_are_shares_of_days():
    bootstrap = StationaryBootstrap(30, 4.0, n_resamples=20, seed=3)
    assert bootstrap.weights.dtype == np.float32
    assert bootstrap.weights.flags.c_contiguous
    assert bootstrap.weights is bootstrap.weights
    for b, days in enumerate(bootstrap.days):
        for day in range(30):
            assert bootstrap.weights[day, b] == np.float32((days == day).sum() / 30)


def test_equal_fields_are_equal_resamples_elsewhere_too():
    bootstrap = StationaryBootstrap(30, 4.0, n_resamples=20, seed=3)
    copied = pickle.loads(pickle.dumps(bootstrap))
    assert copied == bootstrap
    np.testing.assert_array_equal(copied.weights, bootstrap.weights)


@pytest.mark.parametrize(
    "fields",
    [
        {"n_days": 2},
        {"block": 0.5},
        {"block": math.inf},
        {"block": math.nan},
        {"n_resamples": 0},
        {"seed": -1},
    ],
)
def test_fields_out_of_range(fields):
    with pytest.raises(ConfigError, match="or more"):
        StationaryBootstrap(**{"n_days": 30, "block": 4.0, **fields})
