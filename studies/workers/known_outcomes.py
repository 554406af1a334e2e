"""Strategies that were evaluated before, looked up instead of computed again.

Sessions whose objectives have the same measurement fingerprint measure the same figures of a
strategy. What a session optimises is its own affair: objective columns and undefined metrics are
made anew from the figures that were recorded.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from studies.database import hyperparameter_tuning_results, one_of, placeholder, tuning_sessions
from studies.sessions import StoredSession

if TYPE_CHECKING:
    from objectives import Batch, Objective

__all__ = ["Known", "KnownOutcomes"]

_SMALL_SOURCE = 20_000
_results = hyperparameter_tuning_results


class _Record(NamedTuple):
    """A recorded strategy: its figures, NaN where null, and why it failed."""

    values: list[float]
    failure: str | None


@dataclass(frozen=True)
class Known:
    """What is recorded of some strategies.

    Attributes
    ----------
    found : ndarray of bool, shape (n_strategies,)
        Which of them are known.
    batch : Batch of n_found strategies
        Those that are, in their order: what the session's objective would say of them.
    """

    found: npt.NDArray[np.bool_]
    batch: "Batch"

    def completed(
        self,
        indices: npt.NDArray[np.int64],
        evaluate: Callable[[npt.NDArray[np.int64]], "Batch"],
    ) -> "Batch":
        """Evaluate those that are not known, and put all in their places.

        Parameters
        ----------
        indices : ndarray of int64, shape (n_strategies,)
            Lattice indices, those that were looked up.
        evaluate : callable
            Of the lattice indices that are left; not called if there are none.

        Returns
        -------
        Batch of n_strategies
            The same as if all were evaluated.
        """
        from objectives import Batch

        if self.found.all():
            return self.batch
        computed = evaluate(indices[~self.found])
        if not self.found.any():
            return computed
        n = len(self.found)
        values = np.empty((n, len(computed.names)))
        optimised = np.empty((n, computed.objective.shape[1]))
        failure = np.empty(n, dtype=object)
        for rows, part in ((self.found, self.batch), (~self.found, computed)):
            values[rows], optimised[rows], failure[rows] = part.values, part.objective, part.failure
        places = np.flatnonzero(~self.found).tolist()
        details = {places[row]: each for row, each in computed.details.items()}
        return Batch(computed.names, values, optimised, tuple(failure.tolist()), details)


class KnownOutcomes:
    """Outcomes in the database that hold for a session.

    A result counts, and so does a failure that follows from strategy and data
    (``insufficient_data``, ``no_market_caps``); one that timed out, raised, crashed its worker or
    broke a constraint is never reused. Neither is a row that lacks figures, nor, between
    sessions, a strategy with a registered factor: nobody knows whether its code is still the same.

    Parameters
    ----------
    session : StoredSession
        Other sessions are looked up in unless its configuration says ``execution.reuse: false``,
        or it was recorded by a release that noted no measurement fingerprint.
    objective : Objective
        Says which strategies mean the same in other sessions, and which records can be relied on.
    own : bool
        Look up in the session itself as well: for methods that may propose a point twice.

    Attributes
    ----------
    sources : tuple of str
        Ids of the sessions looked up in, as of the last :meth:`refresh`.
    """

    def __init__(
        self, session: StoredSession, objective: "Objective", *, own: bool = False
    ) -> None:
        self.session = session
        self.objective = objective
        self.own = own
        self.sources: tuple[str, ...] = ()
        self._n_done: dict[str, int] = {}
        self._ids: dict[str, frozenset[str]] = {}
        self.refresh()

    def refresh(self) -> None:
        """List the sources again: sessions that have outcomes by now, those with most first."""
        row = self.session.row
        measurement = row.snapshot.measurement
        sources = [row.session_id] if self.own else []
        if self.session.config.execution.reuse and measurement is not None:
            sources += self._alike(measurement)
        self.sources = tuple(sources)
        self._ids = {}

    def find(self, indices: npt.NDArray[np.int64]) -> Known:
        """Look strategies up.

        Parameters
        ----------
        indices : ndarray of int64, shape (n_strategies,)
            Lattice indices of the session's space.

        Returns
        -------
        Known

        Raises
        ------
        sqlalchemy.exc.DBAPIError
            If the database fails; `studies.database.retry_transient` is patient with what passes.
        """
        ids = self.session.space.strategy_ids(indices)
        recorded = self._recorded(ids, indices) if self.sources and ids else {}
        found = np.array([name in recorded for name in ids], dtype=np.bool_)
        rows = [recorded[name] for name in ids if name in recorded]
        reliable, batch = self._recall(rows)
        found[found] = reliable
        return Known(found, batch)

    @property
    def _names(self) -> tuple[str, ...]:
        return self.objective.names

    @property
    def _columns(self) -> tuple[str, ...]:
        """Figures that have a column; a row with others holds all of them in ``raw_result``."""
        return tuple(name for name in self._names if name in _results.c)

    def _alike(self, measurement: str) -> list[str]:
        """Ids of other sessions with outcomes and the same measurement fingerprint."""
        table, row = tuning_sessions.c, self.session.row
        n_done = table.completed_strategies + table.failed_strategies
        query = (
            sa.select(table.session_id, table.config_data, n_done)
            .where(
                table.session_id != row.session_id,
                n_done > 0,
                # only to read few of them: what the fingerprint stands for is checked below
                table.config_data.contains(measurement, autoescape=True),
            )
            .order_by(n_done.desc(), table.session_id)
        )
        with self.session.engine.connect() as connection:
            found = connection.execute(query).all()
        alike = [(name, n) for name, config, n in found if _measurement_of(config) == measurement]
        self._n_done = dict(alike)
        return [name for name, _ in alike]

    def _recorded(self, ids: Sequence[str], indices: npt.NDArray[np.int64]) -> dict[str, _Record]:
        """Read the records that can be relied on, by strategy id; the first source's of several."""
        recorded: dict[str, _Record] = {}
        portable = self.objective.portable(indices)
        elsewhere = {name for name, yes in zip(ids, portable.tolist(), strict=True) if yes}
        with self.session.engine.connect() as connection:
            for source in self.sources:
                mine = source == self.session.row.session_id
                candidates = dict.fromkeys(ids) if mine else elsewhere
                wanted: Sequence[str] = [name for name in candidates if name not in recorded]
                if wanted and not mine:
                    wanted = self._among(connection, source, wanted)
                if not wanted:
                    continue
                rows = self._rows(connection, source, wanted)
                readable = [
                    (name, record)
                    for name, raw, *columns in rows
                    if (record := self._read(raw, columns)) is not None
                ]
                names = [name for name, _ in readable]
                records = [record for _, record in readable]
                reliable, _ = self._recall(records)
                recorded.update(
                    (name, record)
                    for name, record, good in zip(names, records, reliable.tolist(), strict=True)
                    if good
                )
        return recorded

    def _recall(self, records: Sequence[_Record]) -> tuple[npt.NDArray[np.bool_], "Batch"]:
        """Ask the objective which records can be relied on, and what it would say of them."""
        values = np.array([record.values for record in records], dtype=np.float64)
        values = values.reshape(-1, len(self._names))
        return self.objective.recall(values, [record.failure for record in records])

    def _among(self, connection: Connection, source: str, wanted: Sequence[str]) -> Sequence[str]:
        """Leave out what a small source does not hold, as of the first look at it.

        Many small sessions would otherwise cost every chunk a statement each. What a source that
        is still running adds is found after :meth:`refresh`; until then it is computed again.
        """
        if source not in self._n_done or self._n_done[source] > _SMALL_SOURCE:
            return wanted
        if source not in self._ids:
            ids = sa.select(_results.c.strategy_id).where(_results.c.session_id == source)
            self._ids[source] = frozenset(connection.execute(ids).scalars())
        return [name for name in wanted if name in self._ids[source]]

    def _rows(
        self, connection: Connection, session_id: str, ids: Sequence[str]
    ) -> Sequence[Sequence[Any]]:
        """Rows of strategies in one session, by the unique index."""
        place = placeholder(connection)
        chosen, wanted = one_of(connection, ids)
        names = ", ".join(("strategy_id", "raw_result", *self._columns))
        return connection.exec_driver_sql(
            f"SELECT {names} FROM hyperparameter_tuning_results "  # noqa: S608 (constants)
            f"WHERE session_id = {place} AND strategy_id {chosen}",
            (session_id, wanted),
        ).all()

    def _read(self, raw: str | None, columns: Sequence[Any]) -> _Record | None:
        """Read a row; None if it is damaged."""
        failure = None  # a row without raw_result is a completed one
        try:
            if raw is not None:
                document = json.loads(raw)
                failure = document.get("failure")
                columns = [document["metrics"][name] for name in self._names]
            values = [math.nan if value is None else float(value) for value in columns]
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
            return None
        return _Record(values, failure)


def _measurement_of(config_data: str) -> str | None:
    """Return the measurement fingerprint that a session noted."""
    try:
        document = json.loads(config_data)
    except ValueError:
        return None
    return document.get("measurement") if isinstance(document, dict) else None
