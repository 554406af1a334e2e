"""What came out of a session: the best strategies, and everything recorded of one."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from search_spaces.errors import ConfigError, SessionError
from studies.analysis.parameter_columns import (
    columns_of_parameters,
    insert_parameters,
    parameters_of,
)
from studies.database import (
    OOS_METRIC_COLUMNS,
    database_errors,
    hyperparameter_tuning_results,
    in_batches,
)
from studies.outcomes import (
    ParetoFront,
    better_than,
    direction_of,
    is_dominated,
    select_best_first,
)
from studies.sessions import StoredSession

__all__ = ["pareto_front", "result_row", "top"]

_results = hyperparameter_tuning_results


def top(
    session: StoredSession, n: int = 10, *, metric: str | None = None, direction: str | None = None
) -> pd.DataFrame:
    """Return the best strategies of a session.

    Parameters
    ----------
    session : StoredSession
    n : int
        Number of strategies at most, at least 1.
    metric : str, optional
        Any figure of the results; by default the objective, and in a session with several
        objectives the first strategies of their Pareto front (see :func:`pareto_front`).
    direction : {"maximize", "minimize"}, optional
        The objective's, or the natural one of the metric.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``rank`` from 1, best first, ties by strategy id; ``strategy_id``, parameters
        and figures. Failed strategies are not ranked.

    Raises
    ------
    ConfigError
        If the metric or direction is unknown, ``n`` is below 1, or there are several objectives
        and a direction without a metric.
    """
    if metric is None and len(session.directions) > 1:
        if direction is not None:
            raise ConfigError(
                f"a direction belongs to a metric, and {session.row.session_id} has several "
                f"objectives; name one with --metric, got the direction {direction!r} alone"
            )
        return pareto_front(session, n)
    _check_number(n)
    metric, direction = _order(session, metric, direction)
    names = ["strategy_id", *columns_of_parameters(session), *session.figures]
    query = select_best_first(session.row.session_id, metric, direction, *names).limit(n)
    with database_errors(session.engine), session.engine.connect() as connection:
        rows = connection.execute(query).all()
    return _frame(session, rows, names, range(1, len(rows) + 1))


def pareto_front(session: StoredSession, n: int | None = None) -> pd.DataFrame:
    """Return the strategies that none surpasses in an objective without loss in another.

    Parameters
    ----------
    session : StoredSession
        With one objective the front is its best strategy, or several that are equally good.
    n : int, optional
        Number of strategies at most, at least 1.

    Returns
    -------
    pandas.DataFrame
        By the first objective, best first, then the others, then the strategy id; columns as of
        :func:`top`. The index ``rank`` is that among all strategies by the first objective, so
        it leaves out numbers, and equally good strategies share one.

    Raises
    ------
    ConfigError
        If ``n`` is below 1.
    """
    if n is not None:
        _check_number(n)
    names = ["strategy_id", *columns_of_parameters(session), *session.figures]
    columns = [_results.c[name] for name in names]
    rows: dict[int, tuple[Any, ...]] = {}
    with database_errors(session.engine), session.engine.connect() as connection:
        front = ParetoFront.read(connection, session.row.session_id, session.directions)
        row_ids = front.row_ids[:n]
        for batch in in_batches(row_ids):
            query = sa.select(_results.c.id, *columns).where(_results.c.id.in_(batch))
            rows.update((row[0], tuple(row[1:])) for row in connection.execute(query))
    return _frame(session, [rows[row_id] for row_id in row_ids], names, front.ranks[:n])


def result_row(session: StoredSession, strategy_id: str) -> dict[str, Any]:
    """Return everything recorded of one strategy, its ``parameters``, and its ``rank``.

    The rank is that by the first objective.

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
            raise SessionError(
                f"{session.row.session_id} has no result of {strategy_id!r}; list the best with: "
                f"mass-tuning top --session {session.row.session_id}"
            )
        record = dict(row._mapping)
        record["parameters"] = parameters_of(session, record)
        metric, direction = _order(session, None, None)
        value, column = record[metric], _results.c[metric]
        record["rank"] = None
        if value is not None:
            better = better_than(column, value, direction)
            ahead = sa.select(sa.func.count()).where(
                _results.c.session_id == session.row.session_id, better
            )
            record["rank"] = connection.execute(ahead).scalar_one() + 1
        if len(session.directions) > 1:
            values = {name: record[name] for name in session.directions}
            record["pareto"] = None
            if None not in values.values():
                record["pareto"] = not is_dominated(
                    connection, session.row.session_id, session.directions, values
                )
    raw = json.loads(record["raw_result"]) if record["raw_result"] else {}
    record["failure"] = raw.get("failure")
    if record["failure"] is not None:
        record.update(raw.get("metrics", {}))
    return record


def _frame(
    session: StoredSession, rows: Sequence[Any], names: Sequence[str], ranks: Sequence[int]
) -> pd.DataFrame:
    index = pd.Index(list(ranks), dtype="int64", name="rank")
    frame = pd.DataFrame([tuple(row) for row in rows], columns=list(names), index=index)
    for name in names:
        if isinstance(_results.c[name].type, sa.Float):
            frame[name] = frame[name].astype("float64")  # also where there is none in any row
    insert_parameters(session, frame)
    return frame


def _check_number(n: int) -> None:
    if n < 1:
        raise ConfigError(f"the number of strategies is at least 1, got {n}")


def _order(session: StoredSession, metric: str | None, direction: str | None) -> tuple[str, str]:
    if metric is None:
        metric = next(iter(session.directions))
    direction = direction_of(metric, session.directions, direction)
    if metric in OOS_METRIC_COLUMNS and metric not in session.figures:
        raise ConfigError(
            f"{session.row.session_id} has no split_date, so nothing was measured out of sample; "
            "set backtest.split_date and create a new session"
        )
    return metric, direction
