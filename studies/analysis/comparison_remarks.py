"""What sessions side by side show of their search methods, and what they do not."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from studies.analysis.compare import ComparedSession, Comparison
from studies.analysis.readable import metric_units, shown
from studies.language import Message, message
from studies.outcomes import sign_of

__all__ = ["largest_exhaustive", "remarks_on"]


def remarks_on(comparison: Comparison, names: Mapping[str, str] | None = None) -> list[Message]:
    """Say in sentences what the numbers mean; of sessions whose figures do not compare nothing.

    Parameters
    ----------
    comparison : Comparison
    names : mapping of str to str, optional
        What to call each session, by its id; by default its id.
    """
    called = {each.session_id: each.session_id for each in comparison.sessions} | dict(names or {})
    found = [each for each in comparison.sessions if each.best]
    remarks: list[Message] = []
    complete = largest_exhaustive(comparison)
    pairs = [pair for pair in combinations(found, 2) if comparison.compares(*pair)]
    for first, second in pairs:
        if first.mode == second.mode == "exhaustive":
            continue
        if complete in (first, second):
            other = second if complete is first else first
            assert complete is not None
            remarks.append(_beside_all(complete, other, called))
        elif first.method != second.method:
            remarks.append(_after_as_many(first, second, called))
    if len(found) == 2 and pairs and comparison.settings.keys() == {"seed"}:
        remarks.append(
            message(
                "only the seed differs: the difference of the two is what chance does to this "
                "method"
            )
        )
    elif any(first.method != second.method for first, second in pairs):
        remarks += _with_one_seed([each for pair in pairs for each in pair])
    if any(len(first.history.values) != len(second.history.values) for first, second in pairs):
        remarks.append(
            message(
                "the best of more strategies tends to be higher by luck alone; whether a result is "
                "more than luck is what its verdict says, not its place here"
            )
        )
    if any(first.reuses or second.reuses for first, second in pairs):
        remarks.append(
            message(
                "a session takes over what earlier ones have measured alike (execution.reuse), and "
                "a later one is faster by that: compare methods by strategies tried, not by seconds"
            )
        )
    return remarks


def largest_exhaustive(comparison: Comparison) -> ComparedSession | None:
    """Return the largest session that has tried all of its space, if it has a result."""
    complete = [
        each
        for each in comparison.sessions
        if each.mode == "exhaustive" and each.status == "completed" and each.best
    ]
    return max(complete, key=lambda each: each.total, default=None)


def _with_one_seed(sessions: Sequence[ComparedSession]) -> list[Message]:
    """Say which methods ran with a single seed; what tries everything needs none."""
    seeds: dict[str, set[int]] = {}
    for each in sessions:
        if each.mode != "exhaustive":
            seeds.setdefault(each.method, set()).add(each.seed)
    alone = [method for method, found in seeds.items() if len(found) == 1]
    if not alone:
        return []
    return [
        message(
            "one seed only of {methods}: that is an anecdote and no finding about a method; repeat "
            "it with other seeds before preferring one",
            methods=", ".join(alone),
        )
    ]


def _beside_all(
    complete: ComparedSession, other: ComparedSession, names: Mapping[str, str]
) -> Message:
    units, sign = metric_units(), sign_of(complete.direction)
    value = other.best[0].figures[other.metric]
    return message(
        "{other} ({method}) found {value} with {n:,} strategies; of {all:,} strategies that "
        "{complete} measured, {better:,} are better, the best with {best}",
        other=names[other.session_id],
        method=other.method,
        value=shown(other.metric, value, units),
        n=len(other.history.values),
        all=complete.distribution.n,
        complete=names[complete.session_id],
        better=int(np.sum(complete.history.values * sign > value * sign)),
        best=shown(complete.metric, complete.best[0].figures[complete.metric], units),
    )


def _after_as_many(
    first: ComparedSession, second: ComparedSession, names: Mapping[str, str]
) -> Message:
    units = metric_units()
    n = min(len(first.history.values), len(second.history.values))
    values = [each.history.improvements.best_after(n) for each in (first, second)]
    return message(
        "after {n:,} strategies each, {first} ({method}) had {value} and {second} "
        "({other_method}) {other_value}",
        n=n,
        first=names[first.session_id],
        method=first.method,
        value=shown(first.metric, values[0], units),
        second=names[second.session_id],
        other_method=second.method,
        other_value=shown(second.metric, values[1], units),
    )
