"""``export``: results out of the database."""

from __future__ import annotations

from pathlib import Path

import click

from studies.cli.context import Command, Context, command_options, session_option
from studies.cli.output import print_json, say, size
from studies.cli.progress import waiting

__all__ = ["export_command"]


@click.command(
    "export",
    cls=Command,
    short_help="Write all results to a CSV, JSON or Parquet file.",
    examples="""
    mass-tuning export
    mass-tuning export --format parquet -o results.parquet
    mass-tuning export --session session_20250131_120000_1234 -o all.json
    mass-tuning export --pareto -o front.csv
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
    help="Default: the session id in the current folder; an existing file is replaced.",
)
@click.option(
    "--pareto", is_flag=True, help="Several objectives: only strategies on the Pareto front."
)
@command_options
@click.pass_obj
def export_command(
    context: Context,
    session_id: str | None,
    file_format: str | None,
    output: str | None,
    pareto: bool,
) -> None:
    """Write every result of a session to a file, failed strategies and their reasons included.

    With several objectives the column pareto tells the strategies on the Pareto front.
    """
    from studies.analysis import export_results

    session = context.session(session_id, "results")
    if output is None:
        file_format = file_format or "csv"
        output = f"{session.row.session_id}.{file_format}"
    with waiting(f"writing {output}"):
        n_rows = export_results(session, output, file_format, pareto=pareto)
    n_bytes = Path(output).stat().st_size
    if context.as_json:
        print_json(
            {
                "session_id": session.row.session_id,
                "file": output,
                "format": file_format or {"jsonl": "json"}.get(ending := _ending(output), ending),
                "strategies": n_rows,
                "bytes": n_bytes,
            }
        )
        return
    of = f"{'the Pareto front of ' if pareto else ''}{session.row.session_id}"
    say(f"{n_rows:,} strategies of {of} in {output} ({size(n_bytes)})")


def _ending(path: str) -> str:
    return Path(path).suffix[1:]
