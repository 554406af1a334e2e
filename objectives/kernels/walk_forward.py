"""Kernel of the walk-forward: the best strategy before every window, in one pass over each row."""

import math

import numba
import numpy as np
from numba import types

from objectives.constants import VARIANCE_FLOOR
from objectives.kernels.signatures import array_in, array_out


def _best_signature(dtype):  # type: ignore[no-untyped-def]
    return types.void(
        array_in(dtype, 2),
        array_in(types.int64, 1),
        array_in(types.int64, 1),
        array_out(types.int64, 1),
        array_out(types.float64, 1),
    )


@numba.njit(
    [_best_signature(types.float32), _best_signature(types.float64)],
    cache=True,
    nogil=True,
    error_model="numpy",
)
def _best_before_njit(daily, keys, first_days, row, sharpe):  # type: ignore[no-untyped-def]
    """Row with the best Sharpe ratio per day of the days before each of ``first_days``.

    ``first_days`` ascend. Of several the one with the smallest key.
    """
    sharpe[:] = -np.inf
    for s in range(daily.shape[0]):
        # deviations from the first day: a constant series has a variance of exactly 0
        origin = np.float64(daily[s, 0])
        total = 0.0
        square = 0.0
        day = 0
        for w in range(first_days.shape[0]):
            n = first_days[w]
            for t in range(day, n):
                deviation = daily[s, t] - origin
                total += deviation
                square += deviation * deviation
            day = n
            mean = total / n
            variance = (square - total * mean) / (n - 1)
            ratio = (origin + mean) / math.sqrt(variance) if variance > VARIANCE_FLOOR else 0.0
            if ratio > sharpe[w] or (ratio == sharpe[w] and keys[s] < keys[row[w]]):
                sharpe[w] = ratio
                row[w] = s
