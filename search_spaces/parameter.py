"""What every parameter of a search space has in common.

A value has two spellings: that of Python code (``("SR", "DD")``) and the one that Optuna stores
(``"SR_DD"``); they differ for subsets only. `to_stored` and `from_stored` lead from one to the
other. The index of a value in the ordered domain is its *value index*.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from search_spaces.checks import check_kind
from search_spaces.errors import SpaceError

__all__ = ["MAX_DOMAIN", "Parameter", "as_list", "checked_parameters"]

MAX_DOMAIN = 1_000_000
"""A parameter of more values than this counts as continuous: it is searched, never enumerated."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)


class Parameter(ABC):
    """A named parameter and the values it may take.

    Parameters
    ----------
    name : str
        Letters, digits, ``_``, ``.`` and ``-``, beginning with a letter or ``_``.

    Raises
    ------
    SpaceError
        If the name is malformed.
    """

    name: str

    if TYPE_CHECKING:  # at run time a dataclass field may take the place of this property

        @property
        def values(self) -> tuple[Any, ...] | None:
            """The ordered finite domain; None if continuous or beyond `MAX_DOMAIN` values."""

    @property
    @abstractmethod
    def distribution(self) -> BaseDistribution:
        """The Optuna distribution of the stored values."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise SpaceError(
                "a parameter name begins with a letter or _ and goes on with letters, digits, "
                f"_ . or -; got {self.name!r}"
            )

    @abstractmethod
    def to_config(self) -> dict[str, Any]:
        """Return the YAML specification that :func:`parse_parameter` reads back."""

    @property
    def allowed(self) -> str:
        """The domain in words, for error messages."""
        assert self.values is not None
        shown = [_spell(self.to_stored(value)) for value in self.values[:20]]
        rest = len(self.values) - len(shown)
        return ", ".join(shown) + (f" and {rest:,} more" if rest else "")

    @cached_property
    def internal_values(self) -> np.ndarray:
        """Optuna's internal representation of `values`, float64 of shape (n_values,)."""
        return np.arange(len(self.finite_values()), dtype=np.float64)

    def value_index(self, value: Any) -> int:
        """Return the index of `value` in `values`.

        Raises
        ------
        SpaceError
            If the parameter is continuous.
            If the value is not in its domain.
        """
        self.finite_values()
        try:
            return self._value_indices[_key(value)]
        except (KeyError, TypeError):
            raise self._refusal(value) from None

    def neighbours(self, value_index: int) -> list[int]:
        """Return the indices of the values one step away: of an ordered domain one up or down.

        Parameters
        ----------
        value_index : int
            Index into `values`.

        Returns
        -------
        list of int
            Ascending indices into `values`.

        Raises
        ------
        SpaceError
            If the parameter is continuous.
        """
        n_values = len(self.finite_values())
        return [near for near in (value_index - 1, value_index + 1) if 0 <= near < n_values]

    def to_stored(self, value: Any) -> Any:
        """Return what Optuna stores for `value`."""
        return value

    def from_stored(self, stored: Any) -> Any:
        """Return the value that Optuna stores as `stored`.

        Raises
        ------
        SpaceError
            If no value of the domain is stored like that.
        """
        return self.finite_values()[self.value_index(stored)]

    def suggest(self, trial: optuna.trial.BaseTrial) -> Any:
        """Let an Optuna trial choose a value."""
        distribution = self.distribution
        if isinstance(distribution, IntDistribution):
            chosen: Any = trial.suggest_int(
                self.name,
                distribution.low,
                distribution.high,
                step=distribution.step,
                log=distribution.log,
            )
        elif isinstance(distribution, FloatDistribution):
            chosen = trial.suggest_float(
                self.name,
                distribution.low,
                distribution.high,
                step=distribution.step,
                log=distribution.log,
            )
        else:
            assert isinstance(distribution, CategoricalDistribution)
            chosen = trial.suggest_categorical(self.name, distribution.choices)
        return self.from_stored(chosen)

    def restrict(self, values: Iterable[Any]) -> "Parameter":
        """Return the parameter limited to `values`, in the order of the domain.

        Values may be spelled as text (``"30"``, ``"SR_DD"``), as on a command line.

        Raises
        ------
        SpaceError
            If there are no values, or one of them is outside the domain.
        """
        chosen = {self._find(value) for value in as_list(values)}
        if not chosen:
            raise SpaceError(
                f"{self.name!r} cannot be restricted to no value at all; allowed: {self.allowed}"
            )
        return self.at_value_indices(sorted(chosen))

    @abstractmethod
    def at_value_indices(self, value_indices: Sequence[int]) -> "Parameter":
        """Return the parameter limited to some of its values.

        Parameters
        ----------
        value_indices : sequence of int
            Indices into `values`, ascending.

        Raises
        ------
        SpaceError
            If the parameter is continuous.
        """

    def _find(self, value: Any) -> int:
        """Return the index of a value spelled as itself or as text."""
        try:
            return self.value_index(value)
        except SpaceError:
            spelled = self._spellings.get(value) if isinstance(value, str) else None
            if spelled is None:
                raise
            return spelled

    def finite_values(self) -> tuple[Any, ...]:
        """Return `values`.

        Raises
        ------
        SpaceError
            If the parameter is continuous.
        """
        if self.values is None:
            raise SpaceError(
                f"parameter {self.name!r} is continuous (or has more than {MAX_DOMAIN:,} values), "
                "so its values have no positions; give its range a (larger) `step`, or list "
                "values with `choice`"
            )
        return self.values

    def _refusal(self, value: Any) -> SpaceError:
        return SpaceError(
            f"{value!r} is not a value of parameter {self.name!r}; allowed: {self.allowed}"
        )

    @cached_property
    def _value_indices(self) -> dict[Any, int]:
        return {_key(value): index for index, value in enumerate(self.finite_values())}

    @cached_property
    def _spellings(self) -> dict[str, int]:
        domain = self.finite_values()
        return {_spell(self.to_stored(value)): index for index, value in enumerate(domain)}


def as_list(values: Any) -> list[Any]:
    """Return an iterable as a list, and one bare value as a list of one."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        return [values]
    return list(values)


def _key(value: Any) -> Any:
    """Return a dictionary key that is different for True and 1, and the same for 1 and 1.0."""
    if isinstance(value, np.generic):
        value = value.item()
    return isinstance(value, bool), value


def _spell(value: Any) -> str:
    """Return a value as it is written in YAML."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def checked_parameters(parameters: Any) -> "tuple[Parameter, ...]":
    """Return the parameters of a space, or refuse what are none.

    Raises
    ------
    ConfigError
        Naming the value.
    """
    check_kind("parameters", parameters, Sequence, "a sequence of parameters")
    for parameter in parameters:
        check_kind("a parameter", parameter, Parameter, "a Choice, Range, Fixed or Subsets")
    return tuple(parameters)
