"""``execute``: work through what is left of a session."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options, session_option
from studies.cli.generate import housekeeping
from studies.cli.output import duration, note, print_json, say, style, warn
from studies.cli.progress import run_progress

if TYPE_CHECKING:
    from studies.run import Progress
    from studies.session import Session

__all__ = ["execute", "run_with_progress", "summarise"]

_PAUSED_EXIT = 130


@click.command(
    cls=Command,
    short_help="Run a session; Ctrl-C pauses it.",
    examples="""
    mass-tuning execute
    mass-tuning execute --session session_20250131_120000_1234
    mass-tuning execute --resume
    mass-tuning execute --json > outcome.json
    """,
)
@session_option("the newest unfinished one")
@click.option(
    "--parallel",
    metavar="N",
    help="Worker processes; this release has 1.  [default: as configured, 1]",
)
@click.option("--resume", is_flag=True, help="Go on with a paused session.")
@command_options
@click.pass_obj
def execute(context: Context, session_id: str | None, parallel: str | None, resume: bool) -> None:
    """Backtest the strategies of a session that are left; record and rank them.

    Ctrl-C finishes the chunk in hand and pauses the session (exit code 130), a second Ctrl-C
    stops at once. Either way nothing is lost or done twice: go on with --resume.
    """
    _check_parallel(str(context.config.execution.parallel) if parallel is None else parallel)
    engine = context.engine()
    housekeeping(engine)
    session = context.session(session_id, "unfinished")
    row = session.row
    again = context.command(f"execute --session {row.session_id} --resume")
    context.hint = f" at once; go on with: {again}"
    if not context.as_json:
        left = row.total - row.completed - row.failed
        note(f"{row.session_id}  {left:,} of {row.total:,} strategies to go")
    progress = run_with_progress(session, resume=resume)
    if context.as_json:
        print_json(outcome(session, progress))
    else:
        summarise(context, session, progress)
    if session.row.status == "paused":
        sys.exit(_PAUSED_EXIT)


def run_with_progress(session: Session, *, resume: bool = False) -> Progress:
    """Run a session; the first Ctrl-C pauses it, the second raises KeyboardInterrupt."""
    from studies.run import Progress, Stop

    row = session.row
    stop = Stop()
    metric = next(iter(session.directions))
    with (
        stop.on_signals(),
        run_progress(Progress(row.total, row.completed, row.failed), metric, stop) as on_progress,
    ):
        progress: Progress = session.run(resume=resume, on_progress=on_progress, stop=stop)
    return progress


def outcome(session: Session, progress: Progress) -> dict[str, Any]:
    """Tell a program what became of a run."""
    from studies.cli.strategies import strategy_records

    row = session.row
    return {
        "session_id": row.session_id,
        "status": row.status,
        "total": row.total,
        "completed": row.completed,
        "failed": row.failed,
        "pending": row.total - row.completed - row.failed,
        "done_here": progress.done_here,
        "seconds": progress.seconds,
        "strategies_per_second": progress.rate,
        "warnings": list(row.config.get("warnings", ())),
        "top": strategy_records(session.top(3)),
    }


def summarise(
    context: Context, session: Session, progress: Progress, *, n: int = 3, more: bool = True
) -> None:
    """Print how a run ended and its best strategies."""
    from studies.cli.strategies import print_top

    row = session.row
    for text in row.config.get("warnings", ()):
        warn(text)
    color = "green" if row.status == "completed" else "yellow"
    parts = [f"{style(row.session_id, bold=True)}  {style(row.status, fg=color)}"]
    if progress.done_here:
        parts.append(
            f"{progress.done_here:,} strategies in {duration(progress.seconds)} "
            f"({progress.rate:,.0f}/s)"
        )
    if row.failed:
        parts.append(f"{row.failed:,} failed")
    say(", ".join(parts))
    if row.completed:
        say()
        print_top(session, session.top(n))
    say()
    if row.status == "paused":
        again = context.command(f"execute --session {row.session_id} --resume")
        say(f"go on with: {again}")
    elif row.completed == 0 and row.failed:
        why = context.command(f"status --session {row.session_id} --detailed")
        say(f"why all failed: {why}")
    elif more:
        say(f"more: {context.command(f'top --session {row.session_id}')}")


def _check_parallel(parallel: str) -> None:
    if parallel != "1":
        raise click.ClickException(
            f"--parallel {parallel} is not in this release, which runs one process; "
            "leave it out, or use --parallel 1"
        )
