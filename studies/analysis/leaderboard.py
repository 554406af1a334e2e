"""What came out of a session: the best results, and everything recorded of one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from search_spaces.checks import LARGEST_SEED, check_kind, check_whole
from search_spaces.errors import ConfigError, SessionError
from studies.analysis.filters import Filter, read_filter
from studies.analysis.parameter_columns import (
    columns_of_parameters,
    insert_parameters,
    parameters_of,
)
from studies.analysis.queries.neighbourhoods import neighbourhoods_of
from studies.analysis.queries.session_table import read_table
from studies.database import (
    OOS_METRIC_COLUMNS,
    database_errors,
    hyperparameter_tuning_results,
    in_batches,
    strategy_queue,
)
from studies.outcomes import (
    LATER_FIGURES,
    ParetoFront,
    better_than,
    count_equal,
    direction_of,
    distinct_front,
    distinct_in_order,
    is_dominated,
    read_distinct_results,
    read_raw_result,
    rows_of_session,
    select_best_first,
    sign_of,
)
from studies.sessions import StoredSession

__all__ = ["NEIGHBOURS", "lacking_warning", "order_of", "pareto_front", "result_row", "top"]

NEIGHBOURS = "neighbours"
"""Name of the ranking by the median objective of a strategy's one-step neighbours."""

_results = hyperparameter_tuning_results


def top(
    session: StoredSession,
    n: int = 10,
    *,
    metric: str | None = None,
    direction: str | None = None,
    all_names: bool = False,
    where: str | Filter | None = None,
) -> pd.DataFrame:
    """Return the best results of a session.

    Strategies whose recorded figures are all equal are one result; it stands under the name of
    the simplest of them: fewest factors, then shortest window, longest rebalance frequency,
    smallest data period, smallest selection count, then strategy id.

    Parameters
    ----------
    session : StoredSession
    n : int
        Number of results at most, at least 1.
    metric : str, optional
        Any figure of the results; by default the objective, and in a session with several
        objectives the first results of their Pareto front (see :func:`pareto_front`);
        :data:`NEIGHBOURS` ranks by the median objective (the first one) of the one-step
        neighbours that were measured, whatever a filter says of them; it stands in a column
        ``neighbours``, and equal results under the name with the best neighbours.
    direction : {"maximize", "minimize"}, optional
        The objective's, or the natural one of the metric.
    all_names : bool
        A row for each strategy instead, equal ones by strategy id.
    where : str or Filter, optional
        Only strategies that fulfil it (see :func:`studies.analysis.read_filter`); ranks and
        ``n_strategies`` count those alone.

    Returns
    -------
    pandas.DataFrame
        Best first, of equal value the simplest first; ``strategy_id``, ``n_strategies`` (how many
        have these figures; not with `all_names`), parameters and figures. The index ``rank`` is 1
        and the number of different values of the metric that are better, so results of equal
        value share one. Failed strategies are not ranked.

    Raises
    ------
    ConfigError
        If the metric, direction or filter cannot be, ``n`` is below 1, or there are several
        objectives and a direction without a metric.
    """
    if where is not None:
        check_kind("where", where, (str, Filter), "a text or a Filter")
    chosen = read_filter(session, where) if isinstance(where, str) else where
    if metric == NEIGHBOURS:
        return _top_by_neighbours(session, n, direction, all_names, chosen)
    if metric is None and len(session.directions) > 1:
        if direction is not None:
            raise ConfigError(
                f"a direction belongs to a metric, and {session.row.session_id} has several "
                f"objectives; name one with --metric, got the direction {direction!r} alone"
            )
        return pareto_front(session, n, all_names=all_names, where=chosen)
    _check_number(n)
    metric, direction = order_of(session, metric, direction)
    session_id = session.row.session_id
    condition = chosen.clause() if chosen is not None else sa.true()
    if not all_names:
        with database_errors(session.engine), session.engine.connect() as connection:
            results = read_distinct_results(connection, session_id, metric, direction, n, condition)
            rows = _rows(session, connection, [result.row_id for result in results])
        ranks = [result.rank for result in results]
        return _frame(session, rows, ranks, [result.n_strategies for result in results])
    query = select_best_first(session_id, metric, direction, *_names(session)).where(condition)
    with database_errors(session.engine), session.engine.connect() as connection:
        every = connection.execute(query.limit(n)).all()
    frame = _frame(session, every, range(1, len(every) + 1))
    values = frame[metric]
    frame.index = pd.Index(values.ne(values.shift()).cumsum(), dtype="int64", name="rank")
    return frame


