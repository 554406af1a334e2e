"""The results of a session in the order they were recorded: how soon it found what it found."""

import datetime
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from studies.database import database_errors, hyperparameter_tuning_results
from studies.outcomes import rows_of_session, sign_of
from studies.sessions import StoredSession

__all__ = ["Distribution", "History"]

_ROWS_ALIVE = 500  # few at a time: Python looks through those that are alive again and again
_results = hyperparameter_tuning_results


@dataclass(frozen=True)
class Distribution:
    """How a figure is distributed over the strategies that have it.

    Attributes
    ----------
    n : int
        Number of strategies with the figure.
    share_above_zero : float
        Fraction of them.
    quartiles : tuple of float
        First quartile, median and third quartile of the finite values, interpolated linearly;
        NaN where there are none.
    """

    n: int
    share_above_zero: float
    quartiles: tuple[float, float, float]

    @classmethod
    def of(cls, values: npt.NDArray[np.float64]) -> Self | None:
        """Describe values, shape (n_strategies,); NaN are left out. None if there are no others."""
        known = values[~np.isnan(values)]
        if not known.size:
            return None
        finite = known[np.isfinite(known)]
        quartiles = np.quantile(finite, [0.25, 0.5, 0.75]) if finite.size else np.full(3, np.nan)
        low, median, high = quartiles.tolist()
        return cls(known.size, float((known > 0).mean()), (low, median, high))


@dataclass(frozen=True)
class History:
    """The first objective of every result of a session, as they came.

    Attributes
    ----------
    values : ndarray of float64, shape (n_evaluations,)
        In the order of recording; NaN for a failed strategy.
    seconds : ndarray of float64, shape (n_evaluations,)
        From the first start of the session until the result was recorded, pauses included.
    direction : {"maximize", "minimize"}
    """

    values: npt.NDArray[np.float64]
    seconds: npt.NDArray[np.float64]
    direction: str

    @classmethod
    def read(cls, session: StoredSession) -> Self:
        """Read it; an adaptive session has one result of a strategy however often it proposes it.

        Parameters
        ----------
        session : StoredSession
        """
        metric, direction = next(iter(session.directions.items()))
        # on SQLite a time is a text, and thousands of rows share one
        recorded = sa.type_coerce(_results.c.created_at, sa.types.NullType)
        values: list[float | None] = []
        times: list[Any] = []
        with database_errors(session.engine), session.engine.connect() as connection:
            query = (
                sa.select(_results.c[metric], recorded)
                .where(rows_of_session(connection, session.row.session_id))
                .order_by(_results.c.id)
            )
            for rows in connection.execute(query).partitions(_ROWS_ALIVE):
                some_values, some_times = zip(*rows, strict=True)
                values.extend(some_values)
                times.extend(some_times)
        moments = {time: _as_time(time) for time in set(times)}
        known = [moment for moment in moments.values() if moment is not None]
        start = session.row.started_at or min(known, default=None)
        seconds = {
            time: np.nan if moment is None or start is None else (moment - start).total_seconds()
            for time, moment in moments.items()
        }
        return cls(
            np.array(values, dtype=np.float64),
            np.array([seconds[time] for time in times], dtype=np.float64),
            direction,
        )

    @property
    def duration(self) -> float | None:
        """Seconds until the last result; None without a result whose time is known."""
        known = self.seconds[~np.isnan(self.seconds)]
        return float(known.max()) if known.size else None

    def best_after(self, n_evaluations: int) -> float | None:
        """Return the best value of the first results; None if none of them has one."""
        return self._best(self.values[:n_evaluations])

    def best_within(self, seconds: float) -> float | None:
        """Return the best value recorded until then; None if there was none."""
        return self._best(self.values[self.seconds <= seconds])

    def _best(self, values: npt.NDArray[np.float64]) -> float | None:
        known = values[~np.isnan(values)]
        sign = sign_of(self.direction)
        return sign * float((sign * known).max()) if known.size else None


def _as_time(time: Any) -> datetime.datetime | None:
    return datetime.datetime.fromisoformat(time) if isinstance(time, str) else time
