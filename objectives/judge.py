"""Which measured strategies count as failed, and what a search optimises of the others."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from objectives.base import Batch

__all__ = ["INSUFFICIENT_DATA", "NO_MARKET_CAPS", "UNDEFINED_METRIC", "judge"]

INSUFFICIENT_DATA = "insufficient_data"
"""Fewer active days than the settings ask for (`BacktestSettings.least_active_days`)."""

NO_MARKET_CAPS = "no_market_caps"
"""The strategy weighs by market caps and the market has none."""

UNDEFINED_METRIC = "undefined_metric"
"""An optimised metric does not exist, such as the holding time where nothing was closed."""


def judge(
    names: tuple[str, ...],
    values: npt.NDArray[np.float64],
    measurable: npt.NDArray[np.bool_],
    *,
    metrics: Sequence[str],
    least_active_days: int,
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
    return Batch(names, values, objective, tuple(failure))
