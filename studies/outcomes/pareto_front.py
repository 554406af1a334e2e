"""The Pareto front: strategies that none surpasses in an objective without loss in another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from search_spaces.errors import ConfigError
from studies.database import hyperparameter_tuning_results, in_batches
from studies.outcomes.best_first import better_than, rows_of_session, signs_of

__all__ = ["ParetoFront", "is_dominated", "pareto_mask"]

_ROWS_AT_ONCE = 5_000  # more at once are slower
_results = hyperparameter_tuning_results


def pareto_mask(
    values: npt.NDArray[np.float64], directions: Sequence[str]
) -> npt.NDArray[np.bool_]:
    """Tell which points no other point dominates.

    A point dominates another if it is at least as good in every objective and better in one, so
    equal points do not dominate each other.

    Parameters
    ----------
    values : ndarray of float64, shape (n_strategies, n_objectives)
        Infinities are values; a row with a NaN is not on the front and dominates nothing.
    directions : sequence of {"maximize", "minimize"}, length n_objectives

    Returns
    -------
    ndarray of bool, shape (n_strategies,)

    Raises
    ------
    ConfigError
        If a direction is unknown, or there is not one for every column.
    """
    values = np.asarray(values, dtype=np.float64)
    for direction in directions:
        if direction not in ("maximize", "minimize"):
            raise ConfigError(f"a direction is maximize or minimize, got {direction!r}")
    if not directions or values.ndim != 2 or values.shape[1] != len(directions):
        raise ConfigError(
            f"values have one column for each direction, at least one, got {values.shape=} and "
            f"{len(directions)=}"
        )
    mask = np.zeros(len(values), dtype=np.bool_)
    rows = np.flatnonzero(~np.isnan(values).any(axis=1))
    if rows.size:
        mask[rows] = _nondominated(values[rows] * -signs_of(directions))
    return mask


@dataclass(frozen=True)
class ParetoFront:
    """The front of a session: by the first objective, best first, then the others, then the id.

    Attributes
    ----------
    strategy_ids : tuple of str, length n_front
    row_ids : tuple of int, length n_front
        Of the results.
    ranks : tuple of int, length n_front
        By the first objective: 1 and the number of its different values in the session that are
        better.
    objectives : ndarray of float64, shape (n_front, n_objectives)
    directions : dict of str to str
        Of the objectives, in their order.
    """

    strategy_ids: tuple[str, ...]
    row_ids: tuple[int, ...]
    ranks: tuple[int, ...]
    objectives: npt.NDArray[np.float64]
    directions: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.strategy_ids)

    @classmethod
    def read(
        cls,
        connection: Connection,
        session_id: str,
        directions: Mapping[str, str],
        condition: sa.ColumnElement[bool] | None = None,
    ) -> Self:
        """Find the front of what a session has recorded so far; failed strategies are not in it.

        Parameters
        ----------
        connection : Connection
        session_id : str
        directions : mapping of str to str
            Columns of the results and their directions, at least one.
        condition : ColumnElement of bool, optional
            On the table of results: the front of the strategies that fulfil it.
        """
        row_ids, values = _objectives(connection, session_id, list(directions), condition)
        rows = np.flatnonzero(pareto_mask(values, list(directions.values())))
        losses = values * -signs_of(directions.values())
        first = np.unique(losses[~np.isnan(losses[:, 0]), 0])
        names = _strategy_ids(connection, row_ids[rows].tolist())
        ids = [names[row_id] for row_id in row_ids[rows].tolist()]
        # by the last key first; the ids in Python, whose order no collation of a database changes
        keys = [np.array(ids, dtype=str), *losses[rows].T[::-1]]
        order = np.lexsort(keys)
        rows = rows[order]
        return cls(
            strategy_ids=tuple(ids[position] for position in order.tolist()),
            row_ids=tuple(row_ids[rows].tolist()),
            ranks=tuple((np.searchsorted(first, losses[rows, 0]) + 1).tolist()),
            objectives=values[rows],
            directions=dict(directions),
        )

    def spread(self, n: int) -> list[str]:
        """Return ``n`` of its strategies, evenly spread along the first objective.

        The best of every objective are among them (as far as ``n`` goes, the first objective
        before the others), the rest are at even distances in the order of the front. A front of
        up to ``n`` is returned whole.
        """
        if len(self) <= n:
            return list(self.strategy_ids)
        losses = self.objectives * -signs_of(self.directions.values())
        extremes = list(dict.fromkeys(losses.argmin(axis=0).tolist()))[:n]
        others = np.setdiff1d(np.arange(len(self)), extremes)
        places = np.arange(n - len(extremes))
        between = others[(2 * places + 1) * len(others) // (2 * max(len(places), 1))]
        return [self.strategy_ids[position] for position in np.union1d(extremes, between).tolist()]


def is_dominated(
    connection: Connection,
    session_id: str,
    directions: Mapping[str, str],
    values: Mapping[str, float],
) -> bool:
    """Whether a session has recorded a strategy that dominates these values of the objectives."""
    as_good, better = [], []
    for name, direction in directions.items():
        column, is_better = _results.c[name], better_than(_results.c[name], values[name], direction)
        as_good.append(sa.or_(is_better, column == values[name]))
        better.append(is_better)
    dominating = sa.select(_results.c.id).where(
        _results.c.session_id == session_id, *as_good, sa.or_(*better)
    )
    return connection.execute(dominating.limit(1)).first() is not None


def _objectives(
    connection: Connection,
    session_id: str,
    names: Sequence[str],
    condition: sa.ColumnElement[bool] | None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Row ids (n_strategies,) and objectives (n_strategies, n_objectives) of a session.

    Strategies without the first objective are left out; NaN where another one is missing.
    """
    columns = [_results.c[name] for name in names]
    query = sa.select(_results.c.id, *columns).where(
        rows_of_session(connection, session_id), columns[0].is_not(None)
    )
    if condition is not None:
        query = query.where(condition)
    row_ids, values = [np.empty(0, dtype=np.int64)], [np.empty((0, len(names)))]
    for part in connection.execute(query).partitions(_ROWS_AT_ONCE):
        listed: list[Any] = list(zip(*part, strict=True))
        row_ids.append(np.array(listed[0], dtype=np.int64))
        values.append(np.array(listed[1:], dtype=np.float64).T)
    return np.concatenate(row_ids), np.concatenate(values)


