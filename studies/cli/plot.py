"""``plot``: a figure of a session as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options, session_argument
from studies.cli.filter_options import filter_options, filter_text, session_filter
from studies.cli.output import note, pairs, print_json, say, size, warn
from studies.cli.progress import waiting

if TYPE_CHECKING:
    from studies.reports import Figure
    from studies.session import Session

__all__ = ["LISTED", "plot"]

LISTED = {
    "distribution": "where the strategies lie",
    "importance": "what decides the result",
    "heat_map": "two parameters against each other",
    "plateau": "whether the neighbours of the best are as good",
    "equity": "wealth and drawdown of the best five and the basket",
    "months": "what the best earned month by month",
    "in_against_out": "in sample against out of sample",
    "best_so_far": "how the best result improved",
    "failures": "what failed, and why",
    "lift": "which values the best have more often than all",
}
"""Figures and what they show, as of `studies.reports.FIGURES`, which takes longer to load."""


@click.command(
    cls=Command,
    short_help="A figure of a session as SVG, PNG or HTML.",
    examples="""
    mass-tuning plot
    mass-tuning plot distribution
    mass-tuning plot heat_map --x window_size --y factors --statistic best -o map.png
    mass-tuning plot plateau --where "max_drawdown < 0.05" -o plateau.html
    mass-tuning plot importance --json
    """,
)
@click.argument("name", required=False)
@session_argument("the newest with results")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Ends in .svg, .png or .html; default: name and session id in the current folder, .svg. "
    "An existing file is replaced.",
)
@click.option("--x", metavar="PARAMETER", help="heat_map: across; default: what decides most.")
@click.option("--y", metavar="PARAMETER", help="heat_map: down; default: what decides most beside.")
@click.option(
    "--statistic",
    type=click.Choice(["median", "best", "share"]),
    help="heat_map: of the strategies of a cell; share is that above 0.  [default: median]",
)
@filter_options
@command_options
@click.pass_obj
def plot(
    context: Context,
    name: str | None,
    session_id: str | None,
    output: str | None,
    where: str | None,
    factors: tuple[str, ...],
    without: tuple[str, ...],
    **options: Any,
) -> None:
    """Draw what all results of a session say.

    Without NAME the figures are listed. --json prints what is drawn, as numbers, and writes a file
    only with -o.
    """
    if name is None:
        _list_figures(context)
        return
    from studies.reports import SessionData, figure_of, format_of_figure

    if output is not None:
        format_of_figure(output)
    session = context.session(session_id, "results")
    chosen = session_filter(session, where, factors, without)
    given = {option: value for option, value in options.items() if value is not None}
    with waiting(f"drawing {name}"):
        figure = figure_of(SessionData(session, chosen), name, **given)
    heading = f"{session.row.session_id}{filter_text(chosen)}"
    target = output or (None if context.as_json else f"{name}_{session.row.session_id}.svg")
    if target is not None:
        _write(context, session, figure, heading, target)
    if context.as_json:
        _print_document(session, figure, None if chosen is None else chosen.text, target)
        return
    for text in session.row.snapshot.warnings:
        warn(text)
    assert target is not None
    if not figure.panels:
        warn(f"nothing is drawn: {figure.note}")
    say(f"{figure.title} of {heading} in {target} ({size(Path(target).stat().st_size)})")
    say(str(figure.summary))


def _list_figures(context: Context) -> None:
    if context.as_json:
        print_json({"figures": LISTED})
        return
    pairs(LISTED.items())
    note(f"draw one with: {context.command('plot NAME')}")


def _write(context: Context, session: Session, figure: Figure, heading: str, target: str) -> None:
    from studies.reports import write_figure

    write_figure(session, figure, target, heading, keep=context.configuration_files)


def _print_document(
    session: Session, figure: Figure, chosen: str | None, target: str | None
) -> None:
    from studies.reports import figure_values

    head = {"session_id": session.row.session_id, "filter": chosen, "file": target}
    print_json(head | figure_values(figure))
