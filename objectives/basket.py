"""The basket: what the pairs that a strategy could choose from earned on average, without fees."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from objectives.constants import DAYS_PER_YEAR

__all__ = ["BASKET_FIGURES", "basket_figures", "basket_returns"]

BASKET_FIGURES = ("total_return", "annual_return", "net_sharpe_ratio", "max_drawdown")
"""Figures of a basket that all money is in, named as those of a strategy."""


def basket_returns(
    returns: npt.NDArray[np.float64], eligible: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Average the returns of the pairs that could be held.

    Parameters
    ----------
    returns : ndarray of float64, shape (n_days, n_pairs)
        Fraction of notional earned over days 0..D-1 of a simulation; NaN where a pair has no
        observation.
    eligible : ndarray of bool, shape (at least n_days, n_pairs)
        Which pairs may be ranked at the close of each day (`objectives.ranking.eligible_pairs`).

    Returns
    -------
    ndarray of float64, shape (n_days,)
        Mean return of day t over the pairs that were eligible at the close of day t - 1 and have
        an observation on day t: all of them could have been entered before it. 0 where there is
        none, and on day 0, over which no strategy can hold anything. Summed with one rounding, so
        that the order of pairs and those that are not eligible change no digit.
    """
    basket = np.zeros(len(returns))
    for t in range(1, len(returns)):
        earned = returns[t, eligible[t - 1] & ~np.isnan(returns[t])].tolist()
        if earned:
            basket[t] = math.fsum(earned) / len(earned)
    return basket


def basket_figures(daily: Sequence[float] | npt.NDArray[np.float64]) -> dict[str, float]:
    """Measure the basket as if all money were in it, without fees.

    Parameters
    ----------
    daily : sequence of float, length n_days
        From :func:`basket_returns`, of the days of one segment.

    Returns
    -------
    dict of str to float
        :data:`BASKET_FIGURES`. Money in a pair lies on two exchanges, so a day earns half of the
        basket's return. 0 where there is no day.
    """
    changes = np.asarray(daily, dtype=np.float64) / 2.0
    wealth = np.cumprod(1.0 + changes)
    total = float(wealth[-1]) - 1.0 if len(wealth) else 0.0
    peak = np.maximum.accumulate(np.concatenate([[1.0], wealth]))[1:]
    constant = len(changes) == 0 or changes.min() == changes.max()
    sharpe = 0.0 if constant else float(changes.mean() / changes.std(ddof=1))
    return {
        "total_return": total,
        "annual_return": total * DAYS_PER_YEAR / len(changes) if len(changes) else 0.0,
        "net_sharpe_ratio": sharpe * math.sqrt(DAYS_PER_YEAR),
        "max_drawdown": float(np.max(1.0 - wealth / peak, initial=0.0)),
    }
