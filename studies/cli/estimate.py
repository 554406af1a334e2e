"""``estimate``: what a session would take, measured on a small one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.generate import require_market
from studies.cli.output import duration, pairs, print_json, say, size, style, warn
from studies.cli.progress import waiting
from studies.cli.session_options import plan_options, read_plan

if TYPE_CHECKING:
    from studies.runs import Estimate

__all__ = ["estimate"]


@click.command(
    cls=Command,
    short_help="Say what a session would take: time, disk, memory.",
    examples="""
    mass-tuning estimate
    mass-tuning estimate --mode sampling --method sobol --size 50000
    mass-tuning estimate --set weight_method=EQ,FS --trials full
    mass-tuning estimate --mode tpe --size 1000
    """,
)
@plan_options
@command_options
@click.pass_obj
def estimate(context: Context, **options: Any) -> None:
    """Say how many strategies a session has and what it would take: time, disk, memory.

    Takes the options of generate. A few strategies of this very plan are run on this market and
    this machine, in a temporary database; nothing is written to yours.
    """
    request = read_plan(context, **options)
    request.check()
    require_market(context)
    from studies.runs import measure_session

    with waiting("measuring"):
        measured = measure_session(request)
    if context.as_json:
        print_json(_document(measured))
        return
    for text in measured.warnings:
        warn(text)
    seconds = measured.seconds
    say(f"{style(format(measured.strategies, ','), bold=True)} strategies")
    pairs(
        [
            ("time", f"{duration(seconds.total)}, at {measured.strategies_per_second:,.0f}/s"),
            (
                "",
                f"plan {duration(seconds.generate)}, backtest and record "
                f"{duration(seconds.execute)}, start {duration(seconds.start)}",
            ),
            ("database", f"{size(measured.database_bytes)} more"),
            ("memory", f"{size(measured.memory_bytes)}"),
            ("trials", f"{measured.trials:,} in the Optuna study"),
        ]
    )
    say()
    for text in _sources(measured):
        say(style(f"  {text}", dim=True))


def _document(measured: Estimate) -> dict[str, Any]:
    seconds = measured.seconds
    return {
        "strategies": measured.strategies,
        "mode": measured.mode,
        "method": measured.method,
        "trials": measured.trials,
        "seconds": {
            "start": seconds.start,
            "generate": seconds.generate,
            "execute": seconds.execute,
            "total": seconds.total,
        },
        "strategies_per_second": measured.strategies_per_second,
        "database_bytes": measured.database_bytes,
        "memory_bytes": measured.memory_bytes,
        "sample": {
            "planned": measured.planned.strategies,
            "executed": measured.executed.strategies,
            "with_trials": measured.with_trials.strategies,
        },
        "sources": _sources(measured),
        "warnings": list(measured.warnings),
    }


def _sources(measured: Estimate) -> list[str]:
    """Say where the numbers come from."""
    planned, executed, trials = measured.planned, measured.executed, measured.with_trials
    where = (
        f"measured here: {planned.strategies:,} strategies planned in "
        f"{duration(planned.seconds)}, {executed.strategies:,} run and recorded in "
        f"{duration(executed.seconds)}, {trials.strategies:,} with their trials; in a temporary "
        "SQLite file"
    )
    if measured.mode in ("adaptive", "genetic"):
        where = (
            f"measured here: the first {trials.strategies:,} strategies of {measured.method} in "
            f"{duration(trials.seconds)}, in a temporary SQLite file; a sampler takes longer the "
            "more it has seen"
        )
    return [where, "memory is the peak of this process, with the market and the factor values"]
