"""One figure of every strategy of a session, and when its best value improved."""

import datetime
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from studies.analysis.filters import Filter
from studies.analysis.queries.convergence import follow_best
from studies.database import database_errors, hyperparameter_tuning_results, in_batches
from studies.outcomes import rows_of_session
from studies.sessions import StoredSession

__all__ = ["Improvements", "ObjectiveHistory", "read_objective_history"]

_results = hyperparameter_tuning_results
_ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Improvements:
    """The strategies that were better than all before them, in the order they were recorded.

    Attributes
    ----------
    evaluations : ndarray of int64, shape (n_improvements,)
        How many strategies had been recorded by then, the better one included.
    seconds : ndarray of float64, shape (n_improvements,)
        From the first start of the session until then, pauses included; never less than those of
        the improvement before, NaN where no time was recorded.
    best : ndarray of float64, shape (n_improvements,)
    """

    evaluations: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]
    best: npt.NDArray[np.float64]

    def best_after(self, n_evaluations: int) -> float | None:
        """Return the best value of the first strategies; None if none of them has one."""
        return self._last(self.evaluations <= n_evaluations)

    def best_within(self, seconds: float) -> float | None:
        """Return the best value recorded until then; None if there was none."""
        return self._last(self.seconds <= seconds)

    def _last(self, reached: npt.NDArray[np.bool_]) -> float | None:
        places = np.flatnonzero(reached)
        return float(self.best[places[-1]]) if places.size else None


@dataclass(frozen=True)
class ObjectiveHistory:
    """The first objective of every strategy of a session, in the order they were recorded.

    Attributes
    ----------
    values : ndarray of float64, shape (n_evaluations,)
        NaN for a strategy that failed or was not chosen.
    improvements : Improvements
    duration : float or None
        Seconds from the first start of the session to the last result, pauses included; None
        where there is no result, or its time was not recorded.
    """

    values: npt.NDArray[np.float64]
    improvements: Improvements
    duration: float | None


def read_objective_history(
    session: StoredSession, chosen: Filter | None = None
) -> ObjectiveHistory:
    """Read it in one narrow scan, and the times of the improvements only.

    Strategies that the filter does not choose have no value, but were tried: they count among the
    evaluations. An adaptive session has one result of a strategy however often it proposes it.

    Parameters
    ----------
    session : StoredSession
    chosen : Filter, optional

    Raises
    ------
    ConfigError
        If the filter names a parameter without a column.
    StorageError
        If the database cannot be read.
    """
    metric, direction = next(iter(session.directions.items()))
    figure: sa.ColumnElement[Any] = _results.c[metric]
    if chosen is not None:
        figure = sa.case((chosen.clause(), figure))
    row_ids, values = [np.empty(0, np.int64)], [np.empty(0)]
    with database_errors(session.engine), session.engine.connect() as connection:
        query = (
            sa.select(_results.c.id, figure)
            .where(rows_of_session(connection, session.row.session_id))
            .order_by(_results.c.id)
        )
        # SQLAlchemy's own rows would take twice as long
        cursor: Any = connection.execute(query).cursor
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            some_ids, some_values = zip(*rows, strict=True)
            row_ids.append(np.array(some_ids, dtype=np.int64))
            values.append(np.array(some_values, dtype=np.float64))
        ids, all_values = np.concatenate(row_ids), np.concatenate(values)
        followed = follow_best(all_values, direction)
        places = followed.improved
        timed = np.unique([*places, len(ids) - 1]) if len(ids) else places
        seconds = dict(zip(timed.tolist(), _seconds(connection, session, ids[timed]), strict=True))
    improvements = Improvements(
        places + 1,
        np.fmax.accumulate(np.array([seconds[place] for place in places.tolist()], np.float64)),
        followed.best[places],
    )
    duration = seconds.get(len(ids) - 1, np.nan)
    return ObjectiveHistory(all_values, improvements, None if np.isnan(duration) else duration)


def _seconds(
    connection: sa.Connection, session: StoredSession, row_ids: npt.NDArray[np.int64]
) -> list[float]:
    """Return how long after the first start of the session rows were recorded."""
    query = sa.select(_results.c.id, _results.c.created_at)
    moments: dict[int, datetime.datetime | None] = {}
    for batch in in_batches(row_ids.tolist()):
        rows = connection.execute(query.where(_results.c.id.in_(batch)))
        moments.update((row[0], row[1]) for row in rows)
    known = [moment for moment in moments.values() if moment is not None]
    start = session.row.started_at or min(known, default=None)
    return [
        np.nan if moment is None or start is None else (moment - start).total_seconds()
        for moment in (moments[row_id] for row_id in row_ids.tolist())
    ]
