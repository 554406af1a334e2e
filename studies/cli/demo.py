"""``demo``: a market, a session and its best strategies, with nothing to prepare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from studies.cli.context import Command, Context, debug_option
from studies.cli.exit_codes import INTERRUPTED
from studies.cli.import_market import write_market
from studies.cli.output import note, print_json, say, style
from studies.cli.progress import counting, waiting

if TYPE_CHECKING:
    from objectives import ReturnPanel
    from studies.session import Session

__all__ = ["demo"]

_DATABASE = "funding_rate.db"
_BEST = 10


@click.command(
    cls=Command,
    short_help="A first look: 10,000 strategies on an invented market.",
    examples="""
    mass-tuning demo
    mass-tuning demo --size 1000 --folder /tmp/first-look
    """,
)
@click.option(
    "--size",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Number of strategies.",
)
@click.option(
    "--folder",
    default="mass-tuning-demo",
    show_default=True,
    metavar="FOLDER",
    help="Where the demo's database is; created if missing.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document for programs.")
@debug_option()
@click.pass_obj
def demo(context: Context, size: int, folder: str, as_json: bool) -> None:
    """Invent a market, run 10,000 strategies on it, show the best.

    The market has persistent returns, so that there is something to find. Everything is in the
    demo's own folder, which may be deleted at any time. A second run uses the same market and
    makes a new session.
    """
    if context.config_file or context.database:
        raise click.ClickException("demo has a database of its own; choose its place with --folder")
    context.hint = f"; start it again, or look at what is there in {folder}"
    Path(folder).mkdir(parents=True, exist_ok=True)
    from objectives.sqlite_url import sqlite_url

    url = sqlite_url(Path(folder) / _DATABASE)
    context.database = url  # for the commands it recommends
    panel = _market(url)
    session = _plan(url, panel, size)

    from studies.cli.execute import outcome_document, run_with_progress, summarise
    from studies.cli.verify import describe_and_judge
    from studies.sessions import SessionState

    if not as_json:
        note(f"{session.row.session_id}  {session.row.total:,} strategies on a synthetic market")
    progress = run_with_progress(session)
    describe_and_judge(context, session)
    if as_json:
        from studies.cli.top import strategy_records

        document = outcome_document(session, progress)
        document.update(database=url, top=strategy_records(session.top(_BEST)))
        print_json(document)
    else:
        summarise(context, session, progress, n=_BEST, more=False)
        if session.row.status == SessionState.COMPLETED:
            _print_ways_on(context, session)
    if session.row.status == SessionState.PAUSED:
        raise click.exceptions.Exit(INTERRUPTED)


def _market(url: str) -> ReturnPanel | None:
    """Write the synthetic market into the database, unless an earlier run did; read it."""
    from objectives import ReturnPanel
    from search_spaces.errors import DataError
    from studies.market import read_same_market

    with waiting("inventing a market"):
        invented = ReturnPanel.synthetic()
    stored = read_same_market(invented, url)
    if stored is None:  # the first run, or one that was interrupted
        try:
            write_market(invented, url)
        except DataError:
            raise click.ClickException(
                f"{url.removeprefix('sqlite:///')} holds another market; demo wants a folder of "
                "its own, give one with --folder"
            ) from None
        stored = read_same_market(invented, url)
    return stored


def _plan(url: str, panel: ReturnPanel | None, size: int) -> Session:
    from studies.config import TuningConfig
    from studies.session import Session

    with counting("planning") as advance:
        return Session.create(
            TuningConfig(database=url),
            method="exhaustive",
            size=size,
            notes="demo",
            panel=panel,
            on_progress=advance,
        )


def _print_ways_on(context: Context, session: Session) -> None:
    session_id, url = session.row.session_id, context.database
    lines = [
        ("one of them closely", context.command("show best")),
        ("in the browser", context.command("dashboard")),
    ]
    for title, command in lines:
        say(style(title, dim=True))
        say(f"  {command}")
    say(style("in Python", dim=True))
    say("  import optuna")
    say("  from studies import Session")
    say(f'  Session.open("{url}", "{session_id}").top(10)')
    say(f'  optuna.load_study(study_name="{session.study_name}", storage="{url}").best_trial')
