"""Best first: the sign of a direction, and the query that sorts results by a figure."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from studies.database import has_result_index, hyperparameter_tuning_results

__all__ = [
    "best_first",
    "better_than",
    "rows_of_session",
    "select_best_first",
    "sign_of",
    "signs_of",
]

_results = hyperparameter_tuning_results


def sign_of(direction: str) -> float:
    """Return 1 where more is better, -1 where less is: times a value, more is always better."""
    return 1.0 if direction == "maximize" else -1.0


def signs_of(directions: Iterable[str]) -> npt.NDArray[np.float64]:
    """Return the sign of each direction, shape (n_objectives,)."""
    return np.array([sign_of(direction) for direction in directions])


def better_than(
    column: sa.ColumnElement[Any], value: Any, direction: str
) -> sa.ColumnElement[bool]:
    """Condition that a column is better than a value."""
    return column > value if direction == "maximize" else column < value


def best_first(column: sa.ColumnElement[Any], direction: str) -> sa.ColumnElement[Any]:
    """Sort by a column, best first."""
    return column.desc() if direction == "maximize" else column.asc()


def rows_of_session(
    connection: Connection, session_id: str, column: str | None = None
) -> sa.ColumnElement[bool]:
    """Condition for the rows of a session, for a query that reads all of them or sorts them.

    Parameters
    ----------
    connection : Connection
    session_id : str
    column : str, optional
        What the query sorts by or compares; an index of it is used if there is one.
    """
    if column is not None and has_result_index(connection, column):
        return _results.c.session_id == session_id
    ids = sa.select(sa.func.min(_results.c.id), sa.func.max(_results.c.id)).where(
        _results.c.session_id == session_id
    )
    low, high = connection.execute(ids).one()
    # A session's rows lie together. Read in the order of the table 436,800 of them take 0.3 s,
    # through an index of session_id three times that; the empty text keeps SQLite off the index.
    return sa.and_(_results.c.id.between(low, high), _results.c.session_id.concat("") == session_id)


def select_best_first(session_id: str, metric: str, direction: str, *names: str) -> sa.Select[Any]:
    """Query results of a session by a figure, best first, ties by strategy id.

    Strategies without the figure, failed ones above all, are left out.

    Parameters
    ----------
    session_id : str
    metric : str
        Column that decides.
    direction : {"maximize", "minimize"}
    *names : str
        Columns to read; ``strategy_id`` if left out.
    """
    column = _results.c[metric]
    return (
        sa.select(*[_results.c[name] for name in names or ("strategy_id",)])
        .where(_results.c.session_id == session_id, column.is_not(None))
        .order_by(best_first(column, direction), _results.c.strategy_id)
    )
