"""Four figures of a strategy, and what they become when days are left out or resampled."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from objectives.constants import DAYS_PER_YEAR
from objectives.validation.bootstrap import StationaryBootstrap, block_length
from search_spaces.errors import DataError

__all__ = [
    "FIGURE_NAMES",
    "Figures",
    "Intervals",
    "MonthRemoval",
    "MonthsLeftOut",
    "StrategyDays",
    "bootstrap_intervals",
    "leave_months_out",
]

FloatArray = npt.NDArray[np.float64]

FIGURE_NAMES = ("net_sharpe_ratio", "excess_sharpe_ratio", "total_return", "max_drawdown")
"""The fields of :class:`Figures`, named as in `objectives.METRICS`."""

_MIN_BLOCK = 10.0
_LOW, _HIGH = 0.05, 0.95


@dataclass(frozen=True)
class Figures:
    """Four figures of one strategy, defined as in `objectives.METRICS`.

    Attributes
    ----------
    net_sharpe_ratio, excess_sharpe_ratio : float
        Annualised, of daily changes of wealth and of those beyond the basket's.
    total_return, max_drawdown : float
        Fractions; the drawdown is 0 or positive.
    """

    net_sharpe_ratio: float
    excess_sharpe_ratio: float
    total_return: float
    max_drawdown: float


@dataclass(frozen=True, eq=False)
class StrategyDays:
    """Daily series of one strategy.

    Attributes
    ----------
    dates : ndarray of datetime64[D], shape (n_days,)
        The days at whose close the changes are known.
    net : ndarray of float64, shape (n_days,)
        Change of wealth as a fraction of the wealth of the day before, fees included.
    excess : ndarray of float64, shape (n_days,)
        ``net`` less what the same exposure to the basket earned.
    basket : ndarray of float64, shape (n_days,)
        Mean return of the pairs the strategy could choose from.
    """

    dates: npt.NDArray[np.datetime64]
    net: FloatArray
    excess: FloatArray
    basket: FloatArray

    def figures(self, kept: npt.NDArray[np.bool_] | None = None) -> Figures:
        """Compute the figures of all days, or of those where ``kept``, shape (n_days,), is true."""
        days = slice(None) if kept is None else kept
        columns = _figures_of(self.net[days][None], self.excess[days][None])
        return Figures(*(float(column[0]) for column in columns))


@dataclass(frozen=True)
class MonthRemoval:
    """The strategy without the days of a calendar month.

    Attributes
    ----------
    month : str
        Like ``2025-03``; the first and last may be incomplete.
    figures : Figures
        Of the other days, joined.
    """

    month: str
    figures: Figures


@dataclass(frozen=True)
class MonthsLeftOut:
    """What single months contribute.

    Attributes
    ----------
    n_months : int
        Calendar months with at least one day.
    best, worst : MonthRemoval
        The months in which the strategy earned most and least, left out.
    share_of_best : float or None
        Part of the sum of all daily changes that the best month made; above 1 where the others
        lost together. None where the sum is not positive.
    """

    n_months: int
    best: MonthRemoval
    worst: MonthRemoval
    share_of_best: float | None


@dataclass(frozen=True)
class Intervals:
    """5 % and 95 % points of the figures over resampled histories.

    Attributes
    ----------
    block : float
        Mean block length, days.
    n_resamples : int
        Number of resampled histories.
    low, high : Figures
        5 % and 95 % point of each figure by itself.
    """

    block: float
    n_resamples: int
    low: Figures
    high: Figures


def leave_months_out(days: StrategyDays) -> MonthsLeftOut | None:
    """Leave out each calendar month; nothing is simulated again.

    Parameters
    ----------
    days : StrategyDays
        Daily series of a strategy.

    Returns
    -------
    MonthsLeftOut or None
        None if all days are of one month. Of equal months the first counts.
    """
    month = days.dates.astype("datetime64[M]")
    months = np.unique(month)
    if len(months) < 2:
        return None
    earned = np.array([math.fsum(days.net[month == each]) for each in months])
    total = math.fsum(days.net)

    def removed(place: int) -> MonthRemoval:
        return MonthRemoval(str(months[place]), days.figures(month != months[place]))

    share = float(earned.max()) / total if total > 0.0 else None
    return MonthsLeftOut(
        len(months), removed(int(earned.argmax())), removed(int(earned.argmin())), share
    )


def bootstrap_intervals(days: StrategyDays, n_resamples: int = 1000, seed: int = 0) -> Intervals:
    """Resample blocks of days, and say between what the figures then mostly lie.

    Parameters
    ----------
    days : StrategyDays
        Daily series of a strategy.
    n_resamples : int
        Number of resampled histories, at least 1.
    seed : int
        Of the resamples.

    Returns
    -------
    Intervals
        The block is the larger of :func:`block_length` of ``net`` and of ``basket``, at least 10.

    Raises
    ------
    DataError
        If there are too few days for a block length.
    ConfigError
        If ``n_resamples`` or ``seed`` is out of range.

    Notes
    -----
    Percentile intervals of the stationary bootstrap (Politis and Romano 1994). They do not know
    that the strategy was chosen among many: they lie around the figures it was chosen for.
    """
    block = max(_MIN_BLOCK, block_length(days.net), block_length(days.basket))
    bootstrap = StationaryBootstrap(len(days.net), block, n_resamples, seed)
    order = bootstrap.days
    columns = _figures_of(days.net[order], days.excess[order])
    low, high = np.quantile(columns, (_LOW, _HIGH), axis=1)
    return Intervals(block, n_resamples, Figures(*low.tolist()), Figures(*high.tolist()))


def _figures_of(net: FloatArray, excess: FloatArray) -> FloatArray:
    """Figures of several daily series, shape (n_figures, n_series)."""
    if not net.shape[1]:
        raise DataError("figures need at least one day")
    wealth = np.cumprod(1.0 + net, axis=1)
    peak = np.maximum(np.maximum.accumulate(wealth, axis=1), 1.0)
    return np.array(
        [
            _sharpe(net),
            _sharpe(excess),
            wealth[:, -1] - 1.0,
            (1.0 - wealth / peak).max(axis=1),
        ]
    )


def _sharpe(daily: FloatArray) -> FloatArray:
    """Annualised mean over sample standard deviation of rows; 0 where all days are equal."""
    constant = daily.min(axis=1) == daily.max(axis=1)
    spread = daily.std(axis=1, ddof=1) if daily.shape[1] > 1 else np.zeros(len(daily))
    usable = ~constant & (spread > 0.0)
    ratio = np.zeros(len(daily))
    np.divide(daily.mean(axis=1), spread, out=ratio, where=usable)
    return ratio * math.sqrt(DAYS_PER_YEAR)
