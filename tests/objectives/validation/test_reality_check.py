"""The reality check against brute force, against arch, and against itself in other orders."""

import math
import pickle
from threading import Thread

import numpy as np
import pytest
from arch.bootstrap import SPA, StepM
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.kernels import reality_check as kernels
from objectives.validation import (
    Maxima,
    RealityCheck,
    StationaryBootstrap,
    expected_maximum,
    n_independent_normals,
    series_moments,
)
from objectives.validation.reality_check import running_maxima_reference
from search_spaces.errors import ConfigError, DataError

FIELDS = ("by_bin", "plain", "long_run", "n_by_bin")
BINS_PER_UNIT = 64


def ones(daily):
    return np.ones(len(daily), dtype=np.int64)


def population(seed=0, n=40, n_days=90, edge=0.0):
    """Returns with a common swing and momentum, the first strategy with an edge per day."""
    rng = np.random.default_rng(seed)
    daily = rng.normal(0.0, 0.01, (n, n_days)) + rng.normal(0.0, 0.005, n_days)
    daily[:, 1:] += 0.3 * daily[:, :-1]
    daily *= rng.uniform(0.2, 3.0, (n, 1))
    daily += rng.normal(0.0, 0.002, (n, 1))
    daily[0] += edge
    return daily.astype(np.float32)


def maxima_of(daily, bootstrap, counts=None):
    check = RealityCheck(bootstrap)
    check.add(daily, ones(daily) if counts is None else counts)
    return check.maxima()


def handmade(bootstrap, largest_of_bin, counts):
    """Maxima with the given resampled maxima and number of strategies of some bins."""
    empty = RealityCheck(bootstrap).maxima()
    for j, largest in largest_of_bin.items():
        empty.by_bin[j] = largest
        empty.n_by_bin[j] = counts[j]
    return empty


def scales(daily, block):
    """Omega and max(omega, sd) of each strategy."""
    moments = series_moments(daily, block)
    return moments.long_run_std, np.maximum(moments.long_run_std, moments.std)


def assert_same(one, other):
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


# kernel and plain twin