def pareto_front(
    session: StoredSession,
    n: int | None = None,
    *,
    all_names: bool = False,
    where: Filter | None = None,
) -> pd.DataFrame:
    """Return the results that none surpasses in an objective without loss in another.

    Parameters
    ----------
    session : StoredSession
        With one objective the front is its best result, or several that are equally good.
    n : int, optional
        Number of results at most, at least 1.
    all_names : bool
        As of :func:`top`.
    where : Filter, optional
        The front of the strategies that fulfil it.

    Returns
    -------
    pandas.DataFrame
        By the first objective, best first, then the others, then the simplest first (with
        `all_names` by strategy id); columns as of :func:`top`. The index ``rank`` is that of
        :func:`top` by the first objective, so it leaves out numbers.

    Raises
    ------
    ConfigError
        If ``n`` is below 1.
    """
    if n is not None:
        _check_number(n)
    counts: Sequence[int] | None = None
    with database_errors(session.engine), session.engine.connect() as connection:
        condition = where.clause() if where is not None else None
        front = ParetoFront.read(connection, session.row.session_id, session.directions, condition)
        if not all_names:
            front, counts = distinct_front(connection, front)
        rows = _rows(session, connection, front.row_ids[:n])
    return _frame(session, rows, front.ranks[:n], None if counts is None else counts[:n])


def lacking_warning(session: StoredSession, metric: str) -> str | None:
    """Return what a reader should know of a figure that older results do not have, else None.

    Parameters
    ----------
    session : StoredSession
    metric : str
        The figure that decides the order.
    """
    if metric.removeprefix("oos_") not in LATER_FIGURES or metric not in session.figures:
        return None
    column = _results.c[metric]
    counted = sa.select(sa.func.count(column)).where(
        _results.c.session_id == session.row.session_id
    )
    with database_errors(session.engine), session.engine.connect() as connection:
        n_lacking = session.row.completed - connection.execute(counted).scalar_one()
    if n_lacking <= 0:
        return None
    return (
        f"{n_lacking:,} of {session.row.completed:,} results were recorded before {metric} existed "
        "and are not ranked; a new session measures them"
    )


def result_row(session: StoredSession, strategy_id: str) -> dict[str, Any]:
    """Return everything recorded of one strategy, its ``parameters``, and its place.

    The ``rank`` is that of :func:`top` by the first objective, ``n_ranked`` the number of its
    different values in the session, ``n_strategies`` how many strategies have all these figures;
    None if it failed.

    With several objectives ``pareto`` says whether it is on the Pareto front; None if it failed.

    Raises
    ------
    SessionError
        If the session holds no result of it (yet).
    """
    with database_errors(session.engine), session.engine.connect() as connection:
        row = connection.execute(
            sa.select(_results).where(
                _results.c.session_id == session.row.session_id,
                _results.c.strategy_id == strategy_id,
            )
        ).first()
        if row is None:
            session_id = session.row.session_id
            raise SessionError(
                f"{session_id} has no result of {strategy_id!r}"
                f"{_queued(connection, session_id, strategy_id)}; list the best with: "
                f"mass-tuning top --session {session_id}"
            )
        record = dict(row._mapping)
        record["parameters"] = parameters_of(session, record)
        metric, direction = order_of(session, None, None)
        record["rank"] = record["n_ranked"] = record["n_strategies"] = None
        if record[metric] is not None:
            record.update(_place(connection, record, metric, direction))
        if len(session.directions) > 1:
            values = {name: record[name] for name in session.directions}
            record["pareto"] = None
            if None not in values.values():
                record["pareto"] = not is_dominated(
                    connection, session.row.session_id, session.directions, values
                )
    raw = read_raw_result(record["raw_result"])
    record["failure"] = raw.get("failure")
    if record["failure"] is not None:
        record.update(raw.get("metrics", {}))
    return record


