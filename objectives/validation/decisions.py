"""What two objectives decided up to a day: factors, rankings, holdings, and where they differ."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from objectives.base import Objective, Points
from objectives.factor_backtest import FactorBacktest

__all__ = [
    "Difference",
    "compare_days",
    "compare_factors",
    "compare_figures",
    "compare_rankings",
    "compare_same_day",
]

_N_RANKINGS = 12
_NOT_PROPORTIONAL = 0.05  # fees on what a day's returns moved are far below this part of them


@dataclass(frozen=True)
class Difference:
    """Something that two objectives do not agree on.

    Attributes
    ----------
    kind, what : str
        See `objectives.validation.look_ahead.Finding`.
    day : date or None
        First day on which they differ.
    size : float
        Largest difference.
    """

    kind: str
    what: str
    day: dt.date | None
    size: float


Found = tuple[list[Difference], int]
"""Differences, and how many decisions were compared."""


def compare_days(
    one: Objective, other: Objective, points: Points, ids: list[str], last: dt.date
) -> Found:
    """Compare what was earned up to a day, and held up to the day after it.

    Parameters
    ----------
    one, other : Objective
        Both with daily returns, of markets that are the same up to ``last``.
    points : ndarray of int64 or sequence, length n_strategies
        The strategies.
    ids : list of str, length n_strategies
        Their names in what is found.
    last : date
        The day.

    Returns
    -------
    list of Difference
        Of kinds ``net return``, ``exposure`` and ``period``.
    int
        Days of strategies.
    """
    daily, others = one.daily_returns(points), other.daily_returns(points)
    assert daily is not None
    if others is None or not np.array_equal(daily.dates, others.dates):
        return [Difference("period", name, None, np.inf) for name in ids], len(ids)
    day = np.datetime64(last, "D")
    series = [("net return", daily.net, others.net, daily.dates <= day)]
    if daily.exposure is not None and others.exposure is not None:
        # held over the day after `last`: decided at its close
        known = daily.dates <= day + np.timedelta64(1, "D")
        series.append(("exposure", daily.exposure, others.exposure, known))
    found = []
    for kind, left, right, kept in series:
        size = _distance(left[:, kept], right[:, kept])
        for row in np.flatnonzero(size.any(axis=1)):
            first = daily.dates[kept][int(np.argmax(size[row] > 0.0))]
            found.append(Difference(kind, ids[row], first.item(), float(size[row].max())))
    return found, len(ids) * int(series[0][3].sum())


def compare_factors(one: FactorBacktest, other: FactorBacktest, last: dt.date) -> Found:
    """Compare the factor cubes up to a day; factors are named as those of ``one``.

    Returns
    -------
    list of Difference
        Of kind ``factor``, one for each factor that differs.
    int
        Factor values.
    """
    n_days = (last - one.settings.start_date).days + 1
    left, right = (each.cube.values[:, :, :n_days] for each in (one, other))
    if left.shape != right.shape:
        codes = one.cube.codes
        return [Difference("factor", code, None, np.inf) for code in codes], left.size
    found = []
    for column, code in enumerate(one.cube.codes):
        size = _distance(left[:, column], right[:, column])
        differs = size.any(axis=(0, 2))
        if differs.any():
            first = one.settings.start_date + dt.timedelta(days=int(differs.argmax()))
            found.append(Difference("factor", code, first, float(size.max())))
    return found, left.size


def compare_rankings(
    one: FactorBacktest,
    other: FactorBacktest,
    points: Points,
    ids: list[str],
    last: dt.date,
) -> Found:
    """Compare the rankings of strategies on a dozen days up to a day, and on the day itself.

    Returns
    -------
    list of Difference
        Of kind ``ranking``; its size is the largest difference of scores.
    int
        Ranks.
    """
    start = one.settings.start_date
    n_days = (last - start).days
    offsets = np.unique(np.linspace(0, n_days, _N_RANKINGS).round().astype(int)).tolist()
    found, n_compared = [], 0
    strategies = zip(one.strategies(points), other.strategies(points), ids, strict=True)
    for left_params, right_params, name in strategies:
        # ranks do not depend on weights, which may need market caps that are missing
        results = [
            objective.run(replace(params, weight_method="EQ"))
            for objective, params in ((one, left_params), (other, right_params))
        ]
        days, sizes = [], []
        for offset in offsets:
            date = start + dt.timedelta(days=offset)
            left, right = (result.ranking(date) for result in results)
            right.columns = left.columns  # another market may have its own names of factors
            n_compared += len(left)
            if not left.equals(right):
                same = left["trading_pair"].tolist() == right["trading_pair"].tolist()
                scores = (each["score"].to_numpy() for each in (left, right))
                days.append(date)
                sizes.append(float(_distance(*scores).max()) if same else np.inf)
        if days:
            found.append(Difference("ranking", name, days[0], max(sizes)))
    return found, n_compared


def compare_same_day(
    objectives: Sequence[Objective], points: Points, ids: list[str], date: dt.date
) -> Found:
    """Say whether what strategies earned on a day is proportional to the returns of the day.

    Parameters
    ----------
    objectives : sequence of three Objective
        Of markets that differ in the returns of the day only: some returns, their negatives, and
        zeros.
    points : ndarray of int64 or sequence, length n_strategies
        The strategies.
    ids : list of str, length n_strategies
        Their names in what is found.
    date : date
        The day.

    Returns
    -------
    list of Difference
        Of kind ``same day``.
    int
        Strategies.

    Notes
    -----
    What is held over the day earns x, -x and 0, plus the same fees, if it was chosen before:
    the mean of the first two is the third. If the day's own returns chose it, the first two are
    of different pairs.
    """
    daily = [objective.daily_returns(points) for objective in objectives]
    earned = []
    for each in daily:
        assert each is not None
        earned.append(each.net[:, each.dates == np.datetime64(date, "D")].astype(np.float64)[:, 0])
    up, down, idle = earned
    excess = np.abs((up + down) / 2.0 - idle)
    moved = np.maximum(np.abs(up - idle), np.abs(down - idle))
    wrong = excess > _NOT_PROPORTIONAL * moved
    return [
        Difference("same day", ids[row], date, float(excess[row])) for row in np.flatnonzero(wrong)
    ], len(ids)


def compare_figures(
    one: Objective, other: Objective, points: Points, ids: list[str]
) -> list[Difference]:
    """Compare all figures of strategies; differences of kind ``figures`` without a day."""
    size = _distance(one.evaluate(points).values, other.evaluate(points).values)
    rows = np.flatnonzero(size.any(axis=1))
    return [Difference("figures", ids[row], None, float(size[row].max())) for row in rows]


def _distance(
    left: npt.NDArray[np.floating], right: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Absolute difference; 0 where both are equal or NaN, infinite where only one is NaN."""
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore"):
        size = np.abs(np.asarray(left, dtype=np.float64) - right)
    return np.where(same, 0.0, np.where(np.isnan(size), np.inf, size))
