"""A verdict in full: its reasons, then every figure with what it means."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from studies.cli.chart import sparkline
from studies.cli.help_text import wrapped
from studies.cli.language import is_english, shown
from studies.cli.output import (
    Column,
    duration,
    pairs,
    say,
    say_as_it_stands,
    style,
    table,
    warn,
    width,
)
from studies.cli.verdict_line import verdict_word

if TYPE_CHECKING:
    from studies.analysis import StoredVerdict
    from studies.session import Session

__all__ = ["print_verdict"]

_WIDEST = 80


def print_verdict(session: Session, stored: StoredVerdict) -> None:
    """Print a verdict with its reasons and figures."""
    from objectives.validation.verdict import CANNOT_TELL
    from studies.analysis import result_row, verdict_settings

    verdict, figures = stored.verdict, stored.verdict.figures
    word = verdict_word(verdict.word)
    for text in session.row.snapshot.warnings:
        warn(text)
    if not stored.settings["is_best"]:
        warn("walk-forward, overfitting and counts are of the whole search, not of this strategy")
    n_names = result_row(session, stored.strategy_id)["n_strategies"] or 1
    names = f" x {n_names:,}" if n_names > 1 else ""
    say(f"{style(stored.session_id, bold=True)}  {stored.strategy_id}{names}  {word}")
    say()
    deciding = verdict.reasons
    if verdict.word == CANNOT_TELL:
        deciding = verdict.figures.get("why_not", verdict.reasons)
    for reason in deciding:
        _paragraph(f"- {shown(reason)}")
    if len(deciding) < len(verdict.reasons):
        _paragraph("measured all the same, and decided by nothing:")
        for reason in verdict.reasons[len(deciding) :]:
            _paragraph(f"- {shown(reason)}")
    say()
    rows = [("judged", f"{stored.created_at:%Y-%m-%d}, in {duration(stored.seconds)}")]
    if "first_day" in figures:
        days = f"{figures['first_day']} to {figures['last_day']} ({figures['n_days']:,} days)"
        rows.append(("days", days))
    rows.append(("against", verdict_settings(stored.settings).removeprefix("against ")))
    if stored.n_before:
        rows.append(("looks", _looks(stored.n_before)))
    pairs(rows)
    if "p_cash" in figures:
        say()
        _print_figures(figures)
        _print_walk_forward(figures["walk_forward"])


def _looks(n_before: int) -> str:
    times = "1 verdict was" if n_before == 1 else f"{n_before:,} verdicts were"
    return f"{times} given on this market before; each was a chance more"


def _paragraph(text: str) -> None:
    room = min(width() or _WIDEST, _WIDEST)
    if is_english():
        lines = textwrap.wrap(text, room - 2, subsequent_indent="  ", break_on_hyphens=False)
    else:
        lines = wrapped(shown(text), room - 4)
        lines[1:] = [f"  {line}" for line in lines[1:]]
    for line in lines:
        say_as_it_stands(f"  {line}")


def _print_figures(figures: Mapping[str, Any]) -> None:
    from studies.analysis import figures_of_verdict

    names, values, meanings = zip(*figures_of_verdict(figures, sparkline), strict=True)
    table(
        [
            Column("figure", names, right=False, words=True),
            Column("value", values),
            Column("meaning", meanings, right=False, words=True),
        ],
        indent=2,
    )


def _print_walk_forward(walk: Mapping[str, Any]) -> None:
    windows = walk["windows"]
    say()
    say(f"  walk-forward: {walk['n_winners']} strategies chosen in {len(windows)} windows")
    table(
        [
            Column("from", [window["first_day"] for window in windows], right=False),
            Column("to", [window["last_day"] for window in windows], right=False),
            Column("chosen", [window["strategy_id"] for window in windows], right=False),
        ],
        indent=2,
    )
    n_windows = len(windows)
    steady = [f"{name} {share * n_windows:.0f}" for name, share in walk["stability"].items()]
    _paragraph(f"windows with the commonest value, of {n_windows}: {', '.join(steady)}")
