"""``execute``: work through what is left of a session."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import click

from studies.cli.context import Command, Context, command_options, session_argument
from studies.cli.exit_codes import INTERRUPTED
from studies.cli.generate import housekeeping
from studies.cli.language import shown
from studies.cli.output import duration, note, print_json, say, say_as_it_stands, style, warn
from studies.cli.progress import run_progress
from studies.cli.verdict_line import verdict_document
from studies.cli.verify import describe_and_judge
from studies.cli.watching import metrics_port_option, watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from studies.runs import Progress
    from studies.session import Session

__all__ = ["execute", "note_others", "outcome_document", "run_with_progress", "summarise"]


@click.command(
    cls=Command,
    short_help="Run a session; Ctrl-C pauses it.",
    examples="""
    mass-tuning execute
    mass-tuning execute --parallel auto
    mass-tuning execute --session session_20250131_120000_1234 --parallel 4
    mass-tuning execute --resume
    mass-tuning execute --retry-failed
    mass-tuning execute --scheduler tls://scheduler.example.org:8786
    mass-tuning execute --metrics-port 9100
    mass-tuning execute --json > outcome.json
    """,
)
@session_argument("the newest unfinished one")
@click.option(
    "--parallel",
    metavar="N",
    help="Worker processes of this machine; auto: as many as its load and its memory allow, more "
    "and fewer of them during the run.  [default: as configured, 1]",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Use the workers of a Dask scheduler, tls://HOST:PORT, instead; needs PostgreSQL.",
)
@click.option(
    "--insecure-scheduler",
    is_flag=True,
    help="Accept a tcp:// scheduler, through which anybody who reaches it can run code.",
)
@click.option("--resume", is_flag=True, help="Go on with a paused session.")
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Try failed strategies again, each at most 3 times; without --session those of the "
    "newest session with results.",
)
@metrics_port_option
@command_options
@click.pass_obj
def execute(
    context: Context,
    session_id: str | None,
    parallel: str | None,
    scheduler: str | None,
    insecure_scheduler: bool,
    resume: bool,
    retry_failed: bool,
    metrics_port: int | None,
) -> None:
    """Backtest the strategies of a session that are left; record and rank them.

    Ctrl-C finishes the chunks in hand and pauses the session (exit code 130), a second Ctrl-C
    stops at once. Either way nothing is lost or done twice: go on with --resume. A session that
    is running already is joined: both share what is left.
    """
    n_workers = _n_workers(context, parallel, scheduler)
    _note_crowd(n_workers)
    if scheduler is not None:
        from studies.runs import check_scheduler

        check_scheduler(scheduler, context.config.database, insecure=insecure_scheduler)
    elif insecure_scheduler:
        raise click.ClickException("--insecure-scheduler is about --scheduler ADDRESS; add that")
    engine = context.engine()
    if session_id is not None:
        from studies.sessions import find_session

        session_id = find_session(engine, session_id).session_id
    housekeeping(context, engine, session_id)
    session = context.session(session_id, "results" if retry_failed else "unfinished")
    session_id = session.row.session_id
    if session.row.is_of_earlier_system and not retry_failed:
        _plan_what_is_queued(context, session)
    n_retried = None
    with watched(context, session, metrics_port=metrics_port) as follow:
        if retry_failed:
            n_retried = _retry(context, session)
            resume = True
        again = context.command(f"execute --session {session_id} --resume")
        context.hint = f" at once; go on with: {again}"
        if not context.as_json:
            row = session.row
            left = row.total - row.completed - row.failed
            note(f"{session_id}  {left:,} of {row.total:,} strategies to go")
            note_others(session)
        progress = run_with_progress(
            session, resume=resume, parallel=n_workers, scheduler=scheduler, follow=follow
        )
    describe_and_judge(context, session)
    if context.as_json:
        document = outcome_document(session, progress)
        if n_retried is not None:
            document["retried"] = n_retried
        print_json(document)
    else:
        summarise(context, session, progress)
    from studies.sessions import SessionState

    if session.row.status != SessionState.COMPLETED:  # stopped; others may still work on it
        raise click.exceptions.Exit(INTERRUPTED)


def run_with_progress(
    session: Session,
    *,
    resume: bool = False,
    parallel: int | Literal["auto"] = 1,
    scheduler: str | None = None,
    follow: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Run a session; the first Ctrl-C pauses it, the second raises KeyboardInterrupt.

    Parameters
    ----------
    session, resume, parallel, scheduler
        As `studies.Session.run` takes them.
    follow : callable
        Called with the progress after every chunk.
    """
    from studies.runs import Progress, Stop
    from studies.upkeep import HealthWatch

    row = session.row
    stop = Stop()
    metric = next(iter(session.directions))
    before = Progress(row.total, row.completed, row.failed)
    workers = _workers_in_words(parallel)
    if scheduler is not None:
        workers = f"workers of {scheduler}"
    health = HealthWatch(session, warn)
    with stop.on_signals(), run_progress(before, metric, stop, workers) as show:

        def on_progress(now: Progress) -> None:
            show(now)
            follow(now)
            health.look()

        progress: Progress = session.run(
            parallel=parallel,
            scheduler=scheduler,
            resume=resume,
            on_progress=on_progress,
            stop=stop,
        )
    return progress


