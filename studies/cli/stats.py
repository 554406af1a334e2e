"""``stats``: how the results of a session are distributed, and what decides them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from studies.analysis import figure, is_drawdown, metric_units, shown
from studies.cli.chart import bars_of
from studies.cli.context import Command, Context, command_options, session_argument
from studies.cli.filter_options import filter_options, filter_text, session_filter
from studies.cli.output import Column, print_json, say, style, table, warn
from studies.cli.top import SHORT_NAMES

if TYPE_CHECKING:
    from studies.analysis import Importance, Statistics, Summary

__all__ = ["print_short_statistics", "statistics_document", "stats"]

_ALWAYS = ("max_drawdown", "win_rate")  # are above 0, or 0
_MAIN = 3  # effects that a line names


@click.command(
    cls=Command,
    examples="""
    mass-tuning stats
    mass-tuning stats --by window_size
    mass-tuning stats --by factors --where "max_drawdown < 0.05 and trade_count >= 10"
    mass-tuning stats --factor SR --without IC --json
    """,
)
@session_argument("the newest with results")
@click.option("--by", metavar="PARAMETER", help="Also by the values of this parameter.")
@filter_options
@command_options
@click.pass_obj
def stats(
    context: Context,
    session_id: str | None,
    by: str | None,
    where: str | None,
    factors: tuple[str, ...],
    without: tuple[str, ...],
) -> None:
    """Say how the results of a session are distributed, and what decides them.

    Every strategy counts, also one whose figures equal those of another. What decides the result
    is the share of the variance of the (first) objective that a parameter explains: exact where
    all combinations of values were measured, an estimate of the same where the strategies were
    planned, and of a search by results an estimate (PED-ANOVA) of what makes a strategy
    one of the best 10 %.

    With --by, lift says how much more often the best 1 % have the value than all: 2 is twice as
    often. "with SR" are all strategies that use SR, alone or beside others.
    """
    from studies.analysis import statistics_of

    session = context.session(session_id, "results")
    chosen = session_filter(session, where, factors, without)
    found = statistics_of(session, where=chosen, by=by)
    warnings = list(session.row.snapshot.warnings)
    if context.as_json:
        document = {
            "session_id": session.row.session_id,
            "status": session.row.status,
            "total": session.row.total,
            "filter": None if chosen is None else chosen.text,
            "warnings": warnings,
            **statistics_document(found),
        }
        print_json(document)
        return
    for text in warnings:
        warn(text)
    counts = f"{found.n_recorded:,} of {session.row.total:,} strategies done"
    if chosen is not None:
        counts += f", {found.n:,} selected"
    title = style(session.row.session_id, bold=True)
    say(f"{title}  {counts}, {found.n_failed:,} failed{filter_text(chosen)}")
    if session.row.is_of_earlier_system:
        why = context.command(f"status --session {session.row.session_id} --detailed")
        say(f"  what failed in the earlier system left no result; see: {why}")
    for reason, n in found.reasons.items():
        say(f"  {reason}: {n:,}")
    say()
    _print_figures(found)
    say()
    _print_histogram(found)
    say(_decided(found.importance))
    if found.rank_correlation is not None:
        name = _short(next(iter(found.figures)))
        say(f"{name} in against out of sample: rank correlation {found.rank_correlation:.2f}")
    if by is not None:
        say()
        _print_values(found, by)


def print_short_statistics(found: Statistics) -> None:
    """Print a few lines: the objective and how it is spread, other figures, what decides."""
    units = metric_units()
    objective, *others = found.figures
    first = found.figures[objective]
    low, middle, high = _quartiles(objective, first)
    say(
        f"{_short(objective)}: median {middle}, half of {first.n:,} between {low} and {high}, "
        f"{_share(first)} above 0"
    )
    _print_histogram(found)
    say(
        "medians: "
        + ", ".join(
            f"{_short(name)} {shown(name, found.figures[name].median, units)}"
            for name in others or [objective]
        )
    )
    say(_decided(found.importance))


def statistics_document(found: Statistics) -> dict[str, Any]:
    """Return the statistics as JSON holds them."""
    importance = None
    if found.importance is not None:
        importance = {
            "figure": found.importance.figure,
            "method": found.importance.method,
            "strategies": found.importance.n,
            "parameters": dict(found.importance.parameters),
            "pairs": [
                {"parameters": list(pair), "share": share}
                for pair, share in found.importance.pairs.items()
            ],
        }
    return {
        "recorded": found.n_recorded,
        "strategies": found.n,
        "failed": found.n_failed,
        "failures": dict(found.reasons),
        "figures": {name: asdict(summary) for name, summary in found.figures.items()},
        "histogram": {
            "edges": found.histogram.edges.tolist(),
            "strategies": found.histogram.counts.tolist(),
        },
        "importance": importance,
        "rank_correlation_out_of_sample": found.rank_correlation,
        "values": [
            {
                "parameter": value.group.parameter,
                "value": value.group.value,
                "contains": value.group.contains,
                "strategies": value.n,
                "failed": value.n_failed,
                "lift": value.lift,
                "figures": {name: asdict(summary) for name, summary in value.figures.items()},
            }
            for value in found.by_value
        ],
    }


def _print_histogram(found: Statistics) -> None:
    """Print how the first objective is spread, where it was measured and can be shown."""
    objective, units = next(iter(found.figures)), metric_units()
    histogram = found.histogram
    bars = bars_of(histogram.counts.tolist())
    if bars is not None and histogram.counts.any():
        low, high = (figure(value, units[objective]) for value in histogram.edges[[0, -1]].tolist())
        say(f"{_short(objective)}: {low} {bars} {high}")


def _print_figures(found: Statistics) -> None:
    units = metric_units()
    rows = list(found.figures.items())

    def column(title: str, field: str) -> Column:
        return Column(title, [shown(name, getattr(s, field), units) for name, s in rows])

    quartiles = [_quartiles(name, summary) for name, summary in rows]
    table(
        [
            Column("figure", [_short(name) for name, _ in rows], right=False, words=True),
            Column("strategies", [f"{summary.n:,}" for _, summary in rows]),
            Column("above 0", ["" if n in _ALWAYS else _share(s) for n, s in rows]),
            column("mean", "mean"),
            Column("25 %", [low for low, _, _ in quartiles]),
            Column("median", [middle for _, middle, _ in quartiles]),
            Column("75 %", [high for _, _, high in quartiles]),
            column("best", "best"),
        ]
    )


def _print_values(found: Statistics, by: str) -> None:
    units = metric_units()
    objective, *others = found.figures
    summaries = [value.figures[objective] for value in found.by_value]
    quartiles = [_quartiles(objective, summary) for summary in summaries]
    columns = [
        Column(by, [value.group.label for value in found.by_value], right=False, words=True),
        Column("strategies", [f"{value.n:,}" for value in found.by_value]),
        Column("failed", [f"{value.n_failed:,}" for value in found.by_value]),
        Column("lift", ["–" if v.lift != v.lift else f"{v.lift:.2f}" for v in found.by_value]),
        Column(f"{_short(objective)} median", [middle for _, middle, _ in quartiles]),
        Column("25 %", [low for low, _, _ in quartiles]),
        Column("75 %", [high for _, _, high in quartiles]),
        Column("best", [shown(objective, summary.best, units) for summary in summaries]),
        Column("above 0", [_share(summary) for summary in summaries]),
    ]
    for name in others:
        medians = [shown(name, value.figures[name].median, units) for value in found.by_value]
        columns.append(Column(f"{_short(name)} median", medians))
    table(columns)


def _quartiles(name: str, summary: Summary) -> tuple[str, str, str]:
    """Write the three quartiles, the smallest first as they are shown."""
    units = metric_units()
    ascending = [summary.lower_quartile, summary.median, summary.upper_quartile]
    if is_drawdown(name):
        ascending.reverse()  # it is shown as a negative number
    low, middle, high = (shown(name, value, units) for value in ascending)
    return low, middle, high


def _decided(importance: Importance | None) -> str:
    """Say what decides the result, in one line."""
    from studies.analysis import ESTIMATED, PED_ANOVA

    if importance is None:
        return "what decides the result cannot be said: too few strategies, or all alike"
    alone = [f"{name} {100 * share:.0f} %" for name, share in importance.parameters.items()][:_MAIN]
    text = f"{_short(importance.figure)} is decided by " + ", ".join(alone)
    if importance.method == PED_ANOVA:
        return f"{text} (estimate: {PED_ANOVA} of {importance.n:,} strategies)"
    for pair, share in list(importance.pairs.items())[:1]:  # a single parameter has none
        text += f"; {' with '.join(pair)} {100 * share:.0f} %"
    text += " of the variance"
    is_estimated = importance.method == ESTIMATED
    return f"{text} (estimated on {importance.n:,} strategies)" if is_estimated else text


def _share(summary: Summary) -> str:
    return f"{100 * summary.share_above_zero:.1f} %" if summary.n else "–"


def _short(name: str) -> str:
    return SHORT_NAMES.get(name, name.replace("_", " "))
