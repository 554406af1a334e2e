"""The six parameters of a factor strategy."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search_spaces.errors import SpaceError

__all__ = ["FACTOR_CODES", "WEIGHT_METHODS", "StrategyParams"]

FACTOR_CODES = ("SR", "DD", "TR", "ST", "WR", "SO")
"""The built-in factors, in the order in which a strategy id lists them."""

WEIGHT_METHODS = ("EQ", "IC", "FS")
"""Equal weights, inverse market cap, factor strength."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StrategyParams:
    """What a strategy is: the page SEMANTICS, section 2.

    The values need not belong to a configured space, only be possible.

    Parameters
    ----------
    factors : tuple of str
        Codes of the factors that are averaged; brought into the order of `FACTOR_CODES`, codes
        of your own last and in the order given.
    window_size : int
        Observations a factor looks back on, > 0.
    rebalance_frequency : int
        Days between trading days, > 0.
    data_period : int
        Days since a pair's first observation before it may be ranked, > 0.
    selection_count : int
        How many pairs are held; 0 means every pair with a positive score.
    weight_method : str
        ``EQ``, ``IC`` or ``FS``.

    Raises
    ------
    SpaceError
        If there is no factor, one is listed twice, or a code is not letters and digits.
        If a number is not an integer in its range.
        If the weight method is unknown.

    Examples
    --------
    >>> StrategyParams(factors=("ST", "SR"), window_size=30, rebalance_frequency=7,
    ...                data_period=90, selection_count=5, weight_method="IC").factors
    ('SR', 'ST')
    """

    factors: tuple[str, ...]
    window_size: int
    rebalance_frequency: int
    data_period: int
    selection_count: int
    weight_method: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", _ordered_factors(self.factors))
        for name in ("window_size", "rebalance_frequency", "data_period"):
            object.__setattr__(self, name, _whole(name, getattr(self, name), 1))
        object.__setattr__(
            self, "selection_count", _whole("selection_count", self.selection_count, 0)
        )
        if self.weight_method not in WEIGHT_METHODS:
            raise SpaceError(
                f"weight_method is one of {', '.join(WEIGHT_METHODS)}; got {self.weight_method!r}"
            )


def _ordered_factors(factors: Any) -> tuple[str, ...]:
    if isinstance(factors, str) or not isinstance(factors, Sequence) or not factors:
        raise SpaceError(
            f"factors is a tuple of one or more codes, like ('SR', 'DD'); got {factors!r}"
        )
    for code in factors:
        if not isinstance(code, str) or not (code.isascii() and code.isalnum()):
            raise SpaceError(f"a factor code has letters and digits only; got {code!r}")
    if len(set(factors)) < len(factors):
        raise SpaceError(f"every factor is listed once; got {', '.join(factors)}")
    return tuple(sorted(factors, key=_rank))


_RANK = {code: place for place, code in enumerate(FACTOR_CODES)}


def _rank(code: str) -> int:
    return _RANK.get(code, len(_RANK))


def _whole(name: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise SpaceError(f"{name} is an integer >= {least}; got {value!r}")
    return number
