"""Rules between parameters, such as ``window_size <= data_period``.

A rule compares two operands with one of ``<= < >= > == !=``. An operand is the name of a
parameter, ``size(name)`` for the number of codes of a subsets parameter, a number, ``true``,
``false``, ``null``, or a text in quotes. Nothing is ever evaluated as code.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search_spaces.errors import SpaceError
from search_spaces.parameters import Parameter, Range, Subsets

__all__ = ["Constraint", "Operand", "parse_constraint"]

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}
_RULE = re.compile(r"(?P<left>[^<>=!]+)(?P<op><=|>=|==|!=|<|>)(?P<right>[^<>=!]+)")
_SIZE = re.compile(r"size\s*\(\s*(?P<name>[^()\s]+)\s*\)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_QUOTED = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"")
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True)
class Operand:
    """One side of a rule: a parameter, the size of a subset, or a literal.

    Parameters
    ----------
    name : str or None
        The parameter; None for a literal.
    size : bool
        Whether the number of codes of the subset is meant.
    literal : str, int, float, bool or None
        The value of a literal.
    """

    name: str | None = None
    size: bool = False
    literal: Any = None

    def feature(self, parameter: Parameter | None, value: Any) -> Any:
        """Return what is compared when the parameter has the external `value`."""
        if self.name is None:
            return self.literal
        if self.size:
            return len(value)
        assert parameter is not None
        return parameter.to_stored(value)

    def __str__(self) -> str:
        if self.name is None:
            spelled = {True: "true", False: "false", None: "null"}
            if self.literal is None or isinstance(self.literal, bool):
                return spelled[self.literal]
            if isinstance(self.literal, str):
                return f'"{self.literal}"' if "'" in self.literal else f"'{self.literal}'"
            return repr(self.literal)
        return f"size({self.name})" if self.size else self.name


@dataclass(frozen=True)
class Constraint:
    """A named rule that every point of a space obeys.

    Parameters
    ----------
    left, right : Operand
        The two sides; at least one of them is a parameter.
    op : str
        ``<=``, ``<``, ``>=``, ``>``, ``==`` or ``!=``.
    name : str, optional
        A name shown in messages; by default the rule itself.

    Examples
    --------
    >>> rule = Constraint.parse("window_size <= data_period")
    >>> rule.names
    ('window_size', 'data_period')
    """

    left: Operand
    op: str
    right: Operand
    name: str = ""

    @classmethod
    def parse(cls, text: str, name: str = "") -> "Constraint":
        """Read a rule.

        Raises
        ------
        SpaceError
            If the text is not two operands with an operator between them.
            If no operand is a parameter, or both are the same one.
        """
        match = _RULE.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise SpaceError(
                "a constraint compares two operands with one of <= < >= > == !=, for example "
                f"'window_size <= data_period'; got {text!r}"
            )
        left, right = (_operand(match[side].strip(), text) for side in ("left", "right"))
        if left.name is None and right.name is None:
            raise SpaceError(f"constraint {text!r} names no parameter")
        if left.name == right.name:
            raise SpaceError(f"constraint {text!r} compares {left.name!r} with itself")
        return cls(left, match["op"], right, name)

    @property
    def text(self) -> str:
        """The rule, normalised: ``a <= b``."""
        return f"{self.left} {self.op} {self.right}"

    @property
    def names(self) -> tuple[str, ...]:
        """The one or two parameters it is about, left before right."""
        return tuple(side.name for side in (self.left, self.right) if side.name is not None)

    def check(self, parameters: Mapping[str, Parameter]) -> None:
        """Make sure that the rule fits the parameters.

        Raises
        ------
        SpaceError
            If it names an unknown parameter, or the size of one that has no subsets.
            If it orders values that are not numbers, or compares values that are never equal.
        """
        for side in (self.left, self.right):
            if side.name is None:
                continue
            if side.name not in parameters:
                raise SpaceError(
                    f"constraint {self.text!r}: unknown parameter {side.name!r}; there are "
                    f"{', '.join(parameters)} (a text to compare with goes in quotes)"
                )
            if side.size and not isinstance(parameters[side.name], Subsets):
                raise SpaceError(
                    f"constraint {self.text!r}: size() is for subsets, which {side.name!r} is not"
                )
        left, right = _kinds(self.left, parameters), _kinds(self.right, parameters)
        if self.op not in ("==", "!=") and left | right != {"number"}:
            raise SpaceError(
                f"constraint {self.text!r}: {self.op} orders numbers only; use == or !=, or "
                "size() of a subsets parameter"
            )
        if not left & right:
            raise SpaceError(
                f"constraint {self.text!r} compares {'/'.join(sorted(left))} with "
                f"{'/'.join(sorted(right))}, which are never equal"
            )

    def allows(self, parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> bool:
        """Whether the external values of the named parameters obey the rule."""
        features = []
        for side in (self.left, self.right):
            known = side.name is not None
            features.append(
                side.feature(parameters[side.name], values[side.name])  # type: ignore[index]
                if known
                else side.literal
            )
        return _compare(self.op, features[0], features[1])

    def violation(self, parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> str:
        """Say how `values` break the rule."""
        got = ", ".join(f"{name}={parameters[name].to_stored(values[name])}" for name in self.names)
        rule = f"{self.name} ({self.text})" if self.name else self.text
        return f"{rule} is broken by {got}"

    def table(self, parameters: Mapping[str, Parameter]) -> np.ndarray:
        """Return which values of finite parameters go together.

        Returns
        -------
        np.ndarray
            bool; shape (n_values,) for one parameter, (n_left, n_right) for two.
        """
        left, right = _features(self.left, parameters), _features(self.right, parameters)
        if _is_numeric(left) and _is_numeric(right):
            table = _COMPARE[self.op](np.asarray(left)[:, None], np.asarray(right)[None, :])
        else:
            codes: dict[Any, int] = {}
            left_codes, right_codes = (
                np.array([codes.setdefault(_key(value), len(codes)) for value in side])
                for side in (left, right)
            )
            table = _COMPARE[self.op](left_codes[:, None], right_codes[None, :])
        return table if len(self.names) == 2 else table.ravel()

    def to_config(self) -> str | dict[str, str]:
        """Return the text, or ``{name: text}`` if the rule has a name."""
        return {self.name: self.text} if self.name else self.text

    def __str__(self) -> str:
        return self.text


def parse_constraint(spec: Any) -> Constraint:
    """Read one entry of the YAML list: a rule, or ``{name: rule}``.

    Raises
    ------
    SpaceError
        If it is neither, or the rule is malformed.
    """
    if isinstance(spec, Constraint):
        return spec
    if isinstance(spec, Mapping):
        if len(spec) != 1:
            raise SpaceError(f"a named constraint is one {{name: rule}}; got {dict(spec)!r}")
        ((name, text),) = spec.items()
        return Constraint.parse(text, name=str(name))
    return Constraint.parse(spec)


def _operand(text: str, rule: str) -> Operand:
    if size := _SIZE.fullmatch(text):
        return Operand(size["name"], size=True)
    if quoted := _QUOTED.fullmatch(text):
        return Operand(literal=quoted["single"] if quoted["single"] is not None else quoted[2])
    if text in _WORDS:
        return Operand(literal=_WORDS[text])
    for number in (int, float):
        try:
            literal = number(text)
        except ValueError:
            continue
        if np.isfinite(literal):
            return Operand(literal=literal)
    if _NAME.fullmatch(text):
        return Operand(text)
    raise SpaceError(
        f"constraint {rule!r}: {text!r} is neither a parameter, size(parameter), a finite number, "
        "true, false, null nor a text in quotes"
    )


def _compare(op: str, left: Any, right: Any) -> bool:
    if _is_numeric([left]) and _is_numeric([right]):
        return bool(_COMPARE[op](left, right))
    return bool(_COMPARE[op](_key(left), _key(right)))


def _key(value: Any) -> tuple[bool, Any]:
    return isinstance(value, bool), value


def _is_numeric(values: Sequence[Any]) -> bool:
    return {_kind(value) for value in values} == {"number"}


def _features(side: Operand, parameters: Mapping[str, Parameter]) -> list[Any]:
    if side.name is None:
        return [side.literal]
    parameter = parameters[side.name]
    assert parameter.values is not None
    return [side.feature(parameter, value) for value in parameter.values]


def _kinds(side: Operand, parameters: Mapping[str, Parameter]) -> set[str]:
    if side.size or (side.name is not None and isinstance(parameters[side.name], Range)):
        return {"number"}
    return {_kind(value) for value in _features(side, parameters)}


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true/false"
    return "number" if isinstance(value, (int, float)) else "text"
