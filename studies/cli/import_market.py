"""``import``: a market into the database."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.output import pairs, print_json, say, style, warn
from studies.cli.progress import counting, waiting

if TYPE_CHECKING:
    from objectives import ReturnPanel
    from studies.market import ImportSummary

__all__ = ["import_command", "write_market"]


@click.command(
    "import",
    cls=Command,
    short_help="Bring a market into the database.",
    examples="""
    mass-tuning import funding_events.parquet --exchanges binance,bybit
    mass-tuning import returns.csv --market-caps caps.csv
    mass-tuning import old/funding_rate.db --start-date 2024-07-01
    mass-tuning import synthetic --n-pairs 50 --edge 0
    mass-tuning import --market-caps caps.csv     # for the returns already there
    """,
)
@click.argument("source", required=False)
@click.option(
    "--market-caps", metavar="FILE", help="CSV or Parquet with symbol, market_cap [, date]."
)
@click.option("--exchanges", metavar="A,B", help="Funding events: use these exchanges only.")
@click.option("--start-date", metavar="DATE", help="First day to import.")
@click.option("--end-date", metavar="DATE", help="Last day to import.")
@click.option(
    "--both-directions", is_flag=True, help="Funding events: also each pair the other way round."
)
@click.option("--n-pairs", type=click.IntRange(min=1), help="Synthetic: pairs.  [default: 200]")
@click.option("--n-days", type=click.IntRange(min=1), help="Synthetic: days.  [default: 840]")
@click.option("--seed", type=click.IntRange(min=0), help="Synthetic: seed.  [default: 0]")
@click.option(
    "--edge",
    type=click.FloatRange(min=0.0),
    help="Synthetic: size of the persistent returns, 0 for none.  [default: 1]",
)
@command_options
@click.pass_obj
def import_command(
    context: Context,
    source: str | None,
    market_caps: str | None,
    exchanges: str | None,
    start_date: str | None,
    end_date: str | None,
    both_directions: bool,
    **synthetic: Any,
) -> None:
    """Write a market into return_metrics and market_caps of the database.

    SOURCE is a database (URL or .db file), a CSV or Parquet file of daily returns (trading_pair,
    date, return_1d) or of raw funding events (timestamp, symbol, exchange, funding_rate), or the
    word synthetic. Importing again updates the same rows; nothing is deleted.
    """
    target = context.config.market.database or context.config.database
    if source is None:
        if market_caps is None:
            from objectives.market.sources import SOURCES

            raise click.ClickException(f"import what? SOURCE is {SOURCES}")
        source = target
    from objectives.market.sources import SourceRequest, read_source
    from studies.market import source_name

    name = source_name(source)
    request = SourceRequest(
        source=source,
        name=name,
        market_caps=market_caps,
        exchanges=tuple(part.strip() for part in exchanges.split(",")) if exchanges else None,
        start_date=start_date,
        end_date=end_date,
        both_directions=both_directions,
        synthetic={key: value for key, value in synthetic.items() if value is not None},
    )
    request.check()
    context.hint = "; what is written stays, import again to complete it"
    with waiting(f"reading {name}"):
        market = read_source(request)
    summary = write_market(market.panel, target)
    if context.as_json:
        document = asdict(summary)
        warnings = list(market.panel.warnings)
        document.update(source=market.panel.source, kind=market.kind, warnings=warnings)
        print_json(document)
        return
    _print_imported(context, market.panel, summary)


def write_market(panel: ReturnPanel, database: str) -> ImportSummary:
    """Write a panel with a progress bar."""
    from studies.market import import_market

    with counting("importing") as advance:
        return import_market(panel, database, advance)


def _print_imported(context: Context, panel: ReturnPanel, summary: ImportSummary) -> None:
    for text in panel.warnings:
        warn(text)
    say(f"{style('imported', fg='green')} {panel.source} into {summary.database}")
    n_caps = f"{summary.n_market_caps:,} symbols" if summary.n_market_caps else "none"
    if summary.n_dated_market_caps:
        n_caps += f", {summary.n_dated_market_caps:,} dated values"
    pairs(
        [
            ("returns", f"{summary.n_returns:,} rows of {summary.n_pairs:,} pairs"),
            ("days", f"{summary.first_date} to {summary.last_date}"),
            ("market caps", n_caps),
        ]
    )
    without_ic = "" if panel.has_market_caps else " --set weight_method=EQ,FS"
    say(f"next: {context.command(f'generate --mode exhaustive{without_ic}')}")