@given(
    n=st.integers(0, 6),
    n_resamples=st.integers(1, 40),
    n_bins=st.integers(1, 4),
    seed=st.integers(0, 2**32),
    empty=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_kernel_equals_its_plain_twin(n, n_resamples, n_bins, seed, empty):
    rng = np.random.default_rng(seed)
    inputs = (
        rng.normal(size=(n, n_resamples)).astype(np.float32),
        rng.normal(size=n).astype(np.float32),
        rng.uniform(0.1, 9.0, n).astype(np.float32),
        rng.uniform(0.1, 9.0, n).astype(np.float32),
        rng.integers(n_bins, size=n),
    )
    before = [array.copy() for array in inputs]
    start = -math.inf if empty else 0.5
    outputs, plain = (
        (
            np.full((n_bins, n_resamples), start, dtype=np.float32),
            np.full(n_resamples, start, dtype=np.float32),
            np.full(n_resamples, start, dtype=np.float32),
        )
        for _ in range(2)
    )
    kernels._maxima_njit(*inputs, *outputs)
    running_maxima_reference(*inputs, *plain)
    for got, expected in zip((*outputs, *inputs), (*plain, *before), strict=True):
        np.testing.assert_array_equal(got, expected)


# the definition, by brute force


def brute_force(daily, bootstrap):
    """Resample day by day in float64: t, and the three maxima of each resample."""
    daily = daily.astype(np.float64)
    n_days = daily.shape[1]
    root = math.sqrt(n_days)
    omega, s = scales(daily.astype(np.float32), bootstrap.block)
    mean = daily.mean(axis=1)
    too_low = root * mean / omega < -math.sqrt(2.0 * math.log(math.log(n_days)))
    g = np.where(too_low, 0.0, mean)
    studentised, plain, long_run = [], [], []
    for days in bootstrap.days:
        resampled = daily[:, days].mean(axis=1)
        studentised.append(max(0.0, (root * (resampled - g) / s).max()))
        plain.append((resampled - mean).max())
        long_run.append((root * (resampled - mean) / omega).max())
    return root * mean / s, np.array(studentised), np.array(plain), np.array(long_run)


@pytest.mark.parametrize("block", [1.0, 6.5])
@pytest.mark.parametrize("edge", [0.0, 0.01])
def test_everything_by_brute_force(block, edge):
    daily = population(edge=edge)
    bootstrap = StationaryBootstrap(daily.shape[1], block, n_resamples=300, seed=1)
    maxima = maxima_of(daily, bootstrap)
    t, studentised, plain, long_run = brute_force(daily, bootstrap)
    np.testing.assert_allclose(maxima.largest, studentised, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(maxima.plain, plain, rtol=1e-4)
    np.testing.assert_allclose(maxima.long_run, long_run, rtol=1e-4)
    p_values = [maxima.p_value(series) for series in daily]
    assert p_values == [(studentised >= x - 1e-5 * abs(x)).mean() for x in t]
    mean = daily.mean(axis=1, dtype=np.float64)
    white = [maxima.white_p_value(series) for series in daily]
    assert white == [(plain >= x - 1e-5 * abs(x)).mean() for x in mean]
    assert len(set(p_values)) > 5
    assert len(set(white)) > 5


def test_bins_by_brute_force():
    daily = population(n=60)
    counts = np.arange(1, 61)
    bootstrap = StationaryBootstrap(daily.shape[1], 5.0, n_resamples=50)
    maxima = maxima_of(daily, bootstrap, counts)
    t = brute_force(daily, bootstrap)[0]
    bins = np.clip(np.floor(t * BINS_PER_UNIT), 0, 2047).astype(int)
    assert maxima.n_strategies == counts.sum()
    for j in np.unique(bins):
        assert maxima.n_by_bin[j] == counts[bins == j].sum()
        largest = maxima_of(daily[bins == j], bootstrap).by_bin[j]
        np.testing.assert_allclose(maxima.by_bin[j], largest, rtol=1e-5, atol=1e-5)
    assert np.isneginf(maxima.by_bin[np.setdiff1d(np.arange(2048), bins)]).all()


def test_the_strategies_that_lose_most_do_not_count():
    """Hansen's recentring: they could not be the best, whatever the resample; White keeps them."""
    daily = population(edge=0.004)
    bootstrap = StationaryBootstrap(daily.shape[1], 5.0)
    losers = population(seed=9, n=400) - np.float32(0.05)
    both = maxima_of(np.concatenate([daily, losers]), bootstrap)
    alone = maxima_of(daily, bootstrap)
    assert both.p_value(daily[0]) == alone.p_value(daily[0]) < 0.3
    assert both.white_p_value(daily[0]) > alone.white_p_value(daily[0])


def test_a_strategy_that_hardly_moves_does_not_own_the_maximum():
    daily = population(edge=0.004)
    bootstrap = StationaryBootstrap(daily.shape[1], 5.0)
    still = np.zeros((1, daily.shape[1]), dtype=np.float32)
    still[0, ::2] = 1e-12
    both = maxima_of(np.concatenate([daily, still]), bootstrap)
    assert both.p_value(daily[0]) == maxima_of(daily, bootstrap).p_value(daily[0]) < 0.3
    assert both.long_run.max() < 10.0
    assert both.p_value(still[0]) > 0.9


def test_the_bound_of_the_recentring_is_in_units_of_omega():
    """Days that alternate: omega is a tenth of sd, and a mean of -3 standard errors too low."""
    n_days = 90
    bootstrap = StationaryBootstrap(n_days, 30.0, n_resamples=200)
    daily = np.where(np.arange(n_days) % 2, 0.01, -0.01)[None].astype(np.float32)
    omega, s = scales(daily, 30.0)
    assert omega[0] < 0.2 * s[0]
    daily -= np.float32(3.0 * omega[0] / math.sqrt(n_days))
    largest = brute_force(daily, bootstrap)[1]
    np.testing.assert_allclose(maxima_of(daily, bootstrap).largest, largest, atol=1e-5)
    assert largest.max() < 0.2


# any order, any partition, any thread


@given(
    order=st.permutations(range(8)),
    parts=st.lists(st.integers(0, 2), min_size=8, max_size=8),
)
@settings(max_examples=25, deadline=None)
def test_any_order_and_partition_of_tiles(order, parts):
    daily = population(n=80)
    counts = np.arange(1, 81)
    tiles = [slice(10 * i, 10 * i + 10) for i in range(8)]
    bootstrap = StationaryBootstrap(daily.shape[1], 5.0, n_resamples=60)
    whole = RealityCheck(bootstrap)
    for tile in tiles:
        whole.add(daily[tile], counts[tile])
    checks = [RealityCheck(bootstrap) for _ in range(3)]
    for i, part in zip(order, parts, strict=True):
        checks[part].add(daily[tiles[i]], counts[tiles[i]])
    joined = Maxima.joined([check.maxima() for check in checks])
    expected = whole.maxima()
    assert_same(joined, expected)
    assert joined.n_independent == expected.n_independent
    assert joined.step_down(0.2) == expected.step_down(0.2)
    assert joined.p_value(daily[0]) == expected.p_value(daily[0])


def test_duplicates_count_but_move_no_maximum():
    daily = population(edge=0.02)
    bootstrap = StationaryBootstrap(daily.shape[1], 5.0)
    once = maxima_of(daily, bootstrap, np.full(len(daily), 3))
    check = RealityCheck(bootstrap)
    for _ in range(3):
        check.add(daily, ones(daily))
    assert_same(check.maxima(), once)
    assert once.step_down(0.05).n_rejected % 3 == 0
    assert once.step_down(0.05).n_rejected >= 3


def test_several_threads_at_once():
    daily = population(n=400)
    bootstrap = StationaryBootstrap(daily.shape[1], 5.0, n_resamples=200)
    checks = [RealityCheck(bootstrap) for _ in range(4)]

    def work(i):
        for first in range(100 * i, 100 * i + 100, 20):
            check = checks[i]
            check.add(daily[first : first + 20], ones(daily[first : first + 20]))

    threads = [Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    single = RealityCheck(bootstrap)
    for first in range(0, 400, 20):
        single.add(daily[first : first + 20], ones(daily[first : first + 20]))
    assert_same(Maxima.joined([check.maxima() for check in checks]), single.maxima())


def test_maxima_are_a_copy_and_travel_between_processes():
    daily = population()
    bootstrap = StationaryBootstrap(daily.shape[1], 5.0, n_resamples=60)
    check = RealityCheck(bootstrap)
    check.add(daily[:20], ones(daily[:20]))
    first = check.maxima()
    kept = pickle.loads(pickle.dumps(first))
    check.add(daily[20:], ones(daily[20:]))
    assert_same(first, kept)
    assert check.maxima().n_strategies == 40
    assert Maxima.joined([kept, first]).n_strategies == 40


def test_a_smaller_tile_after_a_larger_one():
    daily = population(n=30)
    bootstrap = StationaryBootstrap(daily.shape[1], 5.0, n_resamples=60)
    check = RealityCheck(bootstrap)
    check.add(daily[:25], ones(daily[:25]))
    check.add(daily[25:], ones(daily[25:]))
    check.add(daily[:0], ones(daily[:0]))
    joined = Maxima.joined([maxima_of(daily[:25], bootstrap), maxima_of(daily[25:], bootstrap)])
    assert_same(check.maxima(), joined)


# arch


def arch_spa(daily, block, seed):
    spa = SPA(
        np.zeros(daily.shape[1]),
        -daily.T.astype(np.float64),
        block_size=block,
        reps=2000,
        studentize=False,
        seed=seed,
    )
    spa.compute()
    return spa.pvalues


@pytest.mark.parametrize("edge", [0.0, 0.002, 0.005])
def test_p_values_as_arch(edge):
    """Arch is given returns divided by their scale: its own studentising changes no p-value."""
    block = 6
    daily = population(edge=edge)
    bootstrap = StationaryBootstrap(daily.shape[1], float(block), n_resamples=2000)
    maxima = maxima_of(daily, bootstrap)
    _, s = scales(daily, float(block))
    best = (daily.mean(axis=1) / s).argmax()
    expected = arch_spa(daily / s[:, None], block, seed=1)["consistent"]
    error = math.sqrt(2.0 * max(expected * (1.0 - expected), 0.001) / 2000)
    assert maxima.p_value(daily[best]) == pytest.approx(expected, abs=3.0 * error)
    best = daily.mean(axis=1).argmax()
    expected = arch_spa(daily, block, seed=2)["upper"]
    error = math.sqrt(2.0 * max(expected * (1.0 - expected), 0.001) / 2000)
    assert maxima.white_p_value(daily[best]) == pytest.approx(expected, abs=3.0 * error)


def test_step_down_as_arch():
    rng = np.random.default_rng(6)
    n_days, block = 200, 5
    daily = rng.normal(0.0, 0.01, (30, n_days))
    daily[:6] += np.linspace(0.003, 0.02, 6)[:, None]
    daily = daily.astype(np.float32)
    _, s = scales(daily, float(block))
    stepm = StepM(
        np.zeros(n_days),
        -(daily / s[:, None]).T.astype(np.float64),
        size=0.05,
        block_size=block,
        reps=2000,
        studentize=False,
        seed=3,
    )
    stepm.compute()
    bootstrap = StationaryBootstrap(n_days, float(block), n_resamples=2000)
    step_down = maxima_of(daily, bootstrap).step_down(0.05)
    assert stepm.superior_models == [0, 1, 2, 3, 4, 5]
    assert step_down.n_rejected == 6


# p-values and the step-down by hand


def test_a_t_that_is_reached_exactly_counts():
    """One active day: a resample that holds it twice reaches t exactly, but for rounding."""
    daily = np.zeros((1, 100), dtype=np.float32)
    daily[0, 33] = 0.0123
    bootstrap = StationaryBootstrap(100, 1.0)
    maxima = maxima_of(daily, bootstrap)
    twice = ((bootstrap.days == 33).sum(axis=1) >= 2).mean()
    assert maxima.p_value(daily[0]) == twice
    assert maxima.white_p_value(daily[0]) == twice


def test_a_mean_of_zero_or_below_is_luck():
    daily = population()
    maxima = maxima_of(daily, StationaryBootstrap(daily.shape[1], 5.0))
    assert maxima.p_value(-np.abs(daily[0])) == 1.0
    assert maxima.p_value(np.zeros(daily.shape[1])) == 1.0


def test_step_down_by_hand():
    """Ten resamples, alpha 0.2: the critical value is the second largest, here of 2, 1 and 0.3."""
    bootstrap = StationaryBootstrap(90, 5.0, n_resamples=10)
    high, middle, low = 2 * 64 + 1, 64 + 1, 19
    largest = {
        high: np.linspace(1.1, 2.0, 10),
        middle: np.linspace(0.1, 1.0, 10),
        low: np.linspace(-0.6, 0.3, 10),
    }
    maxima = handmade(bootstrap, largest, {high: 5, middle: 70, low: 900})
    step_down = maxima.step_down(0.2)
    # 1.9 rejects t of 2.016, then 0.9 rejects 1.016, then 0.2 rejects 0.297
    assert (step_down.n_rejected, step_down.n_steps) == (975, 4)
    assert step_down.critical_t == 0.0
    # a critical value of 0.3 is in the bin of 0.297 to 0.3125, which stays
    step_down = maxima.step_down(0.1)
    assert (step_down.n_rejected, step_down.n_steps) == (75, 3)
    assert step_down.critical_t == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("critical", "rejected"), [(1.0 + 1e-3, 0), (1.0 - 1e-6, 0), (1.0 - 1e-3, 4)]
)
def test_a_bin_is_rejected_as_a_whole(critical, rejected):
    bootstrap = StationaryBootstrap(90, 5.0, n_resamples=10)
    maxima = handmade(bootstrap, {64: np.full(10, critical)}, {64: 4})
    assert maxima.step_down(0.05).n_rejected == rejected


@pytest.mark.parametrize(("n_high", "rejected"), [(6, 4), (7, 0)])
def test_fewer_than_alpha_of_the_resamples_may_reach_t(n_high, rejected):
    """0.07 x 100 is a little more than 7 in floats; seven are not fewer."""
    bootstrap = StationaryBootstrap(90, 5.0, n_resamples=100)
    largest = np.where(np.arange(100) < n_high, 2.0, 0.5)
    maxima = handmade(bootstrap, {64: largest}, {64: 4})
    assert maxima.step_down(0.07).n_rejected == rejected


@pytest.mark.parametrize(("critical", "rejected"), [(31.9, 4), (40.0, 0)])
def test_the_last_bin_is_open(critical, rejected):
    bootstrap = StationaryBootstrap(90, 5.0, n_resamples=10)
    maxima = handmade(bootstrap, {2047: np.full(10, critical)}, {2047: 4})
    assert maxima.step_down(0.05).n_rejected == rejected
    steady = np.full((1, 90), 0.01, dtype=np.float32)
    assert maxima_of(steady, bootstrap).n_by_bin[2047] == 1


@given(seed=st.integers(0, 1000), alpha=st.sampled_from([0.01, 0.05, 0.07, 0.3]))
@settings(max_examples=25, deadline=None)
def test_the_step_down_rejects_what_the_single_step_does(seed, alpha):
    """All with a p-value below alpha, but for those in the bin of the critical value."""
    daily = population(seed, edge=0.01)
    bootstrap = StationaryBootstrap(daily.shape[1], 5.0, n_resamples=100)
    maxima = maxima_of(daily, bootstrap)
    t = brute_force(daily, bootstrap)[0]
    first_critical = np.sort(maxima.largest)[100 - math.ceil(round(alpha * 100, 9))]
    significant = np.array([maxima.p_value(series) < alpha for series in daily])
    clear = t > first_critical + 1.0 / BINS_PER_UNIT
    assert significant[clear].all()
    step_down = maxima.step_down(alpha)
    assert step_down.n_rejected >= clear.sum()
    assert (t > step_down.critical_t).sum() >= step_down.n_rejected


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_alpha_out_of_range(alpha):
    maxima = maxima_of(population(), StationaryBootstrap(90, 5.0, n_resamples=10))
    with pytest.raises(ConfigError, match="between 0 and 1"):
        maxima.step_down(alpha)


def test_noise_is_seldom_significant():
    """At most 5 of 60 worlds of noise at 0.05 (three expected), and most of those with an edge."""
    bootstrap = StationaryBootstrap(120, 5.0, n_resamples=200)
    noise, skill = 0, 0
    for seed in range(60):
        daily = np.random.default_rng(seed).normal(0.0, 0.01, (50, 120)).astype(np.float32)
        best = daily.mean(axis=1).argmax()
        noise += maxima_of(daily, bootstrap).p_value(daily[best]) < 0.05
        daily[0] += np.float32(0.005)
        skill += maxima_of(daily, bootstrap).p_value(daily[0]) < 0.05
    assert noise <= 5
    assert skill >= 50


# number of independent strategies


def test_expected_maximum_of_the_published_example():
    """Bailey and Lopez de Prado (2014): N 100, variance 1/2 a year, 250 days: 0.1132 a day."""
    assert math.sqrt(0.5 / 250) * expected_maximum(math.log(100)) == pytest.approx(0.1132, abs=5e-5)


@given(st.floats(0.05, 600.0))
def test_there_and_back(log_n):
    n = n_independent_normals(expected_maximum(log_n))
    assert math.log(n) == pytest.approx(log_n, rel=1e-9)


def test_beyond_the_range():
    assert n_independent_normals(-1e3) == 1.0
    assert n_independent_normals(1e3) == pytest.approx(math.exp(700.0))


def test_independent_strategies_are_counted_and_copies_are_not():
    rng = np.random.default_rng(8)
    daily = rng.normal(0.0, 0.01, (100, 500)).astype(np.float32)
    bootstrap = StationaryBootstrap(500, 1.0, n_resamples=2000)
    n = maxima_of(daily, bootstrap).n_independent
    assert 75 < n < 130
    near = np.repeat(daily, 5, axis=0) + rng.normal(0.0, 1e-5, (500, 500)).astype(np.float32)
    assert maxima_of(near, bootstrap).n_independent == pytest.approx(n, rel=0.02)


# refusals


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(bad):
    daily = population()
    bootstrap = StationaryBootstrap(daily.shape[1], 5.0, n_resamples=20)
    check = RealityCheck(bootstrap)
    check.add(daily, ones(daily))
    before = check.maxima()
    broken = daily.copy()
    broken[17, 3] = bad
    with pytest.raises(DataError, match="finite"):
        check.add(broken, ones(broken))
    assert_same(check.maxima(), before)
    for p_value in (before.p_value, before.white_p_value):
        with pytest.raises(DataError, match="finite"):
            p_value(broken[17])


def test_wrong_shapes_and_counts_are_refused():
    daily = population()
    check = RealityCheck(StationaryBootstrap(daily.shape[1], 5.0, n_resamples=20))
    with pytest.raises(DataError, match="series of 90 days"):
        check.add(daily[:, 1:].copy(), ones(daily))
    for counts in (ones(daily)[1:], ones(daily) - 1):
        with pytest.raises(DataError, match="a count of 1 or more"):
            check.add(daily, counts)
    check.add(daily, ones(daily))
    for series in (daily[0, 1:], daily[:1], daily):
        with pytest.raises(DataError, match="series of 90 days"):
            check.maxima().p_value(series)


def test_an_empty_population_has_no_answer():
    maxima = RealityCheck(StationaryBootstrap(90, 5.0, n_resamples=20)).maxima()
    series = population()[0]
    questions = (
        lambda: maxima.p_value(series),
        lambda: maxima.white_p_value(series),
        maxima.step_down,
        lambda: maxima.n_independent,
    )
    for question in questions:
        with pytest.raises(DataError, match="empty"):
            question()


def test_parts_of_different_resamples_are_not_joined():
    one = RealityCheck(StationaryBootstrap(90, 5.0, n_resamples=20)).maxima()
    other = RealityCheck(StationaryBootstrap(90, 5.0, n_resamples=20, seed=1)).maxima()
    for parts in ([], [one, other]):
        with pytest.raises(DataError, match="equal resamples"):
            Maxima.joined(parts)
