"""``rank``: all pairs as a strategy ranks them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from studies.cli.context import Command, Context, command_options
from studies.cli.output import Column, pairs, print_json, say, style, table, warn
from studies.cli.progress import counting
from studies.cli.strategy_options import StrategyOptions, settings_text, strategy_options

if TYPE_CHECKING:
    from objectives.factor_backtest import DayRanking
    from studies.analysis import MarketStrategy

__all__ = ["rank"]

_N_SHOWN = 20


@click.command(
    cls=Command,
    short_help="All pairs as a strategy ranks them, on the last day or another one.",
    examples="""
    mass-tuning rank best
    mass-tuning rank SR_ST_W30_7D_D90_S5_EQ --date 2025-03-31 -n 50
    mass-tuning rank best --all-dates
    mass-tuning rank --config best.yaml --no-save
    """,
)
@strategy_options
@click.option(
    "--date",
    metavar="DATE",
    default="latest",
    show_default=True,
    help="Rank at the close of this day; latest: the last one of the market.",
)
@click.option(
    "--all-dates", is_flag=True, help="Write also every day before, from the start of the backtest."
)
@click.option(
    "-n",
    "n",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Number of pairs to print; default: {_N_SHOWN}, with --json all.",
)
@click.option("--no-save", is_flag=True, help="Do not write into the table strategy_ranking.")
@command_options
@click.pass_obj
def rank(
    context: Context,
    strategy: StrategyOptions,
    date: str,
    all_dates: bool,
    n: int | None,
    no_save: bool,
) -> None:
    """Rank all pairs at the close of a day, which is traded on the day after.

    STRATEGY is an id, or the word best; without it, that of the file of export --best-config. The
    days of the market go on after the end of a session, and are ranked all the same. Only pairs
    that are old enough for the data period and have data are eligible; the others are counted.

    The ranking is written into the table strategy_ranking, in the place of an earlier one of the
    same strategy and day.
    """
    if all_dates and no_save:
        raise click.ClickException("--all-dates says what is written; leave out --no-save")
    from objectives.factor_backtest import rank_market
    from studies.analysis import on_market, save_rankings

    engine = context.engine()
    market = on_market(strategy.choose(context, engine), engine)
    panel = market.panel
    last = panel.dates[-1 if date == "latest" else panel.day(date)].date()
    first = min(market.settings.start_date, last) if all_dates else last
    days = list(rank_market(panel, market.settings, market.params, first, last))
    n_saved = 0
    if not no_save:
        with counting("saving") as advance:
            n_saved = save_rankings(engine, market.chosen.strategy_id, days, on_progress=advance)
    if context.as_json:
        print_json(_document(market, days, n, None if no_save else n_saved))
        return
    for text in _warnings(market, days[-1]):
        warn(text)
    _print(market, days[-1], n or _N_SHOWN)
    if not no_save:
        of = f"{days[0].date} to {last}" if all_dates else f"{last}"
        say()
        say(f"saved {n_saved:,} rows of {of} in strategy_ranking")


def _warnings(market: MarketStrategy, day: DayRanking) -> list[str]:
    texts = []
    if market.has_changed:
        texts.append(
            f"the market up to {market.settings.end_date}, or the settings, have changed since "
            "the strategy was recorded"
        )
    if day.table.empty:
        texts.append(f"{day.date} has no ranking: fewer than 2 pairs can be ranked")
    return texts


def _document(
    market: MarketStrategy, days: list[DayRanking], n: int | None, n_saved: int | None
) -> dict[str, Any]:
    day = days[-1]
    return {
        "strategy_id": market.chosen.strategy_id,
        "session_id": market.chosen.session_id,
        "date": day.date,
        "n_pairs": day.n_listed,
        "n_eligible": day.n_eligible,
        "n_ranked": len(day.table),
        "ranking": day.table.head(n or len(day.table)).reset_index().to_dict("records"),
        "first_date": days[0].date,
        "n_days": len(days),
        "saved_rows": n_saved,
        "warnings": _warnings(market, day),
    }


def _print(market: MarketStrategy, day: DayRanking, n: int) -> None:
    ranked = day.table.head(n)
    n_young = day.n_listed - day.n_eligible
    say(style(market.chosen.strategy_id, bold=True))
    say()
    pairs(
        [
            ("settings", f"of {settings_text(market.chosen)}"),
            ("ranking", f"at the close of {day.date}, traded on the day after"),
            (
                "pairs",
                f"{len(day.table):,} ranked of {day.n_listed:,}; {n_young:,} not eligible: too "
                f"young (data_period {market.params.data_period}) or without data",
            ),
        ]
    )
    if ranked.empty:
        return
    say()
    values = [
        Column(code, ["-" if math.isnan(x) else f"{x:.4g}" for x in ranked[code].tolist()])
        for code in ranked.columns[2:]
    ]
    table(
        [
            Column("rank", [f"{place:,}" for place in ranked.index]),
            Column("pair", ranked["trading_pair"].tolist(), right=False),
            Column("score", [f"{score:.4f}" for score in ranked["score"]]),
            *values,
        ],
        indent=2,
    )
