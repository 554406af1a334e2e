"""Kernels of the daily ranking: standardisation once per (window, data period), then scores.

What a factor's z-score on a day depends on is the window and the set of eligible pairs, not the
other factors of a strategy; so mean and standard deviation are computed once for all factors
(:func:`_moments_njit`) and shared by all 56 combinations (:func:`_rank_njit`).
"""

import math

import numba
import numpy as np
from numba import types

from objectives.constants import MIN_RANKED_PAIRS, SCORE_SCALE
from objectives.kernels.signatures import array_in, array_out

_UNDECIDED = 12  # quickselect stops when this few keys are undecided; insertion sort does the rest
_SHORT_LIST = 64  # up to this many kept keys, selecting and inserting beats a full sort

_MOMENTS_SIGNATURE = types.void(
    array_in(types.float64, 3),
    array_in(types.boolean, 2),
    array_out(types.float64, 2),
    array_out(types.float64, 2),
    array_out(types.boolean, 1),
)
_RANK_SIGNATURE = types.void(
    array_in(types.float64, 3),
    array_in(types.int64, 1),
    array_in(types.boolean, 2),
    array_in(types.float64, 2),
    array_in(types.float64, 2),
    array_in(types.boolean, 1),
    array_in(types.boolean, 1),
    array_out(types.int32, 2),
    array_out(types.float64, 2),
    array_out(types.int32, 2),
    array_out(types.int64, 1),
    array_out(types.int64, 1),
)


@numba.njit(_MOMENTS_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _moments_njit(values, eligible, mean, std, complete):  # type: ignore[no-untyped-def]
    n_factors, n_days, n_pairs = values.shape
    for t in range(n_days):
        complete[t] = True
        for f in range(n_factors):
            n = 0
            total = 0.0
            low = np.inf
            high = -np.inf
            for i in range(n_pairs):
                if eligible[t, i]:
                    x = values[f, t, i]
                    if np.isnan(x):
                        complete[t] = False
                    else:
                        n += 1
                        total += x
                        low = min(low, x)
                        high = max(high, x)
            mean[f, t] = total / n if n > 0 else np.nan
            squares = 0.0
            for i in range(n_pairs):
                if eligible[t, i] and not np.isnan(values[f, t, i]):
                    deviation = values[f, t, i] - mean[f, t]
                    squares += deviation * deviation
            # 0 marks "all equal": every z-score of that day is 0
            std[f, t] = math.sqrt(squares / n) if n > 0 and low != high else 0.0


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _scores_njit(values, selected, eligible, mean, std, complete, t, total, count, score):  # type: ignore[no-untyped-def]
    n_pairs = values.shape[2]
    n_selected = selected.shape[0]
    total[:] = 0.0
    if complete[t]:
        for s in range(n_selected):
            f = selected[s]
            centre = mean[f, t]
            scale = std[f, t]
            if scale != 0.0:
                x = values[f, t]
                for i in range(n_pairs):
                    total[i] += (x[i] - centre) / scale
        for i in range(n_pairs):
            score[i] = total[i] / n_selected if eligible[t, i] else np.nan
        return
    count[:] = 0
    for s in range(n_selected):
        f = selected[s]
        for i in range(n_pairs):
            x = values[f, t, i]
            if eligible[t, i] and not np.isnan(x):
                count[i] += 1
                if std[f, t] != 0.0:
                    total[i] += (x - mean[f, t]) / std[f, t]
    for i in range(n_pairs):
        score[i] = total[i] / count[i] if count[i] > 0 else np.nan


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _largest_first_njit(keys, m, kept):  # type: ignore[no-untyped-def]
    """Move the ``kept`` largest of the distinct ``keys[:m]`` to the front, in descending order."""
    if kept > _SHORT_LIST:
        ascending = np.sort(keys[:m])
        for k in range(kept):
            keys[k] = ascending[m - 1 - k]
        return
    low = 0
    high = m - 1
    while high - low > _UNDECIDED:
        a, b, c = keys[low], keys[(low + high) // 2], keys[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i = low
        j = high
        while i <= j:
            while keys[i] > pivot:
                i += 1
            while keys[j] < pivot:
                j -= 1
            if i <= j:
                keys[i], keys[j] = keys[j], keys[i]
                i += 1
                j -= 1
        if kept - 1 <= j:
            high = j
        elif kept - 1 >= i:
            low = i
        else:
            high = kept - 1  # the pivot itself sits there
            break
    for k in range(1, high + 1):
        key = keys[k]
        j = k - 1
        while j >= 0 and keys[j] < key:
            keys[j + 1] = keys[j]
            j -= 1
        keys[j + 1] = key


@numba.njit(_RANK_SIGNATURE, cache=True, nogil=True, error_model="numpy")
def _rank_njit(  # type: ignore[no-untyped-def]
    values,
    selected,
    eligible,
    mean,
    std,
    complete,
    wanted,
    order,
    order_score,
    rank,
    n_ranked,
    n_positive,
):
    n_days, n_pairs = eligible.shape
    top = order.shape[1]
    total = np.empty(n_pairs)
    count = np.empty(n_pairs, dtype=np.int64)
    score = np.empty(n_pairs)
    keys = np.empty(n_pairs, dtype=np.int64)
    bits = 1
    while (1 << bits) < n_pairs:
        bits += 1
    mask = (1 << bits) - 1
    for t in range(n_days):
        rank[t, :] = 0
        n_ranked[t] = 0
        n_positive[t] = 0
        if not wanted[t]:
            continue
        _scores_njit(values, selected, eligible, mean, std, complete, t, total, count, score)
        m = 0
        positive = 0
        for i in range(n_pairs):
            if not np.isnan(score[i]):
                # one integer orders by rounded score, then by pair (earlier = larger key)
                rounded = np.int64(np.rint(score[i] * SCORE_SCALE))
                keys[m] = (rounded << bits) | (mask - i)
                m += 1
                if rounded > 0:
                    positive += 1
        if m < MIN_RANKED_PAIRS:
            continue
        kept = min(m, top)
        _largest_first_njit(keys, m, kept)
        for j in range(kept):
            i = mask - (keys[j] & mask)
            order[t, j] = i
            order_score[t, j] = score[i]
            rank[t, i] = j + 1
        n_ranked[t] = m
        n_positive[t] = positive
