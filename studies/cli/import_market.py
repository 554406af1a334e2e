"""``import``: a market into the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.output import pairs, print_json, say, style, warn
from studies.cli.progress import counting, waiting

if TYPE_CHECKING:
    from objectives import ReturnPanel
    from objectives.market.events import EventRules
    from objectives.market.sources import SourceRequest
    from studies.market import ImportRules, MarketImport

__all__ = ["event_rules", "import_command", "mapping_of", "print_imported", "write_market"]


_OF_EVENTS = (
    "exchanges",
    "form",
    "columns",
    "exchange",
    "symbol",
    "aliases",
    "timezone",
    "both_directions",
    "incomplete_days",
)


@click.command(
    "import",
    cls=Command,
    short_help="Bring a market into the database.",
    examples="""
    mass-tuning import BTCUSDT-fundingRate-2024-01.zip okx/ bybit.csv
    mass-tuning import funding_events.parquet --exchanges binance,bybit
    mass-tuning import history.csv --exchange gate --symbol BTC_USDT --timezone Asia/Taipei
    mass-tuning import rates.csv --columns timestamp=time,symbol=coin,rate=value --exchange okx
    mass-tuning import returns.csv --market-caps caps.csv
    mass-tuning import old/funding_rate.db --start-date 2024-07-01
    mass-tuning import synthetic --n-pairs 50 --edge 0
    mass-tuning import --market-caps caps.csv     # for the returns already there
    mass-tuning import --rebuild --incomplete-days keep
    """,
)
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--market-caps", metavar="FILE", help="File with symbol, market_cap [, date].")
@click.option("--exchanges", metavar="A,B", help="Funding events: use these exchanges only.")
@click.option("--start-date", metavar="DATE", help="First day to import.")
@click.option("--end-date", metavar="DATE", help="Last day to import.")
@click.option("--form", metavar="NAME", help="Funding events: insist on a form, see docs/data.md.")
@click.option(
    "--columns",
    metavar="NAME=COLUMN,..",
    help="Funding events: columns of timestamp, rate, and perhaps symbol and exchange.",
)
@click.option("--exchange", metavar="NAME", help="Funding events: exchange of files without one.")
@click.option("--symbol", metavar="NAME", help="Funding events: symbol of files without one.")
@click.option(
    "--alias",
    "aliases",
    multiple=True,
    metavar="NAME=SYMBOL",
    help="Funding events: another name of a symbol, also EXCHANGE:NAME=SYMBOL; again for more.",
)
@click.option("--timezone", metavar="ZONE", help="Zone of times without one.  [default: UTC]")
@click.option(
    "--both-directions/--one-direction",
    default=None,
    help="Funding events: also each pair the other way round.  [default: as before, at first not]",
)
@click.option(
    "--incomplete-days",
    type=click.Choice(["drop", "keep"]),
    help="Funding events: days on which a side lacks a settlement.  [default: as before, or drop]",
)
@click.option("--rebuild", is_flag=True, help="Make the returns again of the funding events held.")
@click.option("--strict", is_flag=True, help="Refuse a market that looks wrong.")
@click.option("--yes", is_flag=True, help="Write it beside a different market.")
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
    sources: tuple[str, ...],
    rebuild: bool,
    strict: bool,
    yes: bool,
    **options: Any,
) -> None:
    """Write a market into return_metrics and market_caps of the database.

    SOURCE is a database (URL or .db file), a file of daily returns (trading_pair, date,
    return_1d), files or folders of funding rates as exchanges and tools publish them, or the word
    synthetic. Funding events are kept, and returns are made of all that are held. Importing again
    updates the same rows; rows of other sources stay.
    """
    from objectives.market.sources import SOURCES
    from studies.market import ImportRules

    target = context.config.market_database
    rules = ImportRules(strict=strict, mix=yes)
    if rebuild:
        _refuse_with_rebuild(sources, options)
        wanted = event_rules(context, options["both_directions"], options["incomplete_days"])
        context.hint = "; rebuild again to complete it"
        print_imported(context, _rebuild(wanted, target, rules))
        return
    if not sources:
        if options["market_caps"] is None:
            raise click.ClickException(f"import what? SOURCE is {SOURCES}")
        sources = (target,)
    request = _request(context, sources, options)
    request.check()
    context.hint = "; what is written stays, import again to complete it"
    wanted = event_rules(context, options["both_directions"], options["incomplete_days"])
    print_imported(context, _import(request, target, rules, wanted))


def event_rules(
    context: Context, both_directions: bool | None = None, incomplete_days: str | None = None
) -> EventRules:
    """How returns are made of funding events: options, or the configuration."""
    from objectives.market.events import EventRules

    given = EventRules(both_directions=both_directions, incomplete_days=incomplete_days)
    return given.over(context.config.market.event_rules)


def mapping_of(option: str, parts: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=VALUE`` texts.

    Raises
    ------
    click.ClickException
        If one is not written so.
    """
    found = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise click.ClickException(f"{option} is written NAME=VALUE, got {part!r}")
        found[name.strip()] = value.strip()
    return found


