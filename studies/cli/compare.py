"""``compare``: sessions side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from studies.analysis import metric_units, shown
from studies.cli.comparison_file import (
    sessions_of,
    write_comparison_file,
)
from studies.cli.context import Command, Context, command_options
from studies.cli.filter_options import filter_options
from studies.cli.output import Column, duration, figure, print_json, say, style, table, warn
from studies.cli.progress import waiting
from studies.cli.verdict_line import verdict_document

if TYPE_CHECKING:
    from studies.analysis import ComparedSession, Comparison

__all__ = ["compare"]

_BESIDE = ("total_return", "max_drawdown", "trade_count", "oos_net_sharpe_ratio")
_LONGEST = 48


@click.command(
    cls=Command,
    short_help="Sessions side by side: settings, best results, overlap, convergence.",
    examples="""
    mass-tuning compare session_20250131_120000_1234 session_20250201_090000_5678
    mass-tuning compare session_20250131_120000_1234 session_20250201_090000_5678 --factor SR
    mass-tuning compare session_20250131_120000_1234 session_20250201_090000_5678 -o compare.html
    mass-tuning compare session_20250131_120000_1234 session_20250201_090000_5678 --json
    """,
)
@click.argument("session_ids", metavar="SESSION SESSION...", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write it instead: .html the page with figures, tables and verdicts, .svg or .png the "
    "figures. An existing file is replaced.",
)
@filter_options
@command_options
@click.pass_obj
def compare(
    context: Context,
    session_ids: tuple[str, ...],
    output: str | None,
    where: str | None,
    factors: tuple[str, ...],
    without: tuple[str, ...],
) -> None:
    """Compare two or more sessions of the database.

    The table has a column for each session: the settings that differ, how many strategies, the
    best distinct result, the distribution of the first objective, the verdict, and the best value
    so far after 10, 100, 1,000, ... results and after 1 s, 10 s, 1 min, ... of the run, pauses
    included. Of every two sessions it says how many of their best 100 distinct results are the
    same, by the name of the strategy and by equal figures.

    With --where, --factor or --without best, distribution, overlap and best so far are those of
    the strategies that are left in each session; the others still count as results tried.

    Sessions with different objectives, settings or markets are compared all the same; a note says
    what differs.
    """
    from studies.analysis import compare_sessions, remarks_on, session_letters

    if output is not None:
        choice = where, factors, without
        write_comparison_file(context, session_ids, output, choice, context.language)
        return
    sessions = sessions_of(context, session_ids)
    with waiting("reading results"):
        comparison = compare_sessions(sessions, where, factors=factors, without=without)
    if context.as_json:
        remarks = [str(text) for text in remarks_on(comparison)]
        print_json({**_document(comparison), "remarks": remarks})
        return
    for text in comparison.warnings:
        warn(str(text))
    names = session_letters(comparison)
    letters = list(names.values())
    for letter, each in zip(letters, comparison.sessions, strict=True):
        what = f"{each.method}, {each.completed + each.failed:,} of {each.total:,} strategies done"
        say(f"{letter}  {style(each.session_id, bold=True)}  {each.status}, {what}")
    if comparison.filter_text is not None:
        say(f"compared are strategies that fulfil: {comparison.filter_text}")
    say()
    if comparison.settings:
        rows = [(_text(name), [_text(v) for v in row]) for name, row in comparison.settings.items()]
        _print_rows("settings that differ", letters, rows)
    else:
        say("the settings are the same")
    say()
    _print_rows("results", letters, _result_rows(comparison.sessions))
    rows = _convergence_rows(comparison.sessions)
    if rows:
        say()
        _print_rows("best so far", letters, rows)
    say()
    _print_overlaps(comparison, names)
    for text in remarks_on(comparison, names):
        say(str(text))


def _text(value: Any) -> str:
    """Write the value of a setting; a long one is cut, --json has it whole."""
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not text.isprintable():  # it might move the cursor or hide what follows
        text = json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _print_rows(
    title: str, letters: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]
) -> None:
    columns = [Column(title, [name for name, _ in rows], right=False)]
    for place, letter in enumerate(letters):
        columns.append(Column(letter, [cells[place] for _, cells in rows]))
    table(columns)


def _result_rows(sessions: Sequence[ComparedSession]) -> list[tuple[str, list[str]]]:
    from studies.analysis import verdict_text

    units = metric_units()

    def row(name: str, cell: Callable[[ComparedSession], str]) -> tuple[str, list[str]]:
        return name, [cell(each) for each in sessions]

    def of_best(name: str) -> tuple[str, list[str]]:
        cells = (each.best[0].figures[name] if each.best else None for each in sessions)
        return f"its {name.replace('_', ' ')}", [shown(name, value, units) for value in cells]

    def of_distribution(name: str, attribute: str) -> tuple[str, list[str]]:
        return row(
            name,
            lambda each: shown(each.metric, getattr(each.distribution, attribute), units),
        )

    return [
        row("completed", lambda each: f"{each.completed:,}"),
        row("failed", lambda each: f"{each.failed:,}"),
        row(
            "time",
            lambda each: "–" if each.history.duration is None else duration(each.history.duration),
        ),
        row("objective", lambda each: each.metric),
        row(
            "best",
            lambda each: (
                shown(each.metric, each.best[0].figures[each.metric], units) if each.best else "–"
            ),
        ),
        row("strategy", lambda each: each.best[0].strategy_id if each.best else "–"),
        row("its names", lambda each: f"{each.best[0].n_strategies:,}" if each.best else "–"),
        *[of_best(name) for name in _BESIDE],
        row("with a value", lambda each: f"{each.distribution.n:,}"),
        row("above 0", lambda each: figure(each.distribution.share_above_zero, "fraction")),
        of_distribution("first quartile", "lower_quartile"),
        of_distribution("median", "median"),
        of_distribution("third quartile", "upper_quartile"),
        row("verdict", verdict_text),
    ]


def _convergence_rows(sessions: Sequence[ComparedSession]) -> list[tuple[str, list[str]]]:
    units = metric_units()
    rows = []
    for count in sorted({count for each in sessions for count in each.by_evaluations}):
        values = [(each.metric, each.by_evaluations.get(count)) for each in sessions]
        rows.append((f"{count:,} results", [shown(name, v, units) for name, v in values]))
    for limit in sorted({limit for each in sessions for limit in each.by_seconds}):
        values = [(each.metric, each.by_seconds.get(limit)) for each in sessions]
        rows.append((duration(limit), [shown(name, v, units) for name, v in values]))
    return rows


def _print_overlaps(comparison: Comparison, letters: dict[str, str]) -> None:
    for overlap in comparison.overlaps:
        first, second = (letters[session_id] for session_id in overlap.session_ids)
        n = overlap.n[0]
        of = f"{n:,}" if n == overlap.n[1] else f"{n:,} and {overlap.n[1]:,}"
        by_name = (
            "" if overlap.same_strategies is None else f"{overlap.same_strategies:,} by strategy, "
        )
        say(
            f"{first} and {second} share of their best {of} distinct results {by_name}"
            f"{overlap.same_figures:,} by figures"
        )


def _document(comparison: Comparison) -> dict[str, Any]:
    return {
        "sessions": [_session_document(each) for each in comparison.sessions],
        "filter": comparison.filter_text,
        "settings": {name: list(row) for name, row in comparison.settings.items()},
        "comparable": [list(group) for group in comparison.groups],
        "overlaps": [vars(overlap) for overlap in comparison.overlaps],
        "warnings": [str(text) for text in comparison.warnings],
    }


def _session_document(each: ComparedSession) -> dict[str, Any]:
    best = each.best[0] if each.best else None
    return {
        "session_id": each.session_id,
        "status": each.status,
        "mode": each.mode,
        "method": each.method,
        "total": each.total,
        "completed": each.completed,
        "failed": each.failed,
        "seconds": each.history.duration,
        "metric": each.metric,
        "direction": each.direction,
        "best": None
        if best is None
        else {
            "strategy_id": best.strategy_id,
            "n_strategies": best.n_strategies,
            "metrics": best.figures,
        },
        "distribution": vars(each.distribution) if each.distribution.n else None,
        "best_so_far": {
            "by_evaluations": [
                {"evaluations": count, "best": value}
                for count, value in each.by_evaluations.items()
            ],
            "by_seconds": [
                {"seconds": limit, "best": value} for limit, value in each.by_seconds.items()
            ],
        },
        "verdict": verdict_document(each.verdict),
    }
