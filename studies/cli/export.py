"""``export``: results out of the database."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from studies.cli.context import Command, Context, command_options, session_option
from studies.cli.filter_options import column_list, filter_options, filter_text, session_filter
from studies.cli.output import note, print_json, say, size
from studies.cli.progress import waiting

__all__ = ["export_command"]


@click.command(
    "export",
    cls=Command,
    short_help="Write results to a CSV, JSON or Parquet file.",
    examples="""
    mass-tuning export
    mass-tuning export --format parquet -o results.parquet
    mass-tuning export --session session_20250131_120000_1234 -o all.json
    mass-tuning export --pareto -o front.csv
    mass-tuning export --where "trade_count >= 10" --columns strategy_id,total_return -o few.csv
    """,
)
@session_option("the newest with results")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "json", "parquet"]),
    help="Default: by the ending of the file, else csv. json is one object a line.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Default: the session id in the current folder; an existing file is replaced. A pipe, a "
    "device or -, the standard output, is written into.",
)
@click.option(
    "--pareto", is_flag=True, help="Several objectives: only strategies on the Pareto front."
)
@filter_options
@click.option(
    "--columns", metavar="NAMES", help="Columns to write, a comma between two.  [default: all]"
)
@command_options
@click.pass_obj
def export_command(
    context: Context,
    session_id: str | None,
    file_format: str | None,
    output: str | None,
    pareto: bool,
    where: str | None,
    factors: tuple[str, ...],
    without: tuple[str, ...],
    columns: str | None,
) -> None:
    """Write every result of a session to a file, failed strategies and their reasons included.

    With --where, --factor or --without only the strategies that are left; one without a figure
    that is compared, such as a failed one, is not.

    With several objectives the column pareto tells the strategies on the Pareto front.
    """
    from studies.analysis import export_results

    to_stdout = output is not None and _is_stdout(output)
    if to_stdout and context.as_json:
        raise click.ClickException(
            "--json prints a document where -o - writes the results; leave one of them out"
        )
    session = context.session(session_id, "results")
    if output in (None, "-"):
        file_format = file_format or "csv"
    output = output or f"{session.row.session_id}.{file_format}"
    target: Any = output
    if to_stdout:
        file_format = file_format or _format_of(output)
        target = sys.stdout.buffer
    chosen = session_filter(session, where, factors, without)
    with waiting(f"writing {output}"):
        n_rows = export_results(
            session,
            target,
            file_format,
            pareto=pareto,
            where=chosen,
            columns=column_list(columns),
            keep=_configuration(context),
        )
    of = f"{'the Pareto front of ' if pareto else ''}{session.row.session_id}"
    of += filter_text(chosen)
    if to_stdout:
        note(f"{n_rows:,} strategies of {of}")
        return
    n_bytes = Path(output).stat().st_size if Path(output).is_file() else None
    if context.as_json:
        print_json(
            {
                "session_id": session.row.session_id,
                "file": output,
                "format": file_format or _format_of(output),
                "filter": None if chosen is None else chosen.text,
                "strategies": n_rows,
                "bytes": n_bytes,
            }
        )
        return
    how_large = "" if n_bytes is None else f" ({size(n_bytes)})"
    say(f"{n_rows:,} strategies of {of} in {output}{how_large}")


def _format_of(path: str) -> str:
    ending = Path(path).suffix[1:]
    return {"jsonl": "json"}.get(ending, ending)


def _is_stdout(output: str) -> bool:
    """Whether this names the standard output: ``-``, or a name of where that leads."""
    if output == "-":
        return True
    try:
        return os.path.samestat(Path(output).stat(), os.fstat(1))
    except OSError:
        return False


def _configuration(context: Context) -> dict[Path, str]:
    """Return the configuration file in use, which is not to be written over."""
    from studies.config import DEFAULT_CONFIG_FILE

    return {Path(context.config_file or DEFAULT_CONFIG_FILE): "the configuration"}
