"""Whether a rule has something to tell: over facts and a clock, without a database."""

import math
from dataclasses import dataclass

from studies.alerts.rule import AlertRule

__all__ = ["Alert", "Facts", "RuleWatch"]

LEAST_STRATEGIES = 20
"""Fewer say nothing about a failure rate."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a run looks like at one moment.

    Attributes
    ----------
    ended : str or None
        Status of the session when the run has ended, before that None.
    done, total : int
        Strategies recorded, and of the session.
    n_recent, n_recent_failed : int
        Strategies of the newest chunks, and the failed ones among them.
    idle_seconds : float
        Since something was recorded, or the run began.
    eta_seconds : float or None
        None while it is not known.
    disk_bytes, memory_bytes : int
        Free where the database is, and available to processes.
    metric, best_id : str or None
    best_value : float
        The best so far, NaN while there is none; `better` is whether it has just become better.
    better : bool
    """

    ended: str | None = None
    done: int = 0
    total: int = 0
    n_recent: int = 0
    n_recent_failed: int = 0
    idle_seconds: float = 0.0
    eta_seconds: float | None = None
    disk_bytes: int = 2**62
    memory_bytes: int = 2**62
    metric: str | None = None
    best_id: str | None = None
    best_value: float = math.nan
    better: bool = False


@dataclass(frozen=True)
class Alert:
    """What there is to say.

    Attributes
    ----------
    rule : AlertRule
    value : float, str or None
        What was compared with the rule's threshold; the best value; the status at the end.
    text : str
        One line for people.
    """

    rule: AlertRule
    value: float | str | None
    text: str


class RuleWatch:
    """Follows one rule: it speaks when its condition becomes true, not while it stays so."""

    def __init__(self, rule: AlertRule) -> None:
        self.rule = rule
        self._was_true = False
        self._fired_at = -math.inf
        self._news = False

    def look(self, facts: Facts, now: float) -> Alert | None:
        """Return what there is to say of `facts`, seen at the second `now`; mostly nothing."""
        if self.rule.when == "new_best":
            return self._new_best(facts, now)
        value, is_true = _measure(self.rule, facts)
        fires, self._was_true = is_true and not self._was_true, is_true
        return Alert(self.rule, value, _text(self.rule, facts)) if fires else None

    def _new_best(self, facts: Facts, now: float) -> Alert | None:
        self._news = self._news or facts.better
        if not self._news or (now - self._fired_at < self.rule.threshold and facts.ended is None):
            return None
        self._news, self._fired_at = False, now
        text = f"new best: {facts.best_id} with {facts.metric} {facts.best_value:.4g}"
        return Alert(self.rule, facts.best_value, text)


def _measure(rule: AlertRule, facts: Facts) -> tuple[float | str | None, bool]:
    """Return what the rule is about, and whether its condition is true; some hold in a run only."""
    limit, running = rule.threshold, facts.ended is None
    if rule.when == "finished":
        return facts.ended, not running
    if rule.when == "failure_rate":
        rate = facts.n_recent_failed / facts.n_recent if facts.n_recent else 0.0
        return rate, rate > limit and facts.n_recent >= LEAST_STRATEGIES
    if rule.when == "stalled":
        return facts.idle_seconds, running and facts.idle_seconds >= limit
    if rule.when == "eta":
        eta = facts.eta_seconds
        return eta, running and eta is not None and eta > limit
    free = facts.disk_bytes if rule.when == "disk" else facts.memory_bytes
    return free / 1e9, free / 1e9 < limit


def _text(rule: AlertRule, facts: Facts) -> str:
    if rule.when == "finished":
        return f"the run has ended, {facts.ended}: {facts.done:,} of {facts.total:,} strategies"
    if rule.when == "failure_rate":
        rate = facts.n_recent_failed / facts.n_recent
        return (
            f"{rate:.0%} of the newest {facts.n_recent:,} strategies failed, more than "
            f"{rule.threshold:.0%}"
        )
    if rule.when == "stalled":
        return f"nothing was recorded for {facts.idle_seconds:,.0f} s"
    if rule.when == "eta":
        return f"the rest takes {facts.eta_seconds:,.0f} s, more than {rule.threshold:,.0f} s"
    if rule.when == "disk":
        return f"{facts.disk_bytes / 1e9:.2f} GB are left on the disk of the database"
    return f"{facts.memory_bytes / 1e9:.2f} GB of memory are available"
