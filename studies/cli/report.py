"""``report``: everything a session says, as one page for a browser."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.filter_options import filter_options, filter_text, session_filter
from studies.cli.output import note, print_json, say, size
from studies.cli.progress import waiting

if TYPE_CHECKING:
    from studies.session import Session

__all__ = ["report"]

_LANGUAGES = ("en", "zh-Hant")


@click.command(
    cls=Command,
    short_help="Write what all results say as one page for a browser.",
    examples="""
    mass-tuning report
    mass-tuning report session_20250131_120000_1234 -o report.html
    mass-tuning report --factor SR --where "trade_count >= 10" -o sr.html
    mass-tuning report --language zh-Hant
    """,
)
@click.argument("session_id", metavar="[SESSION]", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Default: the session id in the current folder; an existing page is replaced.",
)
@filter_options
@click.option(
    "--language",
    type=click.Choice(_LANGUAGES),
    help="In which the page opens; both are in it. Default: by the language of this terminal.",
)
@command_options
@click.pass_obj
def report(
    context: Context,
    session_id: str | None,
    output: str | None,
    where: str | None,
    factors: tuple[str, ...],
    without: tuple[str, ...],
    language: str | None,
) -> None:
    """Write a report of a session: one HTML file that opens without a server or the internet.

    All strategies are in it, with their objective, return and drawdown; the page chooses among
    them by parameter and by pairs of parameters. It shows the best different results with their
    neighbours, the days of the best five, what decides the result, failures, and how to do it
    again.

    With --where, --factor or --without it is about the strategies that are left, and says so.
    """
    from studies.reports import write_report

    session = context.session(session_id, "results")
    chosen = session_filter(session, where, factors, without)
    target = output or f"{session.row.session_id}.html"
    if Path(target).suffix.lower() not in (".html", ".htm"):
        raise click.ClickException(
            f"a report is an HTML page; name a file that ends in .html, got {target!r}"
        )
    with waiting(f"writing {target}"):
        written = write_report(
            session,
            target,
            chosen,
            command=context.command,
            language=language or _language_of_terminal(),
            keep=_configuration(context),
        )
    if context.as_json:
        print_json(
            {
                "session_id": session.row.session_id,
                "file": target,
                "filter": None if chosen is None else chosen.text,
                "strategies": written.n_strategies,
                "bytes": written.n_bytes,
                "data_bytes": written.n_data_bytes,
            }
        )
        return
    of = f"{session.row.session_id}{filter_text(chosen)}"
    say(
        f"report of {written.n_strategies:,} strategies of {of} in {target} ({size(written.n_bytes)})"
    )
    _note_unfinished(session)


def _note_unfinished(session: Session) -> None:
    row = session.row
    if row.pending:
        note(f"{row.pending:,} of {row.total:,} strategies are not done yet and not in it")


def _language_of_terminal() -> str:
    """Return the language of the page that the environment asks for."""
    named = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh-Hant" if named.lower().startswith("zh") else "en"


def _configuration(context: Context) -> dict[Path, str]:
    """Return the configuration file in use, which is not to be written over."""
    from studies.config import DEFAULT_CONFIG_FILE

    return {Path(context.config_file or DEFAULT_CONFIG_FILE): "the configuration"}
