"""Kernels of the reality check: moments of many daily series, and maxima over strategies.

Both take a few hundred strategies at a time, so that what they touch stays in the cache.
"""

import math

import numba
import numpy as np
from numba import types

from objectives.kernels.signatures import array_in, array_out

_ROWS = 64  # series side by side: one vectorised loop over them for each day

_MOMENTS_SIGNATURE = types.void(
    array_in(types.float32, 2),
    types.float64,
    array_out(types.float64, 1),
    array_out(types.float64, 1),
    array_out(types.float64, 1),
    array_out(types.float32, 2),
)
_MAXIMA_SIGNATURE = types.void(
    array_in(types.float32, 2),
    array_in(types.float32, 1),
    array_in(types.float32, 1),
    array_in(types.float32, 1),
    array_in(types.int64, 1),
    array_out(types.float32, 2),
    array_out(types.float32, 1),
    array_out(types.float32, 1),
)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _filters_njit(values, rho, mean, squares, cross):  # type: ignore[no-untyped-def]
    """Centre ``values`` (n_days, n_rows) in place; sum squares and weighted cross products.

    With days counted around the circle, Hansen's kernel gives each pair of days ``i`` apart the
    weight ``(1 - i/T) rho^i``. ``near`` is the sum of ``rho^i d[t-i]`` over i = 1..T and ``far``
    that of ``i rho^i d[t-i]``; both follow from the day before, so T steps replace T^2 products.
    The first pass over the days gives their values at the start of the circle, the second uses
    them.
    """
    n_days, n_rows = values.shape
    around = rho**n_days
    near = np.zeros(n_rows)
    far = np.zeros(n_rows)
    for t in range(n_days):
        for r in range(n_rows):
            d = values[t, r] - mean[r]
            values[t, r] = d
            squares[r] += d * d
            far[r] = rho * (far[r] + near[r] + d)
            near[r] = rho * (near[r] + d)
    for t in range(n_days):
        for r in range(n_rows):
            d = values[t, r]
            cross[r] += d * (near[r] - far[r] / n_days)
            d_kept = d - around * d  # the same day, one turn of the circle ago, leaves the sums
            far[r] = rho * (far[r] - n_days * around * d + near[r] + d_kept)
            near[r] = rho * (near[r] + d_kept)


@numba.njit(_MOMENTS_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _moments_njit(daily, rho, mean, std, long_run_std, centred):  # type: ignore[no-untyped-def]
    n, n_days = daily.shape
    for first in range(0, n, _ROWS):
        n_rows = min(_ROWS, n - first)
        values = np.empty((n_days, n_rows))
        for r in range(n_rows):
            for t in range(n_days):
                values[t, r] = daily[first + r, t]
        means = np.zeros(n_rows)
        for t in range(n_days):
            for r in range(n_rows):
                means[r] += values[t, r]
        for r in range(n_rows):
            means[r] /= n_days
        squares = np.zeros(n_rows)
        cross = np.zeros(n_rows)
        _filters_njit(values, rho, means, squares, cross)
        for r in range(n_rows):
            k = first + r
            mean[k] = means[r]
            std[k] = math.sqrt(squares[r] / n_days)
            # negative by rounding only
            variance = (squares[r] + 2.0 * cross[r]) / n_days
            long_run_std[k] = 0.0 if variance < 0.0 else math.sqrt(variance)
            for t in range(n_days):
                centred[k, t] = values[t, r]


@numba.njit(_MAXIMA_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _maxima_njit(  # type: ignore[no-untyped-def]
    resampled, shift, scale, long_run_scale, bins, by_bin, plain, long_run
):
    n, n_resamples = resampled.shape
    for k in range(n):
        by = by_bin[bins[k]]
        add = shift[k]
        times = scale[k]
        long_run_times = long_run_scale[k]
        for b in range(n_resamples):
            x = resampled[k, b]
            z = (x + add) * times
            u = x * long_run_times
            by[b] = z if z > by[b] else by[b]
            plain[b] = x if x > plain[b] else plain[b]
            long_run[b] = u if u > long_run[b] else long_run[b]
