"""The verdict on luck: one word and its reasons, from a few numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "CANNOT_TELL",
    "NO_EVIDENCE",
    "STRONG",
    "WEAK",
    "WORDS",
    "Evidence",
    "Verdict",
    "decide",
    "too_few_positions",
    "too_short",
]

STRONG, WEAK, NO_EVIDENCE, CANNOT_TELL = WORDS = ("strong", "weak", "no evidence", "cannot tell")

SIGNIFICANT = 0.05
SUGGESTIVE = 0.20

MIN_DAYS = 180
MIN_ACTIVE_DAYS = 60
MIN_POSITIONS = 10
MIN_CLOSED = 5
MIN_WINDOWS = 3
MIN_BLOCKS = 12
"""A history shorter than this many blocks of the bootstrap is too short to be resampled."""


@dataclass(frozen=True)
class Verdict:
    """What a strategy that a search has found is worth.

    Attributes
    ----------
    word : str
        ``strong``, ``weak``, ``no evidence`` or ``cannot tell``.
    reasons : tuple of str
        Sentences that a trader understands, the deciding ones first.
    figures : mapping
        Everything that was measured, as plain values that JSON can hold.
    """

    word: str
    reasons: tuple[str, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The numbers that decide.

    Attributes
    ----------
    n_strategies : int
        Strategies that the search could have returned.
    n_resamples : int
        Of the bootstrap: a p-value of 0 means less than ``1 / n_resamples``.
    p_cash, p_basket : float
        Adjusted p-values of the strategy on its net returns, and on what it earned beyond the
        basket; `p_basket` is None where nobody knows what was held.
    walk_net, walk_excess : float
        Annual Sharpe ratios of the walk-forward, of both kinds of returns; `walk_excess` is None
        where nobody knows what was held.
    """

    n_strategies: int
    n_resamples: int
    p_cash: float
    p_basket: float | None
    walk_net: float
    walk_excess: float | None


def too_short(*, n_days: int, n_windows: int, block: float) -> tuple[str, ...]:
    """Say why nothing can be said of any strategy of a history.

    Parameters
    ----------
    n_days : int
        Measured days that the search has seen.
    n_windows : int
        Windows of the walk-forward.
    block : float
        Mean block length of the bootstrap, in days.

    Returns
    -------
    tuple of str
        A sentence for each condition that is not met; empty if all are.
    """
    reasons = []
    if n_days < MIN_DAYS:
        reasons.append(f"{n_days} measured days; at least {MIN_DAYS} are needed")
    if n_windows < MIN_WINDOWS:
        reasons.append(
            f"room for {n_windows} walk-forward windows; at least {MIN_WINDOWS} are needed"
        )
    if block * MIN_BLOCKS > n_days:
        reasons.append(
            f"what it earns depends on the {block:.0f} days before, and {n_days} days hold fewer "
            f"than {MIN_BLOCKS} stretches of that length"
        )
    return tuple(reasons)


def too_few_positions(
    *, n_active_days: float | None, n_closed: float | None, n_open: float | None
) -> tuple[str, ...]:
    """Say why nothing can be said of a strategy.

    Parameters
    ----------
    n_active_days, n_closed, n_open : float or None
        Days with something held, positions closed and positions held at the end, in the days that
        the search has seen; None where the objective does not count them, and then not asked for.

    Returns
    -------
    tuple of str
        A sentence for each condition that is not met; empty if all are.
    """
    reasons = []
    if n_active_days is not None and n_active_days < MIN_ACTIVE_DAYS:
        reasons.append(
            f"it holds something on {n_active_days:.0f} days; at least {MIN_ACTIVE_DAYS} are needed"
        )
    if n_closed is not None and n_closed < MIN_CLOSED:
        reasons.append(
            f"it closed {n_closed:.0f} positions; at least {MIN_CLOSED} are needed, or it is a "
            "portfolio bought once"
        )
    elif n_closed is not None and n_closed + (n_open or 0.0) < MIN_POSITIONS:
        taken = n_closed + (n_open or 0.0)
        reasons.append(f"it took {taken:.0f} positions; at least {MIN_POSITIONS} are needed")
    return tuple(reasons)


def decide(evidence: Evidence) -> Verdict:
    """Apply the rule.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    Verdict
        Without figures. *strong*: both p-values are below 0.05 and the walk-forward earned, net
        and beyond the basket. *weak*: not strong, but the p-value against cash is below 0.05, or
        both are below 0.20. *no evidence*: the rest.
    """
    p_cash, p_basket = evidence.p_cash, evidence.p_basket
    walked = evidence.walk_net > 0 and (evidence.walk_excess or 0.0) > 0
    known = 1.0 if p_basket is None else p_basket
    if p_cash < SIGNIFICANT and known < SIGNIFICANT and walked:
        word = STRONG
    elif p_cash < SIGNIFICANT or (p_cash < SUGGESTIVE and known < SUGGESTIVE):
        word = WEAK
    else:
        word = NO_EVIDENCE
    return Verdict(word, (_of_cash(evidence), _of_basket(evidence), _of_walk_forward(evidence)))


def _of_cash(evidence: Evidence) -> str:
    share = _share(evidence.p_cash, evidence.n_resamples)
    luck = (
        f"if none of the {evidence.n_strategies:,} strategies earned anything, the best would "
        f"look this good in {share} of the cases"
    )
    if evidence.p_cash < SIGNIFICANT:
        return f"it earns more than cash: {luck}"
    return f"it may earn nothing: {luck}"


def _of_basket(evidence: Evidence) -> str:
    if evidence.p_basket is None:
        return (
            "nothing shows that it earns more than holding every pair alike: the objective does "
            "not say what was held"
        )
    share = _share(evidence.p_basket, evidence.n_resamples)
    luck = f"if none chose better than chance, the best would look this good in {share}"
    if evidence.p_basket < SIGNIFICANT:
        return f"it earns more than holding every pair alike: {luck} of the cases"
    return f"it may earn what holding every pair alike earns: {luck} of the cases"


def _of_walk_forward(evidence: Evidence) -> str:
    net, excess = evidence.walk_net, evidence.walk_excess
    sharpes = f"net Sharpe {net:.2f}"
    if excess is not None:
        sharpes += f", beyond the basket {excess:.2f}"
    if net > 0 and (excess is None or excess > 0):
        return (
            f"choosing the best anew every 30 days and trading it for the next 30 earned: {sharpes}"
        )
    where = "lost" if net <= 0 else "earned no more than the basket"
    return f"choosing the best anew every 30 days and trading it for the next 30 {where}: {sharpes}"


def _share(p_value: float, n_resamples: int) -> str:
    if p_value == 0.0:
        return f"less than {100 / n_resamples:.2g} %"
    return f"{100 * p_value:.2g} %" if p_value < 0.1 else f"{100 * p_value:.0f} %"
