"""``backtest``: strategies on the market as it is now, and their trades kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from studies.analysis import metric_units
from studies.cli.chart import line_chart
from studies.cli.context import Command, Context, command_options
from studies.cli.output import Column, pairs, print_json, say, style, table, warn
from studies.cli.progress import counting
from studies.cli.show import print_basket, print_figures, print_parameters, saved_text
from studies.cli.strategy_options import StrategyOptions, strategy_options
from studies.cli.verdict_line import own_verdict, verdict_document, verdict_text

if TYPE_CHECKING:
    from studies.analysis import Backtest, SavedDetail
    from studies.session import Session
    from studies.sessions import Database

__all__ = ["backtest"]


@click.command(
    cls=Command,
    short_help="Run strategies again and keep trades and results; of a session, a file or today.",
    examples="""
    mass-tuning backtest best
    mass-tuning backtest SR_ST_W30_7D_D90_S5_EQ --all-dates
    mass-tuning backtest --config best.yaml --no-save
    mass-tuning backtest --strategy SR_ST_W30_7D_D90_S5_EQ --no-chart
    mass-tuning backtest --top 10
    """,
)
@strategy_options
@click.option(
    "--top",
    "n_top",
    type=click.IntRange(1, 1_000),
    metavar="N",
    help="Instead of STRATEGY: the best N distinct results of the session.",
)
@click.option("--all-dates", is_flag=True, help="Write also the ranking of every day.")
@click.option("--no-save", is_flag=True, help="Write nothing into the database.")
@click.option("--no-chart", is_flag=True, help="Leave out the equity curve.")
@command_options
@click.pass_obj
def backtest(
    context: Context,
    strategy: StrategyOptions,
    n_top: int | None,
    all_dates: bool,
    no_save: bool,
    no_chart: bool,
) -> None:
    """Backtest a strategy on the market in the database; keep its trades and its result.

    STRATEGY is an id, or the word best. With --config FILE, which export --best-config wrote, and
    for a strategy of a session the settings and days are those of the record, and as long as
    market and settings are the same every figure is that of the record, to the last digit. Where
    they have changed a note says so, and the figures of both are printed.

    Written are rows of backtest_results and backtest_trades, with --all-dates of strategy_ranking
    too, in the place of those of the same backtest. Figures that are those of a session are under
    its id (SESSION_STRATEGY), all others under configured_STRATEGY.
    """
    if all_dates and no_save:
        raise click.ClickException("--all-dates says what is written; leave out --no-save")
    if n_top is not None:
        _top(context, strategy, n_top, all_dates, no_save)
        return
    from studies.analysis import backtest_strategy

    engine = context.engine()
    chosen = strategy.choose(context, engine)
    done = backtest_strategy(chosen.config, engine, chosen.strategy_id)
    session = _session_of(engine, done)
    notes = _notes(done)
    saved = None if no_save else _save(engine, done, session, all_dates)
    if context.as_json:
        print_json(_document(done, session, notes, saved, no_chart))
        return
    for text in notes:
        warn(text)
    _print(context, done, session)
    if done.result is not None and not no_chart:
        say()
        result, split = done.result, done.settings.split_date
        for line in line_chart(result.equity, result.basket_equity, split):
            say(f"  {line}")
    if saved is not None:
        say()
        say(saved_text(saved))


def _save(
    engine: Database, done: Backtest, session: Session | None, all_dates: bool
) -> SavedDetail | None:
    """Write a backtest; None for an objective of one's own, which has no trades."""
    from studies.analysis import CONFIGURED, save_detail

    if done.result is None or done.objective is None:
        return None
    of_session = session is not None and done.has_changed is False
    with counting("saving") as advance:
        return save_detail(
            engine,
            session.row.session_id if session is not None and of_session else CONFIGURED,
            done.strategy_id,
            done.objective,
            done.result,
            rankings="all" if all_dates else "none",
            on_progress=advance,
        )


def _top(
    context: Context, strategy: StrategyOptions, n: int, all_dates: bool, no_save: bool
) -> None:
    """Write the best distinct results of a session."""
    from dataclasses import asdict

    from studies.analysis import best_strategy_id, save_best

    if strategy.named is not None or strategy.configured is not None:
        raise click.ClickException("--top N is about the best of a session; name no strategy")
    if no_save:
        raise click.ClickException(
            f"--top N is there to write; without that see: {context.command(f'top -n {n}')}"
        )
    session = context.session(strategy.session_id, "results")
    best_strategy_id(session)  # says why there is none
    with counting("saving") as advance:
        saved = save_best(session, n, all_dates=all_dates, again=True, on_progress=advance)
    if context.as_json:
        session_id = session.row.session_id
        print_json({"session_id": session_id, "saved": [asdict(each) for each in saved]})
        return
    for each in saved:
        say(saved_text(each))


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
    done: Backtest,
    session: Session | None,
    notes: list[str],
    saved: SavedDetail | None,
    no_chart: bool,
) -> dict[str, Any]:
    from dataclasses import asdict

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
        "saved": None if saved is None else asdict(saved),
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
