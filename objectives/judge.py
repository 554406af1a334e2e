"""Which measured strategies count as failed, and what a search optimises of the others."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from objectives.base import Batch
from objectives.metrics import MAY_BE_UNDEFINED

__all__ = [
    "INSUFFICIENT_DATA",
    "NO_MARKET_CAPS",
    "UNDEFINED_METRIC",
    "Fault",
    "judge",
    "reliable_records",
]

INSUFFICIENT_DATA = "insufficient_data"
"""Fewer active days than the settings ask for (`BacktestSettings.least_active_days`)."""

NO_MARKET_CAPS = "no_market_caps"
"""The strategy weighs by market caps and the market has none."""

UNDEFINED_METRIC = "undefined_metric"
"""An optimised metric does not exist, such as the holding time where nothing was closed."""


@dataclass(frozen=True)
class Fault:
    """Why a strategy could not be measured.

    Attributes
    ----------
    reason : str
        As it is recorded.
    details : mapping
        For the log of the session; empty: nothing is worth a line.
    """

    reason: str
    details: Mapping[str, Any] = field(default_factory=dict)


def judge(
    names: tuple[str, ...],
    values: npt.NDArray[np.float64],
    measurable: npt.NDArray[np.bool_],
    *,
    metrics: Sequence[str],
    least_active_days: int,
    faults: Mapping[int, Fault] | None = None,
) -> Batch:
    """Say which of several measured strategies failed, and what a search optimises.

    Parameters
    ----------
    names : tuple of str
        Figures, in the order of the columns of ``values``.
    values : ndarray of float64, shape (n_strategies, n_metrics)
        NaN where a figure does not exist. Without a column ``active_days`` none is too few.
    measurable : ndarray of bool, shape (n_strategies,)
        False where the market caps that a strategy needs are missing.
    metrics : sequence of str
        What is optimised, in order.
    least_active_days : int
        Strategies with fewer have too little data.
    faults : mapping of int to Fault, optional
        By row, strategies that could not be measured; their values are NaN.

    Returns
    -------
    Batch
        With ``values`` as they are.
    """
    objective = values[:, [names.index(name) for name in metrics]].copy()
    too_few = np.zeros(len(values), dtype=np.bool_)
    if "active_days" in names:
        too_few = measurable & (values[:, names.index("active_days")] < least_active_days)
    undefined = measurable & ~too_few & ~np.isfinite(objective).all(axis=1)
    failure: list[str | None] = [None] * len(values)
    for reason, rows in (
        (NO_MARKET_CAPS, ~measurable),
        (INSUFFICIENT_DATA, too_few),
        (UNDEFINED_METRIC, undefined),
    ):
        for row in np.flatnonzero(rows):
            failure[row] = reason
        objective[rows] = math.nan
    found = faults or {}
    for place, fault in found.items():
        failure[place] = fault.reason
        objective[place] = math.nan
    details = {place: fault.details for place, fault in found.items() if fault.details}
    return Batch(names, values, objective, tuple(failure), details)


def reliable_records(
    names: tuple[str, ...],
    values: npt.NDArray[np.float64],
    failures: Sequence[str | None],
    *,
    least_active_days: int,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Say which recorded strategies of a factor backtest need not be evaluated again.

    A result counts, and so does a failure that follows from strategy and data
    (``insufficient_data``, ``no_market_caps``, ``undefined_metric``); one that timed out, raised or
    crashed its worker does not. Neither does a record that lacks a figure which every measured
    strategy has, or whose failure does not fit the least number of active days.

    Parameters
    ----------
    names, values, least_active_days
        As for :func:`judge`.
    failures : sequence of (str or None), length n_strategies
        Recorded reasons.

    Returns
    -------
    reliable, measurable : ndarray of bool, shape (n_strategies,)
    """

    def failed_with(*reasons: str | None) -> npt.NDArray[np.bool_]:
        return np.array([failure in reasons for failure in failures], dtype=np.bool_)

    measurable = ~failed_with(NO_MARKET_CAPS)
    unmeasured = ~measurable & np.isnan(values).all(axis=1)
    required = [k for k, name in enumerate(names) if name not in MAY_BE_UNDEFINED]
    complete = ~np.isnan(values[:, required]).any(axis=1)
    too_few = values[:, names.index("active_days")] < least_active_days
    fits = too_few == failed_with(INSUFFICIENT_DATA)
    measured = failed_with(None, INSUFFICIENT_DATA, UNDEFINED_METRIC)
    return unmeasured | (measured & complete & fits), measurable
