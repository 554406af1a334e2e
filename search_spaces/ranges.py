"""Numeric ranges, whole-numbered or not, in steps, continuous or logarithmic."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

import numpy as np
from optuna.distributions import FloatDistribution, IntDistribution

from search_spaces.choices import Choice
from search_spaces.errors import SpaceError
from search_spaces.parameter import MAX_DOMAIN, Parameter, as_list

__all__ = ["Range", "number_from_text"]


@dataclass(frozen=True)
class Range(Parameter):
    """Numbers from `low` to `high`, both included.

    Three integers (or two) make an integer range with step 1, anything else a float range, which
    is continuous without a `step`.

    Parameters
    ----------
    name : str
        Name of the parameter.
    low, high : int or float
        Bounds, `low` <= `high`.
    step : int or float, optional
        Distance of neighbouring values; `high` - `low` must be a multiple of it.
    log : bool
        Whether Optuna samples the logarithm; not together with a step.

    Raises
    ------
    SpaceError
        If a bound or the step is not a finite number, or `low` > `high`.
        If the step is not positive or does not lead from `low` to `high`.
        If `log` is combined with a step, or with a `low` that is not positive.
    """

    name: str
    low: float
    high: float
    step: float | None = None
    log: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.log, bool):
            raise SpaceError(f"`log` of range {self.name!r} is true or false; got {self.log!r}")
        low, high = _number(self.name, "low", self.low), _number(self.name, "high", self.high)
        step = None if self.step is None else _number(self.name, "step", self.step)
        if not all(isinstance(number, int) for number in (low, high, 0 if step is None else step)):
            low, high = float(low), float(high)
            step = None if step is None else float(step)
        for field, number in (("low", low), ("high", high), ("step", step)):
            object.__setattr__(self, field, number)
        if low > high:
            raise SpaceError(f"range {self.name!r} needs low <= high; got {low=}, {high=}")
        if self.log and low <= 0:
            raise SpaceError(f"range {self.name!r} with `log` needs low > 0; got {low=}")
        if self.log and step is not None:
            raise SpaceError(f"range {self.name!r} has `log` and `step`; Optuna takes one of them")
        self._check_step()

    @property
    def is_integer(self) -> bool:
        """Whether the values are integers."""
        return isinstance(self.low, int)

    @cached_property
    def distribution(self) -> IntDistribution | FloatDistribution:
        """Integer or float distribution with the same bounds, step and log."""
        if self.is_integer:
            return IntDistribution(
                int(self.low), int(self.high), log=self.log, step=int(self.step or 1)
            )
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    @cached_property
    def values(self) -> tuple[Any, ...] | None:
        """The grid from `low` to `high`; None without a step or beyond `MAX_DOMAIN` values.

        Float grids are computed in decimal, so that 0.1 to 0.5 has 0.3 and not 0.30000000000000004.
        """
        if self.is_integer:
            grid = range(int(self.low), int(self.high) + 1, int(self.step or 1))
            return tuple(grid) if _n_steps(self) < MAX_DOMAIN else None
        if self.step is None:
            return (self.low,) if self.low == self.high else None
        n_steps = _n_steps(self)
        if n_steps >= MAX_DOMAIN:
            return None
        low, step = Decimal(str(self.low)), Decimal(str(self.step))
        return tuple(float(low + step * k) for k in range(n_steps + 1))

    @property
    def allowed(self) -> str:
        """The bounds, the step and the scale in words."""
        kind = "integers" if self.is_integer else "numbers"
        step = f" in steps of {self.step}" if self.step is not None else ""
        return f"{kind} from {self.low} to {self.high}{step}"

    @cached_property
    def internal_values(self) -> np.ndarray:
        """The values themselves, float64 of shape (n_values,)."""
        return np.asarray(self.finite_values(), dtype=np.float64)

    def value_index(self, value: Any) -> int:
        """Return the index of `value`, which may be off by a rounding error of 1e-8 steps."""
        domain = self.finite_values()
        if not _is_number(value) or not math.isfinite(value):
            raise self._refusal(value)
        if self.is_integer:
            nearest, rest = divmod(value - self.low, self.step or 1)
            inside = rest == 0 and 0 <= nearest < len(domain)
        else:
            step = self.step or 1.0
            nearest = round((value - self.low) / step)
            inside = 0 <= nearest < len(domain) and abs(value - domain[nearest]) <= 1e-8 * step
        if not inside:
            raise self._refusal(value)
        return int(nearest)

    def from_stored(self, stored: Any) -> Any:
        """Return the value of the grid, or `stored` itself if it lies inside a continuous range."""
        if self.values is not None:
            return self.values[self.value_index(stored)]
        if not _is_number(stored) or not self.low <= stored <= self.high:
            raise self._refusal(stored)
        if not self.is_integer:
            return float(stored)
        if stored != int(stored) or (int(stored) - int(self.low)) % int(self.step or 1):
            raise self._refusal(stored)
        return int(stored)

    def restrict(self, values: Iterable[Any]) -> Parameter:
        """Return a :class:`Choice` of `values`, also for a continuous range."""
        listed = [number_from_text(value) for value in as_list(values)]
        if self.values is not None or not listed:
            return super().restrict(listed)
        return Choice(self.name, tuple(sorted({self.from_stored(value) for value in listed})))

    def at_value_indices(self, value_indices: Sequence[int]) -> Parameter:
        """Return a :class:`Choice` of the values of these indices."""
        grid = self.finite_values()
        return Choice(self.name, tuple(grid[index] for index in value_indices))

    def to_config(self) -> dict[str, Any]:
        """Return ``{"range": [low, high]}`` with `step` and `log` where they are set."""
        config: dict[str, Any] = {"range": [self.low, self.high]}
        if self.step is not None:
            config["step"] = self.step
        if self.log:
            config["log"] = True
        return config

    def _check_step(self) -> None:
        if self.step is None:
            return
        if self.step <= 0:
            raise SpaceError(f"range {self.name!r} needs step > 0; got step={self.step}")
        low, high, step = (Decimal(str(x)) for x in (self.low, self.high, self.step))
        if (high - low) % step:
            below = type(self.low)(low + (high - low) // step * step)
            raise SpaceError(
                f"range {self.name!r}: steps of {self.step} from {self.low} do not arrive at "
                f"{self.high}; use {below} as the upper bound or another step"
            )


def number_from_text(value: Any) -> Any:
    """Return the number a text spells (YAML 1.1 reads 1e-5 as text), or the value itself."""
    if not isinstance(value, str):
        return value
    for number in (int, float):
        try:
            return number(value)
        except ValueError:
            continue
    return value


def _number(name: str, field: str, value: Any) -> int | float:
    if not _is_number(value) or not math.isfinite(value):
        raise SpaceError(f"`{field}` of range {name!r} is a finite number; got {value!r}")
    return value.item() if isinstance(value, np.generic) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _n_steps(parameter: Range) -> int:
    span = Decimal(str(parameter.high)) - Decimal(str(parameter.low))
    return int(span // Decimal(str(parameter.step or 1)))
