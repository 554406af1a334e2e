"""Kernels of combinatorially symmetric cross-validation: all splits of all strategies.

The blocks are cut into a low and a high half. Every split trains on some blocks of either, so its
sums are one of 256 partial sums of the low half plus one of 256 of the high half (16 blocks). The
partial sums of a tile of strategies stay in the cache while all splits pass over them.

Every strategy sees the same operations in the same order wherever it stands in its tile: equal
series have equal Sharpe ratios to the last bit, which is what finds ties.
"""

import math

import numba
import numpy as np
from numba import types

from objectives.constants import VARIANCE_FLOOR
from objectives.kernels.signatures import array_in, array_out

RESOLUTION = 1e-5
"""Variance over mean square below which a series counts as constant.

Sums of float32 hold seven digits: a variance further below the mean square is rounding. It takes a
mean of more than 300 standard deviations a day, so only series that are constant come near it.
"""

TILE = 128
"""Strategies whose partial sums are in the cache together: 512 KB in float32."""


def _block_sums_signature(dtype):  # type: ignore[no-untyped-def]
    return types.void(
        array_in(dtype, 2),
        array_in(types.int64, 1),
        array_out(types.float64, 2),
        array_out(types.float64, 2),
    )


def _best_signature(dtype):  # type: ignore[no-untyped-def]
    return types.void(
        array_in(dtype, 2),
        array_in(dtype, 2),
        array_in(types.int64, 1),
        array_in(types.int64, 1),
        types.int64,
        types.int64,
        array_out(dtype, 1),
        array_out(types.int64, 1),
        array_out(dtype, 1),
    )


def _below_signature(dtype):  # type: ignore[no-untyped-def]
    return types.void(
        array_in(dtype, 2),
        array_in(dtype, 2),
        array_in(types.int64, 1),
        array_in(types.int64, 1),
        array_in(types.int64, 1),
        types.int64,
        types.int64,
        array_in(dtype, 1),
        array_out(types.int64, 1),
    )