def _request(context: Context, sources: tuple[str, ...], options: dict[str, Any]) -> SourceRequest:
    from objectives.market.reading import ReadingOptions
    from objectives.market.sources import SourceRequest
    from studies.market import source_name

    config = context.config.market
    exchanges, columns = options["exchanges"], options["columns"]
    synthetic = {key: options[key] for key in ("n_pairs", "n_days", "seed", "edge")}
    reading = ReadingOptions(
        form=options["form"],
        columns=mapping_of("--columns", columns.split(",")) if columns else None,
        timezone=options["timezone"] or config.timezone,
        exchange=options["exchange"],
        symbol=options["symbol"],
        aliases={**config.aliases, **mapping_of("--alias", options["aliases"])},
    )
    return SourceRequest(
        sources=sources,
        name=source_name(sources[0]),
        market_caps=options["market_caps"],
        exchanges=tuple(part.strip() for part in exchanges.split(",")) if exchanges else None,
        start_date=options["start_date"],
        end_date=options["end_date"],
        event_options=tuple(
            f"--{name.replace('_', '-')}" for name in _OF_EVENTS if options[name] not in (None, ())
        ),
        reading=reading,
        synthetic={key: value for key, value in synthetic.items() if value is not None},
    )


def _refuse_with_rebuild(sources: tuple[str, ...], options: dict[str, Any]) -> None:
    allowed = ("both_directions", "incomplete_days")
    given = [
        name for name, value in options.items() if value not in (None, ()) and name not in allowed
    ]
    if sources or given:
        raise click.ClickException(
            "--rebuild makes the returns again of what is held and takes no "
            f"{'SOURCE' if sources else '--' + given[0].replace('_', '-')}"
        )


def _rebuild(wanted: EventRules, target: str, rules: ImportRules) -> MarketImport:
    from studies.market import import_events

    with counting("importing") as advance:
        return import_events(None, target, event_rules=wanted, rules=rules, on_progress=advance)


def _import(
    request: SourceRequest, target: str, rules: ImportRules, wanted: EventRules
) -> MarketImport:
    """Read and write, with a word on what takes time."""
    from studies.market import read_source

    with waiting(f"reading {request.name}"):
        source = read_source(request)
    with counting("importing") as advance:
        return source.write_into(target, event_rules=wanted, rules=rules, on_progress=advance)


def write_market(panel: ReturnPanel, database: str, rules: ImportRules | None = None) -> None:
    """Write an invented market with a progress bar."""
    from studies.market import import_returns

    with counting("importing") as advance:
        import_returns(panel, database, kind="synthetic", rules=rules, on_progress=advance)


def print_imported(context: Context, done: MarketImport) -> None:
    """Say what an import or a fetch has written, and what looks wrong in it."""
    panel, summary = done.panel, done.summary
    if context.as_json:
        document = asdict(summary)
        document.update(
            source=done.source,
            kind=done.kind,
            n_events=done.n_events,
            n_removed=done.n_removed,
            notes=[vars(note) for note in done.notes],
            warnings=[] if panel is None else list(panel.warnings),
        )
        print_json(document)
        return
    for each in done.notes:
        warn(each.text)
    for text in () if panel is None else panel.warnings:
        warn(text)
    say(f"{style('imported', fg='green')} {done.source} into {summary.database}")
    n_caps = f"{summary.n_market_caps:,} symbols" if summary.n_market_caps else "none"
    if summary.n_dated_market_caps:
        n_caps += f", {summary.n_dated_market_caps:,} dated values"
    rows = [("returns", f"{summary.n_returns:,} of {summary.n_pairs:,} pairs")]
    if summary.n_written != summary.n_returns or done.n_removed:
        gone = f", {done.n_removed:,} deleted" if done.n_removed else ""
        rows.append(("written", f"{summary.n_written:,} rows that are new or changed{gone}"))
    if done.n_events:
        rows.insert(0, ("events", f"{done.n_events:,} new"))
    pairs(
        [
            *rows,
            ("days", f"{summary.first_date} to {summary.last_date}" if panel else "none"),
            ("market caps", n_caps),
        ]
    )
    if panel is not None:
        say(f"next: {context.command('generate --mode exhaustive')}")
