"""``positions``: what to hold tomorrow, and the trades."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.export import is_stdout
from studies.cli.output import Column, note, pairs, print_json, say, style, table, warn
from studies.cli.strategy_options import StrategyOptions, settings_text, strategy_options

if TYPE_CHECKING:
    from studies.analysis import Held, MarketStrategy, Position, Positions

__all__ = ["positions"]


@click.command(
    cls=Command,
    short_help="What to hold tomorrow, in money on each exchange, and the trades.",
    examples="""
    mass-tuning positions best
    mass-tuning positions best --capital 50000 --from nothing -o positions.csv
    mass-tuning positions best --from positions.csv -o positions.csv
    mass-tuning positions SR_ST_W30_7D_D90_S5_EQ --date 2025-03-31 --json
    """,
)
@strategy_options
@click.option(
    "--capital",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MONEY",
    help="What there is to be spread, cash and positions together; default: what the file of "
    "--from is worth, with nothing initial_capital, else what the backtest has made of it.",
)
@click.option(
    "--from",
    "held_file",
    metavar="FILE",
    help="What is held now: a file that -o wrote, or the word nothing; default: what the strategy "
    "itself holds.",
)
@click.option(
    "--date",
    metavar="DATE",
    default="latest",
    show_default=True,
    help="Day of the ranking; latest: the last one of the market.",
)
@click.option(
    "--min-trade",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="MONEY",
    help="Leave out smaller trades.",
)
@click.option(
    "-o", "--output", metavar="FILE", help="Write a CSV file, which --from reads; -: print it."
)
@command_options
@click.pass_obj
def positions(
    context: Context,
    strategy: StrategyOptions,
    capital: float | None,
    held_file: str | None,
    date: str,
    min_trade: float,
    output: str | None,
) -> None:
    """Say what a strategy holds on the day after the last ranking, and how to get there.

    STRATEGY is an id, or the word best; without it, that of the file of export --best-config. Its
    backtest is run from the first day up to the day after the ranking, with the trades of that
    day, and the amounts are scaled to the capital. A pair SYMBOL_A_B is short on A and long on B
    with half of the amount each.

    Nothing is ordered or recorded.
    """
    to_stdout = output is not None and is_stdout(output)
    if to_stdout and context.as_json:
        raise click.ClickException("--json prints a document where - writes CSV; leave one out")
    from studies.analysis import (
        files_of_databases,
        on_market,
        positions_of,
        refuse_overwriting,
        write_positions,
    )

    engine = context.engine()
    held = None if held_file is None else _held(held_file)
    market = on_market(strategy.choose(context, engine), engine)
    panel = market.panel
    day = panel.dates[-1 if date == "latest" else panel.day(date)].date()
    found = positions_of(market, day, capital=capital, held=held, min_trade=min_trade)
    warnings = [*found.warnings, *_old(context, market, date)]
    if output is not None:
        kept = files_of_databases(engine, market.chosen.config)
        refuse_overwriting(output, {**kept, **context.configuration_files})
        write_positions(found, sys.stdout.buffer if to_stdout else output)
    if context.as_json:
        print_json({**found.to_dict(), "warnings": warnings, "file": output})
        return
    for text in warnings:
        warn(text)
    if not to_stdout:
        _print(market, found)
    if output is not None:
        (note if to_stdout else say)(f"{len(found.positions):,} pairs and the cash in {output}")


def _held(held_file: str) -> Held:
    from studies.analysis import NOTHING, Held, read_held

    return Held(NOTHING) if held_file == NOTHING else read_held(held_file)


def _old(context: Context, market: MarketStrategy, date: str) -> list[str]:
    """Warn of a market that ends before yesterday."""
    import datetime as dt

    last = market.panel.dates[-1].date()
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    if date != "latest" or last >= yesterday:
        return []
    return [
        f"the market ends on {last}, before yesterday; bring it up to date first: "
        f"{context.command('fetch')}, or import"
    ]


def _print(market: MarketStrategy, found: Positions) -> None:
    say(style(found.strategy_id, bold=True))
    say()
    rows = [
        ("hold on", f"{found.date}, by the ranking at the close of {found.ranking_date}"),
        (
            "state of",
            f"a backtest from {found.start_date} with the settings of "
            f"{settings_text(market.chosen)}",
        ),
        ("capital", _capital_text(found)),
        ("fees", f"{_money(found.fees)} of the trades"),
        ("cash", f"{_money(found.cash)} after trades and fees"),
    ]
    pairs(rows)
    held = [each for each in found.positions if each.amount]
    say()
    if held:
        _print_held(held)
        if found.exchanges:
            say()
            _print_exchanges(found)
    else:
        say("  nothing is held")
    say()
    traded = [each for each in found.positions if each.trade]
    if traded:
        _print_trades(traded, found.held_from)
    else:
        say("  no trades")


def _capital_text(found: Positions) -> str:
    made = f"{_money(found.backtest_wealth)} of {_money(found.initial_capital)}"
    if found.scale == 1.0:
        return f"{_money(found.capital)}: the backtest has {made}"
    return (
        f"{_money(found.capital)}: the amounts of the backtest, which has {made}, "
        f"times {found.scale:.6g}"
    )


def _money(amount: float) -> str:
    return f"{round(amount, 2) + 0.0:,.2f}"  # no -0.00


def _print_held(held: list[Position]) -> None:
    def exchange(each: Position, place: int) -> str:
        return each.legs[place].exchange if each.legs else "?"

    legs = [_money(each.amount / 2) if each.legs else "?" for each in held]
    table(
        [
            Column("hold", [each.trading_pair for each in held], right=False),
            Column("amount", [_money(each.amount) for each in held]),
            Column("short on", [exchange(each, 0) for each in held], right=False),
            Column("long on", [exchange(each, 1) for each in held], right=False),
            Column("each leg", legs),
            Column("rank", ["-" if each.rank is None else f"{each.rank:,}" for each in held]),
        ],
        indent=2,
    )


def _print_exchanges(found: Positions) -> None:
    totals = found.exchanges
    table(
        [
            Column("exchange", list(totals), right=False),
            Column("short", [_money(sides["short"]) for sides in totals.values()]),
            Column("long", [_money(sides["long"]) for sides in totals.values()]),
        ],
        indent=2,
    )


def _print_trades(traded: list[Position], held_from: str) -> None:
    from studies.analysis import order_of

    rows: list[tuple[Any, ...]] = []
    for each in traded:
        if not each.legs:
            rows.append((each.trading_pair, "?", "open" if each.trade > 0 else "close", each.trade))
        rows += [
            (each.trading_pair, leg.exchange, order_of(leg, each.trade), each.trade / 2)
            for leg in each.legs
        ]
    origin = {"strategy": "what the strategy holds", "file": "the file"}.get(held_from, held_from)
    table(
        [
            Column(f"trades from {origin}", [row[0] for row in rows], right=False),
            Column("exchange", [row[1] for row in rows], right=False),
            Column("order", [row[2] for row in rows], right=False),
            Column("money", [_money(abs(row[3])) for row in rows]),
        ],
        indent=2,
    )