@numba.njit(
    [_block_sums_signature(types.float32), _block_sums_signature(types.float64)],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _block_sums_njit(daily, n_days, sums, squares):  # type: ignore[no-untyped-def]
    """Sum and sum of squares of every block of every row."""
    for s in range(daily.shape[0]):
        first = 0
        for b in range(n_days.shape[0]):
            total = 0.0
            square = 0.0
            for t in range(first, first + n_days[b]):
                x = np.float64(daily[s, t])
                total += x
                square += x * x
            sums[s, b] = total
            squares[s, b] = square
            first += n_days[b]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _partial_sums_njit(sums, squares, first, stop, partial_sum, partial_square):  # type: ignore[no-untyped-def]
    """Sum rows ``first`` to ``stop`` over every subset of the blocks of either half.

    ``partial_sum[h, m, k]`` belongs to half h, the subset whose bits are m, strategy first + k.
    """
    half = sums.shape[1] // 2
    for h in range(2):
        partial_sum[h, 0] = 0.0
        partial_square[h, 0] = 0.0
        for b in range(half):
            for below in range(1 << b):
                m = (1 << b) | below
                for k in range(stop - first):
                    block = h * half + b
                    partial_sum[h, m, k] = partial_sum[h, below, k] + sums[first + k, block]
                    partial_square[h, m, k] = (
                        partial_square[h, below, k] + squares[first + k, block]
                    )


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _train_days_njit(n_days, splits):  # type: ignore[no-untyped-def]
    """Days of the training blocks of every split."""
    days = np.zeros(splits.shape[0], dtype=np.int64)
    for c in range(splits.shape[0]):
        for b in range(n_days.shape[0]):
            days[c] += n_days[b] * ((splits[c] >> b) & 1)
    return days


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _sharpe_njit(n, low_sum, high_sum, low_square, high_square, size, sharpe):  # type: ignore[no-untyped-def]
    """Sharpe ratio per day of ``size`` strategies over one subset of blocks with ``n`` days."""
    dtype = sharpe.dtype
    one = dtype.type(1.0)
    zero = dtype.type(0.0)
    floor = dtype.type(VARIANCE_FLOOR)
    resolution = dtype.type(RESOLUTION)
    per_day = one / dtype.type(n)
    per_freedom = one / dtype.type(n - 1)
    for k in range(size):
        total = low_sum[k] + high_sum[k]
        square = (low_square[k] + high_square[k]) * per_freedom
        mean = total * per_day
        variance = square - mean * total * per_freedom
        lowest = max(floor, resolution * square)
        ratio = mean / math.sqrt(max(variance, lowest))
        sharpe[k] = ratio if variance > lowest else zero


@numba.njit(
    [_best_signature(types.float32), _best_signature(types.float64)],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _best_in_train_njit(sums, squares, n_days, splits, first, stop, train, row, test):  # type: ignore[no-untyped-def]
    """Best strategy of rows ``first`` to ``stop`` in the training blocks of every split.

    Bit b of ``splits[c]`` says that block b trains. ``train`` and ``test`` are the Sharpe ratios of
    ``row``, which is the smallest of those that share the best.
    """
    half = n_days.shape[0] // 2
    everything = (1 << half) - 1
    shape = (2, 1 << half, TILE)
    partial_sum = np.empty(shape, dtype=sums.dtype)
    partial_square = np.empty(shape, dtype=sums.dtype)
    sharpe = np.empty(TILE, dtype=sums.dtype)
    in_test = np.empty(1, dtype=sums.dtype)
    all_days = n_days.sum()
    train_days = _train_days_njit(n_days, splits)
    train[:] = -np.inf
    for tile in range(first, stop, TILE):
        size = min(TILE, stop - tile)
        _partial_sums_njit(sums, squares, tile, tile + size, partial_sum, partial_square)
        for c in range(splits.shape[0]):
            low = splits[c] & everything
            high = splits[c] >> half
            _sharpe_njit(
                train_days[c],
                partial_sum[0, low],
                partial_sum[1, high],
                partial_square[0, low],
                partial_square[1, high],
                size,
                sharpe,
            )
            best = train[c]
            n_better = 0
            for k in range(size):  # counting is vectorised, a running maximum is not
                n_better += sharpe[k] > best
            if n_better > 0:
                at = 0
                for k in range(size):
                    if sharpe[k] > best:
                        best = sharpe[k]
                        at = k
                train[c] = best
                row[c] = tile + at
                low = everything - low
                high = everything - high
                _sharpe_njit(
                    all_days - train_days[c],
                    partial_sum[0, low, at : at + 1],
                    partial_sum[1, high, at : at + 1],
                    partial_square[0, low, at : at + 1],
                    partial_square[1, high, at : at + 1],
                    1,
                    in_test,
                )
                test[c] = in_test[0]


@numba.njit(
    [_below_signature(types.float32), _below_signature(types.float64)],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _below_in_test_njit(  # type: ignore[no-untyped-def]
    sums, squares, n_days, counts, splits, first, stop, test, twice_below
):
    """Twice the strategies below ``test`` in the test blocks, and those equal to it once."""
    half = n_days.shape[0] // 2
    everything = (1 << half) - 1
    shape = (2, 1 << half, TILE)
    partial_sum = np.empty(shape, dtype=sums.dtype)
    partial_square = np.empty(shape, dtype=sums.dtype)
    sharpe = np.empty(TILE, dtype=sums.dtype)
    all_days = n_days.sum()
    train_days = _train_days_njit(n_days, splits)
    twice_below[:] = 0
    for tile in range(first, stop, TILE):
        size = min(TILE, stop - tile)
        _partial_sums_njit(sums, squares, tile, tile + size, partial_sum, partial_square)
        count = counts[tile : tile + size]
        for c in range(splits.shape[0]):
            low = everything - (splits[c] & everything)
            high = everything - (splits[c] >> half)
            _sharpe_njit(
                all_days - train_days[c],
                partial_sum[0, low],
                partial_sum[1, high],
                partial_square[0, low],
                partial_square[1, high],
                size,
                sharpe,
            )
            bar = test[c]
            found = 0
            for k in range(size):
                found += count[k] * ((sharpe[k] < bar) + (sharpe[k] <= bar))
            twice_below[c] += found
