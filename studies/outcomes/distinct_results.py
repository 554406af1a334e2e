"""Distinct results: strategies of equal figures are one result, named by the simplest of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from studies.database import (
    METRIC_COLUMNS,
    OOS_METRIC_COLUMNS,
    hyperparameter_tuning_results,
    in_batches,
)
from studies.outcomes.best_first import best_first, rows_of_session, signs_of
from studies.outcomes.columns import PARAMETER_COLUMNS
from studies.outcomes.pareto_front import ParetoFront

__all__ = [
    "DistinctResult",
    "count_equal",
    "distinct_front",
    "distinct_in_order",
    "group_equal",
    "read_distinct_results",
    "simplicity",
]

_FIGURES = METRIC_COLUMNS + OOS_METRIC_COLUMNS
_READ = ("id", "strategy_id", *PARAMETER_COLUMNS)
_ROWS_PER_RESULT = 4
_FEWEST_ROWS = 1_000
_GROWTH = 8
_NUMBERS = ("window_size", "rebalance_frequency", "data_period", "selection_count")
_LAST = (math.inf,) * (1 + len(_NUMBERS))
_results = hyperparameter_tuning_results


@dataclass(frozen=True)
class DistinctResult:
    """Strategies of a session whose recorded figures are all equal.

    Attributes
    ----------
    row_id : int
        Row of the simplest strategy (see :func:`simplicity`) in the results.
    strategy_id : str
        Of the simplest strategy.
    n_strategies : int
        Number of strategies.
    figures : tuple of float, int or None
        All columns of figures, those out of sample included.
    rank : int
        1 and the number of different values of the metric that are better; 0 until it is known.
    """

    row_id: int
    strategy_id: str
    n_strategies: int
    figures: tuple[Any, ...]
    rank: int = 0


def simplicity(strategy_id: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a key that sorts strategies, the simplest first.

    Fewest factors, then shortest window, longest rebalance frequency, smallest data period,
    smallest selection count, then strategy id.

    Parameters
    ----------
    strategy_id : str
    parameters : mapping of str to value
        Values of the six parameters, the factors as a sequence or as JSON; without them, or where
        one of them is missing or no number, as an earlier system may have left it, the strategy id
        alone decides.
    """
    factors = parameters.get("factors")
    numbers: list[Any] = [parameters.get(name) for name in _NUMBERS]
    if factors is None or any(n is None or isinstance(n, str) for n in numbers):
        return (*_LAST, strategy_id)
    window_size, rebalance_frequency, data_period, selection_count = numbers
    # commas as `_simplest_first` counts them, so that one order holds in both places
    n_factors = factors.count(",") + 1 if isinstance(factors, str) else len(factors)
    return n_factors, window_size, -rebalance_frequency, data_period, selection_count, strategy_id


def group_equal(rows: Iterable[Sequence[Any]]) -> list[DistinctResult]:
    """Merge rows of equal figures, the simplest first.

    Parameters
    ----------
    rows : iterable of sequence
        Row id, strategy id, the six parameters, then figures; None equals None.
    """
    groups: dict[tuple[Any, ...], list[tuple[tuple[Any, ...], int]]] = {}
    for row in rows:
        key = simplicity(row[1], dict(zip(PARAMETER_COLUMNS, row[2:], strict=False)))
        groups.setdefault(tuple(row[len(_READ) :]), []).append((key, row[0]))
    simplest = sorted((*min(keys), figures) for figures, keys in groups.items())
    return [
        DistinctResult(row_id, key[-1], len(groups[figures]), figures)
        for key, row_id, figures in simplest
    ]


def read_distinct_results(
    connection: Connection,
    session_id: str,
    metric: str,
    direction: str,
    n: int,
    condition: sa.ColumnElement[bool] | None = None,
) -> list[DistinctResult]:
    """Find the best distinct results of a session by a figure.

    Parameters
    ----------
    connection : Connection
    session_id : str
    metric : str
        Column that decides; strategies without it, failed ones above all, are left out.
    direction : {"maximize", "minimize"}
    n : int
        Number of results at most.
    condition : ColumnElement of bool, optional
        On the table of results: strategies that do not fulfil it are left out, of equal ones too.

    Returns
    -------
    list of DistinctResult
        Best first, of equal value the simplest first.

    Notes
    -----
    Rows are read best first and then simplest first, so the first row of a result is the one that
    names it. Where that gives less than ``n`` results, eight times as many rows are read. Equal
    figures have an equal value of the metric: all rows of a result were read, unless its value is
    the last one that was. Of 300,000 strategies that share a value only those that are equal to a
    result are read beside.
    """
    column = _results.c[metric]
    read = [_results.c[name] for name in (*_READ, *_FIGURES)]
    rows_of = rows_of_session(connection, session_id, metric)
    if condition is not None:
        rows_of = sa.and_(rows_of, condition)
    ordered = sa.select(*read).where(rows_of, column.is_not(None))
    ordered = ordered.order_by(best_first(column, direction), *_simplest_first(connection))
    place = len(_READ) + _FIGURES.index(metric)
    size = max(_FEWEST_ROWS, _ROWS_PER_RESULT * n)
    while True:
        rows: Sequence[Any] = connection.execute(ordered.limit(size)).all()
        is_last = len(rows) < size
        results = [
            replace(result, rank=rank)
            for rank, (_, equal) in enumerate(groupby(rows, key=itemgetter(place)), start=1)
            for result in group_equal(equal)
        ]
        if is_last or len(results) >= n:
            break
        size *= _GROWTH
    results = results[:n]
    if is_last:
        return results
    last = rows[-1][place]
    whole = [result for result in results if result.figures[place - len(_READ)] != last]
    return whole + _counted(connection, sa.and_(rows_of, column == last), results[len(whole) :])


