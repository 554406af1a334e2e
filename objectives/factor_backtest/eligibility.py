"""Which pairs may be ranked on the days of a backtest, and which data periods agree on it.

A pair may be ranked once a data period has passed since its first observation. Where all pairs
were listed long before the backtest begins, that is so for every data period that is short
enough, and such data periods rank the same pairs on every day: one ranking serves them all.
"""

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from objectives.constants import MIN_RANKED_PAIRS
from objectives.ranking import eligible_pairs

__all__ = ["Eligibility"]


class Eligibility:
    """Eligible pairs of the days of a backtest.

    Safe to use from several threads.

    Parameters
    ----------
    returns : ndarray of float64, shape (n_panel_days, n_pairs)
        Up to the last day of the backtest; NaN where a pair has no observation.
    start : int
        First day of the backtest, as a day of the panel.

    Notes
    -----
    With ``fresh[t, i]`` for "pair i had an observation lately", a pair is eligible from the first
    fresh day that is ``data_period`` days past its first observation, on every fresh day. The
    numbers of these days, one for each pair, therefore say all that a data period decides.
    """

    def __init__(self, returns: npt.NDArray[np.float64], start: int) -> None:
        self._returns = returns
        self._start = start
        observed = ~np.isnan(returns)
        first = np.where(observed.any(axis=0), observed.argmax(axis=0), len(returns))
        self._days_listed = start - first
        fresh = eligible_pairs(returns, 0)[start:]
        self.n_days = len(fresh)
        day = np.where(fresh, np.arange(self.n_days)[:, None], self.n_days)
        following = np.minimum.accumulate(day[::-1], axis=0)[::-1]
        self._next_fresh = np.vstack([following, np.full((1, returns.shape[1]), self.n_days)])
        self._lock = threading.Lock()
        self._number_of: dict[int, int] = {}
        self._numbers: dict[bytes, int] = {}
        self._masks: dict[int, npt.NDArray[np.bool_]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.Lock())

    def number(self, data_period: int) -> int:
        """Return the number of a class: data periods have the same exactly if they agree.

        They agree if the same pairs are eligible on every day of the backtest, both ends
        included. Numbers count from 0 in the order in which classes are asked for.
        """
        known = self._number_of.get(data_period)
        if known is not None:
            return known
        begin = np.clip(data_period - self._days_listed, 0, self.n_days)
        key = self._next_fresh[begin, np.arange(len(begin))].tobytes()
        with self._lock:
            number = self._numbers.setdefault(key, len(self._numbers))
            self._number_of[data_period] = number
        return number

    def numbers(self, data_periods: Iterable[int]) -> npt.NDArray[np.int64]:
        """Return the numbers of several data periods, shape (n_data_periods,)."""
        return np.array([self.number(period) for period in data_periods], dtype=np.int64)

    def mask(self, data_period: int) -> npt.NDArray[np.bool_]:
        """Return the eligible pairs, shape (n_days, n_pairs): one array for a whole class."""
        number = self.number(data_period)
        mask = self._masks.get(number)
        if mask is None:
            mask = self._masks.setdefault(number, self._compute(data_period))
        return mask

    def rankable(self, data_period: int) -> npt.NDArray[np.bool_]:
        """Say on which days enough pairs for a ranking are eligible, shape (n_days,)."""
        return np.asarray(self._compute(data_period).sum(axis=1) >= MIN_RANKED_PAIRS)

    def _compute(self, data_period: int) -> npt.NDArray[np.bool_]:
        eligible = eligible_pairs(self._returns, data_period)
        return np.ascontiguousarray(eligible[self._start :])
