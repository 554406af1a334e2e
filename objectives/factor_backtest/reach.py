"""How many active days a strategy can have at best, before anything is computed."""

from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from objectives.factor_backtest.eligibility import Eligibility
from objectives.factor_backtest.point_table import domain
from objectives.settings import ResolvedSettings
from objectives.trading_rules import limits
from search_spaces import FactorSpace

__all__ = ["Reach"]

_TIMING = ("data_period", "rebalance_frequency")
_SIZING = ("selection_count", "weight_method")
_WHOLE = 1.0 + 1e-12  # a cost that is all of the cash but for rounding may be paid


class Reach:
    """Active days that the strategies of a space cannot exceed, whatever their factors say.

    A strategy holds something at the earliest from its first trading day after a day on which two
    pairs are eligible; never, if its first entry costs more than the cash there is.

    Parameters
    ----------
    space : FactorSpace
        Its strategies. Constraints between parameters are not looked at, so a value that only
        they keep from the least number of days is not noticed.
    settings : ResolvedSettings
        Fees, sizes and the least number of active days.
    eligibility : Eligibility
        Of the days of the backtest.
    """

    def __init__(
        self, space: FactorSpace, settings: ResolvedSettings, eligibility: Eligibility
    ) -> None:
        self._space = space
        self._settings = settings
        self._eligibility = eligibility
        self._n_days = settings.n_search_days
        self.least = settings.least_active_days(self._n_days)

    @property
    def best(self) -> int:
        """Active days that no strategy of the space exceeds."""
        return int(self._active_days.max()) if self._enters.any() else 0

    def hopeless_values(self) -> dict[tuple[str, Any], int]:
        """Return parameter values that cannot reach the least number, and what they can reach.

        Returns
        -------
        dict of (str, value) to int
            In the order of the space; 0 for a value of which every entry costs more than there
            is, such as selection_count 1 with equal weights and a fee.
        """
        found = {}
        for name in self._space.names:
            if name not in (*_TIMING, *_SIZING):
                continue
            for ordinal, value in enumerate(domain(self._space, name)):
                days = self._best_of(name, ordinal)
                if days < self.least:
                    found[name, value] = days
        return found

    def reachable(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Say which strategies may reach the least number of active days.

        Parameters
        ----------
        indices : ndarray of int64, shape (n_strategies,)
            Lattice indices of the space.

        Returns
        -------
        ndarray of bool, shape (n_strategies,)
        """
        digits = self._space.digits(indices)
        period, frequency, count, method = (
            digits[:, self._space.names.index(name)] for name in (*_TIMING, *_SIZING)
        )
        days = np.where(self._enters[count, method], self._active_days[period, frequency], 0)
        return np.asarray(days >= self.least)

    def _best_of(self, name: str, ordinal: int) -> int:
        """Active days that no strategy with a value exceeds."""
        days, enters = self._active_days, self._enters
        if name in _TIMING:
            days = np.take(days, [ordinal], axis=_TIMING.index(name))
        else:
            enters = np.take(enters, [ordinal], axis=_SIZING.index(name))
        return int(days.max()) if enters.any() else 0

    @cached_property
    def _active_days(self) -> npt.NDArray[np.int64]:
        """Shape (n_data_periods, n_rebalance_frequencies): days from the first trading day on."""
        periods, frequencies = (domain(self._space, name) for name in _TIMING)
        by_class: dict[int, list[int]] = {}
        for period in periods:
            number = self._eligibility.number(period)
            if number not in by_class:
                rankable = self._eligibility.rankable(period)[: self._n_days]
                by_class[number] = [self._days_from(rankable, every) for every in frequencies]
        return np.array([by_class[self._eligibility.number(period)] for period in periods])

    def _days_from(self, rankable: npt.NDArray[np.bool_], every: int) -> int:
        """Active days when trading on days 1, 1 + every, ... on the ranking of the day before."""
        ranked_on = np.flatnonzero(rankable[::every])
        return self._n_days - int(ranked_on[0]) * every if ranked_on.size else 0

    @cached_property
    def _enters(self) -> npt.NDArray[np.bool_]:
        """Shape (n_selection_counts, n_weight_methods): whether the first entry can be paid.

        An EQ entry is a fraction of the cash or the initial capital, which is the cash as long as
        nothing was entered; with its fee it must not exceed it. IC and FS are limited to a half.
        """
        counts, methods = (domain(self._space, name) for name in _SIZING)
        cost = 1.0 + self._settings.fee_rate
        allowed = [
            method != "EQ"
            or (limits(count, self._settings)["position_size"] or 0.0) * cost <= _WHOLE
            for count, method in product(counts, methods)
        ]
        return np.array(allowed).reshape(len(counts), len(methods))
