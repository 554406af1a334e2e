"""An objective of one's own: hold the pairs with the best trailing mean return.

Copy this file, change `measure` and `daily` (which may be left out), and name the class in the
configuration as ``my_module:MomentumObjective``, with a space of your own parameters (here
`lookback` and `n_held`).
"""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from objectives.frame_objective import FrameObjective

__all__ = ["MomentumObjective"]


class MomentumObjective(FrameObjective):
    """Hold the `n_held` pairs with the best mean return over the last `lookback` days.

    The ranking at the close of day t decides what is held on day t + 1, in equal parts of the
    wealth. ``settings.fee_rate`` is paid on what enters or leaves.

    Examples
    --------
    >>> from objectives import ReturnPanel
    >>> from search_spaces import Choice, Range, SearchSpace
    >>> space = SearchSpace([Choice("lookback", (5, 20)), Range("n_held", 1, 5)])
    >>> panel = ReturnPanel.synthetic(n_pairs=8, n_days=120)
    >>> objective = MomentumObjective(panel, space=space, metrics=["net_sharpe_ratio"])
    >>> batch = objective.evaluate([0, 3])
    >>> batch.failure, batch.values.shape
    ((None, None), (2, 5))
    """

    names = ("total_return", "net_sharpe_ratio", "max_drawdown", "trade_count", "active_days")

    def measure(self, params: Any, returns: pd.DataFrame) -> Mapping[str, float]:
        """Return the figures of one `lookback` and `n_held`."""
        held = self._held(params, returns)
        earned = self.daily(params, returns)["net"]
        wealth = (1.0 + earned).cumprod()
        left = held.shift(1, fill_value=False) & ~held
        spread = earned.std()
        return {
            "total_return": wealth.iloc[-1] - 1.0,
            "net_sharpe_ratio": earned.mean() / spread * math.sqrt(365) if spread else 0.0,
            "max_drawdown": (1.0 - wealth / wealth.cummax().clip(lower=1.0)).max(),
            "trade_count": left.to_numpy().sum(),
            "active_days": held.any(axis=1).sum(),
        }

    def daily(self, params: Any, returns: pd.DataFrame) -> pd.DataFrame:
        """Return what one `lookback` and `n_held` earned each day, and the part of wealth held."""
        share = self._held(params, returns) / params["n_held"]
        traded = share.diff().abs().sum(axis=1)
        earned = (share * returns.fillna(0.0)).sum(axis=1) - self.settings.fee_rate * traded
        return pd.DataFrame({"net": earned, "exposure": share.sum(axis=1)})

    def _held(self, params: Any, returns: pd.DataFrame) -> pd.DataFrame:
        """Say which pairs are held over each day: the best at the close of the day before."""
        lookback = params["lookback"]
        trailing_mean = returns.rolling(lookback, min_periods=lookback).mean()
        rank = trailing_mean.rank(axis=1, ascending=False, method="first")
        return (rank <= params["n_held"]).shift(1, fill_value=False)