def distinct_front(
    connection: Connection, front: ParetoFront
) -> tuple[ParetoFront, tuple[int, ...]]:
    """Merge strategies of equal figures on a Pareto front.

    Returns
    -------
    front : ParetoFront
        The simplest strategy of every distinct result, in the order of the objectives, of equal
        ones the simplest first.
    n_strategies : tuple of int, length n_front
        Number of strategies of each.
    """
    rows: list[Any] = []
    for batch in in_batches(front.row_ids):
        query = sa.select(*[_results.c[name] for name in (*_READ, *_FIGURES)])
        rows += connection.execute(query.where(_results.c.id.in_(batch))).all()
    results = group_equal(rows)
    place_of = {row_id: place for place, row_id in enumerate(front.row_ids)}
    kept = np.array([place_of[result.row_id] for result in results], dtype=np.int64)
    losses = front.objectives[kept] * -signs_of(front.directions.values())
    order = np.lexsort([np.arange(len(kept)), *losses.T[::-1]])
    kept = kept[order]
    merged = replace(
        front,
        strategy_ids=tuple(front.strategy_ids[place] for place in kept.tolist()),
        row_ids=tuple(front.row_ids[place] for place in kept.tolist()),
        ranks=tuple(front.ranks[place] for place in kept.tolist()),
        objectives=front.objectives[kept],
    )
    return merged, tuple(results[place].n_strategies for place in order.tolist())


def distinct_in_order(
    connection: Connection,
    session_id: str,
    row_ids: Sequence[int],
    n: int,
    condition: sa.ColumnElement[bool],
) -> list[DistinctResult]:
    """Find the first distinct results of rows in an order of one's own.

    Parameters
    ----------
    connection : Connection
    session_id : str
    row_ids : sequence of int
        Rows of the session, best first.
    n : int
        Number of results at most.
    condition : ColumnElement of bool
        On the table of results: strategies that are counted.

    Returns
    -------
    list of DistinctResult
        Each under the name of its first row.
    """
    found: dict[tuple[Any, ...], DistinctResult] = {}
    read = [_results.c[name] for name in ("id", "strategy_id", *_FIGURES)]
    for batch in in_batches(row_ids):
        rows = {
            row[0]: row for row in connection.execute(sa.select(*read).where(read[0].in_(batch)))
        }
        for row_id in batch:
            figures = tuple(rows[row_id][2:])
            found.setdefault(figures, DistinctResult(row_id, rows[row_id][1], 1, figures))
        if len(found) >= n:
            break
    counted = sa.and_(rows_of_session(connection, session_id), condition)
    return _counted(connection, counted, list(found.values())[:n])


def count_equal(connection: Connection, record: Mapping[str, Any], metric: str) -> int:
    """Count the strategies of a session whose figures are all those of a recorded one.

    Parameters
    ----------
    connection : Connection
    record : mapping
        Its row of the results.
    metric : str
        A figure that it has, which narrows the search.
    """
    equal = [_results.c[name].is_not_distinct_from(record[name]) for name in _FIGURES]
    query = sa.select(sa.func.count()).where(
        _results.c.session_id == record["session_id"],
        _results.c[metric] == record[metric],
        *equal,
    )
    return int(connection.execute(query).scalar_one())


def _counted(
    connection: Connection, condition: sa.ColumnElement[bool], results: Sequence[DistinctResult]
) -> list[DistinctResult]:
    """Count the strategies of results that fulfil a condition in the database."""
    if not results:
        return []
    # one figure tells nearly all of them apart, and keeps the rest of the session out
    listed = list(zip(*(result.figures for result in results), strict=True))
    _, place = max(
        (len(set(values)), place) for place, values in enumerate(listed) if None not in values
    )
    figures = [_results.c[name] for name in _FIGURES]
    counts: dict[tuple[Any, ...], int] = {}
    for batch in in_batches(sorted(set(listed[place]))):
        query = sa.select(sa.func.count(), *figures).where(condition, figures[place].in_(batch))
        for row in connection.execute(query.group_by(*figures)):
            counts[tuple(row[1:])] = row[0]
    return [
        replace(result, n_strategies=counts.get(result.figures, result.n_strategies))
        for result in results
    ]


def _simplest_first(connection: Connection) -> list[sa.ColumnElement[Any]]:
    """Return the order of :func:`simplicity` for a query."""
    factors = _results.c.factors
    strategy_id: sa.ColumnElement[str] = _results.c.strategy_id
    n_commas = sa.func.length(factors) - sa.func.length(sa.func.replace(factors, ",", ""))
    if connection.dialect.name == "postgresql":
        strategy_id = sa.collate(strategy_id, "C")  # the order of Python
    return [
        n_commas,
        _results.c.window_size,
        _results.c.rebalance_frequency.desc(),
        _results.c.data_period,
        _results.c.selection_count,
        strategy_id,
    ]
