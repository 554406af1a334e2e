"""Which strategies of a session are meant: one grammar for tables, files and pages."""

import json
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from search_spaces import Parameter, Subsets
from search_spaces.checks import likely
from search_spaces.errors import ConfigError
from studies.analysis.filter_grammar import (
    Among,
    Comparison,
    Condition,
    Contains,
    Junction,
    Name,
    parse_filter,
    refusal,
)
from studies.analysis.parameter_columns import columns_of_parameters
from studies.analysis.queries.session_table import SessionTable
from studies.database import OOS_METRIC_COLUMNS, hyperparameter_tuning_results
from studies.outcomes import NATURAL_DIRECTIONS
from studies.sessions import StoredSession

__all__ = ["Filter", "read_filter"]

_results = hyperparameter_tuning_results
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Filter:
    """A condition on the strategies of a session; make it with :func:`read_filter`.

    A strategy without a figure that is compared, a failed one above all, does not fulfil the
    comparison, nor its opposite.

    Attributes
    ----------
    text : str
        The condition in words, as commands print it.
    condition : Condition
        Checked against the session.
    """

    text: str
    condition: Condition
    _session: StoredSession = field(repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Figures and parameters that it names, each once."""
        return tuple(dict.fromkeys(_names(self.condition)))

    @property
    def figures(self) -> tuple[str, ...]:
        """Those of the names that are figures."""
        return tuple(name for name in self.names if name in self._session.figures)

    def clause(self) -> sa.ColumnElement[bool]:
        """Return the condition on the table of results.

        Raises
        ------
        ConfigError
            If it names a parameter that has no column there.
        """
        columns = {*columns_of_parameters(self._session), *self._session.figures}
        missing = [name for name in self.names if name not in columns]
        if missing:
            raise ConfigError(
                f"{self._session.row.session_id} has parameters of its own, and {missing[0]} has "
                "no column to select by; name figures only, or use: mass-tuning stats --where"
            )
        return _clause(self.condition)

    def mask(self, table: SessionTable) -> npt.NDArray[np.bool_]:
        """Tell which rows of a table fulfil the condition, shape (n_strategies,).

        Raises
        ------
        ConfigError
            If a figure that it names was not read.
        """
        return _mask(self.condition, table)


def read_filter(
    session: StoredSession,
    where: str | None = None,
    *,
    factors: Sequence[str] = (),
    without: Sequence[str] = (),
) -> Filter | None:
    """Read what a user says of the strategies that are meant.

    Parameters
    ----------
    session : StoredSession
    where : str, optional
        Names of figures and parameters, numbers and texts in quotes, compared by ``< <= > >= = !=
        in (..)`` and joined by ``and or not`` and parentheses. A subset of factors is compared as
        text: ``factors = 'SR_DD'``.
    factors : sequence of str
        Codes that a strategy's factors contain, all of them.
    without : sequence of str
        Values that a strategy has not: a factor, or a value of any parameter.

    Returns
    -------
    Filter or None
        None if nothing is said.

    Raises
    ------
    ConfigError
        If `where` cannot be read, a name or a value is unknown, or a value belongs to several
        parameters.
    """
    parts: list[Condition] = []
    texts = []
    if where is not None:
        parts.append(_checked(session, parse_filter(where), where))
        texts.append(where.strip())
    for code in factors:
        parts.append(Contains(_subsets_with(session, code), code))
        texts.append(f"with {code}")
    for value in without:
        parts.append(_having(session, value).opposite())
        texts.append(f"without {value}")
    if not parts:
        return None
    condition = parts[0] if len(parts) == 1 else Junction(tuple(parts), every=True)
    return Filter(", ".join(texts), condition, session)


def _names(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Junction):
        for part in condition.parts:
            yield from _names(part)
    elif isinstance(condition, Contains):
        yield condition.parameter
    elif isinstance(condition, Among):
        yield condition.name.name
    else:
        yield from (s.name for s in (condition.left, condition.right) if isinstance(s, Name))


def _checked(session: StoredSession, condition: Condition, text: str) -> Condition:
    """Return a condition with texts as the parameter stores them; refuse what cannot be."""
    if isinstance(condition, Junction):
        parts = tuple(_checked(session, part, text) for part in condition.parts)
        return Junction(parts, condition.every)
    if isinstance(condition, Comparison):
        return _checked_comparison(session, condition, text)
    assert isinstance(condition, Among)  # a text does not say that a subset contains a code
    name = condition.name
    if not _is_worded(session, name, text):
        texts = [value for value in condition.values if isinstance(value, str)]
        if texts:
            raise refusal(text, name.at, f"{name.name} is a number, got {texts[0]!r}")
        return condition
    parameter = _parameter(session, name.name)
    stored = {_canonical(parameter, value, text, name) for value in condition.values}
    return Among(name, tuple(sorted(stored, key=str)), condition.negated)


def _checked_comparison(session: StoredSession, condition: Comparison, text: str) -> Condition:
    sides = condition.left, condition.right
    named = [side for side in sides if isinstance(side, Name)]
    values = [side for side in sides if not isinstance(side, Name)]
    worded = [name for name in named if _is_worded(session, name, text)]
    if worded:
        if condition.sign not in ("=", "!=") or not values:
            message = f"{worded[0].name} is no number; compare it with a text by =, != or in"
            raise refusal(text, worded[0].at, message)
        return _checked(session, Among(worded[0], tuple(values), condition.sign == "!="), text)
    for value in values:
        if isinstance(value, str):
            raise refusal(text, condition.at, f"{named[0].name} is a number, got {value!r}")
    return condition


def _is_worded(session: StoredSession, name: Name, text: str) -> bool:
    """Whether the values of a name are no numbers; refuse an unknown one."""
    if name.name in session.figures:
        return False
    if name.name in session.config.parameters:
        return not _is_numeric(_parameter(session, name.name))
    if name.name in OOS_METRIC_COLUMNS:
        raise refusal(text, name.at, f"there is no {name.name}: nothing was measured out of sample")
    known = [*session.figures, *session.config.parameters]
    message = f"unknown name {name.name!r} (a text goes in quotes); {likely(name.name, known)}"
    raise refusal(text, name.at, message)


def _parameter(session: StoredSession, name: str) -> Parameter:
    return session.space.parameters[session.space.names.index(name)]


def _is_numeric(parameter: Parameter) -> bool:
    values = parameter.finite_values()
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _canonical(parameter: Parameter, value: float | str, text: str, name: Name) -> Any:
    """Return a value as it is stored, the codes of a subset in their order."""
    known = list(map(parameter.to_stored, parameter.finite_values()))
    if isinstance(parameter, Subsets) and isinstance(value, str):
        order = {code: place for place, code in enumerate(parameter.of)}
        value = "_".join(sorted(value.split("_"), key=lambda code: order.get(code, len(order))))
    if value not in known:
        raise refusal(
            text, name.at, f"{value!r} is not a value of {name.name}: {parameter.allowed}"
        )
    return known[known.index(value)]


def _subsets_with(session: StoredSession, code: str) -> str:
    """Return the parameter whose subsets may contain a code."""
    subsets = [p for p in session.space.parameters if isinstance(p, Subsets)]
    for parameter in subsets:
        if code in parameter.of:
            return parameter.name
    codes = [known for parameter in subsets for known in parameter.of]
    raise ConfigError(
        f"unknown factor {code!r}; "
        + (f"there are {', '.join(codes)}" if codes else "this space has no subsets of factors")
    )


def _having(session: StoredSession, value: str) -> Contains | Among:
    """Return the condition to have a value, of whatever parameter it is."""
    found: list[Contains | Among] = []
    for parameter in session.space.parameters:
        stored = {
            str(known): known for known in map(parameter.to_stored, parameter.finite_values())
        }
        if isinstance(parameter, Subsets) and value in parameter.of:
            found.append(Contains(parameter.name, value))
        elif value in stored:
            found.append(Among(Name(parameter.name, 0), (stored[value],)))
    if not found:
        raise ConfigError(
            f"no parameter has the value {value!r}; there are {', '.join(session.space.names)}"
        )
    if len(found) > 1:
        names = [next(_names(condition)) for condition in found]
        raise ConfigError(
            f"{value} is a value of {' and of '.join(names)}; say which one is not meant: "
            f'--where "{names[0]} != {value}"'
        )
    return found[0]


def _clause(condition: Condition) -> sa.ColumnElement[bool]:
    if isinstance(condition, Junction):
        join = sa.and_ if condition.every else sa.or_
        return join(*map(_clause, condition.parts))
    if isinstance(condition, Contains):
        column = _results.c[condition.parameter]
        # not by LIKE, which knows no large and small letters on SQLite
        without = sa.func.replace(column, json.dumps(condition.code), "")
        return column == without if condition.negated else column != without
    if isinstance(condition, Among):
        name = condition.name.name
        listed = [_stored(name, value) for value in condition.values]
        column = _results.c[name]
        return column.not_in(listed) if condition.negated else column.in_(listed)
    sides = [
        _results.c[side.name] if isinstance(side, Name) else sa.literal(side, sa.Double())
        for side in (condition.left, condition.right)
    ]
    compared: sa.ColumnElement[bool] = _COMPARE[condition.sign](*sides)
    return compared


def _stored(name: str, value: float | str) -> Any:
    """Return a value for a query; numbers as such, or PostgreSQL rounds them for whole columns."""
    if not isinstance(value, str):
        return sa.literal(float(value), sa.Double())
    return json.dumps(value.split("_")) if name == "factors" else value


def _mask(condition: Condition, table: SessionTable) -> npt.NDArray[np.bool_]:
    if isinstance(condition, Junction):
        parts = [_mask(part, table) for part in condition.parts]
        return np.all(parts, axis=0) if condition.every else np.any(parts, axis=0)
    if isinstance(condition, Contains):
        values = table.space.parameters[table.column(condition.parameter)].finite_values()
        has = np.array([condition.code in value for value in values]) != condition.negated
        return np.asarray(has[table.digits[:, table.column(condition.parameter)]])
    if isinstance(condition, Among):
        return _among(condition, table)
    sides = [
        _numbers(side.name, table) if isinstance(side, Name) else side
        for side in (condition.left, condition.right)
    ]
    missing = np.any([np.isnan(side) for side in sides if isinstance(side, np.ndarray)], axis=0)
    return np.asarray(_COMPARE[condition.sign](*sides) & ~missing)


def _among(condition: Among, table: SessionTable) -> npt.NDArray[np.bool_]:
    name = condition.name.name
    if name in NATURAL_DIRECTIONS:
        values = table.figure(name)
        chosen = np.isin(values, np.array(condition.values, dtype=np.float64))
        return (chosen != condition.negated) & ~np.isnan(values)
    parameter = table.space.parameters[table.column(name)]
    stored = map(parameter.to_stored, parameter.finite_values())
    has = np.array([value in condition.values for value in stored]) != condition.negated
    return np.asarray(has[table.digits[:, table.column(name)]])


def _numbers(name: str, table: SessionTable) -> npt.NDArray[np.float64]:
    """Return a figure, or a parameter of numbers, of every strategy."""
    if name in NATURAL_DIRECTIONS:
        return table.figure(name)
    values = table.space.parameters[table.column(name)].finite_values()
    return np.array(values, dtype=np.float64)[table.digits[:, table.column(name)]]
