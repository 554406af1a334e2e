"""Which strategies failed, and why."""

import numpy as np

from studies.analysis import FailedValue, count_failures
from studies.language import message
from studies.reports.drawing import Axis, Bars, Figure, Panel, Role
from studies.reports.figures.words import empty_figure, reason_name, value_name
from studies.reports.session_data import SessionData
from studies.reports.ticks import value_text

__all__ = ["failures"]

_MOST_REASONS = 12
_MOST_VALUES = 12


def failures(data: SessionData) -> Figure:
    """Draw how many strategies failed by reason, and the values that fail most often."""
    title = message("Failures")
    found = count_failures(data.table)
    if not found.n_failed:
        return empty_figure("failures", title, message("No strategy failed."))
    reasons = list(found.reasons.items())
    shown, rest = reasons[:_MOST_REASONS], sum(n for _, n in reasons[_MOST_REASONS:])
    names = [reason_name(reason) for reason, _ in shown]
    counts = [n for _, n in shown]
    if rest:
        names.append(message("other reasons"))
        counts.append(rest)
    panels = [
        Panel(
            Axis(unit="count"),
            Axis(message("strategies by reason"), kind="category", categories=tuple(names)),
            (Bars(np.array(counts, dtype=np.float64), _all_bad(len(counts))),),
        )
    ]
    overall = found.n_failed / found.n
    often = sorted(
        (each for each in found.values if each.n and _share(each) > overall * (1 + 1e-9)),
        key=lambda each: -_share(each),
    )[:_MOST_VALUES]
    if often:
        panels.append(
            Panel(
                Axis(unit="fraction"),
                Axis(
                    message("share that failed, by value"),
                    kind="category",
                    categories=tuple(value_name(each.group, with_parameter=True) for each in often),
                ),
                (Bars(np.array([_share(each) for each in often]), _all_bad(len(often))),),
            )
        )
    note = message(
        "Failed strategies by reason; below it the values of which more failed than of all, at "
        "most {most}.",
        most=_MOST_VALUES,
    )
    summary = message(
        "{n_failed:,} of {n:,} strategies failed ({share}); most often: {reason}.",
        n_failed=found.n_failed,
        n=found.n,
        share=value_text(overall, "fraction"),
        reason=names[0],
    )
    return Figure("failures", title, note, summary, tuple(panels))


def _share(value: FailedValue) -> float:
    return sum(value.reasons.values()) / value.n


def _all_bad(n: int) -> tuple[Role, ...]:
    bad: Role = "bad"
    return (bad,) * n
