"""What a panel refuses: names out of order, and numbers that are no returns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from search_spaces.errors import DataError

__all__ = ["check_pairs", "check_returns", "require_pairs"]

# What a year of it, and the sums of a table, can still hold; a fault of the data long before.
_LARGEST_RETURN = 1e6


def check_returns(
    returns: NDArray[np.float64], dates: pd.DatetimeIndex, pairs: tuple[str, ...]
) -> None:
    """Refuse returns, shape (n_days, n_pairs), that are infinite or no returns of a day.

    Raises
    ------
    DataError
        Naming the first of them.
    """
    if np.isinf(returns).any():
        raise DataError("returns must be finite or NaN, and some are infinite")
    beyond = np.abs(returns) > _LARGEST_RETURN  # false where NaN
    if beyond.any():
        t, k = (int(each[0]) for each in np.nonzero(beyond))
        raise DataError(
            f"{pairs[k]} on {dates[t]:%Y-%m-%d}: {returns[t, k]:.6g} is no return of a day; at "
            f"most {_LARGEST_RETURN:,.0f} times the notional is read"
        )


def check_pairs(pairs: tuple[str, ...]) -> None:
    """Refuse names of pairs that are blank, repeated or not in ascending order.

    Raises
    ------
    DataError
        Naming them.
    """
    if not all(isinstance(pair, str) and pair.strip() for pair in pairs):
        raise DataError("pairs must be non-empty names")
    for one, other in pairwise(pairs):
        if not one < other:
            raise DataError(f"pairs must be ascending and distinct: {one!r} before {other!r}")


def require_pairs(pairs: tuple[str, ...]) -> None:
    """Refuse a panel without a market (`ReturnPanel.without_pairs`).

    Raises
    ------
    DataError
    """
    if not pairs:
        raise DataError("a market of at least one pair is needed, got none")
