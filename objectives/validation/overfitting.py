"""Probability of backtest overfitting: how the best of half of the days does in the other half.

Combinatorially symmetric cross-validation (CSCV) of Bailey, Borwein, Lopez de Prado and Zhu (2015),
"The probability of backtest overfitting". The days are cut into blocks; every half of the blocks is
once the training part, the other half the test part. Deviations from the paper: ties are given
their mid-rank, and strategies with the same series are counted as often as they occur.
"""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from objectives.constants import DAYS_PER_YEAR, VARIANCE_FLOOR
from search_spaces.errors import ConfigError, DataError

__all__ = [
    "BlockSums",
    "Deflation",
    "Overfitting",
    "block_sums",
    "block_sums_reference",
    "cscv",
    "cscv_reference",
]

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]


class BlockSums(NamedTuple):
    """What cross-validation needs to know of daily returns.

    Attributes
    ----------
    sums, squares : ndarray, shape (n_strategies, n_blocks)
        Sum of the daily returns of every block, and of their squares; dtype of the returns.
    n_days : ndarray of int64, shape (n_blocks,)
        Days of every block; they differ by one at most, longer blocks first.
    """

    sums: FloatArray
    squares: FloatArray
    n_days: IntArray


class Deflation(NamedTuple):
    """What a Sharpe ratio seen in training is worth in test.

    Attributes
    ----------
    expected : float
        Test Sharpe ratio on the regression line, per year.
    low, high : float
        ``expected`` plus the 5 % and the 95 % quantile of what the line leaves of the splits.
    slope, intercept : float
        Of the line; the slope is 0 where all splits have the same training Sharpe ratio.
    """

    expected: float
    low: float
    high: float
    slope: float
    intercept: float


@dataclass(frozen=True)
class Overfitting:
    """The strategy that is best in training, and its place in test, for every split.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_splits,)
        Best strategy by training Sharpe ratio; of several the smallest row. Splits are in the
        order of ``itertools.combinations`` of the training blocks.
    relative_ranks : ndarray of float64, shape (n_splits,)
        ``rank / (n + 1)`` of it in test among the n strategies, above 0 (worst) and below 1
        (best); strategies with the same test Sharpe ratio share the mean of their ranks.
    train_sharpe, test_sharpe : ndarray of float64, shape (n_splits,)
        Its Sharpe ratios **per year** (365 days).
    """

    rows: IntArray
    relative_ranks: npt.NDArray[np.float64]
    train_sharpe: npt.NDArray[np.float64]
    test_sharpe: npt.NDArray[np.float64]

    @property
    def logits(self) -> npt.NDArray[np.float64]:
        """``log(w / (1 - w))`` of the relative ranks w, shape (n_splits,)."""
        return np.asarray(np.log(self.relative_ranks / (1.0 - self.relative_ranks)))

    @property
    def pbo(self) -> float:
        """Probability of backtest overfitting: the share of splits whose logit is at most 0.

        A best strategy exactly in the middle of the test ranks counts as overfitted.
        """
        return float((self.relative_ranks <= 0.5).mean())

    @property
    def median_rank(self) -> float:
        """Median of the relative ranks: 0.5 if the training part says nothing about the test."""
        return float(np.median(self.relative_ranks))

    def deflation(self, train_sharpe: float) -> Deflation:
        """Estimate what is left out of sample of a Sharpe ratio found by searching.

        Parameters
        ----------
        train_sharpe : float
            Sharpe ratio per year of the best of the same strategies, as a search finds it.

        Returns
        -------
        Deflation

        Notes
        -----
        Ordinary least squares of the test on the training Sharpe ratio of the chosen strategy over
        the splits (Bailey et al. 2015, performance degradation). ``low`` and ``high`` are
        quantiles of its residuals and no standard error: the splits share their days, so they are
        by far not 12,870 independent observations. Two things to keep in mind: the two halves of a
        split add up to the same days, so a strategy that was better in one was worse in the other
        and the slope leans to the negative; and a Sharpe ratio outside the training ratios of the
        splits is extrapolated.
        """
        train, test = self.train_sharpe, self.test_sharpe
        deviation = train - train.mean()
        slope = 0.0
        if train.min() < train.max():
            slope = float(deviation @ (test - test.mean()) / (deviation @ deviation))
        intercept = float(test.mean() - slope * train.mean())
        low, high = np.quantile(test - (intercept + slope * train), [0.05, 0.95])
        expected = intercept + slope * train_sharpe
        return Deflation(expected, expected + float(low), expected + float(high), slope, intercept)


