"""Who is best on a day: eligibility, z-scores, scores and ranks (SEMANTICS section 4)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from objectives.constants import MAX_STALE_DAYS, MIN_RANKED_PAIRS, SCORE_SCALE
from search_spaces.errors import DataError

__all__ = [
    "Moments",
    "Ranking",
    "eligible_pairs",
    "factor_moments",
    "rank_pairs",
    "rank_pairs_reference",
]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Moments:
    """Mean and spread of every factor over the eligible pairs of every day.

    Attributes
    ----------
    mean, std : ndarray of float64, shape (n_factors, n_days)
        Over the finite values of eligible pairs, ddof 0. ``std`` is 0 where all are equal;
        ``mean`` is NaN where there is none.
    complete : ndarray of bool, shape (n_days,)
        Every eligible pair has every factor: the kernel need not look for NaN.
    """

    mean: FloatArray
    std: FloatArray
    complete: BoolArray


@dataclass(frozen=True)
class Ranking:
    """Rankings of consecutive days, each known at the close of its day.

    Attributes
    ----------
    order : ndarray of int32, shape (n_days, top)
        Pair indices, best first; only the first ``min(n_ranked, top)`` are set.
    score : ndarray of float64, shape (n_days, top)
        Their scores (mean of z-scores).
    rank : ndarray of int32, shape (n_days, n_pairs)
        Rank of each pair, 1 is best; 0 where a pair is not ranked or beyond ``top``.
    n_ranked : ndarray of int64, shape (n_days,)
        Number of ranked pairs; 0 on a day without a ranking.
    n_positive : ndarray of int64, shape (n_days,)
        Ranked pairs whose score, rounded to 10 decimals, is above 0: the first ones of ``order``.
    """

    order: npt.NDArray[np.int32]
    score: FloatArray
    rank: npt.NDArray[np.int32]
    n_ranked: npt.NDArray[np.int64]
    n_positive: npt.NDArray[np.int64]


def eligible_pairs(
    returns: FloatArray, data_period: int, max_stale_days: int = MAX_STALE_DAYS
) -> BoolArray:
    """Say which pairs may be ranked on which day.

    Parameters
    ----------
    returns : ndarray of float64, shape (n_days, n_pairs)
        NaN where a pair has no row.
    data_period : int
        Days that must have passed since a pair's first observation.
    max_stale_days : int
        A pair is left out when its last observation is more than this many days ago.

    Returns
    -------
    ndarray of bool, shape (n_days, n_pairs)
        Known at the close of day t.
    """
    n_days = len(returns)
    observed = ~np.isnan(returns)
    day = np.arange(n_days)[:, None]
    first = np.where(observed.any(axis=0), observed.argmax(axis=0), n_days)
    last = np.maximum.accumulate(np.where(observed, day, -n_days - max_stale_days), axis=0)
    return (day - first >= data_period) & (day - last <= max_stale_days)


def factor_moments(values: FloatArray, eligible: BoolArray) -> Moments:
    """Compute the :class:`Moments` that all strategies of one window and data period share.

    Parameters
    ----------
    values : ndarray of float64, shape (n_factors, n_days, n_pairs)
        Factor values, NaN = unknown.
    eligible : ndarray of bool, shape (n_days, n_pairs)
        From :func:`eligible_pairs`.

    Returns
    -------
    Moments
    """
    from objectives.kernels import ranking as kernels  # Numba takes most of a second

    n_factors, n_days, _ = values.shape
    _check_shapes(values, eligible)
    mean = np.empty((n_factors, n_days))
    std = np.empty((n_factors, n_days))
    complete = np.empty(n_days, dtype=np.bool_)
    kernels._moments_njit(
        np.ascontiguousarray(values), np.ascontiguousarray(eligible), mean, std, complete
    )
    return Moments(mean, std, complete)


def rank_pairs(
    values: FloatArray,
    eligible: BoolArray,
    selected: Sequence[int],
    *,
    top: int | None = None,
    wanted: BoolArray | None = None,
    moments: Moments | None = None,
) -> Ranking:
    """Rank the eligible pairs of every day by the mean of their standardised factors (compiled).

    Parameters
    ----------
    values : ndarray of float64, shape (n_factors, n_days, n_pairs)
        Factor values known at the close of day t, NaN = unknown.
    eligible : ndarray of bool, shape (n_days, n_pairs)
        From :func:`eligible_pairs`.
    selected : sequence of int
        Indices on the first axis of ``values``: the factors of the strategy in its order.
    top : int, optional
        How many ranks to keep; all by default.
    wanted : ndarray of bool, shape (n_days,), optional
        Days to rank; the others come out without a ranking.
    moments : Moments, optional
        From :func:`factor_moments` of the same ``values`` and ``eligible``.

    Returns
    -------
    Ranking

    Raises
    ------
    DataError
        If the arrays do not fit each other, or ``selected`` names a factor that is not there.

    Notes
    -----
    ``score_i = mean over the pair's non-NaN factors f of (x_fi - mean_f) / std_f``; pairs are
    ordered by ``rint(score x 1e10)`` descending, then by pair index. Fewer than two ranked pairs:
    no ranking that day.
    """
    from objectives.kernels import ranking as kernels

    n_factors, n_days, n_pairs = values.shape
    _check_shapes(values, eligible)
    if not selected or not 0 <= min(selected) <= max(selected) < n_factors:
        raise DataError(f"selected are positions of {n_factors} factors, got {selected=}")
    if moments is None:
        moments = factor_moments(values, eligible)
    if moments.mean.shape != (n_factors, n_days):
        raise DataError(f"moments {moments.mean.shape} are of other values {values.shape}")
    result = _empty_ranking(n_days, n_pairs, top)
    kernels._rank_njit(
        np.ascontiguousarray(values),
        np.asarray(selected, dtype=np.int64),
        np.ascontiguousarray(eligible),
        moments.mean,
        moments.std,
        moments.complete,
        np.ones(n_days, dtype=np.bool_) if wanted is None else np.ascontiguousarray(wanted),
        result.order,
        result.score,
        result.rank,
        result.n_ranked,
        result.n_positive,
    )
    return result


def rank_pairs_reference(
    values: FloatArray,
    eligible: BoolArray,
    selected: Sequence[int],
    *,
    top: int | None = None,
    wanted: BoolArray | None = None,
    moments: Moments | None = None,
) -> Ranking:
    """Plain twin of :func:`rank_pairs`; computes everything itself, so ``moments`` is not read."""
    _, n_days, n_pairs = values.shape
    result = _empty_ranking(n_days, n_pairs, top)
    for t in range(n_days):
        if wanted is not None and not wanted[t]:
            continue
        scores = _day_scores(values[:, t], eligible[t], selected)
        if len(scores) < MIN_RANKED_PAIRS:
            continue
        best_first = sorted(scores, key=lambda i: (-round(scores[i] * SCORE_SCALE), i))
        for j, i in enumerate(best_first[: result.order.shape[1]]):
            result.order[t, j] = i
            result.score[t, j] = scores[i]
            result.rank[t, i] = j + 1
        result.n_ranked[t] = len(scores)
        result.n_positive[t] = sum(round(score * SCORE_SCALE) > 0 for score in scores.values())
    return result


def _day_scores(
    values: FloatArray, eligible: BoolArray, selected: Sequence[int]
) -> dict[int, float]:
    """Scores of one day by pair index; ``values`` has shape (n_factors, n_pairs)."""
    pairs = [
        i
        for i in range(values.shape[1])
        if eligible[i] and any(not math.isnan(values[f, i]) for f in selected)
    ]
    totals = dict.fromkeys(pairs, 0.0)
    counts = dict.fromkeys(pairs, 0)
    for f in selected:
        known = {i: float(values[f, i]) for i in pairs if not math.isnan(values[f, i])}
        for i, z in _standardise(known).items():
            totals[i] += z
            counts[i] += 1
    scores = {i: totals[i] / counts[i] for i in pairs}
    # a factor whose spread overflows says nothing
    return {i: score for i, score in scores.items() if not math.isnan(score)}


def _standardise(known: dict[int, float]) -> dict[int, float]:
    """Compute ``(x - mean) / std`` with ddof 0, two-pass; all 0 where every value is the same."""
    if not known or min(known.values()) == max(known.values()):
        return dict.fromkeys(known, 0.0)
    total = 0.0
    for x in known.values():
        total += x
    mean = total / len(known)
    squares = 0.0
    for x in known.values():
        squares += (x - mean) * (x - mean)
    std = math.sqrt(squares / len(known))
    return {i: (x - mean) / std if std != 0.0 else 0.0 for i, x in known.items()}


def _check_shapes(values: FloatArray, eligible: BoolArray) -> None:
    if eligible.shape != values.shape[1:]:
        raise DataError(f"eligible {eligible.shape} does not fit values {values.shape}")


def _empty_ranking(n_days: int, n_pairs: int, top: int | None) -> Ranking:
    kept = n_pairs if top is None else min(top, n_pairs)
    return Ranking(
        order=np.zeros((n_days, kept), dtype=np.int32),
        score=np.zeros((n_days, kept)),
        rank=np.zeros((n_days, n_pairs), dtype=np.int32),
        n_ranked=np.zeros(n_days, dtype=np.int64),
        n_positive=np.zeros(n_days, dtype=np.int64),
    )
