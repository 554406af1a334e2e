"""``top``: the best results of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from studies.analysis import figure, metric_units, objectives_text, shown
from studies.cli.context import Command, Context, command_options, session_argument
from studies.cli.filter_options import column_list, filter_options, filter_text, session_filter
from studies.cli.output import Column, print_json, say, style, table, warn
from studies.cli.verdict_line import print_verdict_line, verdict_document

if TYPE_CHECKING:
    import pandas as pd

    from studies.analysis import Filter, StoredVerdict
    from studies.session import Session

__all__ = [
    "LOSES",
    "SHORT_NAMES",
    "metric_units",
    "print_top",
    "shown",
    "strategy_records",
    "top",
]

SHORT_NAMES = {
    "net_sharpe_ratio": "net sharpe",
    "excess_sharpe_ratio": "excess sharpe",
    "oos_excess_sharpe_ratio": "oos excess",
    "total_return": "return",
    "max_drawdown": "drawdown",
    "win_rate": "win rate",
    "trade_count": "trades",
    "avg_holding_days": "hold days",
    "turnover": "turnover",
    "annual_return": "annual",
    "oos_net_sharpe_ratio": "oos sharpe",
    "oos_total_return": "oos return",
}


_USUAL = ("net_sharpe_ratio", "excess_sharpe_ratio", "total_return")
_LAST = ("max_drawdown", "win_rate", "trade_count", "avg_holding_days", "turnover")
LOSES = "!"
"""Beside a result that loses out of sample."""


@click.command(
    cls=Command,
    examples="""
    mass-tuning top
    mass-tuning top -n 50 --metric total_return
    mass-tuning top --metric max_drawdown --direction minimize
    mass-tuning top --where "max_drawdown < 0.05 and trade_count >= 10" --factor SR --without IC
    mass-tuning top --sort neighbours --columns total_return,window_size
    mass-tuning top --session session_20250131_120000_1234 --json
    """,
)
@session_argument("the newest with results")
@click.option(
    "-n",
    "n",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="How many results.",
)
@click.option(
    "--metric",
    "--sort",
    "metric",
    metavar="NAME",
    help="Rank by this figure; default: the session's objective, of several the Pareto front. "
    "neighbours: by the median objective of the strategies one step away. "
    "By an oos_ figure the out-of-sample days are spent: they have chosen.",
)
@click.option(
    "--direction",
    type=click.Choice(["maximize", "minimize"]),
    help="What is better; default: what is natural for the metric.",
)
@click.option(
    "--all-names", is_flag=True, help="A row for each strategy, also where all figures are equal."
)
@filter_options
@click.option(
    "--columns",
    metavar="NAMES",
    help="Figures and parameters to show, a comma between two.",
)
@command_options
@click.pass_obj
def top(
    context: Context,
    session_id: str | None,
    n: int,
    metric: str | None,
    direction: str | None,
    all_names: bool,
    where: str | None,
    factors: tuple[str, ...],
    without: tuple[str, ...],
    columns: str | None,
) -> None:
    """List the best results of a session.

    Strategies whose figures are all equal are one result, and x 24 says that it has 24 names. It
    is shown under that of the simplest strategy: fewest factors, then shortest window, then
    longest rebalance frequency. Rank is the place of its value; results of equal value share it.
    With --where, --factor or --without everything counts only the strategies that are left.

    In a session with several objectives the list is its Pareto front: what nothing else surpasses
    in an objective without falling behind in another. It stands in the order of the first
    objective, and rank is the place by it among all results, so numbers are left out.

    With a split date every figure is followed by that of the days the search did not see, and !
    marks a strategy that lost money there (its oos total return is below 0).
    """
    from studies.analysis import NEIGHBOURS, lacking_warning, pareto_front, spent_warning
    from studies.analysis import top as best
    from studies.outcomes import direction_of

    session = context.session(session_id, "results")
    chosen = session_filter(session, where, factors, without)
    several = len(session.directions) > 1
    front_size = None
    if several and metric is None and direction is None:
        front = pareto_front(session, all_names=all_names, where=chosen)
        front_size, frame = len(front), front.head(n)
    else:
        frame = best(
            session, n, metric=metric, direction=direction, all_names=all_names, where=chosen
        )
    objective = next(iter(session.directions))
    ranked_by = metric or objective
    listing = _Listing(
        session=session,
        frame=frame,
        metric=ranked_by,
        direction=direction_of(
            objective if ranked_by == NEIGHBOURS else ranked_by, session.directions, direction
        ),
        front_size=front_size,
        all_names=all_names,
        chosen=chosen,
        columns=_known_columns(frame, columns),
        said=(
            spent_warning(ranked_by, chosen.names if chosen is not None else ()),
            lacking_warning(session, ranked_by),
        ),
    )
    if context.as_json:
        print_json(listing.document())
    else:
        listing.print(context)


@dataclass(frozen=True)
class _Listing:
    """What a call of ``top`` found, to be printed."""

    session: Session
    frame: pd.DataFrame
    metric: str
    direction: str
    front_size: int | None
    all_names: bool
    chosen: Filter | None
    columns: list[str] | None
    said: tuple[str | None, ...]

    @property
    def warnings(self) -> list[str]:
        said = [text for text in self.said if text is not None]
        return [*self.session.row.snapshot.warnings, *said]

    def document(self) -> dict[str, Any]:
        session = self.session
        several = len(session.directions) > 1
        return {
            "session_id": session.row.session_id,
            "status": session.row.status,
            "metric": self.metric,
            "direction": self.direction,
            "filter": None if self.chosen is None else self.chosen.text,
            **(_front_document(session, self.front_size) if several else {}),
            "warnings": self.warnings,
            "verdict": verdict_document(_verdict_of(session, self.frame)),
            "strategies": strategy_records(self.frame, self.columns),
        }

    def print(self, context: Context) -> None:
        session, row, size = self.session, self.session.row, self.front_size
        for text in self.warnings:
            warn(text)
        what = f"by {self.metric}"
        if size is not None:
            of_what = "strategies" if self.all_names else "distinct results"
            what = f"Pareto front of {size:,} {of_what} by {objectives_text(session.directions)}"
        done = f"{row.completed + row.failed:,} of {row.total:,} strategies done"
        title = f"{style(row.session_id, bold=True)}  {what}{filter_text(self.chosen)}"
        say(f"{title}, {done}, {row.failed:,} failed")
        say()
        if self.frame.empty:
            which = "selected strategy" if self.chosen is not None else "strategy"
            say(f"  no {which} has a {self.metric} yet")
            return
        verdict = _verdict_of(session, self.frame)
        print_verdict_line(context, session, verdict, _first_of(self.frame))
        say()
        first = [self.metric] if size is None else list(session.directions)
        _print_strategies(self.frame, first, self.columns)
        if size is not None and size > len(self.frame):
            names = " --all-names" if self.all_names else ""
            if self.chosen is not None:
                names += " and the same filter"
            whole = context.command(f"top --session {row.session_id} -n {size}{names}")
            say()
            say(f"{size - len(self.frame):,} more on the front: {whole}")


def _known_columns(frame: pd.DataFrame, text: str | None) -> list[str] | None:
    """Read ``--columns``; refuse what the table does not have."""
    names = column_list(text)
    known = [str(name) for name in frame if name not in ("strategy_id", "n_strategies")]
    for name in names or ():
        if name not in known:
            raise click.ClickException(
                f"--columns: there is no {name!r}; known: {', '.join(known)}"
            )
    return names


def _first_of(frame: pd.DataFrame) -> str | None:
    return None if frame.empty else str(frame["strategy_id"].iloc[0])


def _verdict_of(session: Session, frame: pd.DataFrame) -> StoredVerdict | None:
    """Return the newest verdict of the first strategy, else that of the session."""
    from studies.analysis import latest_verdict

    return latest_verdict(session.engine, session.row.session_id, _first_of(frame))


def print_top(context: Context, session: Session, frame: pd.DataFrame) -> None:
    """Print a table that `studies.analysis.top` returned without a metric, and the verdict."""
    if len(session.directions) > 1:
        say(f"Pareto front by {objectives_text(session.directions)}, the first {len(frame):,}")
        say()
    _print_strategies(frame, list(session.directions))
    print_verdict_line(context, session, _verdict_of(session, frame), _first_of(frame))


def _print_strategies(
    frame: pd.DataFrame, first: list[str], listed: list[str] | None = None
) -> None:
    from studies.analysis import loses_out_of_sample

    units = metric_units()
    losing = [loses_out_of_sample(row) for row in frame.to_dict("records")]
    columns = [
        Column("rank", [str(rank) for rank in frame.index]),
        Column("strategy", frame["strategy_id"].tolist(), right=False),
    ]
    if "n_strategies" in frame and (frame["n_strategies"] > 1).any():
        counts = [f"x {n:,}" if n > 1 else "" for n in frame["n_strategies"].tolist()]
        columns.append(Column("names", counts, right=False))
    # an objective of one's own does not measure all of them
    present = set(frame.columns[frame.notna().any()])
    shown_names = [n for n in _shown_figures(first) if n in present or n in first]
    names = listed or shown_names
    # on the first one, which fits every terminal
    marked = next((name for name in names if name.startswith("oos_")), None)
    for name in names:
        cells = [_cell(name, value, units) for value in frame[name].tolist()]
        if name == marked:
            cells = [
                f"{LOSES} {cell}" if loses else cell
                for cell, loses in zip(cells, losing, strict=True)
            ]
        columns.append(Column(SHORT_NAMES.get(name, name.replace("_", " ")), cells))
    table(columns)
    known = [loses for loses in losing if loses is not None]
    if known:
        say()
        mark = f" ({LOSES}: oos return below 0)" if any(known) else ""
        say(f"{sum(known):,} of the {len(known):,} lose out of sample{mark}")


def _shown_figures(first: list[str]) -> list[str]:
    """Name the figures of a table: what it is sorted by and its other side, then the usual."""
    names = []
    for name in [*first, *_USUAL]:
        inside = name.removeprefix("oos_")
        names += [name, inside if name != inside else f"oos_{name}"]
    return list(dict.fromkeys([*names, *_LAST]))


def strategy_records(frame: pd.DataFrame, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """Turn a table of `studies.analysis.top`, or some columns of it, into what programs read."""
    from studies.analysis import NEIGHBOURS, loses_out_of_sample

    units = metric_units()
    return [
        {
            "rank": rank,
            "strategy_id": row["strategy_id"],
            **({"n_strategies": row["n_strategies"]} if "n_strategies" in row else {}),
            "parameters": _only(columns, _parameters_of(row)),
            "loses_out_of_sample": loses_out_of_sample(row),
            "metrics": _only(columns, {k: v for k, v in row.items() if k in units}),
            **({NEIGHBOURS: row[NEIGHBOURS]} if NEIGHBOURS in row else {}),
        }
        for rank, row in zip(frame.index.tolist(), frame.to_dict("records"), strict=True)
    ]


def _only(columns: list[str] | None, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that were asked for; without a wish all."""
    return values if columns is None else {k: v for k, v in values.items() if k in columns}


def _front_document(session: Session, front_size: int | None) -> dict[str, Any]:
    """Return what several objectives add; without a size the ranking is by one figure."""
    return {
        "objectives": session.directions,
        "pareto": front_size is not None,
        "front_size": front_size,
    }


def _parameters_of(row: Any) -> dict[str, Any]:
    """Return the parameters of a row of `studies.analysis.top`."""
    import json

    from studies.analysis import NEIGHBOURS

    others = {*metric_units(), "strategy_id", "n_strategies", NEIGHBOURS}
    parameters = {name: value for name, value in row.items() if name not in others}
    if isinstance(parameters.get("factors"), str):
        parameters["factors"] = json.loads(parameters["factors"])
    return parameters


def _cell(name: str, value: Any, units: dict[str, str]) -> str:
    """Write a figure, a parameter, or the median of the neighbours."""
    if name in units:
        return shown(name, value, units)
    return figure(value, "ratio") if isinstance(value, float) else str(value)
