"""``market``: what the database holds, one pair closely, and deleting a part."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from studies.cli.chart import coverage_line, line_chart
from studies.cli.context import Command, Context, command_options
from studies.cli.help_text import SpokenGroup
from studies.cli.import_market import event_rules
from studies.cli.output import (
    Column,
    figure,
    local_time,
    pairs,
    print_json,
    say,
    style,
    table,
    warn,
)
from studies.cli.progress import counting, waiting

if TYPE_CHECKING:
    from studies.market import MarketSummary, PairSummary, Removal, RemovalPlan
    from studies.sessions import SessionRow

__all__ = ["market"]

_SESSIONS_NAMED = 10


@click.group(
    cls=SpokenGroup, short_help="Look at the market of the database, or delete a part of it."
)
def market() -> None:
    """Look at the market of the database, or delete a part of it."""


def _target(context: Context) -> str:
    return context.config.market_database


@market.command(
    cls=Command,
    short_help="Pairs, days, exchanges, caps, sources, and what looks wrong.",
    examples="""
    mass-tuning market summary
    mass-tuning market summary --json
    """,
)
@command_options
@click.pass_obj
def summary(context: Context) -> None:
    """Summarise the market of the database."""
    from studies.market import opened, summarise_market

    with opened(_target(context), create=False) as engine, waiting("reading the market"):
        found = summarise_market(engine)
    if context.as_json:
        print_json(_summary_document(found))
        return
    panel = found.panel
    say(style(found.database, bold=True))
    n_returns = int((panel.returns == panel.returns).sum())
    listed = ", ".join(f"{name} {count:,}" for name, count in found.exchanges.items())
    pairs(
        [
            ("pairs", f"{panel.n_pairs:,}"),
            ("days", f"{panel.dates[0]:%Y-%m-%d} to {panel.dates[-1]:%Y-%m-%d}, {panel.n_days:,}"),
            ("returns", f"{n_returns:,}, {n_returns / panel.returns.size:.1%} of all pair-days"),
            ("coverage", coverage_line(found.coverage.tolist(), found.months)),
            ("exchanges", listed or "–"),
            ("market caps", _caps_text(found)),
        ]
    )
    if found.sources:
        say(style("sources", dim=True))
        table(
            [
                Column(
                    "source", [each.label or "not noted" for each in found.sources], right=False
                ),
                Column("kind", [each.kind or "–" for each in found.sources], right=False),
                Column("form", [each.form or "–" for each in found.sources], right=False),
                Column("events", [f"{each.n_events:,}" for each in found.sources]),
                Column("returns", [f"{each.n_returns:,}" for each in found.sources]),
                Column("caps", [f"{each.n_caps:,}" for each in found.sources]),
                Column("imported", [local_time(each.imported_at) for each in found.sources]),
            ],
            indent=2,
        )
    for each in found.notes:
        warn(each.text)
    for text in panel.warnings:
        warn(text)


def _caps_text(found: MarketSummary) -> str:
    if not found.n_with_cap:
        return "none"
    dated = "dated" if found.panel.market_cap_dates is not None else "undated"
    return f"of {found.n_with_cap:,} of {found.panel.n_pairs:,} pairs, {dated}"


def _summary_document(found: MarketSummary) -> dict[str, Any]:
    panel = found.panel
    return {
        "database": found.database,
        "n_pairs": panel.n_pairs,
        "n_days": panel.n_days,
        "first_date": f"{panel.dates[0]:%Y-%m-%d}",
        "last_date": f"{panel.dates[-1]:%Y-%m-%d}",
        "n_returns": int((panel.returns == panel.returns).sum()),
        "coverage": dict(zip(found.months, found.coverage.tolist(), strict=True)),
        "exchanges": found.exchanges,
        "n_pairs_with_cap": found.n_with_cap,
        "caps_dated": panel.market_cap_dates is not None,
        "sources": [vars(each) for each in found.sources],
        "notes": [vars(each) for each in found.notes],
        "warnings": list(panel.warnings),
    }


@market.command(
    cls=Command,
    short_help="One pair: its returns as a curve, figures, sources.",
    examples="""
    mass-tuning market show BTCUSDT_binance_bybit
    """,
)
@click.argument("pair")
@command_options
@click.pass_obj
def show(context: Context, pair: str) -> None:
    """Show one pair of the market."""
    from studies.market import opened, pair_summary

    with opened(_target(context), create=False) as engine:
        found = pair_summary(engine, pair)
    if context.as_json:
        print_json(_pair_document(found))
        return
    known = found.returns.dropna()
    say(style(found.pair, bold=True))
    span = f"{found.returns.index[0]:%Y-%m-%d} to {found.returns.index[-1]:%Y-%m-%d}"
    gap = f", at most {found.longest_gap:,} in a row" if found.longest_gap else ""
    pairs(
        [
            ("days", f"{span}, {len(known):,} with a return"),
            ("missing", f"{len(found.returns) - len(known):,} days{gap}"),
            ("a year", f"{figure(found.annual, 'fraction')} (mean of a day x 365)"),
            ("a day", f"{found.mean:+.3e}, standard deviation {found.std:.3e}"),
            ("best day", f"{found.best[1]:+.3e} on {found.best[0]}"),
            ("worst day", f"{found.worst[1]:+.3e} on {found.worst[0]}"),
            ("zero", f"{found.n_zero:,} days on which both sides paid the same"),
            ("market cap", "unknown" if found.market_cap is None else f"{found.market_cap:,.0f}"),
            ("source", ", ".join(found.sources) or "not noted"),
        ]
    )
    if len(known) > 1:
        say(style("sum of the returns, in percent", dim=True))
        for line in line_chart(100.0 * known.cumsum()):
            say(line)


def _pair_document(found: PairSummary) -> dict[str, Any]:
    document = {key: value for key, value in vars(found).items() if key != "returns"}
    document["first_date"] = f"{found.returns.index[0]:%Y-%m-%d}"
    document["last_date"] = f"{found.returns.index[-1]:%Y-%m-%d}"
    document["n_returns"] = int(found.returns.notna().sum())
    return document


@market.command(
    cls=Command,
    short_help="Delete pairs, an exchange, days, or what a source brought.",
    examples="""
    mass-tuning market remove --pair BTCUSDT_binance_bybit
    mass-tuning market remove --exchange okx --before 2024-01-01
    mass-tuning market remove --after 2026-12-31 --yes
    mass-tuning market remove --source old_download.csv
    """,
)
@click.option("--pair", metavar="PAIR", help="This pair.")
@click.option("--exchange", metavar="NAME", help="Pairs with this exchange on one side.")
@click.option("--before", metavar="DATE", help="Days before this one; the day itself stays.")
@click.option("--after", metavar="DATE", help="Days after this one; the day itself stays.")
@click.option("--source", metavar="LABEL", help="What this source brought; see market summary.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@command_options
@click.pass_obj
def remove(
    context: Context,
    pair: str | None,
    exchange: str | None,
    before: str | None,
    after: str | None,
    source: str | None,
    yes: bool,
) -> None:
    """Delete a part of the market: the rows that fit everything given.

    Funding events of what goes are deleted, too; the returns that the other events give are made
    again. Sessions keep their results, but those that used what goes are not resumed.
    """
    from studies.market import Removal, opened, plan_removal, remove_market

    removal = Removal(pair=pair, exchange=exchange, before=before, after=after, source=source)
    target = _target(context)
    context.hint = "; nothing was deleted"
    with opened(target, create=False) as engine:
        plan = plan_removal(engine, removal)
        concerned = _sessions(context, target, removal)
        if not yes:
            _confirm(plan, concerned)
        context.hint = "; what was deleted is gone, run it again to delete the rest"
        with counting("deleting") as advance:
            n_deleted, problem = remove_market(engine, target, plan, event_rules(context), advance)
    if context.as_json:
        print_json(
            {
                "deleted": n_deleted,
                "n_returns": plan.n_returns,
                "n_events": plan.n_events,
                "n_market_caps": plan.n_caps,
                "n_pairs": len(plan.pairs),
                "sessions": [row.session_id for row in concerned],
                "problem": problem,
            }
        )
        return
    say(f"deleted {_plan_text(plan)}")
    if problem is not None:
        warn(f"the other returns of events could not be made again: {problem}")
    if concerned:
        warn(f"used by {_names(concerned)}: these are not resumed on the changed market")


def _sessions(context: Context, target: str, removal: Removal) -> list[SessionRow]:
    """Sessions of the project whose market is the one that changes."""
    from studies.market import opened
    from studies.upkeep import sessions_on_days

    own = context.config.database
    with opened(own) as engine:
        return sessions_on_days(
            engine, *removal.days, market_database=None if target == own else target
        )


def _plan_text(plan: RemovalPlan) -> str:
    parts = [f"{plan.n_returns:,} returns of {len(plan.pairs):,} pairs"]
    if plan.n_events:
        parts.append(f"{plan.n_events:,} funding events")
    if plan.n_caps:
        parts.append(f"{plan.n_caps:,} market caps")
    return ", ".join(parts)


def _names(rows: list[SessionRow]) -> str:
    shown = [row.session_id for row in rows[:_SESSIONS_NAMED]]
    more = len(rows) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _confirm(plan: RemovalPlan, concerned: list[SessionRow]) -> None:
    used = f" (used by {_names(concerned)})" if concerned else ""
    what = f"{_plan_text(plan)}{used}"
    if not sys.stdin.isatty():
        raise click.ClickException(
            f"remove asks before it deletes {what}, and there is no terminal; add --yes"
        )
    click.confirm(f"delete {what}?", abort=True, err=True)