def _strategy_ids(connection: Connection, row_ids: Sequence[int]) -> dict[int, str]:
    names: dict[int, str] = {}
    for batch in in_batches(row_ids):
        query = sa.select(_results.c.id, _results.c.strategy_id).where(_results.c.id.in_(batch))
        names.update((row.id, row.strategy_id) for row in connection.execute(query))
    return names


def _nondominated(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tell which rows no other dominates, smaller being better; at least one row, no NaN.

    Not by `moocore.is_nondominated`, which DEAP brings along: version 0.3.2 is three times as fast
    but crashes the process, or errs, where there are infinities.
    """
    order = np.lexsort(losses.T[::-1])  # a row can be dominated only by rows before it
    ordered = losses[order]
    is_new = np.ones(len(ordered), dtype=np.bool_)
    is_new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    distinct = ordered[is_new]
    if distinct.shape[1] <= 2:
        front = np.ones(len(distinct), dtype=np.bool_)
        last = distinct[:, -1]
        front[1:] = last[1:] < np.minimum.accumulate(last)[:-1]
    else:
        front = _by_elimination(distinct)
    mask = np.empty(len(losses), dtype=np.bool_)
    mask[order] = front[np.cumsum(is_new) - 1]
    return mask


def _by_elimination(losses: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tell the front of distinct rows: take the best one left, drop what it dominates, repeat.

    The best is the one with the smallest sum of its places in every objective. A row that
    dominates another has the smaller sum, so what is taken is on the front; and it is strong in
    everything, so that the first few drop most.
    """
    places = np.zeros(len(losses), dtype=np.int64)
    for column in losses.T:
        places += np.unique(column, return_inverse=True)[1]
    left = np.argsort(places, kind="stable")
    columns = np.ascontiguousarray(losses[left].T)
    front = np.zeros(len(losses), dtype=np.bool_)
    while left.size:
        front[left[0]] = True
        is_better = np.zeros(left.size, dtype=np.bool_)  # in some objective than the one taken
        for column in columns:
            is_better |= column < column[0]
        left, columns = left[is_better], columns[:, is_better]
    return front
