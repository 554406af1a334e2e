"""What worlds say together: error rates with intervals, rules beside each other, goals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from objectives.validation.verdict import (
    CANNOT_TELL,
    MIN_BLOCKS,
    MIN_CLOSED,
    MIN_DAYS,
    MIN_POSITIONS,
    WORDS,
)
from trust.worlds import KINDS

__all__ = [
    "GOALS",
    "REASONS",
    "RULES",
    "Goal",
    "Rate",
    "Reason",
    "Rule",
    "clopper_pearson",
    "rate_of",
    "summary",
]

Record = Mapping[str, Any]
LEVEL = 0.95


@dataclass(frozen=True)
class Rate:
    """How many of `n` worlds, with the exact 95 % interval of the probability."""

    count: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Fraction of the worlds; NaN without worlds."""
        return self.count / self.n if self.n else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        share = self.share if self.n else None
        return {"count": self.count, "n": self.n, "share": share, "95%": [self.low, self.high]}


@dataclass(frozen=True)
class Rule:
    """A way to call a strategy good.

    Attributes
    ----------
    label : str
        Head of a column.
    accepts : callable
        Takes the record of a world.
    needs : tuple of str
        Figures without which it says nothing.
    """

    label: str
    accepts: Callable[[Record], bool]
    needs: tuple[str, ...] = ()

    def says(self, record: Record) -> bool | None:
        """Return whether the rule accepts; None where it cannot be asked."""
        if any(record[name] is None for name in self.needs):
            return None
        return bool(self.accepts(record))


RULES = {
    "strong": Rule("*strong*", lambda r: r["word"] == "strong"),
    "p_cash": Rule("p, cash", lambda r: r["p_cash"] < 0.05, ("p_cash",)),
    "p_basket": Rule("p, basket", lambda r: r["p_basket"] < 0.05, ("p_basket",)),
    "walk_forward": Rule(
        "walk-forward",
        lambda r: r["walk_net"] > 0 and r["walk_excess"] > 0,
        ("walk_net", "walk_excess"),
    ),
    "hold_out": Rule("hold-out", lambda r: r["hold_out"] > 0, ("hold_out",)),
    "probabilistic": Rule("probabilistic", lambda r: r["probabilistic"] > 0.95, ("probabilistic",)),
    "deflated": Rule("deflated", lambda r: r["deflated"] > 0.95, ("deflated",)),
    "pbo": Rule("PBO", lambda r: r["pbo"] < 0.2, ("pbo",)),
    "reality_check": Rule("White", lambda r: r["reality_check"] < 0.05, ("reality_check",)),
}


@dataclass(frozen=True)
class Reason:
    """Why nothing can be said of a world."""

    what: str
    holds: Callable[[Record, int], bool]
    """Takes the record and the number of measured days."""


def _too_few(record: Record, n_days: int) -> bool:
    n_closed = record["n_closed"]
    return bool(n_closed < MIN_CLOSED or n_closed + record["n_open"] < MIN_POSITIONS)


REASONS = {
    "days": Reason("days", lambda r, n_days: n_days < MIN_DAYS),
    "blocks": Reason("blocks", lambda r, n_days: r["block"] * MIN_BLOCKS > n_days),
    "positions": Reason("positions", _too_few),
}


@dataclass(frozen=True)
class Goal:
    """A number that the verdict must reach in worlds of certain kinds.

    Attributes
    ----------
    what : str
        For people.
    kinds : tuple of str
        Taken together.
    figure : callable
        Takes the records of these kinds, returns the number.
    limit : float
    at_most : bool
        The number must not exceed the limit; else not fall below it.
    least_worlds : int
        With fewer worlds the goal is not reached, whatever the number.
    """

    what: str
    kinds: tuple[str, ...]
    figure: Callable[[Sequence[Record]], float]
    limit: float
    at_most: bool
    least_worlds: int

    def judge(self, worlds: Mapping[str, Sequence[Record]]) -> dict[str, Any]:
        """Return the number, and whether it is reached."""
        records = [record for kind in self.kinds for record in worlds.get(kind, ())]
        value = self.figure(records) if records else None
        reached = value is not None and len(records) >= self.least_worlds
        if value is not None:
            reached &= value <= self.limit if self.at_most else value >= self.limit
        return {
            "what": self.what,
            "n": len(records),
            "value": value,
            "limit": self.limit,
            "at_most": self.at_most,
            "reached": bool(reached),
        }