def block_sums(daily: FloatArray, n_blocks: int = 16) -> BlockSums:
    """Sum the days of every block (compiled).

    Parameters
    ----------
    daily : ndarray of float32 or float64, shape (n_strategies, n_days)
        Daily returns, fractions of wealth; a tile of a population is as good as the whole.
    n_blocks : int
        Even, at least 4; no more than there are days.

    Returns
    -------
    BlockSums
        Summed in float64, in the dtype of ``daily``.

    Raises
    ------
    ConfigError
        If ``n_blocks`` is odd, below 4 or above the number of days.
    DataError
        If a return is not finite.
    """
    from objectives.kernels import overfitting as kernels

    n_days = _days_of_blocks(daily.shape[1], n_blocks)
    sums = np.empty((len(daily), n_blocks))
    squares = np.empty((len(daily), n_blocks))
    kernels._block_sums_njit(np.ascontiguousarray(daily), n_days, sums, squares)
    return _checked(sums, squares, n_days, daily.dtype)


def block_sums_reference(daily: FloatArray, n_blocks: int = 16) -> BlockSums:
    """Plain twin of :func:`block_sums`."""
    n_days = _days_of_blocks(daily.shape[1], n_blocks)
    blocks = np.split(daily.astype(np.float64), np.cumsum(n_days)[:-1], axis=1)
    sums = np.stack([block.sum(axis=1) for block in blocks], axis=1)
    squares = np.stack([(block**2).sum(axis=1) for block in blocks], axis=1)
    return _checked(sums, squares, n_days, daily.dtype)