def _top_by_neighbours(
    session: StoredSession, n: int, direction: str | None, all_names: bool, where: Filter | None
) -> pd.DataFrame:
    _check_number(n)
    metric, direction = order_of(session, next(iter(session.directions)), direction)
    table = read_table(session, where.figures if where is not None else ())
    allowed = ~np.isnan(table.figure(metric))
    if where is not None:
        allowed &= where.mask(table)
    medians, own = (
        values * -sign_of(direction)
        for values in (neighbourhoods_of(table, metric).median, table.figure(metric))
    )
    allowed &= ~np.isnan(medians)
    order = np.lexsort((own, medians))
    order = order[allowed[order]]
    row_ids = table.row_ids[order].tolist()
    counts = None
    with database_errors(session.engine), session.engine.connect() as connection:
        if not all_names:
            condition = where.clause() if where is not None else sa.true()
            session_id = session.row.session_id
            results = distinct_in_order(connection, session_id, row_ids, n, condition)
            row_ids = [result.row_id for result in results]
            counts = [result.n_strategies for result in results]
        rows = _rows(session, connection, row_ids[:n])
    places = np.searchsorted(table.row_ids, row_ids[:n])
    ranks = np.searchsorted(np.unique(medians[allowed]), medians[places]) + 1
    frame = _frame(session, rows, ranks.tolist(), counts)
    frame.insert(1 if all_names else 2, NEIGHBOURS, medians[places] * -sign_of(direction))
    return frame


def _place(
    connection: Connection, record: dict[str, Any], metric: str, direction: str
) -> dict[str, int]:
    """Return rank, number of different values of the metric, and of equal strategies."""
    session_id, column = record["session_id"], _results.c[metric]
    different = sa.select(sa.func.count(sa.distinct(column))).where(
        rows_of_session(connection, session_id, metric)
    )
    better = different.where(better_than(column, record[metric], direction))
    return {
        "rank": connection.execute(better).scalar_one() + 1,
        "n_ranked": connection.execute(different).scalar_one(),
        "n_strategies": count_equal(connection, record, metric),
    }


def _names(session: StoredSession) -> list[str]:
    return ["strategy_id", *columns_of_parameters(session), *session.figures]


def _rows(
    session: StoredSession, connection: Connection, row_ids: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Read what a table shows of rows, in their order."""
    columns = [_results.c[name] for name in _names(session)]
    rows: dict[int, tuple[Any, ...]] = {}
    for batch in in_batches(row_ids):
        query = sa.select(_results.c.id, *columns).where(_results.c.id.in_(batch))
        rows.update((row[0], tuple(row[1:])) for row in connection.execute(query))
    return [rows[row_id] for row_id in row_ids]


def _frame(
    session: StoredSession,
    rows: Sequence[Any],
    ranks: Sequence[int],
    n_strategies: Sequence[int] | None = None,
) -> pd.DataFrame:
    names = _names(session)
    index = pd.Index(list(ranks), dtype="int64", name="rank")
    frame = pd.DataFrame([tuple(row) for row in rows], columns=names, index=index)
    for name in names:
        if isinstance(_results.c[name].type, sa.Float):
            frame[name] = frame[name].astype("float64")  # also where there is none in any row
    insert_parameters(session, frame)
    if n_strategies is not None:
        frame.insert(1, "n_strategies", np.array(n_strategies, dtype=np.int64))
    return frame


def _check_number(n: int) -> None:
    check_whole("the number of strategies", n, 1, LARGEST_SEED)


def order_of(session: StoredSession, metric: str | None, direction: str | None) -> tuple[str, str]:
    """Return the figure that decides what is best in a session, and its direction.

    Parameters
    ----------
    session : StoredSession
    metric, direction : str or None
        None: the first objective; its direction, or the natural one of the figure.

    Raises
    ------
    ConfigError
        If the figure or the direction is unknown, or nothing was measured out of sample.
    """
    if metric is None:
        metric = next(iter(session.directions))
    direction = direction_of(metric, session.directions, direction)
    if metric in OOS_METRIC_COLUMNS and metric not in session.figures:
        raise ConfigError(
            f"{session.row.session_id} has no split_date, so nothing was measured out of sample; "
            "set backtest.split_date and create a new session"
        )
    return metric, direction


def _queued(connection: Connection, session_id: str, strategy_id: str) -> str:
    """Say in brackets what the queue knows of a strategy without a result."""
    row = connection.execute(
        sa.select(strategy_queue.c.status, strategy_queue.c.error_message).where(
            strategy_queue.c.session_id == session_id, strategy_queue.c.strategy_id == strategy_id
        )
    ).first()
    if row is None:
        return ""
    return f" ({row.status})" if row.error_message is None else f" ({row.status}: {row[1]})"
