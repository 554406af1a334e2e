"""Which results of a session are exported, in which columns and in which order."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from search_spaces.checks import LARGEST_SEED, check_whole
from search_spaces.errors import ConfigError
from studies.analysis.filters import Filter
from studies.analysis.leaderboard import order_of
from studies.analysis.parameter_columns import columns_of_parameters
from studies.database import database_errors, hyperparameter_tuning_results, in_batches
from studies.outcomes import (
    ParetoFront,
    distinct_front,
    read_distinct_results,
    read_raw_result,
    rows_of_session,
    select_best_first,
)
from studies.sessions import StoredSession

__all__ = ["Batch", "ExportColumn", "ExportedRows", "Selection"]

_ROWS_AT_ONCE = 20_000
_ROWS_ALIVE = 500
_results = hyperparameter_tuning_results

Kind: TypeAlias = Literal["text", "whole", "real", "truth", "time"]
Batch: TypeAlias = list[Sequence[Any]]
"""Values of some rows, a sequence for each column; None where there is no value."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What of a session is exported; by default every result, in the order it was recorded.

    Attributes
    ----------
    pareto : bool
        Only strategies on the Pareto front of a session with several objectives.
    n : int or None
        Only this number of results, best first, as `studies.analysis.top` lists them; their place
        stands in the first columns.
    metric : str or None
        Figure that decides which are best; None: the objective, of several the Pareto front.
    all_names : bool
        With `n`: a row for each strategy, also where all figures are equal.
    columns : tuple of str or None
        Names of columns in their order; None: all there are.
    where : Filter or None
        Only strategies that fulfil it (`studies.analysis.read_filter`). The column ``pareto``
        still speaks of the front of the whole session.
    """

    pareto: bool = False
    n: int | None = None
    metric: str | None = None
    all_names: bool = False
    columns: tuple[str, ...] | None = None
    where: Filter | None = None

    def check(self, session: StoredSession) -> None:
        """Refuse what does not go together, or not with this session."""
        session_id, objectives = session.row.session_id, list(session.directions)
        if self.pareto and len(objectives) == 1:
            raise ConfigError(
                f"a Pareto front needs several objectives, {session_id} has only {objectives[0]}; "
                "export everything, or name several in objective.metrics and create a new session"
            )
        if self.pareto and self.metric is not None:
            raise ConfigError(
                "the Pareto front is sorted by the objectives; leave out --pareto or --metric"
            )
        if self.n is None and (self.metric is not None or self.all_names):
            name = "--metric" if self.metric is not None else "--all-names"
            raise ConfigError(f"{name} says how the best are listed; say how many with --top N")
        if self.n is not None:
            check_whole("the number of strategies", self.n, 1, LARGEST_SEED)


@dataclass(frozen=True)
class ExportColumn:
    """One column of an export.

    Attributes
    ----------
    name : str
    kind : {"text", "whole", "real", "truth", "time"}
        Of its values: str, int, float, bool, or datetime (naive UTC).
    """

    name: str
    kind: Kind


@dataclass(frozen=True)
class _Ranked:
    """Rows of the results in an order of their own, with their places if they have any."""

    row_ids: Sequence[int]
    ranks: Sequence[int] | None = None
    n_strategies: Sequence[int] | None = None


class ExportedRows:
    """The results of a session that a selection chooses, read a few at a time.

    Parameters
    ----------
    session : StoredSession
    selection : Selection

    Raises
    ------
    ConfigError
        If the selection is impossible for this session, or names a column that there is not.
    """

    def __init__(self, session: StoredSession, selection: Selection) -> None:
        selection.check(session)
        self.session = session
        self._selection = selection
        self._front: ParetoFront | None = None
        self._condition = sa.true() if selection.where is None else selection.where.clause()
        with database_errors(session.engine), session.engine.connect() as connection:
            self._of_session = rows_of_session(connection, session.row.session_id)
            if len(session.directions) > 1:
                self._front = ParetoFront.read(
                    connection, session.row.session_id, session.directions
                )
            self._ranked = self._ranked_rows(connection)
        known = {column.name: column for column in self._all_columns()}
        names = tuple(known) if selection.columns is None else selection.columns
        _check_names(names, known)
        self.columns = tuple(known[name] for name in names)

    def count(self) -> int:
        """Return how many rows there are now."""
        if self._ranked is not None:
            return len(self._ranked.row_ids)
        query = sa.select(sa.func.count()).select_from(self._query(["id"]).subquery())
        with database_errors(self.session.engine), self.session.engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def batches(self) -> Iterator[Batch]:
        """Yield the values of some rows after the others, at least once (possibly of none)."""
        wanted = [column.name for column in self.columns]
        stored = ["id", *(name for name in wanted if name in _results.c)]
        if self._by_id.intersection(wanted) or "pareto" in wanted:
            stored.append("strategy_id")
        if "failure" in wanted:
            stored.append("raw_result")
        stored = list(dict.fromkeys(stored))
        start = 0
        for columns in self._column_batches(stored):
            values: dict[str, Sequence[Any]] = dict(zip(stored, columns, strict=True))
            stop = start + len(columns[0])
            self._derive(values, wanted, slice(start, stop))
            start = stop
            yield [values[name] for name in wanted]

    def _query(self, names: Sequence[str]) -> sa.Select[Any]:
        """Query what is exported; whatever limits the rows of an export stands here."""
        # a time as the driver gives it, on SQLite a text: to read each of them takes long
        columns = [
            sa.type_coerce(_results.c[name], sa.types.NullType).label(name)
            if name == "created_at"
            else _results.c[name]
            for name in names
        ]
        return sa.select(*columns).where(self._of_session, self._condition)

    def _column_batches(self, names: Sequence[str]) -> Iterator[list[list[Any]]]:
        """Values of columns, the row ids first, in the order of the rows; at least one batch."""
        query, row_id = self._query(names), _results.c.id
        if self._ranked is not None:
            for batch in in_batches(self._ranked.row_ids) or [()]:
                columns = self._read(query.where(row_id.in_(batch)), len(names))
                place = {found: row for row, found in enumerate(columns[0])}
                order = [place[wanted] for wanted in batch if wanted in place]
                yield [[values[row] for row in order] for values in columns]
            return
        last, first = 0, True
        while True:
            following = query.where(row_id > last).order_by(row_id).limit(_ROWS_AT_ONCE)
            columns = self._read(following, len(names))
            if columns[0] or first:
                yield columns
            if not columns[0]:
                return
            first, last = False, columns[0][-1]

    def _read(self, query: sa.Select[Any], n_columns: int) -> list[list[Any]]:
        """Run a query and return its columns."""
        columns: list[list[Any]] = [[] for _ in range(n_columns)]
        engine = self.session.engine
        with database_errors(engine), engine.connect() as connection:
            # few rows at a time: Python looks through those that are alive again and again
            for rows in connection.execute(query).partitions(_ROWS_ALIVE):
                for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                    column.extend(values)
        return columns

    def _ranked_rows(self, connection: Connection) -> _Ranked | None:
        """Find the rows of a selection that is not simply everything."""
        chosen, session = self._selection, self.session
        if chosen.n is None:
            if not chosen.pareto:
                return None
            assert self._front is not None
            return _Ranked(sorted(self._front.row_ids))
        if chosen.metric is None and self._front is not None:
            session_id, counts = session.row.session_id, None
            front = ParetoFront.read(connection, session_id, session.directions, self._condition)
            if not chosen.all_names:
                front, counts = distinct_front(connection, front)
                counts = counts[: chosen.n]
            return _Ranked(front.row_ids[: chosen.n], front.ranks[: chosen.n], counts)
        metric, direction = order_of(session, chosen.metric, None)
        session_id = session.row.session_id
        if chosen.all_names:
            query = select_best_first(session_id, metric, direction, "id", metric)
            query = query.where(self._condition).limit(chosen.n)
            groups = groupby(connection.execute(query).all(), key=lambda row: row[1])
            places = [
                (row[0], rank) for rank, (_, rows) in enumerate(groups, start=1) for row in rows
            ]
            return _Ranked([row_id for row_id, _ in places], [rank for _, rank in places])
        results = read_distinct_results(
            connection, session_id, metric, direction, chosen.n, self._condition
        )
        return _Ranked(
            [result.row_id for result in results],
            [result.rank for result in results],
            [result.n_strategies for result in results],
        )

    def _all_columns(self) -> Iterator[ExportColumn]:
        session = self.session
        if self._ranked is not None and self._ranked.ranks is not None:
            yield ExportColumn("rank", "whole")
        yield ExportColumn("strategy_id", "text")
        if self._ranked is not None and self._ranked.n_strategies is not None:
            yield ExportColumn("n_strategies", "whole")
        for name in columns_of_parameters(session):
            yield ExportColumn(name, _kind_of_column(name))
        if not columns_of_parameters(session):
            for parameter in session.space.parameters:
                yield ExportColumn(parameter.name, _kind_of_parameter(parameter))
        others = ("start_date", "end_date", "execution_time", "created_at")
        for name in (*session.figures, *others):
            yield ExportColumn(name, _kind_of_column(name))
        yield ExportColumn("failure", "text")
        if self._front is not None:
            yield ExportColumn("pareto", "truth")

    @property
    def _by_id(self) -> frozenset[str]:
        """Parameters that are read from the id of a strategy."""
        session = self.session
        return frozenset() if columns_of_parameters(session) else frozenset(session.space.names)

    def _derive(
        self, values: dict[str, Sequence[Any]], wanted: Sequence[str], place: slice
    ) -> None:
        """Add the columns that the table of results has not, in place."""
        if "failure" in wanted:
            values["failure"] = [
                read_raw_result(text).get("failure") for text in values["raw_result"]
            ]
        if "created_at" in wanted:
            moments = {moment: _as_time(moment) for moment in set(values["created_at"])}
            values["created_at"] = [moments[moment] for moment in values["created_at"]]
        if "pareto" in wanted:
            assert self._front is not None
            on_front = set(self._front.strategy_ids)
            values["pareto"] = [name in on_front for name in values["strategy_id"]]
        if self._ranked is not None:
            for name in ("rank", "n_strategies"):
                listed = self._ranked.ranks if name == "rank" else self._ranked.n_strategies
                if listed is not None:
                    values[name] = listed[place]
        by_id = self._by_id.intersection(wanted)
        if by_id:
            space = self.session.space
            points = [space.trial_params(space.parse(name)) for name in values["strategy_id"]]
            for column in self.columns:
                if column.name in by_id:
                    plain = [point[column.name] for point in points]
                    text = column.kind == "text"
                    values[column.name] = [str(value) for value in plain] if text else plain


def _as_time(moment: Any) -> datetime.datetime | None:
    if not isinstance(moment, str):
        return moment
    try:
        return datetime.datetime.fromisoformat(moment)
    except ValueError:  # an earlier system, or somebody by hand, wrote something else
        return None


def _check_names(names: Sequence[str], known: dict[str, ExportColumn]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigError(
            f"unknown column {', '.join(map(repr, unknown))}; there are {', '.join(known)}"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        got = f"{', '.join(twice)} twice" if twice else "none"
        raise ConfigError(f"an export has at least one column and each once, got {got}")


def _kind_of_column(name: str) -> Kind:
    of_database = _results.c[name].type
    if isinstance(of_database, sa.Text):
        return "text"
    if isinstance(of_database, sa.DateTime):
        return "time"
    return "whole" if isinstance(of_database, sa.Integer) else "real"


def _kind_of_parameter(parameter: Any) -> Kind:
    """Return the kind of all values of a parameter; text where they are of several kinds."""
    kinds = {type(parameter.to_stored(value)) for value in parameter.finite_values()}
    if kinds == {bool}:
        return "truth"
    if kinds == {int}:
        return "whole"
    return "real" if kinds <= {int, float} else "text"
