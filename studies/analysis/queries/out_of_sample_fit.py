"""Whether what was good in sample is good out of sample: a histogram and a rank correlation."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from studies.analysis.queries.session_table import SessionTable

__all__ = ["OutOfSampleFit", "in_against_out", "rank_correlation"]


@dataclass(frozen=True)
class OutOfSampleFit:
    """A figure in sample against the same figure out of sample.

    Attributes
    ----------
    figure : str
        In sample.
    n : int
        Strategies that have both.
    rank_correlation : float
        Spearman's, ties by their mean rank; NaN where one side does not vary.
    counts : ndarray of int64, shape (n_bins, n_bins)
        Strategies by bin, in sample along the first axis.
    edges_in, edges_out : ndarray of float64, shape (n_bins + 1,)
        Of the bins, from the smallest to the largest value; the last bin holds its upper edge.
    """

    figure: str
    n: int
    rank_correlation: float
    counts: npt.NDArray[np.int64]
    edges_in: npt.NDArray[np.float64]
    edges_out: npt.NDArray[np.float64]


def in_against_out(
    table: SessionTable, figure: str | None = None, n_bins: int = 40
) -> OutOfSampleFit:
    """Compare a figure, by default the first objective, with its out-of-sample side.

    Parameters
    ----------
    table : SessionTable
        Read with the figure and ``oos_`` of it.
    figure : str, optional
    n_bins : int
        In each direction.

    Raises
    ------
    ConfigError
        If one of the two was not read.
    """
    figure = figure or table.objective
    inside, outside = table.figure(figure), table.figure(f"oos_{figure}")
    both = ~(np.isnan(inside) | np.isnan(outside))
    inside, outside = inside[both], outside[both]
    places_in, edges_in = _binned(inside, n_bins)
    places_out, edges_out = _binned(outside, n_bins)
    cells = np.bincount(places_in * n_bins + places_out, minlength=n_bins * n_bins)
    return OutOfSampleFit(
        figure,
        len(inside),
        rank_correlation(inside, outside),
        cells.reshape(n_bins, n_bins),
        edges_in,
        edges_out,
    )


def rank_correlation(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation, ties by their mean rank; NaN where a side is constant.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Without NaN.
    """
    if len(x) < 2 or x.min() == x.max() or y.min() == y.max():
        return math.nan
    return float(np.corrcoef(_mean_ranks(x), _mean_ranks(y))[0, 1])


def _binned(
    values: npt.NDArray[np.float64], n_bins: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the bin of each value, and the edges of bins of equal width."""
    limits = None
    if values.size and values.min() == values.max():  # half of 1 is nothing beside a huge value
        half = max(0.5, 1e-3 * abs(values[0]))
        limits = (values[0] - half, values[0] + half)
    edges = np.histogram_bin_edges(values, n_bins, limits)
    places = np.searchsorted(edges, values, side="right") - 1
    return np.clip(places, 0, n_bins - 1), edges


def _mean_ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rank from 0; equal values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts + 1) / 2)[place]