def cscv(
    sums: FloatArray,
    squares: FloatArray,
    n_days: IntArray,
    counts: IntArray,
    *,
    n_threads: int = 1,
) -> Overfitting:
    """Cross-validate the choice of the best strategy over all splits (compiled).

    Parameters
    ----------
    sums, squares : ndarray of float32 or float64, shape (n_strategies, n_blocks)
        From :func:`block_sums`, tiles stacked.
    n_days : ndarray of int64, shape (n_blocks,)
        From :func:`block_sums`.
    counts : ndarray of int64, shape (n_strategies,)
        How many strategies have this series, at least 1; ranks count all of them.
    n_threads : int
        Threads that share the strategies; the result is the same to the last bit.

    Returns
    -------
    Overfitting
        Of all ``C(n_blocks, n_blocks / 2)`` splits, 12,870 for 16 blocks.

    Raises
    ------
    ConfigError
        If ``n_threads`` is below 1.
    DataError
        If the arrays do not fit each other, a count is below 1, or there are fewer than two
        strategies.

    Notes
    -----
    The Sharpe ratio is ``mean / sample std`` of the days of a part. It is 0 where the variance is
    not above ``VARIANCE_FLOOR`` or not above 1e-5 of the mean square, which float32 sums cannot
    tell from a constant series. Equal series are ties; series that are multiples of each other
    have the same Sharpe ratio only up to rounding, which then decides.
    """
    from objectives.kernels import overfitting as kernels

    if n_threads < 1:
        raise ConfigError(f"n_threads is at least 1, got {n_threads=}")
    sums, squares, n_days, counts = _checked_population(sums, squares, n_days, counts)
    splits = _splits(len(n_days))
    tiles = -(-len(sums) // kernels.TILE)
    edges = np.linspace(0, tiles, min(n_threads, tiles) + 1).astype(np.int64) * kernels.TILE
    ranges = list(itertools.pairwise(np.minimum(edges, len(sums)).tolist()))

    def best_of(rows: tuple[int, int]) -> tuple[FloatArray, IntArray, FloatArray]:
        train = np.empty(len(splits), dtype=sums.dtype)
        row = np.empty(len(splits), dtype=np.int64)
        test = np.empty(len(splits), dtype=sums.dtype)
        kernels._best_in_train_njit(sums, squares, n_days, splits, *rows, train, row, test)
        return train, row, test

    def below(rows: tuple[int, int]) -> IntArray:
        found = np.empty(len(splits), dtype=np.int64)
        kernels._below_in_test_njit(sums, squares, n_days, counts, splits, *rows, test, found)
        return found

    with ThreadPoolExecutor(len(ranges)) as threads:
        train, row, test = _best_of_all(list(threads.map(best_of, ranges)))
        twice_below = np.sum(list(threads.map(below, ranges)), axis=0)
    return _overfitting(row, twice_below, int(counts.sum()), train, test)


def cscv_reference(
    sums: FloatArray,
    squares: FloatArray,
    n_days: IntArray,
    counts: IntArray,
    *,
    n_threads: int = 1,
) -> Overfitting:
    """Plain twin of :func:`cscv`, split by split; ``n_threads`` is checked and not used."""
    from objectives.kernels.overfitting import RESOLUTION

    if n_threads < 1:
        raise ConfigError(f"n_threads is at least 1, got {n_threads=}")
    sums, squares, n_days, counts = _checked_population(sums, squares, n_days, counts)

    def sharpe(blocks: tuple[int, ...]) -> npt.NDArray[np.float64]:
        n = sum(int(n_days[b]) for b in blocks)
        total = sum(sums[:, b].astype(np.float64) for b in blocks)
        square = sum(squares[:, b].astype(np.float64) for b in blocks) / (n - 1)
        variance = square - total * total / n / (n - 1)
        lowest = np.maximum(VARIANCE_FLOOR, RESOLUTION * square)
        ratio = total / n / np.sqrt(np.maximum(variance, lowest))
        return np.where(variance > lowest, ratio, 0.0)

    n_blocks = len(n_days)
    found = []
    for blocks in itertools.combinations(range(n_blocks), n_blocks // 2):
        train = sharpe(blocks)
        test = sharpe(tuple(b for b in range(n_blocks) if b not in blocks))
        best = int(np.argmax(train))
        below = int(counts[test < test[best]].sum())
        equal = int(counts[test == test[best]].sum())
        found.append((best, 2 * below + equal, train[best], test[best]))
    row, twice_below, in_train, in_test = (np.array(column) for column in zip(*found, strict=True))
    return _overfitting(row, twice_below, int(counts.sum()), in_train, in_test)


def _days_of_blocks(n_days: int, n_blocks: int) -> IntArray:
    if n_blocks % 2 or not 4 <= n_blocks <= n_days:
        raise ConfigError(f"n_blocks is even, from 4 to the {n_days} days, got {n_blocks=}")
    return np.array([n_days // n_blocks + (b < n_days % n_blocks) for b in range(n_blocks)])


def _checked(
    sums: FloatArray, squares: FloatArray, n_days: IntArray, dtype: npt.DTypeLike
) -> BlockSums:
    if not np.isfinite(squares).all():
        raise DataError("daily returns are finite; leave strategies with NaN out beforehand")
    return BlockSums(sums.astype(dtype), squares.astype(dtype), n_days)


def _checked_population(
    sums: FloatArray, squares: FloatArray, n_days: IntArray, counts: IntArray
) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Contiguous arrays that fit each other."""
    shape = (len(counts), len(n_days))
    if sums.shape != shape or squares.shape != shape or len(n_days) % 2:
        raise DataError(
            f"sums {sums.shape}, squares {squares.shape}, n_days {n_days.shape} and counts "
            f"{counts.shape} do not fit each other"
        )
    if counts.sum() < 2 or counts.min() < 1:
        raise DataError(f"at least two strategies, each counted once or more, got {counts=}")
    return (
        np.ascontiguousarray(sums),
        np.ascontiguousarray(squares, dtype=sums.dtype),
        np.ascontiguousarray(n_days, dtype=np.int64),
        np.ascontiguousarray(counts, dtype=np.int64),
    )


def _splits(n_blocks: int) -> IntArray:
    """Training blocks of every split as bits, in the order of ``itertools.combinations``."""
    chosen = itertools.combinations(range(n_blocks), n_blocks // 2)
    return np.array([sum(1 << b for b in blocks) for blocks in chosen], dtype=np.int64)


def _best_of_all(
    parts: list[tuple[FloatArray, IntArray, FloatArray]],
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Best of ascending ranges of rows; the earlier one keeps a tie."""
    train, row, test = parts[0]
    for other_train, other_row, other_test in parts[1:]:
        better = other_train > train
        train = np.where(better, other_train, train)
        row = np.where(better, other_row, row)
        test = np.where(better, other_test, test)
    return train, row, test


def _overfitting(
    row: IntArray, twice_below: IntArray, n: int, train: FloatArray, test: FloatArray
) -> Overfitting:
    """Ranks, and Sharpe ratios per year; an equal strategy counts half, its own one too."""
    annual = math.sqrt(DAYS_PER_YEAR)
    return Overfitting(
        rows=row,
        relative_ranks=(twice_below + 1) / 2.0 / (n + 1),
        train_sharpe=train.astype(np.float64) * annual,
        test_sharpe=test.astype(np.float64) * annual,
    )
