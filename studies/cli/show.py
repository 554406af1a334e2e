"""``show``: one strategy closely."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from studies.analysis import metric_units, shown
from studies.cli.chart import line_chart
from studies.cli.context import Command, Context, command_options, session_option
from studies.cli.output import Column, pairs, print_json, say, style, table, warn
from studies.cli.progress import counting
from studies.cli.top import LOSES
from studies.cli.verdict_line import basket_rows, own_verdict, verdict_document, verdict_text
from studies.language import message

if TYPE_CHECKING:
    import pandas as pd

    from objectives import BacktestResult
    from studies.analysis import Recomputed, SavedDetail
    from studies.session import Session

__all__ = ["print_basket", "print_figures", "print_parameters", "saved_text", "show"]


@click.command(
    cls=Command,
    short_help="One strategy closely: figures, curve, trades, rankings.",
    examples="""
    mass-tuning show best
    mass-tuning show SR_ST_W30_7D_D90_S5_EQ --trades
    mass-tuning show best --ranking 2025-03-31 --no-chart
    mass-tuning show best --save
    """,
)
@click.argument("strategy")
@session_option("the newest with results")
@click.option("--no-chart", is_flag=True, help="Leave out the equity curve.")
@click.option("--trades", is_flag=True, help="Print entries, exits and the funding of each day.")
@click.option("--funding", is_flag=True, help="With --trades: the funding of each pair.")
@click.option("--ranking", "date", metavar="DATE", help="Print the ranking at the close of a day.")
@click.option(
    "--save",
    is_flag=True,
    help="Write its rankings, result and trades into the tables strategy_ranking, "
    "backtest_results and backtest_trades; again replaces them.",
)
@command_options
@click.pass_obj
def show(
    context: Context,
    strategy: str,
    session_id: str | None,
    no_chart: bool,
    trades: bool,
    funding: bool,
    date: str | None,
    save: bool,
) -> None:
    """Show one strategy: parameters, every figure, its rank, its equity curve.

    STRATEGY is an id, or the word best: the one that top lists first. Its rank is that of top, of
    all different values of the (first) objective. The curve, trades and rankings are computed
    anew from the market in the database.
    """
    if funding and not trades:
        raise click.ClickException("--funding says how --trades are printed; add --trades")
    from studies.analysis import best_strategy_id, result_row

    session = context.session(session_id, "results")
    strategy_id = best_strategy_id(session) if strategy == "best" else strategy
    recorded = result_row(session, strategy_id)
    needed = trades or save or date is not None
    recomputed = _recompute(session, recorded, needed) if needed or not no_chart else None
    result = None if recomputed is None else recomputed.result
    saved = _save(session, recorded, recomputed) if save and recomputed is not None else None
    if context.as_json:
        print_json(
            _document(session, recorded, result, saved, no_chart, trades and not funding, date)
            | ({"trades": _trades(result, funding)} if trades and result is not None else {})
        )
        return
    ranking = result.ranking(date) if date is not None and result is not None else None
    _print_recorded(context, session, recorded)
    if result is not None:
        print_basket(result.benchmark)
    if result is not None and not no_chart:
        say()
        split = session.config.backtest.get("split_date")
        for line in line_chart(result.equity, result.basket_equity, split):
            say(f"  {line}")
    if trades and result is not None:
        _print_trades(_trade_table(result, funding))
    if date is not None and ranking is not None:
        _print_ranking(ranking, date)
    if saved is not None:
        say()
        say(saved_text(saved))


def _recompute(session: Session, recorded: dict[str, Any], needed: bool) -> Recomputed | None:
    """Backtest the strategy on the market of the database.

    Where only the curve was wanted, it is left out with a warning when the market has changed or
    a strategy cannot be run; otherwise the error is the answer.
    """
    from search_spaces.errors import MassTuningError
    from studies.analysis import recompute

    try:
        recomputed = recompute(session, recorded)
    except MassTuningError as error:
        if needed:
            raise
        warn(f"no equity curve: {error}")
        return None
    for text in recomputed.differences:
        warn(text)
    return recomputed


def _save(session: Session, recorded: dict[str, Any], recomputed: Recomputed) -> SavedDetail:
    from studies.analysis import save_detail

    with counting("saving") as advance:
        return save_detail(
            session.engine,
            session.row.session_id,
            recorded["strategy_id"],
            recomputed.objective,
            recomputed.result,
            on_progress=advance,
        )


def _document(
    session: Session,
    recorded: dict[str, Any],
    result: BacktestResult | None,
    saved: SavedDetail | None,
    no_chart: bool,
    trades: bool,
    date: str | None,
) -> dict[str, Any]:
    from dataclasses import asdict

    from studies.analysis import loses_out_of_sample

    document: dict[str, Any] = {
        "session_id": session.row.session_id,
        "strategy_id": recorded["strategy_id"],
        "rank": recorded["rank"],
        "n_ranked": recorded["n_ranked"],
        "n_strategies": recorded["n_strategies"],
        **({"pareto": recorded["pareto"]} if "pareto" in recorded else {}),
        "failure": recorded["failure"],
        "start_date": recorded["start_date"],
        "end_date": recorded["end_date"],
        "parameters": recorded["parameters"],
        "loses_out_of_sample": loses_out_of_sample(recorded),
        "metrics": {name: recorded[name] for name in session.figures},
        "warnings": list(session.row.snapshot.warnings),
        "verdict": verdict_document(own_verdict(session, recorded["strategy_id"])),
    }
    if result is not None:
        document["benchmark"] = result.benchmark
    if result is not None and not no_chart:
        document["equity"] = [
            {"date": f"{date:%Y-%m-%d}", "total": total} for date, total in result.equity.items()
        ]
    if result is not None and date is not None:
        document["ranking"] = result.ranking(date).reset_index().to_dict("records")
    if saved is not None:
        document["saved"] = asdict(saved)
    return document


def _print_recorded(context: Context, session: Session, recorded: dict[str, Any]) -> None:
    for text in session.row.snapshot.warnings:
        warn(text)
    if recorded["rank"] is not None:
        metric = next(iter(session.directions))
        place = f"rank {recorded['rank']:,} of {recorded['n_ranked']:,} values of {metric}"
        if "pareto" in recorded:
            place += f", {'on' if recorded['pareto'] else 'not on'} the Pareto front"
        if recorded["n_strategies"] > 1:
            place += f", one of {recorded['n_strategies']:,} strategies with these figures"
    elif recorded["failure"] is None:
        place = f"without a value of {next(iter(session.directions))}"
    else:
        place = style(f"failed: {recorded['failure']}", fg="red")
    say(f"{style(recorded['strategy_id'], bold=True)}  {place}")
    say()
    rows = [("session", session.row.session_id), ("backtest", days_of(recorded))]
    if recorded["rank"] is not None:
        stored = own_verdict(session, recorded["strategy_id"])
        rows.append(("verdict", verdict_text(context, session, stored, recorded["strategy_id"])))
    pairs(rows)
    say()
    print_parameters(recorded["parameters"])
    say()
    print_figures(recorded, session.figures, session.config.backtest.get("split_date"))


def days_of(recorded: Mapping[str, Any]) -> str:
    """Write the first and the last day of a backtest, which earlier systems did not record."""
    if recorded["start_date"] is None:
        return str(message("days not recorded"))
    return f"{recorded['start_date']} to {recorded['end_date']}"


def saved_text(saved: SavedDetail) -> str:
    """Say what was written of a strategy."""
    rankings = f"{saved.n_rankings:,} rankings, " if saved.n_rankings else ""
    return f"saved {rankings}{saved.n_trades:,} trades and the result {saved.backtest_id}"


def print_parameters(parameters: Mapping[str, Any]) -> None:
    """Print the parameters of a strategy, the factors side by side."""
    pairs(
        (name, " ".join(value) if isinstance(value, list) else str(value))
        for name, value in parameters.items()
    )


def print_figures(recorded: Mapping[str, Any], figures: Iterable[str], split: object) -> None:
    """Print the figures of a strategy, those out of sample beside the others.

    Parameters
    ----------
    recorded : mapping of str to value
    figures : iterable of str
        Which of them.
    split : date or str
        First day out of sample, if any figure is of those days.
    """
    from studies.analysis import loses_out_of_sample

    units, figures = metric_units(), list(figures)
    names = [name for name in figures if not name.startswith("oos_")]
    columns = [
        Column("figure", names, right=False),
        Column("value", [shown(name, recorded[name], units) for name in names]),
    ]
    loses = loses_out_of_sample(recorded)
    if any(name.startswith("oos_") for name in figures):
        values = [shown(f"oos_{name}", recorded[f"oos_{name}"], units) for name in names]
        if loses:
            place = names.index("total_return")
            values[place] = f"{LOSES} {values[place]}"
        columns.append(Column("out of sample", values))
    columns.append(Column("", [_meaning(name) for name in names], right=False, words=True))
    table(columns, indent=2)
    if loses:
        say()
        say(f"{LOSES} it loses out of sample, on the days from {split} on")


def print_basket(benchmark: Mapping[str, float]) -> None:
    """Print what holding every pair alike would have earned, beside the strategy."""
    rows = basket_rows(benchmark)
    if rows:
        say()
        pairs(rows)


def _meaning(metric: str) -> str:
    from objectives.metrics import METRICS

    meaning = next(each.meaning for each in METRICS if each.name == metric)
    return meaning.removesuffix(", 0 or positive")  # people see it as a negative percentage


def _trade_table(result: BacktestResult, funding: bool) -> pd.DataFrame:
    """Trades in their order; without `funding` that of a day is one line."""
    trades = result.trades
    if funding or trades.empty:
        return trades
    import pandas as pd

    days = trades[trades["action"] == "funding"].groupby("date", as_index=False)
    by_day = days.last().assign(amount=days["amount"].sum()["amount"])
    n_pairs = days.size()["size"]
    by_day["trading_pair"] = [f"{n} pair{'s' * (n > 1)}" for n in n_pairs]
    both = pd.concat([by_day, trades[trades["action"] != "funding"]])
    return both.sort_values("date", kind="stable", ignore_index=True)


def _trades(result: BacktestResult, funding: bool) -> list[dict[str, Any]]:
    frame = _trade_table(result, funding)
    frame = frame.assign(date=frame["date"].dt.strftime("%Y-%m-%d"))
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def _print_trades(frame: pd.DataFrame) -> None:
    say()
    if frame.empty:
        say("  no trades")
        return
    table(
        [
            Column("date", [f"{date:%Y-%m-%d}" for date in frame["date"]], right=False),
            Column("action", frame["action"].tolist(), right=False, words=True),
            Column("pair", frame["trading_pair"].tolist(), right=False),
            Column("amount", [f"{value:,.2f}" for value in frame["amount"]]),
            Column("total", [f"{value:,.2f}" for value in frame["total_balance"]]),
            Column("cash", [f"{value:,.2f}" for value in frame["cash_balance"]]),
            Column("rank", [str(rank) if rank else "" for rank in frame["rank"]]),
        ],
        indent=2,
    )


def _print_ranking(frame: pd.DataFrame, date: str) -> None:
    say()
    if frame.empty:
        say(f"  no ranking on {date}: fewer than two pairs are eligible")
        return
    columns = [
        Column("rank", [str(rank) for rank in frame.index]),
        Column("pair", frame["trading_pair"].tolist(), right=False),
        Column("score", [f"{value:.4f}" for value in frame["score"]]),
    ]
    for code in frame.columns[2:]:
        cells = ["–" if value != value else f"{value:.6g}" for value in frame[code]]
        columns.append(Column(code, cells))
    say(f"  ranking at the close of {date}, traded the day after")
    table(columns, indent=2)
