"""Parameters of listed values: a choice of several, or a fixed one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from optuna.distributions import CategoricalDistribution

from search_spaces.errors import SpaceError
from search_spaces.parameter import MAX_DOMAIN, Parameter

__all__ = ["Choice", "Fixed"]


@dataclass(frozen=True)
class Choice(Parameter):
    """One of several listed values (Optuna: categorical).

    Parameters
    ----------
    name : str
        Name of the parameter.
    values : tuple
        Text, numbers, booleans or None; distinct also by ``==``, because Optuna cannot tell
        ``1`` from ``True`` or ``1.0``.

    Raises
    ------
    SpaceError
        If there are no values, equal values, or values of another type.
    """

    name: str
    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.values, str) or not isinstance(self.values, Sequence):
            raise SpaceError(f"the choices of {self.name!r} are a list; got {self.values!r}")
        values = tuple(_scalar(self.name, value) for value in self.values)
        if not values:
            raise SpaceError(f"parameter {self.name!r} needs at least one choice")
        if len(values) > MAX_DOMAIN:
            raise SpaceError(f"parameter {self.name!r} lists more than {MAX_DOMAIN:,} choices")
        seen: set[Any] = set()
        for value in values:
            if value in seen:
                raise SpaceError(
                    f"parameter {self.name!r} lists {value!r} twice (Optuna takes 1, 1.0 and true "
                    "for the same choice); list every value once"
                )
            seen.add(value)
        object.__setattr__(self, "values", values)

    @cached_property
    def distribution(self) -> CategoricalDistribution:
        """Categorical over `values`."""
        return CategoricalDistribution(self.values)

    def neighbours(self, value_index: int) -> list[int]:
        """Return the next smaller and larger of numbers; of other values all that differ."""
        numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in self.values)
        if not numbers:
            return [index for index in range(len(self.values)) if index != value_index]
        ascending = sorted(range(len(self.values)), key=self.values.__getitem__)
        place = ascending.index(value_index)
        return sorted(ascending[max(place - 1, 0) : place] + ascending[place + 1 : place + 2])

    def to_config(self) -> dict[str, Any]:
        """Return ``{"choice": [...]}``."""
        return {"choice": list(self.values)}

    def at_value_indices(self, value_indices: Sequence[int]) -> Parameter:
        """Return the choice of the values of these indices."""
        return Choice(self.name, tuple(self.values[index] for index in value_indices))


@dataclass(frozen=True)
class Fixed(Parameter):
    """A parameter that is recorded with every trial but not searched (one choice for Optuna).

    Parameters
    ----------
    name : str
        Name of the parameter.
    value : str, int, float, bool or None
        Its only value.

    Raises
    ------
    SpaceError
        If the value is of another type or not finite.
    """

    name: str
    value: Any

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "value", _scalar(self.name, self.value))

    @cached_property
    def distribution(self) -> CategoricalDistribution:
        """Categorical with one choice."""
        return CategoricalDistribution((self.value,))

    @cached_property
    def values(self) -> tuple[Any, ...]:
        """The only value."""
        return (self.value,)

    def to_config(self) -> dict[str, Any]:
        """Return ``{"fixed": value}``."""
        return {"fixed": self.value}

    def at_value_indices(self, value_indices: Sequence[int]) -> Parameter:
        """Return itself."""
        return self


def _scalar(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is not None and not isinstance(value, (str, int, float)):
        raise SpaceError(
            f"a value of parameter {name!r} is text, a number, true, false or null; got {value!r}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise SpaceError(f"a value of parameter {name!r} is finite; got {value!r}")
    return value
