"""How values are distributed: counts by ranges that a few far ones do not stretch."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Histogram", "histogram_of", "robust_range"]

_TAIL = 0.005  # of the values, on either side
_ROOM = 0.5  # of the range between the tails, beyond each


@dataclass(frozen=True)
class Histogram:
    """Counts by range.

    Attributes
    ----------
    edges : ndarray of float64, shape (n_bins + 1,)
    counts : ndarray of int64, shape (n_bins,)
        The outermost also hold what lies beyond them.
    """

    edges: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]


def histogram_of(
    values: npt.NDArray[np.float64], n_bins: int, limits: tuple[float, float] | None = None
) -> Histogram:
    """Count values in ranges of equal width; NaN are left out.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    n_bins : int
    limits : tuple of float, optional
        By default :func:`robust_range`.
    """
    values = values[~np.isnan(values)]
    low, high = robust_range(values) if limits is None else limits
    edges = np.linspace(low, high, n_bins + 1)
    counts, _ = np.histogram(np.clip(values, low, high), edges)
    return Histogram(edges, counts.astype(np.int64))


def robust_range(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the range in which values are counted: all of them, unless a few lie far out.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Without NaN; infinities are outside.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return -1.0, 1.0
    inner_low, inner_high = np.quantile(finite, [_TAIL, 1 - _TAIL]).tolist()
    room = _ROOM * (inner_high - inner_low)
    low = max(float(finite.min()), inner_low - room)
    high = min(float(finite.max()), inner_high + room)
    if low == high:
        half = max(0.05 * abs(low), 0.5)
        return low - half, high + half
    return low, high
