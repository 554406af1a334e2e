"""All results of a session as arrays, read in one scan."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from search_spaces import SearchSpace
from search_spaces.errors import ConfigError
from studies.analysis.parameter_columns import columns_of_parameters
from studies.database import database_errors, hyperparameter_tuning_results
from studies.outcomes import NATURAL_DIRECTIONS, Failure, read_raw_result, rows_of_session
from studies.sessions import StoredSession

__all__ = ["SessionTable", "read_table"]

_results = hyperparameter_tuning_results
_ROWS_AT_ONCE = 1_000  # 10,000 at once take half as long again
_FAILURE = '{"failure": '
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class SessionTable:
    """What a session recorded, a row for each strategy, in the order it was recorded.

    Attributes
    ----------
    session_id : str
    space : SearchSpace
    directions : mapping of str to {"maximize", "minimize"}
        Of the objectives, in their order.
    row_ids : ndarray of int64, shape (n_strategies,)
        Ids in the table of results, ascending.
    digits : ndarray of int64, shape (n_strategies, n_parameters)
        Index of each parameter's value in ``finite_values()`` of the parameter.
    failures : ndarray of int64, shape (n_strategies,)
        Place of the reason in `reasons`; -1 where the strategy was measured.
    reasons : tuple of str
        Kinds of failure (`studies.outcomes.FailureKind`; the whole text of another kind).
    figures : mapping of str to ndarray of float64, shape (n_strategies,)
        The figures that were asked for; NaN where there is none, as of failed strategies.
    is_planned : bool
        Whether the strategies were chosen before any result was known, evenly over the space.
    """

    session_id: str
    space: SearchSpace
    directions: Mapping[str, str]
    row_ids: npt.NDArray[np.int64]
    digits: npt.NDArray[np.int64]
    failures: npt.NDArray[np.int64]
    reasons: tuple[str, ...]
    figures: Mapping[str, npt.NDArray[np.float64]]
    is_planned: bool = False

    def __len__(self) -> int:
        return len(self.row_ids)

    @cached_property
    def indices(self) -> npt.NDArray[np.int64]:
        """Lattice indices, shape (n_strategies,)."""
        return self.space.indices(self.digits)

    @property
    def objective(self) -> str:
        """The first objective."""
        return next(iter(self.directions))

    @property
    def failed(self) -> npt.NDArray[np.bool_]:
        """Whether each strategy failed, shape (n_strategies,)."""
        return self.failures >= 0

    def figure(self, name: str | None = None) -> npt.NDArray[np.float64]:
        """Return a figure of every strategy; without a name the first objective.

        Raises
        ------
        ConfigError
            If it was not read.
        """
        name = name or self.objective
        if name not in self.figures:
            raise ConfigError(
                f"the figure {name!r} was not read; read were {', '.join(self.figures)}"
            )
        return self.figures[name]

    def direction(self, name: str | None = None) -> str:
        """Return which way a figure is better: as optimised, else as is natural."""
        name = name or self.objective
        return self.directions.get(name) or NATURAL_DIRECTIONS[name]

    def column(self, parameter: str) -> int:
        """Return the place of a parameter.

        Raises
        ------
        ConfigError
            If there is no such parameter.
        """
        if parameter not in self.space.names:
            raise ConfigError(
                f"unknown parameter {parameter!r}; there are {', '.join(self.space.names)}"
            )
        return self.space.names.index(parameter)

    def select(self, mask: npt.NDArray[np.bool_]) -> "SessionTable":
        """Return the rows of a mask."""
        return replace(
            self,
            row_ids=self.row_ids[mask],
            digits=self.digits[mask],
            failures=self.failures[mask],
            figures={name: values[mask] for name, values in self.figures.items()},
        )


def read_table(session: StoredSession, figures: Sequence[str] = ()) -> SessionTable:
    """Read every result of a session.

    Parameters
    ----------
    session : StoredSession
    figures : sequence of str
        Columns of figures to read besides the objectives.

    Returns
    -------
    SessionTable

    Raises
    ------
    ConfigError
        If the session fills no such column.
    StorageError
        If the database cannot be read.
    """
    names = list(dict.fromkeys([*session.directions, *figures]))
    unknown = [name for name in names if name not in session.figures]
    if unknown:
        raise ConfigError(
            f"{session.row.session_id} has no figure {', '.join(map(repr, unknown))}; it has "
            f"{', '.join(session.figures)}"
        )
    parameters = columns_of_parameters(session) or ("strategy_id",)
    parts: list[_Part] = []
    coder = _Coder(session.space, parameters)
    with database_errors(session.engine), session.engine.connect() as connection:
        for rows in _batches(connection, session, parameters, names):
            parts.append(coder.encode(list(zip(*rows, strict=True))))
    return SessionTable(
        session.row.session_id,
        session.space,
        session.directions,
        np.concatenate([np.empty(0, np.int64), *(part.row_ids for part in parts)]),
        np.concatenate(
            [np.empty((0, len(session.space.names)), np.int64), *(part.digits for part in parts)]
        ),
        np.concatenate([np.empty(0, np.int64), *(part.failures for part in parts)]),
        tuple(coder.reasons),
        {
            name: np.concatenate([np.empty(0), *(part.figures[place] for part in parts)])
            for place, name in enumerate(names)
        },
        is_planned=not (session.row.is_adaptive or session.row.is_genetic),
    )


def _batches(
    connection: sa.Connection,
    session: StoredSession,
    parameters: Sequence[str],
    figures: Sequence[str],
) -> Iterator[Sequence[Any]]:
    """Read row id, parameters, what was recorded of a failure, figures: rows of the driver."""
    # a failed strategy has no figures; the reason is in a long text, which others may have too
    failure = sa.case((_results.c[next(iter(session.directions))].is_(None), _results.c.raw_result))
    names = [*parameters, *figures]
    query = (
        sa.select(_results.c.id, failure, *[_results.c[name] for name in names])
        .where(rows_of_session(connection, session.row.session_id))
        .order_by(_results.c.id)
    )
    # SQLAlchemy's own rows would take twice as long
    cursor: Any = connection.execute(query).cursor
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield rows


@dataclass(frozen=True)
class _Part:
    """Some rows of a table."""

    row_ids: npt.NDArray[np.int64]
    digits: npt.NDArray[np.int64]
    failures: npt.NDArray[np.int64]
    figures: list[npt.NDArray[np.float64]]


class _Coder:
    """Turns columns of the results into arrays, and numbers the reasons of failures."""

    def __init__(self, space: SearchSpace, parameters: Sequence[str]) -> None:
        self.reasons: list[str] = []
        self._codes: dict[str, int] = {}
        self._space = space
        self._n_parameters = len(parameters)
        self._tables: list[dict[Any, int]] | None = None
        if parameters != ("strategy_id",):
            self._tables = [_digits_by_stored(space, name) for name in parameters]

    def encode(self, columns: Sequence[Sequence[Any]]) -> _Part:
        row_ids, failures, *rest = columns
        return _Part(
            np.array(row_ids, dtype=np.int64),
            self._digits(rest[: self._n_parameters]),
            np.array([-1 if text is None else self._code(text) for text in failures], np.int64),
            [np.array(values, dtype=np.float64) for values in rest[self._n_parameters :]],
        )

    def _digits(self, columns: Sequence[Sequence[Any]]) -> npt.NDArray[np.int64]:
        if self._tables is None:
            # P and the lattice index (SearchSpace.parse, which takes 40 s for 436,800 of them)
            return self._space.digits([int(name.removeprefix("P")) for name in columns[0]])
        digits = np.empty((len(columns[0]), len(columns)), dtype=np.int64)
        for place, (table, values) in enumerate(zip(self._tables, columns, strict=True)):
            digits[:, place] = [table[value] for value in values]
        return digits

    def _code(self, text: str) -> int:
        """Return the number of a reason; the figures behind it are not read."""
        reason = None
        if text.startswith(_FAILURE):
            with contextlib.suppress(ValueError):  # as of an earlier system
                reason, _ = _DECODER.raw_decode(text, len(_FAILURE))
        else:
            reason = read_raw_result(text).get("failure")
        if not isinstance(reason, str):
            return -1
        if reason not in self._codes:
            failure = Failure.parse(reason)
            name = str(failure.kind) or str(failure.text)
            if name not in self.reasons:
                self.reasons.append(name)
            self._codes[reason] = self.reasons.index(name)
        return self._codes[reason]


def _digits_by_stored(space: SearchSpace, name: str) -> dict[Any, int]:
    """Map what a column of the results holds to the value's place in its parameter."""
    parameter = space.parameters[space.names.index(name)]
    values = parameter.finite_values()
    return {
        json.dumps(list(value)) if isinstance(value, tuple) else value: place
        for place, value in enumerate(values)
    }
