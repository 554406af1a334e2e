"""``worker``: one plain process on a session, to be started anywhere and as often as wanted."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.execute import note_others, outcome_document, summarise
from studies.cli.exit_codes import INTERRUPTED, RESTART
from studies.cli.output import note, print_json, warn
from studies.cli.progress import run_progress
from studies.cli.study_pages import describe_when_completed
from studies.cli.watching import metrics_port_option, watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from studies.runs import Progress, Stop
    from studies.session import Session

__all__ = ["worker"]

_WAIT_SECONDS = 2.0


@click.command(
    cls=Command,
    short_help="One more process on a session, anywhere.",
    examples="""
    mass-tuning worker session_20250131_120000_1234
    mass-tuning worker session_20250131_120000_1234 --alerts --metrics-port 9100
    mass-tuning --database postgresql://me@db/tuning worker session_20250131_120000_1234 --wait
    """,
)
@click.argument("session_id", metavar="SESSION")
@click.option("--resume", is_flag=True, help="Go on with a paused session.")
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for a session that is not ready: being planned, paused, stopped by an error.",
)
@click.option(
    "--alerts",
    is_flag=True,
    help="Tell what the alerts of the configuration say, as execute does; give it to one worker.",
)
@metrics_port_option
@command_options
@click.pass_obj
def worker(
    context: Context,
    session_id: str,
    resume: bool,
    wait: bool,
    alerts: bool,
    metrics_port: int | None,
) -> None:
    """Work on a session in this process until it is over, together with whoever else does.

    Ctrl-C or a termination signal ends it after the chunk in hand (exit code 130), a second one
    at once; what others work on goes on. A chunk that exceeds its time limit ends the process
    with exit code 75: let what supervises it start it again.
    """
    _limit_threads()
    from studies.runs import Stop

    session = context.session(session_id, "newest")
    context.hint = " at once; its chunk is given to another worker"
    stop = Stop()
    with (
        stop.on_signals(),
        watched(context, session, metrics_port=metrics_port, alerts=alerts) as follow,
    ):
        ready = _is_ready(context, session, stop, resume, wait)
        progress = _work(context, session, stop, resume, follow) if ready else None
    if (
        progress is not None and progress.done_here
    ):  # others may end it too: the same is written again
        describe_when_completed(context, session)
    if progress is None:  # stopped while it waited
        from studies.runs import Progress

        row = session.row
        progress = Progress(row.total, row.completed, row.failed)
    if context.as_json:
        print_json(outcome_document(session, progress))
    else:
        summarise(context, session, progress)
    from studies.sessions import SessionState

    if session.row.status != SessionState.COMPLETED:
        raise click.exceptions.Exit(INTERRUPTED)


def _limit_threads() -> None:
    """Keep compiled libraries to one thread, as the processes of ``execute --parallel`` are."""
    if "numpy" not in sys.modules:
        for library in ("NUMBA", "OMP", "OPENBLAS", "MKL"):
            os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def _is_ready(context: Context, session: Session, stop: Stop, resume: bool, wait: bool) -> bool:
    """Whether the session can be worked on; with `wait` only a stop makes it false.

    Raises
    ------
    SessionError
        If it cannot, with the way out.
    """
    from search_spaces.errors import SessionError
    from studies.sessions import SessionState

    ready = [SessionState.CREATED, SessionState.RUNNING, SessionState.COMPLETED]
    if resume:
        ready += [SessionState.PAUSED, SessionState.FAILED]
    noted = ""
    while session.row.status not in ready and not stop.is_set():
        status = session.row.status
        again = context.command(f"execute --session {session.row.session_id} --resume")
        reasons: dict[str, str] = {
            SessionState.PAUSED: (
                f"is paused; go on with: {again}, or let this worker do so with --resume"
            ),
            SessionState.FAILED: (
                f"was stopped by an error; when its cause is gone, go on with: {again}"
            ),
            SessionState.GENERATING: "is still being planned; wait for it with --wait",
        }
        reason = reasons.get(status, f"is {status}")
        if not wait or status not in reasons:
            raise SessionError(f"{session.row.session_id} {reason}")
        if status != noted and not context.as_json:
            note(f"waiting: {session.row.session_id} {reason}")
        noted = status
        time.sleep(_WAIT_SECONDS)
        session.refresh()
    return not stop.is_set()


def _work(
    context: Context,
    session: Session,
    stop: Stop,
    resume: bool,
    follow: Callable[[Progress], None],
) -> Progress:
    from studies.runs import Progress, run_session
    from studies.sessions import SessionState, cached_objective
    from studies.upkeep import HealthWatch

    row = session.row
    objective = None
    if row.status != SessionState.COMPLETED:
        if not context.as_json:
            left = row.total - row.completed - row.failed
            note(f"{row.session_id}  {left:,} of {row.total:,} strategies to go")
            note_others(session)
        objective = cached_objective(session)
    before = Progress(row.total, row.completed, row.failed)
    health = HealthWatch(session, warn)
    with run_progress(before, next(iter(session.directions)), stop) as show:

        def on_progress(now: Progress) -> None:
            show(now)
            follow(now)
            health.look()

        return run_session(
            session,
            resume=resume,
            objective=objective,
            on_progress=on_progress,
            on_limit=_exit,
            stop=stop,
        )


def _exit() -> None:
    """End the process: compiled code that takes too long cannot be interrupted."""
    os.write(2, b"error: a chunk exceeds its time limit; the worker ends itself, start it again\n")
    os._exit(RESTART)
