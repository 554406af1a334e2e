"""What a reader hands to :class:`objectives.market.panel.ReturnPanel`, not yet checked."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectives.market.funding_events import MarketNote

__all__ = ["PanelFields"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PanelFields:
    """The fields of a panel, as a reader found them.

    Attributes
    ----------
    dates : pandas.DatetimeIndex, shape (n_days,)
        Consecutive UTC days.
    pairs : tuple of str, length n_pairs
        Names in ascending order.
    returns : float64 array, shape (n_days, n_pairs)
        NaN: no observation that day.
    roi : float64 array, shape (n_days, n_pairs), or None
        Annualised returns, where the source brings them.
    market_caps : float64 array, shape (n_rows, n_pairs)
        Money, NaN: unknown. No rows: the source brings none.
    market_cap_dates : pandas.DatetimeIndex, shape (n_rows,), or None
        None: undated.
    source : str
        Where the data came from, without a password.
    warnings : tuple of str
        What a reader of results must know.
    notes : tuple of MarketNote
        What the reader found.
    """

    dates: pd.DatetimeIndex
    pairs: tuple[str, ...]
    returns: NDArray[np.float64]
    roi: NDArray[np.float64] | None = None
    market_caps: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    market_cap_dates: pd.DatetimeIndex | None = None
    source: str
    warnings: tuple[str, ...] = ()
    notes: tuple[MarketNote, ...] = ()
