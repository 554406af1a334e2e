"""How robust one strategy is, as people read it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from studies.analysis import is_drawdown
from studies.cli.output import Column, figure, note, say, style, table

if TYPE_CHECKING:
    from objectives.validation import Robustness
    from objectives.validation.daily_figures import Figures
    from objectives.validation.plateau import Neighbours

__all__ = ["print_robustness"]


def print_robustness(report: Robustness) -> None:
    """Print one line for each changed condition, then what to think of it.

    Parameters
    ----------
    report : Robustness
        From :func:`objectives.validation.measure_robustness`.
    """
    days = f"{report.start_date} to {report.end_date}"
    say(f"{style(report.strategy_id, bold=True)}  {days}")
    for text in report.notes:
        note(text)
    say()
    rows = _rows(report)
    shown = [found for _, found in rows]
    table(
        [
            Column("", [label for label, _ in rows], right=False, words=True),
            _column("net Sharpe", shown, "net_sharpe_ratio", "ratio"),
            _column("excess", shown, "excess_sharpe_ratio", "ratio"),
            _column("return", shown, "total_return", "fraction"),
            _column("drawdown", shown, "max_drawdown", "fraction"),
        ]
    )
    say()
    for line in (*_counts(report), *_reasons(report)):
        say(line)
    say()
    for line in _opinion(report):
        say(line)


def _rows(report: Robustness) -> list[tuple[str, Figures | None]]:
    rows: list[tuple[str, Figures | None]] = [("as recorded", report.recorded)]
    stresses = (*report.fees, report.delay)
    rows += [(stress.condition, stress.figures) for stress in stresses]
    rows += [(f"without {removal.pair}", removal.figures) for removal in report.pairs.costliest]
    if report.months is not None:
        best, worst = report.months.best, report.months.worst
        rows.append((f"without {best.month}, its best month", best.figures))
        rows.append((f"without {worst.month}, its worst month", worst.figures))
    if report.intervals is not None:
        low, high = report.intervals.low, report.intervals.high
        worse = replace(low, max_drawdown=high.max_drawdown)  # the more the worse
        better = replace(high, max_drawdown=low.max_drawdown)
        rows += [("resampled: 5 % are worse", worse), ("resampled: 5 % are better", better)]
    return rows


def _column(title: str, rows: list[Figures | None], name: str, unit: str) -> Column:
    sign = -1.0 if is_drawdown(name) else 1.0  # people see a drawdown as a negative number
    values = [None if row is None else sign * getattr(row, name) + 0.0 for row in rows]
    return Column(title, [figure(value, unit) for value in values])


def _counts(report: Robustness) -> list[str]:
    """Say what the lines of the table are counted from."""
    pairs = report.pairs
    lines = [
        "excess: the Sharpe ratio of what it earned beyond the basket",
        f"pairs: it held {pairs.n_held}; its net Sharpe ratio stays above 0 without any one of "
        f"{pairs.n_above_zero}",
    ]
    if report.months is not None:
        share = report.months.share_of_best
        part = "more than it earned in all" if share is None else f"{100 * share:.0f} % of it all"
        lines.append(f"months: {report.months.n_months}; {report.months.best.month} made {part}")
    if report.intervals is not None:
        lines.append(
            f"resampled: {report.intervals.n_resamples:,} histories of blocks of "
            f"{report.intervals.block:.0f} days on average"
        )
    if report.neighbours is not None:
        lines += _neighbour_lines(report.neighbours)
    return lines


def _neighbour_lines(near: Neighbours) -> list[str]:
    lines = [f"neighbours: {near.n_succeeded} of {near.n_neighbours} succeed"]
    if near.n_succeeded:
        lines[0] += f"; {near.metric}: own {near.own:,.3f}, median {near.median:,.3f},"
        lines.append(f"  worst {near.worst:,.3f}")
    if near.n_reaching is not None and near.n_neighbours:
        lines.append(
            f"  {near.n_reaching} of {near.n_neighbours} are among the best 10 % of the space "
            f"({near.threshold:,.3f})"
        )
    return lines


def _reasons(report: Robustness) -> list[str]:
    stresses = (*report.fees, report.delay)
    return [f"{each.condition}: {each.reason}" for each in stresses if each.reason is not None]


def _opinion(report: Robustness) -> list[str]:
    concerns = report.concerns
    if concerns:
        return ["Against it:", *(f"- {sentence}" for sentence in concerns)]
    return [
        "Nothing here speaks against it. That is no evidence of skill: a strategy that",
        "was best by luck passes too, as all lines are of the history it was chosen on.",
    ]
