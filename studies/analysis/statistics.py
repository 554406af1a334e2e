"""A session in a few numbers: how its results are distributed, and what decides them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from studies.analysis.filters import Filter
from studies.analysis.queries.failures import count_failures
from studies.analysis.queries.histogram import Histogram, histogram_of
from studies.analysis.queries.importance import Importance, importance_of
from studies.analysis.queries.lift import lifts
from studies.analysis.queries.out_of_sample_fit import in_against_out
from studies.analysis.queries.session_table import read_table
from studies.analysis.queries.summary import Summary, marginals, summarise
from studies.analysis.queries.value_groups import ValueGroup
from studies.sessions import StoredSession

__all__ = ["BEST_SHARE", "Statistics", "ValueStatistics", "statistics_of"]

BEST_SHARE = 0.01
"""Share of the strategies that are called the best."""

_N_BINS = 32
_FIGURES = ("total_return", "net_sharpe_ratio", "max_drawdown", "win_rate")


@dataclass(frozen=True)
class ValueStatistics:
    """Strategies with one value of a parameter.

    Attributes
    ----------
    group : ValueGroup
    n, n_failed : int
    lift : float
        How much more often the best 1 % by the objective have the value than all.
    figures : mapping of str to Summary
    """

    group: ValueGroup
    n: int
    n_failed: int
    lift: float
    figures: Mapping[str, Summary]


@dataclass(frozen=True)
class Statistics:
    """What a session recorded, in numbers.

    Attributes
    ----------
    n_recorded : int
        Strategies recorded so far.
    n, n_failed : int
        Strategies that a filter leaves; those of them that failed.
    reasons : mapping of str to int
        Why they failed, the most frequent reason first.
    figures : mapping of str to Summary
        Distribution of the objectives, and of return, net Sharpe ratio, drawdown and win rate.
    histogram : Histogram
        Of the first objective.
    importance : Importance or None
        What decides the first objective; None where it does not vary.
    rank_correlation : float or None
        Of the first objective with its out-of-sample side; None without a split date.
    by_value : tuple of ValueStatistics
        By value of the parameter that was asked for.
    """

    n_recorded: int
    n: int
    n_failed: int
    reasons: Mapping[str, int]
    figures: Mapping[str, Summary]
    histogram: Histogram
    importance: Importance | None
    rank_correlation: float | None
    by_value: tuple[ValueStatistics, ...]


def statistics_of(
    session: StoredSession, *, where: Filter | None = None, by: str | None = None
) -> Statistics:
    """Read a session and sum it up.

    Parameters
    ----------
    session : StoredSession
    where : Filter, optional
        Only strategies that fulfil it.
    by : str, optional
        A parameter: also by its values, of subsets by every code too.

    Raises
    ------
    ConfigError
        If there is no such parameter.
    StorageError
        If the database cannot be read.
    """
    shown = list(dict.fromkeys([*session.directions, *_FIGURES]))
    outside = f"oos_{next(iter(session.directions))}"
    is_split = outside in session.figures
    named = where.figures if where is not None else ()
    table = read_table(session, [*shown, *([outside] if is_split else []), *named])
    n_recorded = len(table)
    if by is not None:
        table.column(by)  # an unknown one is refused
    if where is not None:
        table = table.select(where.mask(table))
    # an objective of one's own measures what it wants
    shown = [
        name
        for name in shown
        if name in session.directions or not np.isnan(table.figure(name)).all()
    ]
    failures = count_failures(table)
    values: list[ValueStatistics] = []
    if by is not None:
        by_figure = {name: marginals(table, name, [by]) for name in shown}
        failed = [value for value in failures.values if value.group.parameter == by]
        lifted = [lift for lift in lifts(table, share=BEST_SHARE) if lift.group.parameter == by]
        for place, (value, lift) in enumerate(zip(failed, lifted, strict=True)):
            figures = {name: rows[place].summary for name, rows in by_figure.items()}
            n_failed = sum(value.reasons.values())
            values.append(ValueStatistics(value.group, value.n, n_failed, lift.lift, figures))
    return Statistics(
        n_recorded=n_recorded,
        n=failures.n,
        n_failed=failures.n_failed,
        reasons=failures.reasons,
        figures={name: summarise(table.figure(name), table.direction(name)) for name in shown},
        histogram=histogram_of(table.figure(), _N_BINS),
        importance=importance_of(table),
        rank_correlation=in_against_out(table).rank_correlation if is_split else None,
        by_value=tuple(values),
    )