def _strong(records: Sequence[Record]) -> list[bool]:
    return [record["word"] == "strong" for record in records]


def _share_strong(records: Sequence[Record]) -> float:
    return rate_of(_strong(records)).share


def _upper_strong(records: Sequence[Record]) -> float:
    return rate_of(_strong(records)).high


def _truly_earns(record: Record) -> bool:
    return bool(record["true_net"] > 0 and record["true_excess"] > 0)


def _share_true(records: Sequence[Record]) -> float:
    """Share of the strong ones that truly earn, net and beyond the basket; 1 without any."""
    true = [_truly_earns(record) for record in records if record["word"] == "strong"]
    return rate_of(true).share if true else 1.0


NOISE = ("noise", "noise_fees")
PREMIUM = ("premium", "premium_fees")

GOALS = (
    Goal("*strong* in noise", NOISE, _share_strong, 0.05, True, 200),
    Goal("upper end of its 95 % interval", NOISE, _upper_strong, 0.05, True, 200),
    Goal("*strong* where a carry without skill is earned", PREMIUM, _share_strong, 0.05, True, 50),
    Goal("*strong* at edge 1", ("edge_1",), _share_strong, 0.80, False, 50),
    Goal("of these, truly earning net and excess", ("edge_1",), _share_true, 1.0, False, 50),
)


def clopper_pearson(count: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Compute the exact confidence interval of a probability.

    Parameters
    ----------
    count, n : int
        Successes and trials.
    level : float
        Probability with which the interval covers the true value, at least.

    Returns
    -------
    tuple of float
        Lower and upper end (Clopper and Pearson 1934); (0, 1) without trials.
    """
    from scipy.special import betaincinv

    tail = (1.0 - level) / 2.0
    low = 0.0 if count == 0 else float(betaincinv(count, n - count + 1, tail))
    high = 1.0 if count == n else float(betaincinv(count + 1, n - count, 1.0 - tail))
    return low, high


def rate_of(outcomes: Sequence[bool]) -> Rate:
    """Count what is true."""
    count = sum(outcomes)
    return Rate(count, len(outcomes), *clopper_pearson(count, len(outcomes)))


def summary(worlds: Mapping[str, Sequence[Record]]) -> dict[str, Any]:
    """Sum the worlds up.

    Parameters
    ----------
    worlds : mapping of str to sequence of records
        By kind; the records are those of `trust.worlds.measure_world`.

    Returns
    -------
    dict
        Plain values: for every kind the rates of the words and of the rules, what the strategies
        called so truly earn, and medians; and the goals.
    """
    kinds = {name: _of_kind(name, records) for name, records in worlds.items() if records}
    return {"kinds": kinds, "goals": [goal.judge(worlds) for goal in GOALS]}


def _of_kind(name: str, records: Sequence[Record]) -> dict[str, Any]:
    rules = {}
    for key, rule in RULES.items():
        said = [answer for record in records if (answer := rule.says(record)) is not None]
        rules[key] = rate_of(said).to_dict()
    by_word = {w: [r for r in records if r["word"] == w] for w in WORDS}
    n_days = KINDS[name].n_measured
    return {
        "n_worlds": len(records),
        "words": {w: rate_of([r["word"] == w for r in records]).to_dict() for w in WORDS},
        "cannot_tell": {
            key: sum(reason.holds(record, n_days) for record in by_word[CANNOT_TELL])
            for key, reason in REASONS.items()
        },
        "rules": rules,
        "true": {w: _truth(each) for w, each in {**by_word, "all": records}.items()},
        "median": {figure: _median(records, figure) for figure in _MEDIANS},
    }


_MEDIANS = (
    "net_sharpe",
    "excess_sharpe",
    "p_cash",
    "p_basket",
    "true_net_sharpe",
    "deflation",
    "n_independent",
)


def _truth(records: Sequence[Record]) -> dict[str, int]:
    """How many strategies truly earn, of those whose truth is known."""
    known = [record for record in records if record["true_net"] is not None]
    return {
        "n": len(known),
        "net": sum(record["true_net"] > 0 for record in known),
        "excess": sum(record["true_excess"] > 0 for record in known),
        "both": sum(_truly_earns(record) for record in known),
    }


def _median(records: Sequence[Record], name: str) -> float | None:
    values = [record[name] for record in records if record[name] is not None]
    return float(np.median(values)) if values else None
