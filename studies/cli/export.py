"""``export``: results out of the database."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options, session_argument
from studies.cli.filter_options import column_list, filter_options, filter_text, session_filter
from studies.cli.output import note, print_json, say, size, warn
from studies.cli.progress import waiting

if TYPE_CHECKING:
    from studies.analysis import Selection
    from studies.session import Session

__all__ = ["export_command", "is_stdout"]


@click.command(
    "export",
    cls=Command,
    short_help="Write results to a CSV, JSON, Parquet or Excel file.",
    examples="""
    mass-tuning export
    mass-tuning export --format parquet -o results.parquet
    mass-tuning export --session session_20250131_120000_1234 -o all.json
    mass-tuning export --top 100 --metric total_return -o best.xlsx
    mass-tuning export --columns strategy_id,net_sharpe_ratio,failure -o few.csv
    mass-tuning export --pareto -o front.csv
    mass-tuning export --best-config best.yaml
    """,
)
@session_argument("the newest with results")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "json", "parquet", "xlsx"]),
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
    "--top",
    "n",
    type=click.IntRange(min=1),
    metavar="N",
    help="Only the best N results, best first, as top lists them.",
)
@click.option(
    "--metric",
    metavar="NAME",
    help="With --top: the figure that decides; default: the session's objective, of several the "
    "Pareto front.",
)
@click.option(
    "--all-names",
    is_flag=True,
    help="With --top: a row for each strategy, also where all figures are equal.",
)
@filter_options
@click.option("--columns", metavar="A,B,...", help="Only these columns, in this order.")
@click.option(
    "--pareto", is_flag=True, help="Several objectives: only strategies on the Pareto front."
)
@click.option(
    "--best-config",
    metavar="FILE",
    help="Instead of results: the best strategy as a configuration that backtest runs again.",
)
@click.option("--strategy", "strategy_id", metavar="ID", help="With --best-config: another one.")
@command_options
@click.pass_obj
def export_command(
    context: Context,
    session_id: str | None,
    file_format: str | None,
    output: str | None,
    best_config: str | None,
    strategy_id: str | None,
    columns: str | None,
    where: str | None,
    factors: tuple[str, ...],
    without: tuple[str, ...],
    **options: Any,
) -> None:
    """Write results of a session to a file, failed strategies and their reasons included.

    With several objectives the column pareto tells the strategies on the Pareto front. In CSV an
    apostrophe stands before texts that a spreadsheet would compute.

    With --where, --factor or --without only the strategies that are left; one without a figure
    that is compared, such as a failed one, is not.

    With --best-config the file holds the best strategy, its figures, and the configuration of the
    session with its dates; backtest --config FILE runs it again.
    """
    if best_config is not None:
        others = [file_format, output, columns, where, factors, without, *options.values()]
        if any(value not in (None, False, ()) for value in others):
            raise click.ClickException(
                "--best-config writes one strategy and no results; besides it give only --session "
                "and --strategy"
            )
        _best_config(context, context.session(session_id, "results"), best_config, strategy_id)
        return
    if strategy_id is not None:
        raise click.ClickException(
            "--strategy says which one --best-config writes; add --best-config FILE, or see one "
            f"strategy with: {context.command(f'show {strategy_id}')}"
        )
    from studies.analysis import Selection

    session = context.session(session_id, "results")
    listed = column_list(columns)
    selection = Selection(
        **options,
        columns=None if listed is None else tuple(listed),
        where=session_filter(session, where, factors, without),
    )
    _results(context, session, file_format, output, selection)


def _results(
    context: Context,
    session: Session,
    file_format: str | None,
    output: str | None,
    selection: Selection,
) -> None:
    from studies.analysis import export_results, format_of_name, spent_warning

    to_stdout = output is not None and is_stdout(output)
    if to_stdout:
        _refuse_json(context, "the results")
    if output in (None, "-"):
        file_format = file_format or "csv"
    output = output or f"{session.row.session_id}.{file_format}"
    file_format = file_format or format_of_name(Path(output).suffix[1:])
    target: Any = sys.stdout.buffer if to_stdout else output
    with waiting(f"writing {output}"):
        n_rows = export_results(
            session, target, file_format, selection, keep=context.configuration_files
        )
    spent = None if selection.metric is None else spent_warning(selection.metric)
    if spent:
        warn(spent)
    of = f"{'the Pareto front of ' if selection.pareto else ''}{session.row.session_id}"
    of += filter_text(selection.where)
    what = "strategies" if selection.n is None or selection.all_names else "distinct results"
    if to_stdout:
        note(f"{n_rows:,} {what} of {of}")
        return
    n_bytes = Path(output).stat().st_size if Path(output).is_file() else None
    if context.as_json:
        print_json(
            {
                "session_id": session.row.session_id,
                "file": output,
                "format": file_format,
                "filter": None if selection.where is None else selection.where.text,
                "strategies": n_rows,
                "bytes": n_bytes,
            }
        )
        return
    how_large = "" if n_bytes is None else f" ({size(n_bytes)})"
    say(f"{n_rows:,} {what} of {of} in {output}{how_large}")


def _best_config(context: Context, session: Session, output: str, strategy_id: str | None) -> None:
    from studies.analysis import export_best_config

    to_stdout = is_stdout(output)
    if to_stdout:
        _refuse_json(context, "the configuration")
    target: Any = sys.stdout.buffer if to_stdout else output
    strategy = export_best_config(session, target, strategy_id, keep=context.configuration_files)
    if context.as_json:
        print_json(
            {
                "session_id": session.row.session_id,
                "file": output,
                "strategy_id": strategy.id,
                "data_fingerprint": strategy.data_fingerprint,
            }
        )
        return
    tell = note if to_stdout else say
    tell(f"{strategy.id} of {session.row.session_id} in {output}")
    if not to_stdout:
        tell(f"run it again: mass-tuning backtest --config {shlex.quote(output)}")


def _refuse_json(context: Context, what: str) -> None:
    if context.as_json:
        raise click.ClickException(
            f"--json prints a document where - writes {what}; leave one of them out"
        )


def is_stdout(output: str) -> bool:
    """Whether this names the standard output: ``-``, or a name of where that leads."""
    if output == "-":
        return True
    try:
        return os.path.samestat(Path(output).stat(), os.fstat(1))
    except OSError:
        return False
