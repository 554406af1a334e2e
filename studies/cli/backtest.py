"""``backtest``: one strategy on the market as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from studies.analysis import metric_units
from studies.cli.chart import line_chart
from studies.cli.context import Command, Context, command_options
from studies.cli.output import Column, pairs, print_json, say, style, table, warn
from studies.cli.show import print_basket, print_figures, print_parameters
from studies.cli.verdict_line import own_verdict, verdict_document, verdict_text

if TYPE_CHECKING:
    from studies.analysis import Backtest
    from studies.session import Session
    from studies.sessions import Database

__all__ = ["backtest"]


@click.command(
    cls=Command,
    short_help="Run one strategy again: of a file, or with the configuration of today.",
    examples="""
    mass-tuning backtest --config best.yaml
    mass-tuning backtest --config best.yaml --no-chart
    mass-tuning backtest --strategy SR_ST_W30_7D_D90_S5_EQ
    """,
)
@click.option(
    "--strategy",
    "strategy_id",
    metavar="ID",
    help="Strategy of the configured space; default: that of the file of export --best-config.",
)
@click.option("--no-chart", is_flag=True, help="Leave out the equity curve.")
@command_options
@click.pass_obj
def backtest(context: Context, strategy_id: str | None, no_chart: bool) -> None:
    """Backtest one strategy on the market in the database; nothing is recorded.

    With --config FILE, which export --best-config wrote, that is the strategy of the file with
    its settings and on its days, and as long as market and settings are the same every figure is
    that of the record, to the last digit. Where they have changed a note says so, and the figures
    of both are printed. With --strategy ID the configuration of today applies to any strategy of
    its space.
    """
    from studies.analysis import backtest_strategy

    engine = context.engine()
    done = backtest_strategy(context.config, engine, strategy_id)
    session = _session_of(engine, done)
    notes = _notes(done)
    if context.as_json:
        print_json(_document(done, session, notes, no_chart))
        return
    for text in notes:
        warn(text)
    _print(context, done, session)
    if done.result is not None and not no_chart:
        say()
        result, split = done.result, done.settings.split_date
        for line in line_chart(result.equity, result.basket_equity, split):
            say(f"  {line}")


def _session_of(engine: Database, done: Backtest) -> Session | None:
    """Open the session that found the strategy, if this database has it."""
    from search_spaces.errors import SessionError
    from studies.session import Session
    from studies.sessions import read_row

    if done.recorded is None or done.recorded.session is None:
        return None
    try:
        return Session(engine, read_row(engine, done.recorded.session))
    except SessionError:
        return None


def _notes(done: Backtest) -> list[str]:
    n_different = len(done.different)
    notes = []
    if done.has_changed:
        notes.append(
            f"the market up to {done.settings.end_date}, or what the file says of settings and "
            "objective, has changed since the figures of the file were recorded; "
            f"{n_different} of {len(done.recorded.figures if done.recorded else ())} differ"
        )
    elif done.has_changed is False and n_different:
        notes.append(
            f"market and settings are those of the record, but {', '.join(done.different)} "
            f"differ{'s' if n_different == 1 else ''}; please report this"
        )
    if done.failure is not None:
        notes.append(f"it counts as failed: {done.failure}")
    return notes


def _document(
    done: Backtest, session: Session | None, notes: list[str], no_chart: bool
) -> dict[str, Any]:
    stored = None if session is None else own_verdict(session, done.strategy_id)
    document: dict[str, Any] = {
        "strategy_id": done.strategy_id,
        "parameters": done.parameters,
        "start_date": done.settings.start_date,
        "end_date": done.settings.end_date,
        "split_date": done.settings.split_date,
        "failure": done.failure,
        "metrics": done.figures,
        "benchmark": done.benchmark,
        "recorded": None if done.recorded is None else done.recorded.model_dump(),
        "market_or_settings_changed": done.has_changed,
        "different": list(done.different),
        "verdict": verdict_document(stored),
        "warnings": notes,
    }
    if done.result is not None and not no_chart:
        document["equity"] = [
            {"date": f"{date:%Y-%m-%d}", "total": total}
            for date, total in done.result.equity.items()
        ]
    return document


def _print(context: Context, done: Backtest, session: Session | None) -> None:
    settings = done.settings
    say(style(done.strategy_id, bold=True))
    say()
    rows = [("backtest", f"{settings.start_date} to {settings.end_date}")]
    if done.recorded is not None:
        rows.append(("recorded", _comparison(done)))
    if session is None:
        text = f"is one of a session: {context.command('generate')}, execute, verify"
    else:
        stored = own_verdict(session, done.strategy_id)
        text = verdict_text(context, session, stored, done.strategy_id)
    pairs([*rows, ("verdict", text)])
    say()
    print_parameters(done.parameters)
    say()
    known = metric_units()
    print_figures(
        done.figures, [name for name in done.figures if name in known], settings.split_date
    )
    pairs((name, repr(value)) for name, value in done.figures.items() if name not in known)
    print_basket(done.benchmark)
    if done.different and done.recorded is not None:
        say()
        say("  figures that differ from the record")
        names = done.different
        table(
            [
                Column("figure", names, right=False),
                Column("recorded", [repr(done.recorded.figures[name]) for name in names]),
                Column("now", [repr(done.figures.get(name)) for name in names]),
            ],
            indent=2,
        )


def _comparison(done: Backtest) -> str:
    assert done.recorded is not None
    of = "by hand" if done.recorded.session is None else f"by {done.recorded.session}"
    if not done.recorded.figures:
        return f"{of}, without figures"
    n, n_different = len(done.recorded.figures), len(done.different)
    same = f"all {n} figures are identical" if not n_different else f"{n_different} of {n} differ"
    return f"{of}; {same}"
