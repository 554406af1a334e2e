"""Cross-validation over all splits: kernel == reference, brute force over days, known cases."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.kernels import overfitting as kernels
from objectives.validation import Overfitting, block_sums, cscv, sharpe_ratio
from objectives.validation.overfitting import block_sums_reference, cscv_reference
from search_spaces.errors import ConfigError, DataError

N_SPLITS = 12_870


def noise(seed, n_strategies, n_days, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return (2e-4 + 1e-3 * rng.normal(size=(n_strategies, n_days))).astype(dtype)


def ones(daily):
    return np.ones(len(daily), dtype=np.int64)


def measured(daily, counts=None, n_blocks=16, **options):
    counts = ones(daily) if counts is None else np.asarray(counts)
    return cscv(*block_sums(daily, n_blocks), counts, **options)


def assert_identical(one, other):
    for name in ("rows", "relative_ranks", "train_sharpe", "test_sharpe"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def assert_close(one, other, rtol):
    for name in ("rows", "relative_ranks"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ("train_sharpe", "test_sharpe"):
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=rtol, atol=rtol, err_msg=name
        )


def brute_force(daily, n_blocks):
    """From the definition: days of the blocks put together, ranks by counting."""
    blocks = np.array_split(np.arange(daily.shape[1]), n_blocks)
    rows, ranks, train_sharpe, test_sharpe = [], [], [], []
    for chosen in itertools.combinations(range(n_blocks), n_blocks // 2):
        inside = np.concatenate([blocks[b] for b in chosen])
        train = sharpe_ratio(daily[:, inside], annualise=True)
        test = sharpe_ratio(np.delete(daily, inside, axis=1), annualise=True)
        best = int(np.argmax(train))
        rank = (test < test[best]).sum() + ((test == test[best]).sum() + 1) / 2
        rows.append(best)
        ranks.append(rank / (len(daily) + 1))
        train_sharpe.append(train[best])
        test_sharpe.append(test[best])
    return Overfitting(*map(np.array, (rows, ranks, train_sharpe, test_sharpe)))


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(4, 70), st.sampled_from([4, 6, 16]))
@settings(max_examples=40, deadline=None)
def test_block_sums_are_those_of_the_reference(seed, n_strategies, n_days, n_blocks):
    daily = noise(seed, n_strategies, max(n_days, n_blocks), np.float32)
    before = daily.copy()
    found = block_sums(daily, n_blocks)
    plain = block_sums_reference(daily, n_blocks)
    np.testing.assert_array_equal(daily, before)
    np.testing.assert_array_equal(found.n_days, plain.n_days)
    assert found.sums.dtype == found.squares.dtype == np.float32
    for one, other in zip(found[:2], plain[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-7, atol=1e-12)
    assert found.n_days.sum() == daily.shape[1]
    assert np.ptp(found.n_days) <= 1


def test_block_sums_of_a_view():
    daily = noise(0, 6, 40)
    np.testing.assert_array_equal(
        block_sums(daily[::2, ::2], 4).sums[1],
        block_sums(np.ascontiguousarray(daily[2:3, ::2]), 4).sums[0],
    )


@pytest.mark.parametrize("n_blocks", [3, 2, 0, 42])
def test_blocks_refused(n_blocks):
    with pytest.raises(ConfigError, match="n_blocks is even"):
        block_sums(noise(0, 2, 40), n_blocks)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_not_finite(bad):
    daily = noise(0, 2, 40)
    daily[1, 7] = bad
    with pytest.raises(DataError, match="finite"):
        block_sums(daily)


@given(
    st.integers(0, 10**6),
    st.integers(2, 300),
    st.sampled_from([4, 6, 10]),
    st.integers(1, 4),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_kernel_is_the_reference(seed, n_strategies, n_blocks, n_threads, some_idle):
    """Also across tiles, with equal rows, counts and strategies that sit idle in some blocks.

    Never active on a single day of a part: all such series share a Sharpe ratio, up to rounding.
    """
    rng = np.random.default_rng(seed)
    daily = noise(seed, n_strategies, 60)
    daily = daily[rng.integers(0, n_strategies, n_strategies)]
    if some_idle:
        daily *= np.repeat(rng.random((n_strategies, 6)) < 0.5, 10, axis=1)
    counts = rng.integers(1, 4, n_strategies)
    sums = block_sums(daily, n_blocks)
    before = [array.copy() for array in sums]
    found = cscv(*sums, counts, n_threads=n_threads)
    assert_close(found, cscv_reference(*sums, counts, n_threads=n_threads), rtol=1e-9)
    for one, other in zip(sums, before, strict=True):
        np.testing.assert_array_equal(one, other)


@given(st.integers(0, 10**6), st.integers(2, 40), st.sampled_from([4, 6, 8]))
@settings(max_examples=20, deadline=None)
def test_definition(seed, n_strategies, n_blocks):
    daily = noise(seed, n_strategies, 53)
    assert_close(measured(daily, n_blocks=n_blocks), brute_force(daily, n_blocks), rtol=1e-9)


def test_sixteen_blocks_against_the_reference():
    sums = block_sums(noise(1, 150, 211))
    found = cscv(*sums, np.ones(150, dtype=np.int64))
    assert len(found.rows) == N_SPLITS
    assert_close(found, cscv_reference(*sums, np.ones(150, dtype=np.int64)), rtol=1e-9)


@given(st.integers(0, 10**6), st.sampled_from([np.float32, np.float64]))
@settings(max_examples=20, deadline=None)
def test_counts_are_repeated_rows(seed, dtype):
    rng = np.random.default_rng(seed)
    daily = noise(seed, 60, 48, dtype)
    counts = rng.integers(1, 8, 60)
    repeated = np.repeat(np.arange(60), counts)
    merged = measured(daily, counts, n_blocks=8)
    apart = measured(daily[repeated], n_blocks=8)
    np.testing.assert_array_equal(merged.relative_ranks, apart.relative_ranks)
    np.testing.assert_array_equal(merged.train_sharpe, apart.train_sharpe)
    np.testing.assert_array_equal(merged.rows, repeated[apart.rows])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_strategies", [2, 127, 128, 129, 700])
def test_threads_change_nothing(dtype, n_strategies):
    daily = noise(2, n_strategies, 64, dtype)
    daily[n_strategies // 2 :] = daily[: n_strategies - n_strategies // 2]  # ties between ranges
    one = measured(daily, n_blocks=8)
    for n_threads in (2, 3, 7):
        assert_identical(one, measured(daily, n_blocks=8, n_threads=n_threads))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equal_rows_are_equal_wherever_they_stand(dtype):
    """One series in every row: the first is chosen, and all share the middle rank."""
    daily = np.repeat(noise(3, 1, 539, dtype), 333, axis=0)
    found = measured(daily)
    assert (found.rows == 0).all()
    assert (found.relative_ranks == 0.5).all()
    assert found.pbo == 1.0
    assert (found.logits == 0.0).all()


def test_order_of_rows_changes_only_the_rows():
    daily = noise(4, 400, 64, np.float32)
    order = np.random.default_rng(0).permutation(400)
    straight, mixed = measured(daily, n_blocks=8), measured(daily[order], n_blocks=8)
    np.testing.assert_array_equal(straight.rows, order[mixed.rows])
    np.testing.assert_array_equal(straight.relative_ranks, mixed.relative_ranks)
    np.testing.assert_array_equal(straight.test_sharpe, mixed.test_sharpe)


def test_strictly_ordered_strategies_are_never_overfitted():
    wave = np.tile([1e-3, -1e-3], 80)
    daily = np.array([wave + step * 1e-4 for step in (3, 1, 4, 2)])
    found = measured(daily)
    assert found.pbo == 0.0
    assert (found.rows == 2).all()
    assert (found.relative_ranks == 4 / 5).all()
    np.testing.assert_allclose(found.logits, math.log(4))
    assert found.median_rank == 0.8


def test_mirrored_pair():
    """One gains in the first eight blocks what it loses in the others; the other is its mirror.

    Four training blocks of either side leave both at 0, exactly: C(8, 4)^2 = 4,900 of the splits.
    """
    scale = 2.0**-10  # sums of powers of two are exact
    gains = np.tile([2 * scale, scale], 40)
    daily = np.concatenate([gains, -gains])
    found = measured(np.array([daily, -daily], dtype=np.float32))
    assert (found.logits < 0).sum() == N_SPLITS - 4900
    assert (found.logits == 0).sum() == 4900
    assert found.pbo == 1.0
    assert (found.train_sharpe >= 0).all()
    np.testing.assert_array_equal(found.test_sharpe, -found.train_sharpe)


def test_noise_knows_nothing():
    """The mean rank of the best of independent series is the middle; their PBO is about a half."""
    found = [measured(noise(seed, 50, 160), n_blocks=8) for seed in range(60)]
    assert np.mean([one.pbo for one in found]) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_constant_and_idle_strategies_have_no_sharpe(dtype):
    idle = np.zeros(64)
    constant = np.full(64, 3e-4)
    loser = -np.abs(noise(5, 1, 64)[0])
    found = measured(np.array([loser, constant, idle], dtype=dtype), n_blocks=8)
    assert (found.rows == 1).all()
    assert (found.train_sharpe == 0.0).all()
    assert (found.relative_ranks == 2.5 / 4).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_is_no_variance(dtype):
    """Constant returns of every size, and returns that differ by a billionth."""
    level = np.random.default_rng(0).uniform(-0.05, 0.05, (200, 1))
    tiny = 1e-9 * noise(0, 200, 539) / 1e-3
    for daily in (np.repeat(level, 539, axis=1), tiny):
        found = measured(daily.astype(dtype))
        assert (found.train_sharpe == 0.0).all()
        assert (found.test_sharpe == 0.0).all()


def test_float32_agrees_with_float64():
    daily = noise(6, 500, 539)
    wide, narrow = measured(daily), measured(daily.astype(np.float32))
    assert (wide.rows == narrow.rows).mean() > 0.99
    assert narrow.pbo == pytest.approx(wide.pbo, abs=0.005)
    np.testing.assert_allclose(narrow.train_sharpe, wide.train_sharpe, rtol=1e-4)


def test_outputs_are_written_over():
    """The kernels read nothing of the outputs they are given."""
    sums, squares, n_days = block_sums(noise(7, 5, 40), 4)
    splits = np.array([3, 12])
    outputs = []
    for filling in (7.0, -7.0):
        train, test = np.full(2, filling), np.full(2, filling)
        row, below = np.full(2, int(filling)), np.full(2, int(filling))
        kernels._best_in_train_njit(sums, squares, n_days, splits, 0, 5, train, row, test)
        kernels._below_in_test_njit(
            sums, squares, n_days, np.ones(5, dtype=np.int64), splits, 0, 5, test, below
        )
        outputs.append(np.concatenate([train, row, test, below]))
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("function", [cscv, cscv_reference])
def test_refused(function):
    sums, squares, n_days = block_sums(noise(8, 3, 40), 4)
    with pytest.raises(DataError, match="do not fit"):
        function(sums, squares[:2], n_days, np.ones(3, dtype=np.int64))
    with pytest.raises(DataError, match="do not fit"):
        function(sums, squares, n_days, np.ones(2, dtype=np.int64))
    with pytest.raises(DataError, match="at least two"):
        function(sums, squares, n_days, np.array([1, 0, 1]))
    with pytest.raises(DataError, match="at least two"):
        function(sums[:1], squares[:1], n_days, np.array([1]))
    with pytest.raises(ConfigError, match="n_threads=0"):
        function(sums, squares, n_days, np.ones(3, dtype=np.int64), n_threads=0)


def overfitting_of(train, test):
    n = len(train)
    return Overfitting(np.zeros(n, dtype=np.int64), np.full(n, 0.5), train, test)


def test_deflation_is_the_line_and_its_residuals():
    rng = np.random.default_rng(9)
    train = rng.uniform(2, 4, 2000)
    test = 0.3 * train - 0.4 + rng.normal(scale=0.5, size=2000)
    found = overfitting_of(train, test).deflation(2.8)
    slope, intercept = np.polyfit(train, test, 1)
    assert found.slope == pytest.approx(slope, rel=1e-9)
    assert found.intercept == pytest.approx(intercept, rel=1e-9)
    assert found.expected == pytest.approx(intercept + 2.8 * slope, rel=1e-9)
    assert found.low == pytest.approx(0.44 - 1.645 * 0.5, abs=0.1)
    assert found.high == pytest.approx(0.44 + 1.645 * 0.5, abs=0.1)


def test_deflation_where_all_splits_train_alike():
    found = overfitting_of(np.full(100, 2.5), np.linspace(0, 1, 100)).deflation(3.0)
    assert (found.slope, found.intercept, found.expected) == pytest.approx((0.0, 0.5, 0.5))
    assert (found.low, found.high) == pytest.approx((0.05, 0.95))
