"""The stationary bootstrap of days, its block length, and the standard error that belongs to it."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from search_spaces.errors import ConfigError, DataError

__all__ = [
    "SeriesMoments",
    "StationaryBootstrap",
    "block_length",
    "series_moments",
    "series_moments_reference",
]

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]

_MIN_DAYS = 16  # from here on every lag of the window has days on both sides


def block_length(daily: FloatArray) -> float:
    """Choose the mean block length of the stationary bootstrap for one series.

    Parameters
    ----------
    daily : ndarray of float64, shape (n_days,)
        Daily returns, at least 16.

    Returns
    -------
    float
        Days; at least 1, at most ``ceil(min(3 sqrt(n_days), n_days / 3))``. 1 for a constant
        series.

    Raises
    ------
    DataError
        If there are fewer than 16 days, or one of them is not finite.

    Notes
    -----
    ``(G^2 / LR^2 x n_days)^(1/3)`` with ``G`` the sum of ``h(k/m) |k| R(k)`` and ``LR`` that of
    ``h(k/m) R(k)`` over lags ``|k| <= m``; R is the autocovariance and h the flat-top window
    ``min(1, 2 (1 - |x|))``. ``m`` is twice the lag from which five autocorrelations in a row are
    within ``2 sqrt(log10(n_days) / n_days)`` of 0, at most ``ceil(sqrt(n_days)) + 5``.

    Deviation: autocorrelations are divided by the variances of the days they are computed from,
    as in the ``arch`` package, which the tests compare with.

    References
    ----------
    Politis and White (2004), Automatic block-length selection for the dependent bootstrap.
    Patton, Politis and White (2009), Correction to the same.
    """
    daily = np.asarray(daily, dtype=np.float64)
    if daily.ndim != 1 or len(daily) < _MIN_DAYS:
        raise DataError(f"a block length needs {_MIN_DAYS} days or more, got {daily.shape=}")
    if not np.isfinite(daily).all():
        raise DataError("a block length needs finite returns, one is NaN or infinite")
    if daily.min() == daily.max():
        return 1.0
    n_days = len(daily)
    deviation = daily - daily.mean()
    run = max(5, int(math.log10(n_days)))
    max_lag = math.ceil(math.sqrt(n_days)) + run
    covariance = np.array(
        [deviation[k:] @ deviation[: n_days - k] / n_days for k in range(max_lag + 1)]
    )
    m = _window(deviation, covariance, run)
    lags = np.arange(1, m + 1)
    weighted = np.minimum(1.0, 2.0 * (1.0 - lags / m)) * covariance[1 : m + 1]
    slope = 2.0 * float(lags @ weighted)
    long_run = float(covariance[0] + 2.0 * weighted.sum())
    longest = math.ceil(min(3.0 * math.sqrt(n_days), n_days / 3.0))
    if long_run == 0.0:
        return float(longest)
    return float(min(max((slope / long_run) ** 2 * n_days, 1.0) ** (1.0 / 3.0), longest))


def _window(deviation: FloatArray, covariance: FloatArray, run: int) -> int:
    """Lags the flat-top window spans: twice the first of ``run`` insignificant ones."""
    n_days = len(deviation)
    max_lag = len(covariance) - 1
    limit = 2.0 * math.sqrt(math.log10(n_days) / n_days)
    n_small = 0
    for k in range(max_lag):
        norm = math.sqrt(
            float(deviation[k + 1 :] @ deviation[k + 1 :])
            * float(deviation[: -k - 1] @ deviation[: -k - 1])
        )
        small = norm == 0.0 or abs(covariance[k]) * n_days / norm < limit
        n_small = n_small + 1 if small else 0
        if n_small == run:
            return min(2 * max(k + 1 - run, 1), max_lag)
    return max_lag


@dataclass(frozen=True, eq=False)
class SeriesMoments:
    """Mean and standard deviations of many daily series.

    Attributes
    ----------
    mean : ndarray of float64, shape (n_series,)
        Mean of a day.
    std : ndarray of float64, shape (n_series,)
        Standard deviation of a day, ddof 0: for a block length of 1 it equals ``long_run_std``.
    long_run_std : ndarray of float64, shape (n_series,)
        ``sqrt(n_days)`` times the standard error of the mean under the stationary bootstrap;
        above ``std`` where good days follow good days.
    centred : ndarray of float32, shape (n_series, n_days)
        The series minus their means.
    """

    mean: FloatArray
    std: FloatArray
    long_run_std: FloatArray
    centred: Float32Array


def series_moments(daily: Float32Array, block: float) -> SeriesMoments:
    """Compute the :class:`SeriesMoments` of daily series (compiled).

    Parameters
    ----------
    daily : ndarray of float32, shape (n_series, n_days)
        Daily returns. The numbers of a series do not depend on the others it is passed with.
    block : float
        Mean block length of the stationary bootstrap, days; 1 or more.

    Returns
    -------
    SeriesMoments

    Raises
    ------
    DataError
        If ``daily`` has no days or is not two-dimensional.
        If a value is NaN or infinite.
    ConfigError
        If ``block`` is below 1 or not finite.

    Notes
    -----
    ``long_run_std^2`` = the sum of ``kappa(|s - t|) d_s d_t / n_days`` over all pairs of days, with
    d the deviations from the mean and kappa from :attr:`StationaryBootstrap.kernel`; Hansen (2005),
    A test for superior predictive ability, appendix. It is the exact variance of ``sqrt(n_days)``
    times a resampled mean (Politis and Romano 1994), hence never negative.
    """
    from objectives.kernels import reality_check as kernels

    _check(daily, block)
    n, n_days = daily.shape
    result = SeriesMoments(
        mean=np.empty(n),
        std=np.empty(n),
        long_run_std=np.empty(n),
        centred=np.empty((n, n_days), dtype=np.float32),
    )
    kernels._moments_njit(
        np.ascontiguousarray(daily, dtype=np.float32),
        1.0 - 1.0 / block,
        result.mean,
        result.std,
        result.long_run_std,
        result.centred,
    )
    return result


def series_moments_reference(daily: Float32Array, block: float) -> SeriesMoments:
    """Plain twin of :func:`series_moments`: every pair of days, one by one."""
    _check(daily, block)
    n, n_days = daily.shape
    result = SeriesMoments(np.empty(n), np.empty(n), np.empty(n), np.empty((n, n_days), "f4"))
    kernel = StationaryBootstrap(n_days, block).kernel
    for k in range(n):
        values = [float(x) for x in daily[k]]
        mean = sum(values) / n_days
        d = [x - mean for x in values]
        variance = 0.0
        for s in range(n_days):
            for t in range(n_days):
                variance += d[s] * d[t] * float(kernel[abs(s - t)]) / n_days
        result.mean[k] = mean
        result.std[k] = math.sqrt(sum(x * x for x in d) / n_days)
        result.long_run_std[k] = math.sqrt(max(variance, 0.0))
        result.centred[k] = d
    return result


@dataclass(frozen=True)
class StationaryBootstrap:
    """Resamples of the days of a history in blocks of geometric length, around the circle.

    Two with equal fields hold equal resamples, in any process.

    Attributes
    ----------
    n_days : int
        Days of the history; 3 or more.
    block : float
        Mean block length, days; 1 or more.
    n_resamples : int
        Number of resamples.
    seed : int
        Seed of the random numbers, 0 or more. The first resamples of a longer list are those of
        a shorter one.

    Raises
    ------
    ConfigError
        If a field is out of its range.

    References
    ----------
    Politis and Romano (1994), The stationary bootstrap.
    """

    n_days: int
    block: float
    n_resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_days < 3:
            raise ConfigError(f"a bootstrap needs 3 days or more, got {self.n_days=}")
        if self.n_resamples < 1 or self.seed < 0:
            raise ConfigError(
                "a bootstrap needs 1 resample or more and a seed of 0 or more, "
                f"got {self.n_resamples=}, {self.seed=}"
            )
        _check_block(self.block)

    @property
    def days(self) -> npt.NDArray[np.int64]:
        """Day of the history at each place of each resample, shape (n_resamples, n_days)."""
        jump_seed, start_seed = np.random.SeedSequence(self.seed).spawn(2)
        shape = (self.n_resamples, self.n_days)
        jumps = np.random.Generator(np.random.PCG64(jump_seed)).random(shape) < 1.0 / self.block
        jumps[:, 0] = True
        uniform = np.random.Generator(np.random.PCG64(start_seed)).random(shape)
        starts = (uniform * self.n_days).astype(np.int64)
        place = np.arange(self.n_days)
        jumped = np.maximum.accumulate(np.where(jumps, place, 0), axis=1)
        return (np.take_along_axis(starts, jumped, axis=1) + place - jumped) % self.n_days

    @cached_property
    def weights(self) -> Float32Array:
        """Share of each day in each resample, shape (n_days, n_resamples); a column sums to 1.

        ``daily @ weights`` are the means of the resampled series.
        """
        offset = np.arange(self.n_resamples)[:, None] * self.n_days
        size = self.n_resamples * self.n_days
        counts = np.bincount((self.days + offset).ravel(), minlength=size)
        shares = counts.reshape(self.n_resamples, self.n_days) / self.n_days
        return np.ascontiguousarray(shares.T, dtype=np.float32)

    @property
    def kernel(self) -> FloatArray:
        """Hansen's weight of two days i apart, i = 0, ..., n_days - 1; shape (n_days,).

        ``kappa(i) = (1 - i/T) (1 - q)^i + (i/T) (1 - q)^(T - i)`` with T days and ``q = 1/block``;
        Hansen (2005).
        """
        lag = np.arange(self.n_days)
        share = lag / self.n_days
        rho = 1.0 - 1.0 / self.block
        weights: FloatArray = (1.0 - share) * rho**lag + share * rho ** (self.n_days - lag)
        return weights

    def long_run_std(self, daily: Float32Array) -> FloatArray:
        """Estimate the standard deviation of ``sqrt(n_days)`` times the mean of a series.

        Parameters
        ----------
        daily : ndarray of float32, shape (n_series, n_days)
            Daily returns.

        Returns
        -------
        ndarray of float64, shape (n_series,)
            See :func:`series_moments`; not annualised.

        Raises
        ------
        DataError
            If ``daily`` does not have ``n_days`` days, or a value is NaN or infinite.
        """
        return self.moments(daily).long_run_std

    def moments(self, daily: Float32Array) -> SeriesMoments:
        """Compute :func:`series_moments` with the block length of this bootstrap."""
        if daily.ndim != 2 or daily.shape[1] != self.n_days:
            raise DataError(f"series of {self.n_days} days are wanted, got {daily.shape=}")
        return series_moments(daily, self.block)


def _check(daily: Float32Array, block: float) -> None:
    if daily.ndim != 2 or daily.shape[1] == 0:
        raise DataError(f"daily has the shape (n_series, n_days), got {daily.shape=}")
    if not np.isfinite(daily).all():
        raise DataError("daily returns must be finite, one is NaN or infinite")
    _check_block(block)


def _check_block(block: float) -> None:
    if not 1.0 <= block < math.inf:
        raise ConfigError(f"a block has 1 day or more, got {block=}")
