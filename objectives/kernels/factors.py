"""Kernels of the six factors and the rolling window that drives them.

A factor kernel has the signature ``float64(float64[::1])``: it receives the last ``n`` non-NaN
returns of one pair, oldest first, ``n >= 2``, and returns the factor value (non-finite = unknown).
The driver takes it as a first-class function, so a factor registered by a user runs at the same
speed and its machine code can be cached on disk (a dispatcher passed as an argument cannot).
"""

import math

import numba
import numpy as np
from numba import types

from objectives.constants import DAYS_PER_YEAR, RATIO_LIMIT, STABILITY_FLOOR, STABILITY_LIMIT
from objectives.kernels.signatures import array_in, array_out

FACTOR_SIGNATURE = types.float64(types.float64[::1])
_ANNUAL = math.sqrt(DAYS_PER_YEAR)
_ROLLING_SIGNATURE = types.void(
    types.FunctionType(FACTOR_SIGNATURE),
    array_in(types.float64, 2),
    types.int64,
    types.int64,
    array_out(types.float64, 2),
)


@numba.njit(_ROLLING_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _rolling_factor_njit(kernel, returns, window, min_observations, out):  # type: ignore[no-untyped-def]
    n_days, n_pairs = returns.shape
    observed = np.empty(n_days, dtype=np.float64)
    for i in range(n_pairs):
        n_observed = 0
        value = np.nan
        for t in range(n_days):
            r = returns[t, i]
            if not np.isnan(r):
                observed[n_observed] = r
                n_observed += 1
                n = min(window, n_observed)
                if n >= min_observations:
                    value = kernel(observed[n_observed - n : n_observed])
                    if not np.isfinite(value):
                        value = np.nan
            out[t, i] = value


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _mean_njit(r):  # type: ignore[no-untyped-def]
    total = 0.0
    for k in range(r.shape[0]):
        total += r[k]
    return total / r.shape[0]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _std_njit(r, mean):  # type: ignore[no-untyped-def]
    total = 0.0
    for k in range(r.shape[0]):
        deviation = r[k] - mean
        total += deviation * deviation
    return math.sqrt(total / (r.shape[0] - 1))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _is_constant_njit(r):  # type: ignore[no-untyped-def]
    constant = True
    for k in range(1, r.shape[0]):
        constant &= r[k] == r[0]
    return constant


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _ratio_njit(mean, std):  # type: ignore[no-untyped-def]
    # std 0: constant returns, or a spread so small that its square underflows
    if std == 0.0:
        return RATIO_LIMIT * np.sign(mean)
    return min(max(mean / std * _ANNUAL, -RATIO_LIMIT), RATIO_LIMIT)


@numba.njit(FACTOR_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _sharpe_njit(r):  # type: ignore[no-untyped-def]
    mean = _mean_njit(r)
    if _is_constant_njit(r):
        return _ratio_njit(mean, 0.0)
    return _ratio_njit(mean, _std_njit(r, mean))


@numba.njit(FACTOR_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _drawdown_njit(r):  # type: ignore[no-untyped-def]
    wealth = 1.0 + r[0]
    peak = wealth
    worst = 0.0 if wealth != 0.0 else -1.0
    for k in range(1, r.shape[0]):
        wealth *= 1.0 + r[k]
        if wealth > peak:
            peak = wealth
        drawdown = wealth / peak - 1.0 if peak != 0.0 else -1.0
        if drawdown < worst:
            worst = drawdown
    return worst


@numba.njit(FACTOR_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _trend_njit(r):  # type: ignore[no-untyped-def]
    n = r.shape[0]
    mean_sum = 0.0
    running = 0.0
    for k in range(n):
        running += r[k]
        mean_sum += running
    mean_sum /= n
    centre = (n - 1) / 2.0
    covariance = 0.0
    running = 0.0
    for k in range(n):
        running += r[k]
        covariance += (k - centre) * (running - mean_sum)
    return covariance / (n * (n * n - 1.0) / 12.0)


@numba.njit(FACTOR_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _stability_njit(r):  # type: ignore[no-untyped-def]
    mean = _mean_njit(r)
    if not mean > 0.0:
        return 0.0
    std = _std_njit(r, mean)
    return STABILITY_LIMIT if std < STABILITY_FLOOR else 1.0 / std


@numba.njit(FACTOR_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _win_rate_njit(r):  # type: ignore[no-untyped-def]
    n_wins = 0
    for k in range(r.shape[0]):
        if r[k] > 0.0:
            n_wins += 1
    return n_wins / r.shape[0]


@numba.njit(FACTOR_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _sortino_njit(r):  # type: ignore[no-untyped-def]
    mean = _mean_njit(r)
    n_losses = 0
    loss_sum = 0.0
    low = 0.0
    high = -np.inf
    for k in range(r.shape[0]):
        if r[k] < 0.0:
            n_losses += 1
            loss_sum += r[k]
            low = min(low, r[k])
            high = max(high, r[k])
    if n_losses < 2 or low == high:
        return _ratio_njit(mean, 0.0)
    loss_mean = loss_sum / n_losses
    squares = 0.0
    for k in range(r.shape[0]):
        if r[k] < 0.0:
            deviation = r[k] - loss_mean
            squares += deviation * deviation
    return _ratio_njit(mean, math.sqrt(squares / (n_losses - 1)))
