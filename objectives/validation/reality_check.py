"""How good the best of a population would look by luck: maxima over resamples, adjusted p-values.

A population is passed through :class:`RealityCheck` a tile at a time; what remains is its
:class:`Maxima`, from which the adjusted p-value of any of its strategies follows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from objectives.constants import VARIANCE_FLOOR
from objectives.validation.bootstrap import SeriesMoments, StationaryBootstrap
from objectives.validation.normal_maximum import n_independent_normals
from search_spaces.errors import ConfigError, DataError

__all__ = [
    "Maxima",
    "RealityCheck",
    "StepDown",
    "running_maxima_reference",
]

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

_BINS_PER_UNIT = 64  # a power of two: t * 64 and every edge are exact
_N_BINS = 2048  # t from 0 to 32; the first and the last are open
_TIE = 1e-5  # relative; a tie within the precision of float32 counts as reached


@dataclass(frozen=True)
class StepDown:
    """The strategies that a step-down test rejects.

    Attributes
    ----------
    n_rejected : int
        Strategies, duplicates included, shown to have a mean above 0.
    critical_t : float
        The t-statistic to be exceeded, of the last step.
    n_steps : int
        Steps until none was added.
    """

    n_rejected: int
    critical_t: float
    n_steps: int


@dataclass(frozen=True, eq=False)
class Maxima:
    """What is kept of a population: for each resample, the largest of each statistic.

    Made by :meth:`RealityCheck.maxima`; parts of a population are put together by :meth:`joined`.
    With T days, ``mean*`` the mean of a resampled series, ``omega`` its long-run standard
    deviation and ``s = max(omega, standard deviation)``:

    Attributes
    ----------
    bootstrap : StationaryBootstrap
        The resamples.
    by_bin : ndarray of float32, shape (n_bins, n_resamples)
        Largest ``sqrt(T) (mean* - g) / s`` of the strategies with an observed t in the bin; g is
        the mean, or 0 where the mean is too low for the strategy to be the best by luck (below
        ``-sqrt(2 log log T) omega / sqrt(T)``: "consistent" of Hansen 2005). Bin j holds t from
        ``j / 64`` up to, not including, ``(j + 1) / 64``; the first also what is lower, the last
        also what is higher. ``-inf`` in an empty bin.
    plain : ndarray of float32, shape (n_resamples,)
        Largest ``mean* - mean`` of all (White 2000).
    long_run : ndarray of float32, shape (n_resamples,)
        Largest ``sqrt(T) (mean* - mean) / omega`` of all.
    n_by_bin : ndarray of int64, shape (n_bins,)
        Strategies of each bin, duplicates included.

    Notes
    -----
    The standard deviation has ddof 0 like omega, which it equals for a block length of 1: the
    larger of the two is then decided by autocorrelation alone. Variances below 1e-16 are taken as
    1e-16.

    References
    ----------
    Hansen (2005), A test for superior predictive ability. White (2000), A reality check for data
    snooping. Romano and Wolf (2005), Stepwise multiple testing as formalized data snooping.
    """

    bootstrap: StationaryBootstrap
    by_bin: Float32Array
    plain: Float32Array
    long_run: Float32Array
    n_by_bin: IntArray

    @classmethod
    def joined(cls, parts: Sequence["Maxima"]) -> "Maxima":
        """Put the parts of a population together; their order makes no difference to any bit.

        Raises
        ------
        DataError
            If there is no part, or their resamples differ.
        """
        if not parts or any(part.bootstrap != parts[0].bootstrap for part in parts):
            raise DataError("parts of one population, with equal resamples, are wanted")
        joined = _no_strategies(parts[0].bootstrap)
        for part in parts:
            np.maximum(joined.by_bin, part.by_bin, out=joined.by_bin)
            np.maximum(joined.plain, part.plain, out=joined.plain)
            np.maximum(joined.long_run, part.long_run, out=joined.long_run)
            np.add(joined.n_by_bin, part.n_by_bin, out=joined.n_by_bin)
        return joined

    @property
    def n_strategies(self) -> int:
        """Strategies of the population, duplicates included."""
        return int(self.n_by_bin.sum())

    @cached_property
    def largest(self) -> Float32Array:
        """Largest studentised mean of all strategies, at least 0, shape (n_resamples,).

        Raises
        ------
        DataError
            If the population is empty.
        """
        self._check_not_empty()
        return np.maximum(self.by_bin.max(axis=0), np.float32(0.0))

    def p_value(self, series: npt.NDArray[np.floating]) -> float:
        """Compute the p-value of one strategy, adjusted for the search through the population.

        Parameters
        ----------
        series : ndarray, shape (n_days,)
            Its daily returns, as they were added.

        Returns
        -------
        float
            Share of the resamples in which the largest studentised mean of all strategies reaches
            the strategy's t (single step of Romano and Wolf 2005); reaching it within the
            precision of float32 counts. 0 means less than ``1 / n_resamples``; a strategy with a
            mean of 0 or below has 1.

        Raises
        ------
        DataError
            If the series has another length or a value that is not finite, or the population is
            empty.
        """
        t = float(_statistics(self._moments(series), self.bootstrap.n_days).t[0])
        return float(np.mean(self.largest.astype(np.float64) >= t - _TIE * abs(t)))

    def white_p_value(self, series: npt.NDArray[np.floating]) -> float:
        """Compute the p-value of one strategy by White's reality check, which is not studentised.

        Parameters
        ----------
        series : ndarray, shape (n_days,)
            Its daily returns, as they were added.

        Returns
        -------
        float
            Share of the resamples in which the largest ``mean* - mean`` reaches the strategy's
            mean. Valid, but decided by the most volatile strategies.

        Raises
        ------
        DataError
            As :meth:`p_value`.
        """
        self._check_not_empty()
        mean = float(self._moments(series).mean[0])
        return float(np.mean(self.plain.astype(np.float64) >= mean - _TIE * abs(mean)))

    def step_down(self, alpha: float = 0.05) -> StepDown:
        """Count the strategies shown to have a mean above 0, by the step-down test.

        Parameters
        ----------
        alpha : float
            Bound on the probability that one or more of the rejected strategies has a mean of 0
            or below; between 0 and 1, both excluded.

        Returns
        -------
        StepDown

        Raises
        ------
        ConfigError
            If ``alpha`` is not between 0 and 1.
        DataError
            If the population is empty.

        Notes
        -----
        StepM of Romano and Wolf (2005), with whole bins of 1/64 of t: a bin is rejected when its
        lower edge is above the critical value, then the critical value is taken from the bins that
        remain, until none is added. A strategy in the bin of the critical value is not rejected,
        so the count can be too small, never too large; none is rejected where the critical value
        is above 31.98, the lower edge of the last bin. The first step rejects a strategy only if
        its :meth:`p_value` is below ``alpha``.
        """
        if not 0.0 < alpha < 1.0:
            raise ConfigError(f"alpha lies between 0 and 1, got {alpha=}")
        n_resamples = self.bootstrap.n_resamples
        place = n_resamples - math.ceil(round(alpha * n_resamples, 9))
        kept = _N_BINS  # bins below this one are not rejected
        largest = self.largest
        n_steps = 0
        while True:
            n_steps += 1
            critical = float(np.sort(largest)[place])
            edge = math.floor(critical / (1.0 - _TIE) * _BINS_PER_UNIT) + 1
            if not self.n_by_bin[edge:kept].any():
                break
            kept = edge
            largest = np.maximum(self.by_bin[:kept].max(axis=0), np.float32(0.0))
        return StepDown(int(self.n_by_bin[kept:].sum()), critical, n_steps)

    @property
    def n_independent(self) -> float:
        """Number of independent strategies whose best luck makes as good as this population's.

        The N of :func:`n_independent_normals` at the mean over resamples of ``long_run``. With
        few active days the largest of a resample is larger than a normal one, and N with it: it
        can be above ``n_strategies``.

        Raises
        ------
        DataError
            If the population is empty.
        """
        self._check_not_empty()
        return n_independent_normals(float(self.long_run.astype(np.float64).mean()))

    def _moments(self, series: npt.NDArray[np.floating]) -> SeriesMoments:
        return self.bootstrap.moments(np.asarray(series, dtype=np.float32)[None])

    def _check_not_empty(self) -> None:
        if self.n_strategies == 0:
            raise DataError("the population is empty: no strategy was added")


class RealityCheck:
    """Passes a population through resamples, a tile of strategies at a time.

    For a population spread over threads or processes, each has its own check; :meth:`Maxima.joined`
    puts their maxima together. Only maxima and whole numbers are kept, so neither the order of the
    tiles nor who was given which changes a bit, as long as each tile is composed as before:
    matrix products of another shape, or on another number of BLAS threads, may round differently.

    Parameters
    ----------
    bootstrap : StationaryBootstrap
        The resamples.

    Examples
    --------
    >>> import numpy as np
    >>> daily = np.random.default_rng(0).normal(0.0, 0.01, (300, 360)).astype(np.float32)
    >>> check = RealityCheck(StationaryBootstrap(n_days=360, block=10.0))
    >>> check.add(daily, np.ones(300, dtype=np.int64))
    >>> maxima = check.maxima()
    >>> best = daily[daily.mean(axis=1).argmax()]
    >>> maxima.p_value(best) < 0.05, maxima.step_down(alpha=0.05).n_rejected
    (False, 0)
    """

    def __init__(self, bootstrap: StationaryBootstrap) -> None:
        self.bootstrap = bootstrap
        self._weights = bootstrap.weights
        self._maxima = _no_strategies(bootstrap)
        self._resampled = np.empty((0, bootstrap.n_resamples), dtype=np.float32)

    def add(self, daily: Float32Array, counts: IntArray) -> None:
        """Add strategies to the population; a few hundred at a time are fastest.

        Parameters
        ----------
        daily : ndarray of float32, shape (n_strategies, n_days)
            Daily returns of strategies that were active.
        counts : ndarray of int64, shape (n_strategies,)
            Strategies of the space that have this series, 1 or more: they enter numbers of
            strategies, not maxima.

        Raises
        ------
        DataError
            If the shapes do not fit, a count is below 1, or a return is NaN or infinite.
        """
        from objectives.kernels import reality_check as kernels  # Numba takes most of a second

        if counts.shape != daily.shape[:1] or (counts < 1).any():
            raise DataError(
                f"each series has a count of 1 or more, got {daily.shape=}, {counts.shape=}"
            )
        moments = self.bootstrap.moments(daily)
        statistics = _statistics(moments, self.bootstrap.n_days)
        if len(self._resampled) < len(daily):
            self._resampled = np.empty((len(daily), self.bootstrap.n_resamples), dtype=np.float32)
        resampled = self._resampled[: len(daily)]
        np.matmul(moments.centred, self._weights, out=resampled)
        kernels._maxima_njit(
            resampled,
            statistics.shift,
            statistics.scale,
            statistics.long_run_scale,
            statistics.bins,
            self._maxima.by_bin,
            self._maxima.plain,
            self._maxima.long_run,
        )
        np.add.at(self._maxima.n_by_bin, statistics.bins, counts)

    def maxima(self) -> Maxima:
        """Return a copy of the maxima of what was added until now."""
        return Maxima.joined([self._maxima])


def running_maxima_reference(
    resampled: Float32Array,
    shift: Float32Array,
    scale: Float32Array,
    long_run_scale: Float32Array,
    bins: IntArray,
    by_bin: Float32Array,
    plain: Float32Array,
    long_run: Float32Array,
) -> None:
    """Plain twin of the kernel that updates ``by_bin``, ``plain`` and ``long_run`` in place."""
    for k, row in enumerate(resampled):
        for b, mean in enumerate(row):
            by_bin[bins[k], b] = max(by_bin[bins[k], b], (mean + shift[k]) * scale[k])
            plain[b] = max(plain[b], mean)
            long_run[b] = max(long_run[b], mean * long_run_scale[k])


@dataclass(frozen=True, eq=False)
class _Statistics:
    """What the kernel of the maxima wants to know of each strategy.

    ``t`` is the studentised mean and ``bins`` its bin; a centred resampled mean x gives
    ``(x + shift) * scale`` and ``x * long_run_scale``.
    """

    t: FloatArray
    bins: IntArray
    shift: Float32Array
    scale: Float32Array
    long_run_scale: Float32Array


def _statistics(moments: SeriesMoments, n_days: int) -> _Statistics:
    root = math.sqrt(n_days)
    floor = math.sqrt(VARIANCE_FLOOR)
    long_run_std = np.maximum(moments.long_run_std, floor)
    std = np.maximum(moments.std, long_run_std)
    t = root * moments.mean / std
    too_low = root * moments.mean / long_run_std < -math.sqrt(2.0 * math.log(math.log(n_days)))
    return _Statistics(
        t=t,
        bins=np.clip(np.floor(t * _BINS_PER_UNIT), 0, _N_BINS - 1).astype(np.int64),
        shift=np.where(too_low, moments.mean, 0.0).astype(np.float32),
        scale=(root / std).astype(np.float32),
        long_run_scale=(root / long_run_std).astype(np.float32),
    )


def _no_strategies(bootstrap: StationaryBootstrap) -> Maxima:
    """Return the maxima of an empty population."""
    n = bootstrap.n_resamples
    return Maxima(
        bootstrap=bootstrap,
        by_bin=np.full((_N_BINS, n), -np.inf, dtype=np.float32),
        plain=np.full(n, -np.inf, dtype=np.float32),
        long_run=np.full(n, -np.inf, dtype=np.float32),
        n_by_bin=np.zeros(_N_BINS, dtype=np.int64),
    )
