"""Best first: the sign of a direction, and the query that sorts results by a figure."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from studies.database import hyperparameter_tuning_results

__all__ = ["better_than", "select_best_first", "sign_of", "signs_of"]

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
        .order_by(
            column.desc() if direction == "maximize" else column.asc(), _results.c.strategy_id
        )
    )
