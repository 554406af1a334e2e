"""Strategies that were evaluated before, looked up instead of computed again.

Sessions whose objectives have the same measurement fingerprint measure the same figures of a
strategy. What a session optimises is its own affair: objective columns and undefined metrics are
made anew from the figures that were recorded.
"""

import json
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from search_spaces import FACTOR_CODES, FactorSpace
from studies.database import hyperparameter_tuning_results, one_of, placeholder, tuning_sessions
from studies.sessions import StoredSession

if TYPE_CHECKING:
    from objectives import Batch

__all__ = ["Known", "KnownOutcomes"]

# Not defined without a closed position, or for an out-of-sample part that begins with nothing.
# Everything else a measured strategy has; a row that lacks it is damaged.
_MAY_BE_UNDEFINED = frozenset(
    {
        "avg_holding_days",
        "oos_avg_holding_days",
        "oos_total_return",
        "oos_annual_return",
        "oos_turnover",
    }
)

_SMALL_SOURCE = 20_000
_results = hyperparameter_tuning_results
Figures = list[float]


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
        return Batch(computed.names, values, optimised, tuple(failure.tolist()))


class KnownOutcomes:
    """Outcomes in the database that hold for a session.

    A result counts, and so does a failure that follows from strategy and data
    (``insufficient_data``, ``no_market_caps``); one that timed out, raised, crashed its worker or
    broke a constraint is never reused. Neither is a row that lacks figures, nor, between
    sessions, a strategy with a registered factor: nobody knows whether its code is still the same.
    Ids of factor strategies mean the same in every `FactorSpace`; a session of another space
    shares outcomes only with sessions of the same space.

    Parameters
    ----------
    session : StoredSession
        Other sessions are looked up in unless its configuration says ``execution.reuse: false``,
        or it was recorded by a release that noted no measurement fingerprint.
    own : bool
        Look up in the session itself as well: for methods that may propose a point twice.

    Attributes
    ----------
    sources : tuple of str
        Ids of the sessions looked up in, as of the last :meth:`refresh`.
    """

    def __init__(self, session: StoredSession, *, own: bool = False) -> None:
        self.session = session
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
            If the database fails; `studies.database.transient_errors.persist` is patient with
            what passes.
        """
        from objectives.factor_backtest import judge

        ids = self.session.space.strategy_ids(indices)
        recorded = self._recorded(ids, indices) if self.sources and ids else {}
        rows = [recorded[name] for name in ids if name in recorded]
        batch = judge(
            self._names,
            np.array([values for values, _ in rows]).reshape(-1, len(self._names)),
            np.array([measurable for _, measurable in rows], dtype=np.bool_),
            metrics=tuple(self.session.directions),
            min_active_days=self._min_active_days,
        )
        return Known(np.array([name in recorded for name in ids], dtype=np.bool_), batch)

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return self.session.figures

    @cached_property
    def _required(self) -> Callable[[Figures], Figures]:
        """Pick the figures that every measured strategy has."""
        names = enumerate(self._names)
        return operator.itemgetter(*[k for k, name in names if name not in _MAY_BE_UNDEFINED])

    @cached_property
    def _min_active_days(self) -> int:
        from objectives import BacktestSettings

        return BacktestSettings.from_dict(self.session.config.backtest).min_active_days

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
        if not isinstance(self.session.space, FactorSpace):
            query = query.where(table.space_fingerprint == row.space_fingerprint)
        with self.session.engine.connect() as connection:
            found = connection.execute(query).all()
        alike = [(name, n) for name, config, n in found if _measurement_of(config) == measurement]
        self._n_done = dict(alike)
        return [name for name, _ in alike]

    def _recorded(
        self, ids: Sequence[str], indices: npt.NDArray[np.int64]
    ) -> dict[str, tuple[Figures, bool]]:
        """Figures by strategy id, and whether the strategy could be run at all."""
        recorded: dict[str, tuple[Figures, bool]] = {}
        portable = {name for name, yes in zip(ids, self._portable(indices), strict=True) if yes}
        with self.session.engine.connect() as connection:
            for source in self.sources:
                mine = source == self.session.row.session_id
                candidates = dict.fromkeys(ids) if mine else portable
                wanted: Sequence[str] = [name for name in candidates if name not in recorded]
                if wanted and not mine:
                    wanted = self._among(connection, source, wanted)
                if not wanted:
                    continue
                for strategy_id, raw, *columns in self._rows(connection, source, wanted):
                    told = self._read(raw, columns)
                    if told is not None:
                        recorded[strategy_id] = told
        return recorded

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

    def _portable(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which strategies mean the same in another session, shape (n_strategies,)."""
        space = self.session.space
        if not isinstance(space, FactorSpace):
            return np.ones(len(indices), dtype=np.bool_)
        place = space.names.index("factors")
        subsets = space.parameters[place].finite_values()
        built_in = np.array([set(FACTOR_CODES).issuperset(subset) for subset in subsets])
        return np.asarray(built_in[space.digits(indices)[:, place]])

    def _rows(
        self, connection: Connection, session_id: str, ids: Sequence[str]
    ) -> Sequence[Sequence[Any]]:
        """Rows of strategies in one session, by the unique index."""
        place = placeholder(connection)
        chosen, wanted = one_of(connection, ids)
        names = ", ".join(("strategy_id", "raw_result", *self._names))
        return connection.exec_driver_sql(
            f"SELECT {names} FROM hyperparameter_tuning_results "  # noqa: S608 (constants)
            f"WHERE session_id = {place} AND strategy_id {chosen}",
            (session_id, wanted),
        ).all()

    def _read(self, raw: str | None, columns: Sequence[Any]) -> tuple[Figures, bool] | None:
        """Figures of a row, and whether it could be run; None if it cannot be relied on."""
        from objectives.factor_backtest import INSUFFICIENT_DATA, NO_MARKET_CAPS, UNDEFINED_METRIC

        failure = None  # a row without raw_result is a completed one
        try:
            if raw is not None:
                told = json.loads(raw)
                failure = told.get("failure")
                columns = [told["metrics"][name] for name in self._names]
            values = [math.nan if value is None else float(value) for value in columns]
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
            return None
        if failure == NO_MARKET_CAPS:
            return (values, False) if all(map(math.isnan, values)) else None
        if failure not in (None, INSUFFICIENT_DATA, UNDEFINED_METRIC):
            return None
        if any(map(math.isnan, self._required(values))):
            return None
        too_few = values[self._names.index("active_days")] < self._min_active_days
        return (values, True) if too_few == (failure == INSUFFICIENT_DATA) else None


def _measurement_of(config_data: str) -> str | None:
    """Return the measurement fingerprint that a session noted."""
    try:
        told = json.loads(config_data)
    except ValueError:
        return None
    return told.get("measurement") if isinstance(told, dict) else None
