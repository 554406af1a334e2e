"""Whether strategies look ahead, as people read it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from studies.cli.output import Column, note, say, style, table

if TYPE_CHECKING:
    from objectives.validation import Finding, LookAhead

__all__ = ["print_look_ahead"]

_ADVICE = {
    "factor": "a factor value of a day may use what was known at its close, and no more",
    "ranking": "the ranking of a day changes with later days: one of its factors does",
    "exposure": "what is held over a day is decided at the close of the day before",
    "net return": "what was earned by a day changes with later days: so does what was held",
    "same day": "what is held over a day was chosen by the day's own returns: shift it by a day",
    "figures": "figures change with days after the last day of the backtest",
    "undated market caps": "the same caps serve all days: give them a date column",
    "period": "which days are measured depends on later ones",
}


def print_look_ahead(report: LookAhead) -> None:
    """Print what looks ahead, or that nothing was found, and what could not be looked at.

    Parameters
    ----------
    report : LookAhead
        From :func:`objectives.validation.find_look_ahead`.
    """
    for text in report.unseen:
        note(text)
    if report.findings:
        say(style("looks ahead", fg="red", bold=True))
        say()
        _print_findings(report.findings)
        return
    if not report.ok:
        say("nothing could be compared, so nothing is known")
        return
    first, last = report.days[0], report.days[-1]
    n_days = len(report.days)
    where = f"after {first}" if n_days == 1 else f"after each of {n_days} days, {first} to {last}"
    say(f"no look-ahead found: {report.n_compared:,} decisions are the same, bit for bit,")
    say(f"whatever happens {where}")


def _print_findings(findings: tuple[Finding, ...]) -> None:
    table(
        [
            Column("kind", [each.kind for each in findings], right=False, words=True),
            Column("of", [each.what for each in findings], right=False),
            Column("first seen", [str(each.day or "every day") for each in findings], right=False),
            Column("difference", [_size(each.size) for each in findings]),
            Column("changes with", [each.cause for each in findings], right=False, words=True),
        ]
    )
    say()
    for kind in dict.fromkeys(each.kind for each in findings):
        say(f"{kind}: {_ADVICE[kind]}")


def _size(size: float) -> str:
    return f"{size:.3g}" if math.isfinite(size) else "other"
