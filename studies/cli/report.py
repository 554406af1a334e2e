"""``report``: everything a session says, as one page for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from studies.cli.comparison_file import (
    write_comparison_file,
)
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
    mass-tuning report --language zh-Hant --attach
    mass-tuning report session_20250131_120000_1234 session_20250201_090000_5678 -o compare.html
    """,
)
@click.argument("session_ids", metavar="[SESSION...]", nargs=-1)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Default: the session id, or of several compare.html, in the current folder; an existing "
    "page is replaced.",
)
@filter_options
@click.option(
    "--language",
    type=click.Choice(_LANGUAGES),
    help="In which the page opens; both are in it. Default: by the language of this terminal.",
)
@click.option(
    "--attach",
    is_flag=True,
    help="Offer the page beside the session's Optuna studies too, where the dashboard shows it "
    "under Artifacts; it is kept in a folder beside the database.",
)
@command_options
@click.pass_obj
def report(
    context: Context,
    session_ids: tuple[str, ...],
    output: str | None,
    where: str | None,
    factors: tuple[str, ...],
    without: tuple[str, ...],
    language: str | None,
    attach: bool,
) -> None:
    """Write a report of a session: one HTML file that opens without a server or the internet.

    All strategies are in it, with their objective, return and drawdown; the page chooses among
    them by parameter and by pairs of parameters. It shows the best different results with their
    neighbours, the days of the best five, what decides the result, failures, and how to do it
    again.

    With --where, --factor or --without it is about the strategies that are left, and says so.

    Of several sessions it is the page that compare -o compare.html writes.
    """
    from studies.reports import write_report

    if len(session_ids) > 1:
        if attach:
            raise click.ClickException("--attach is for the report of one session")
        target = _page_name(output or "compare.html")
        language = language or context.language
        write_comparison_file(context, session_ids, target, (where, factors, without), language)
        return
    session = context.session(next(iter(session_ids), None), "results")
    chosen = session_filter(session, where, factors, without)
    target = _page_name(output or f"{session.row.session_id}.html")
    with waiting(f"writing {target}"):
        written = write_report(
            session,
            target,
            chosen,
            command=context.command,
            language=language or context.language,
            keep=context.configuration_files,
            attach=attach,
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
    of = f"{written.n_strategies:,} strategies of {session.row.session_id}{filter_text(chosen)}"
    say(f"report of {of} in {target} ({size(written.n_bytes)})")
    _note_unfinished(session)


def _note_unfinished(session: Session) -> None:
    row = session.row
    if row.pending:
        note(f"{row.pending:,} of {row.total:,} strategies are not done yet and not in it")


def _page_name(target: str) -> str:
    if Path(target).suffix.lower() not in (".html", ".htm"):
        raise click.ClickException(
            f"a report is an HTML page; name a file that ends in .html, got {target!r}"
        )
    return target
