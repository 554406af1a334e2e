"""``fetch``: funding rates from exchanges into the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.exit_codes import FAILED
from studies.cli.import_market import event_rules
from studies.cli.output import Column, error, print_json, say, style, table, warn
from studies.cli.progress import fetching

if TYPE_CHECKING:
    from objectives.market.funding_events import MarketNote
    from studies.market import ExchangeSummary, FetchSummary

__all__ = ["fetch"]

_SHOWN_ALIKE = 3


@click.command(
    cls=Command,
    short_help="Bring funding rates from exchanges into the database.",
    examples="""
    mass-tuning fetch --exchanges binance,bybit,hyperliquid --symbols top100 --start 2024-01-01
    mass-tuning fetch --exchanges binance,bybit --symbols BTC,ETH,PEPE --start 2023-01-01
    mass-tuning fetch --exchanges binance,bybit --symbols held --start 2024-01-01  # what is new
    mass-tuning fetch --exchanges okx --symbols top50 --start 2024-01-01 --market-caps coingecko
    """,
)
@click.option(
    "--exchanges",
    required=True,
    metavar="A,B",
    help="Exchanges as ccxt calls them, such as binance, bybit, hyperliquid, okx, gate.",
)
@click.option(
    "--symbols",
    default="top100",
    show_default=True,
    metavar="WORDS",
    help="Coins (BTC,ETH), topN: the N traded most on all these exchanges together, held: what "
    "the database has; or several of these with commas.",
)
@click.option("--start", required=True, metavar="DATE", help="First day, UTC.")
@click.option("--end", metavar="DATE", help="Last day, UTC.  [default: until now]")
@click.option(
    "--market-caps",
    metavar="FILE",
    help="CSV or Parquet with symbol, market_cap [, date], or the word coingecko: today's from "
    "its public list.",
)
@click.option(
    "--refresh", is_flag=True, help="Ask for what is there, too, not only what is missing."
)
@click.option("--strict", is_flag=True, help="Make no returns of a market that looks wrong.")
@click.option("--yes", is_flag=True, help="Write it beside a different market.")
@command_options
@click.pass_obj
def fetch(
    context: Context,
    exchanges: str,
    symbols: str,
    start: str,
    end: str | None,
    market_caps: str | None,
    refresh: bool,
    strict: bool,
    yes: bool,
) -> None:
    """Ask exchanges for their funding rates, and make daily returns of them.

    Only linear perpetual swaps in USDT or USDC are fetched, and of what is in the database only
    what is missing: before its first settlement and after its last. What is fetched is kept at
    once: the same command goes on where one was stopped. No account or key is needed; a proxy is
    taken from HTTPS_PROXY. It needs ccxt: pip install 'mass-tuning[exchange]'.
    """
    from studies.market import FetchRequest, ImportRules, comma_separated, fetch_into_database

    request = FetchRequest(
        exchanges=comma_separated(exchanges.lower()),
        symbols=comma_separated(symbols),
        start=start,
        end=end,
        refresh=refresh,
        market_caps=market_caps,
    )
    target = context.config.market_database
    context.hint = "; what is fetched stays, the same command goes on"
    with fetching() as advance:
        summary = fetch_into_database(
            request,
            target,
            advance,
            event_rules=event_rules(context),
            rules=ImportRules(strict=strict, mix=yes),
        )
    if context.as_json:
        print_json({**asdict(summary), "stopped": summary.stopped})
    else:
        _print_fetched(context, summary)
    for reason in summary.stopped:
        error(reason)
    if summary.stopped:
        raise click.exceptions.Exit(FAILED)


def _print_fetched(context: Context, summary: FetchSummary) -> None:
    for notes in [*map(_all_notes, summary.exchanges), summary.notes]:
        _print_notes(notes)
    imported = summary.imported
    into = f" into {imported.database}" if imported is not None else ""
    say(f"{style('fetched', fg='green')} {summary.n_events:,} new events{into}")
    rows = summary.exchanges
    table(
        [
            Column("exchange", [each.exchange for each in rows], right=False),
            Column("symbols", [f"{len(each.series):,}" for each in rows]),
            Column("new events", [f"{each.n_events:,}" for each in rows]),
            Column("from", [_ends(each)[0] for each in rows], right=False),
            Column("to", [_ends(each)[1] for each in rows], right=False),
        ],
        indent=2,
    )
    if imported is not None:
        say(
            f"  returns: {imported.n_returns:,} of {imported.n_pairs:,} pairs, "
            f"{imported.first_date} to {imported.last_date}"
        )
        say(f"next: {context.command('generate --mode exhaustive')}")


def _ends(exchange: ExchangeSummary) -> tuple[str, str]:
    """Days of the first and the last event the exchange gave."""
    first = [each.first[:10] for each in exchange.series if each.first is not None]
    last = [each.last[:10] for each in exchange.series if each.last is not None]
    return min(first, default="–"), max(last, default="–")


def _all_notes(exchange: ExchangeSummary) -> list[MarketNote]:
    return [*exchange.notes, *(note for series in exchange.series for note in series.notes)]


def _print_notes(notes: Iterable[MarketNote]) -> None:
    """Print notes, of many of one kind the first few."""
    by_kind = defaultdict(list)
    for each in notes:
        by_kind[each.kind].append(each.text)
    for texts in by_kind.values():
        for text in texts[:_SHOWN_ALIKE]:
            warn(text)
        if len(texts) > _SHOWN_ALIKE:
            warn(f"and {len(texts) - _SHOWN_ALIKE:,} more of the kind (--json has all)")