def _workers_in_words(parallel: int | Literal["auto"]) -> str:
    if parallel == "auto":
        return "as many workers as the load allows"
    return f"{parallel:,} workers" if parallel > 1 else ""


def note_others(session: Session) -> None:
    """Say that a session is joined, if other processes are working on it."""
    from studies.upkeep import others_work_on

    if others_work_on(session):
        note("joining: other processes are working on it too")


def outcome_document(session: Session, progress: Progress) -> dict[str, Any]:
    """Return what became of a run, as JSON holds it."""
    from studies.analysis import latest_verdict, statistics_of
    from studies.cli.stats import statistics_document
    from studies.cli.top import strategy_records

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
        "warnings": list(row.snapshot.warnings),
        "verdict": verdict_document(latest_verdict(session.engine, row.session_id)),
        "statistics": statistics_document(statistics_of(session)),
        "top": strategy_records(session.top(3)),
    }


def summarise(
    context: Context, session: Session, progress: Progress, *, n: int = 3, more: bool = True
) -> None:
    """Print how a run ended, its results in a few lines, and its best strategies."""
    from studies.analysis import statistics_of
    from studies.cli.stats import print_short_statistics
    from studies.cli.top import print_top
    from studies.sessions import SessionState

    row = session.row
    for text in row.snapshot.warnings:
        warn(text)
    color = "green" if row.status == SessionState.COMPLETED else "yellow"
    parts = [f"{style(row.session_id, bold=True)}  {style(row.status, fg=color)}"]
    if progress.done_here:
        parts.append(
            f"{progress.done_here:,} strategies in {duration(progress.seconds)} "
            f"({progress.rate:,.0f}/s)"
        )
    if row.failed:
        parts.append(f"{row.failed:,} failed")
    say_as_it_stands(", ".join(map(shown, parts)))
    if row.completed:
        say()
        print_short_statistics(statistics_of(session))
        say()
        print_top(context, session, session.top(n))
    say()
    if row.status == SessionState.PAUSED:
        again = context.command(f"execute --session {row.session_id} --resume")
        say(f"go on with: {again}")
    elif row.status != SessionState.COMPLETED:
        say("stopped here; others go on with it")
    elif row.completed == 0 and row.failed:
        why = context.command(f"status --session {row.session_id} --detailed")
        say(f"why all failed: {why}")
    elif more:
        say(f"more: {context.command(f'top --session {row.session_id}')}")


def _plan_what_is_queued(context: Context, session: Session) -> None:
    """Plan what an earlier system left, and say what of it cannot be measured."""
    from studies.planning import plan_earlier

    n_refused = plan_earlier(session, context.config)
    if n_refused and not context.as_json:
        why = context.command(f"status --session {session.row.session_id} --detailed")
        note(
            f"{n_refused:,} strategies that the earlier system queued cannot be measured; why: "
            + why
        )


def _retry(context: Context, session: Session) -> int:
    from studies.upkeep import retry_failed

    context.hint = "; what was set to pending stays so, go on with: " + context.command(
        f"execute --session {session.row.session_id} --retry-failed"
    )
    n_retried = retry_failed(session)
    if not context.as_json:
        note(f"{n_retried:,} failed strategies are tried again")
    return n_retried


def _note_crowd(n_workers: int | Literal["auto"]) -> None:
    """Say what more workers than processors cost."""
    from studies.upkeep import usable_cpus

    n_cpus = max(1, int(usable_cpus()))
    if n_workers == "auto" or n_workers <= n_cpus:
        return
    warn(
        f"{n_workers:,} workers on {n_cpus} processors are no faster than {n_cpus} and take "
        f"memory and time to start; --parallel {n_cpus} or auto suits this machine"
    )


def _n_workers(
    context: Context, parallel: str | None, scheduler: str | None
) -> int | Literal["auto"]:
    if scheduler is not None:
        if parallel is not None:
            raise click.ClickException(
                "--parallel is about workers of this machine, --scheduler about those of a "
                "cluster; give one of them"
            )
        return 1
    if parallel is None:
        return context.config.execution.parallel
    if parallel == "auto":
        return "auto"
    from search_spaces.checks import shown as as_got
    from studies.config import MOST_WORKERS

    number = int(parallel) if re.fullmatch("[0-9]{1,9}", parallel) else 0
    if not 1 <= number <= MOST_WORKERS:
        raise click.ClickException(
            f"--parallel is a number of processes from 1 to {MOST_WORKERS:,}, or auto, got "
            f"{as_got(parallel)}"
        )
    return number
