"""The best strategy by training Sharpe ratio before each of several days."""

import numpy as np
import numpy.typing as npt

from objectives.validation.sharpe import sharpe_ratio
from search_spaces.errors import DataError

__all__ = ["best_before", "best_before_reference"]

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]


def best_before(
    daily: FloatArray, keys: IntArray, first_days: IntArray
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Find the best strategy before each of several days, in one pass over the returns (compiled).

    Parameters
    ----------
    daily : ndarray of float32 or float64, shape (n_strategies, n_days)
        Daily returns.
    keys : ndarray of int64, shape (n_strategies,)
        Of equally good strategies the one with the smallest key is best.
    first_days : ndarray of int64, shape (n_windows,)
        Ascending, from 2; only the days before each count.

    Returns
    -------
    rows : ndarray of int64, shape (n_windows,)
        The best strategy.
    sharpe : ndarray of float64, shape (n_windows,)
        Its Sharpe ratio per day, as :func:`~objectives.validation.sharpe_ratio`.

    Raises
    ------
    DataError
        If a return is not finite.
    """
    from objectives.kernels import walk_forward as kernels

    _check_finite(daily)
    rows = np.empty(len(first_days), dtype=np.int64)
    sharpe = np.empty(len(first_days))
    kernels._best_before_njit(
        np.ascontiguousarray(daily),
        np.ascontiguousarray(keys, dtype=np.int64),
        np.ascontiguousarray(first_days, dtype=np.int64),
        rows,
        sharpe,
    )
    return rows, sharpe


def best_before_reference(
    daily: FloatArray, keys: IntArray, first_days: IntArray
) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Plain twin of :func:`best_before`: every window from its first day on."""
    _check_finite(daily)
    rows, best = [], []
    for first in first_days:
        sharpe = sharpe_ratio(daily[:, :first])
        rows.append(min(range(len(daily)), key=lambda s: (-sharpe[s], keys[s])))
        best.append(sharpe[rows[-1]])
    return np.array(rows, dtype=np.int64), np.array(best, dtype=np.float64)


def _check_finite(daily: FloatArray) -> None:
    if not np.isfinite(daily).all():
        raise DataError("daily returns are finite; leave strategies with NaN out beforehand")
