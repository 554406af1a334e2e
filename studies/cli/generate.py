"""``generate``: plan a session and write its queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.output import note, print_json, say, style, warn
from studies.cli.progress import counting
from studies.cli.session_options import plan_options, read_plan

if TYPE_CHECKING:
    from studies.runs import SessionRequest
    from studies.session import Session
    from studies.sessions import Database

__all__ = ["finish_deletions", "generate", "housekeeping", "require_market"]

_QUICK_PLAN = 500_000
"""Rows of a plan that are written within seconds."""


@click.command(
    cls=Command,
    short_help="Plan a session: which strategies, on which data.",
    examples="""
    mass-tuning generate --mode exhaustive
    mass-tuning generate --mode exhaustive --size 10000 --set weight_method=EQ,FS
    mass-tuning generate --mode sampling --size 1000
    mass-tuning generate --mode sampling --method sobol --size 4096 --seed 7
    mass-tuning generate --mode genetic --size 1000 --seed 1
    mass-tuning generate --mode tpe --size 500 --seed 1
    mass-tuning generate --mode nsga2 --size 1000 --from session_20250131_120000_1234
    mass-tuning generate --split-date 2025-06-01 --backtest fee_rate=0.0005
    """,
)
@plan_options
@click.option(
    "--from",
    "start_from",
    metavar="ID",
    help="Session whose best strategies a search tries first.",
)
@click.option(
    "--from-best",
    "n_start",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many of them.  [default: 10]",
)
@click.option("--notes", metavar="TEXT", help="Free text kept with the session.")
@command_options
@click.pass_obj
def generate(
    context: Context,
    start_from: str | None,
    n_start: int | None,
    notes: str | None,
    **options: Any,
) -> None:
    """Plan a session: which strategies, on which data, with which settings."""
    request = read_plan(context, **options)
    request.check()
    _check_start(request, start_from, n_start)
    require_market(context)
    context.hint = (
        "; a session begun is completed by the next generate or execute, a large one by execute "
        "--session ID; or delete it with clean"
    )
    from studies.session import Session

    housekeeping(context, context.engine(create=True))
    if start_from is not None:
        start_from = context.session(start_from, "results").row.session_id
    with counting("planning") as advance:
        session = Session.create(
            request.config,
            method=request.method,
            mode=request.mode,
            size=request.size,
            seed=request.seed,
            restrictions=request.restrictions,
            start_from=start_from,
            n_start=n_start or 10,
            notes=notes,
            on_progress=advance,
        )
    following = context.command(f"execute --session {session.row.session_id}")
    split = _split(session, request)
    if context.as_json:
        print_json(_document(session, split, following))
        return
    for text in session.row.snapshot.warnings:
        warn(text)
    row = session.row
    what = "strategies to try" if row.is_adaptive else "strategies planned"
    say(f"{style(row.session_id, bold=True)}  {row.total:,} {what} ({row.method})")
    if row.snapshot.distinct_note is not None:
        say(row.snapshot.distinct_note)
    if row.snapshot.warm_start:
        say(f"begins with {len(row.snapshot.warm_start):,} of the best of {start_from}")
    if split is not None:
        say(split)
    say(f"run it with: {following}")


def _split(session: Session, request: SessionRequest) -> str | None:
    """Say what is out of sample; None where the objective takes no notice of dates."""
    from objectives.settings import AUTO, BacktestSettings, ResolvedSettings

    backtest = session.config.backtest
    if backtest.get("start_date") is None or backtest.get("end_date") is None:
        return None
    asked = BacktestSettings.from_dict(request.config.backtest).split_date
    splits = session.config.objective.type == "factor_backtest"
    settings = ResolvedSettings(**backtest)
    return settings.describe_split(was_auto=asked == AUTO and splits)


def _document(session: Session, split: str | None, following: str) -> dict[str, Any]:
    row = session.row
    return {
        "session_id": row.session_id,
        "mode": row.mode,
        "method": row.method,
        "seed": row.seed,
        "total": row.total,
        "space_size": row.snapshot.space_size,
        "n_distinct_by_construction": row.snapshot.n_distinct,
        "left_out": {name: list(values) for name, values in row.snapshot.left_out.items()},
        "status": row.status,
        "objective": session.directions,
        "backtest": session.config.backtest,
        "split": split,
        "warm_start": list(row.snapshot.warm_start or ()),
        "notes": row.notes,
        "warnings": list(row.snapshot.warnings),
        "next": following,
    }


def _check_start(request: SessionRequest, start_from: str | None, n_start: int | None) -> None:
    if start_from is not None and request.mode != "adaptive":
        raise click.ClickException(
            "--from is about samplers, which learn from what they are given; add --mode tpe, or "
            "another one that does"
        )
    if n_start is not None and start_from is None:
        raise click.ClickException("--from-best is about --from SESSION; add that")


def require_market(context: Context) -> None:
    """Refuse before anything is created when there is no market to plan on, and one is needed."""
    if context.config.market.database is None and not context.config.brings_its_data:
        context.engine().dispose()


def housekeeping(context: Context, engine: Database, session_id: str | None = None) -> None:
    """Finish what interrupted commands left: deletions, then plans.

    A plan that takes long is left alone, unless it is that of `session_id`: nobody should wait
    minutes for a session that is not meant.
    """
    from studies.planning import complete_plans, count_rows, is_too_large
    from studies.sessions import SessionState, list_sessions

    finish_deletions(engine)
    begun = [row for row in list_sessions(engine) if row.status == SessionState.GENERATING]
    meant = {
        row.session_id
        for row in begun
        if row.session_id == session_id or count_rows(row) <= _QUICK_PLAN
    }
    with counting("completing") as advance:
        finished = complete_plans(engine, advance, only=meant)
    for finished_id in finished:
        note(f"completed the interrupted plan of {finished_id}")
    for row in begun:
        delete = context.command(f"clean --session {row.session_id}")
        if is_too_large(row):
            note(
                f"{row.session_id} has too many strategies to be planned; delete it with: {delete}"
            )
        elif row.session_id not in meant:
            note(
                f"{row.session_id} is being planned, or that was interrupted; complete it with: "
                f"{context.command(f'execute --session {row.session_id}')}, or delete it with: "
                f"{delete}"
            )


def finish_deletions(engine: Database) -> list[str]:
    """Finish deletions that were interrupted; return the ids of their sessions."""
    from studies.upkeep import finish_deletions

    deleted = finish_deletions(engine)
    for session_id in deleted:
        note(f"finished the interrupted deletion of {session_id}")
    return deleted
