"""A search space: parameters, constraints, and the numbering of its points."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from os import PathLike
from typing import Any, Self

import numpy as np
import optuna
from optuna.distributions import BaseDistribution

from search_spaces.checks import check_kind, likely, shown
from search_spaces.constraints import Constraint, parse_constraint
from search_spaces.errors import SpaceError, SpaceTooLargeError
from search_spaces.lattice import Lattice
from search_spaces.parameter import checked_parameters
from search_spaces.parameters import Parameter, parse_parameter
from search_spaces.space_config import read_space_config

__all__ = ["SearchSpace"]

_ID_PREFIX = "P"


class SearchSpace:
    """A space of any parameters; its points are dictionaries, their ids ``P{index}``.

    Parameters
    ----------
    parameters : sequence of Parameter
        Slowest first in the lattice order.
    constraints : iterable of Constraint or str
        Rules that every point obeys.
    block_parameters : sequence of str
        Parameters whose values the exhaustive order keeps together (see `make_design`).

    Raises
    ------
    SpaceError
        If there is no parameter, or a name appears twice.
        If a constraint does not fit the parameters, or all together leave no point.
        If a block parameter is unknown or listed twice.

    Examples
    --------
    >>> from search_spaces import Choice, Range, SearchSpace
    >>> space = SearchSpace([Choice("fast", (5, 10)), Range("slow", 10, 30, step=10)])
    >>> len(space), space.params(4), space.strategy_id({"fast": 10, "slow": 20})
    (6, {'fast': 10, 'slow': 20}, 'P4')
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        constraints: Iterable[Constraint | str | Mapping[str, str]] = (),
        block_parameters: Sequence[str] = (),
    ) -> None:
        self.parameters: tuple[Parameter, ...] = checked_parameters(parameters)
        self.constraints: tuple[Constraint, ...] = tuple(map(parse_constraint, constraints))
        self.block_parameters: tuple[str, ...] = tuple(block_parameters)
        self._check()

    @classmethod
    def from_config(cls, source: str | PathLike[str] | Mapping[str, Any], **options: Any) -> Self:
        """Read the keys `parameters` and `constraints` of a YAML file or a mapping.

        Other top-level keys belong to other parts of the program and are ignored; `options` are
        further keyword arguments of the class (`block_parameters`, `factor_codes`).

        Raises
        ------
        SpaceError
            If the file is missing or is not YAML.
            If a parameter or a constraint is malformed, or a name appears twice.
        """
        specs, rules = read_space_config(source)
        parameters = [parse_parameter(name, spec) for name, spec in specs.items()]
        return cls(parameters, [parse_constraint(rule) for rule in rules], **options)

    def to_config(self) -> dict[str, Any]:
        """Return what :meth:`from_config` reads back."""
        return {
            "parameters": {parameter.name: parameter.to_config() for parameter in self.parameters},
            "constraints": [rule.to_config() for rule in self.constraints],
        }

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the configuration as JSON; the order of the parameters counts."""
        text = json.dumps(self.to_config(), separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, slowest first."""
        return tuple(parameter.name for parameter in self.parameters)

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's distributions by name."""
        return {parameter.name: parameter.distribution for parameter in self.parameters}

    @cached_property
    def finite(self) -> bool:
        """Whether every parameter has a finite domain."""
        return all(parameter.values is not None for parameter in self.parameters)

    @cached_property
    def lattice(self) -> Lattice:
        """The numbering of the allowed points.

        Raises
        ------
        SpaceError
            If the space is continuous, too large to be numbered, or empty.
        """
        for parameter in self.parameters:
            if parameter.values is None:
                raise SpaceError(
                    f"the space is continuous in {parameter.name!r}, so its points cannot be "
                    "counted or planned; give the range a `step`, list values with `choice`, or "
                    "search with an adaptive method"
                )
        return Lattice(self.parameters, self.constraints)

    def count_merged(self, name: str, merged: np.ndarray) -> int:
        """Count the allowed points that stay distinct when values of a parameter are merged.

        Parameters
        ----------
        name : str
            The parameter.
        merged : np.ndarray of int64, shape (n_values,)
            Equal numbers for those of its values that count as one.

        Returns
        -------
        int

        Raises
        ------
        SpaceError
            If the space is continuous, too large to be numbered, or empty.
        """
        last = self.parameters[self.names.index(name)]
        others = [parameter for parameter in self.parameters if parameter is not last]
        _ = self.lattice  # says why a space cannot be counted
        return Lattice([*others, last], self.constraints).count_merged(np.asarray(merged))

    @property
    def size(self) -> int:
        """Number of allowed points (SpaceError for a continuous space)."""
        return self.lattice.size

    def __len__(self) -> int:
        return self.size

    def __bool__(self) -> bool:
        return True  # without this, the truth of a continuous space would ask for its size

    def params(self, index: int) -> Any:
        """Return the parameters of the point with this lattice index.

        Raises
        ------
        SpaceError
            If the index is not an integer in [0, size).
        """
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
            raise SpaceError(f"a lattice index is an integer; got {index!r}")
        return self.params_list([int(index)])[0]

    def params_list(self, indices: np.typing.ArrayLike) -> list[Any]:
        """Return the parameters of many points at once."""
        columns = [
            [parameter.values[digit] for digit in column]  # type: ignore[index]
            for parameter, column in zip(
                self.parameters, self.digits(indices).T.tolist(), strict=True
            )
        ]
        return [
            self._to_params(dict(zip(self.names, row, strict=True)))
            for row in zip(*columns, strict=True)
        ]

    def index(self, params: Any) -> int:
        """Return the lattice index of a point.

        Raises
        ------
        SpaceError
            If a value is outside its domain or a constraint is broken.
        """
        values = self._values_of(params)
        lattice = self.lattice
        digits = [parameter.value_index(values[parameter.name]) for parameter in self.parameters]
        return int(lattice.rank([digits])[0])

    def digits(self, indices: np.typing.ArrayLike) -> np.ndarray:
        """Return the value indices of points, int64 of shape (n, n_parameters)."""
        return self.lattice.unrank(indices)

    def indices(self, digits: np.typing.ArrayLike) -> np.ndarray:
        """Return the lattice indices of points given by value indices, int64 of shape (n,)."""
        return self.lattice.rank(digits)

    def internal_params(self, indices: np.typing.ArrayLike) -> np.ndarray:
        """Return Optuna's internal representation of points.

        Returns
        -------
        np.ndarray
            float64, shape (n, n_parameters): for a categorical the index of the choice, for a
            range the value.
        """
        digits = self.digits(indices)
        internal = np.empty(digits.shape, dtype=np.float64)
        for column, parameter in enumerate(self.parameters):
            internal[:, column] = parameter.internal_values[digits[:, column]]
        return internal

    def strategy_id(self, point: Any) -> str:
        """Return the id of a point, given by its parameters or its lattice index."""
        if isinstance(point, (int, np.integer)) and not isinstance(point, bool):
            return self.strategy_ids([int(point)])[0]
        return self._id_of(point)

    def strategy_ids(self, indices: np.typing.ArrayLike) -> list[str]:
        """Return ``P{index}`` for every index."""
        self.digits(indices)
        return [f"{_ID_PREFIX}{index}" for index in np.asarray(indices).tolist()]

    def parse(self, strategy_id: str) -> Any:
        """Return the parameters of ``P{index}``.

        Raises
        ------
        SpaceError
            If the id is malformed or its index is outside the space.
        """
        digits = str(strategy_id).removeprefix(_ID_PREFIX)
        well_formed = digits.isascii() and digits.isdigit() and str(int(digits)) == digits
        if not well_formed or strategy_id != _ID_PREFIX + digits:
            raise SpaceError(
                f"an id of this space is P and a lattice index, like P12; got {strategy_id!r}"
            )
        index = int(digits)
        if index >= self.size:
            raise SpaceError(
                f"strategy id {strategy_id!r}: index {index} is outside the space, whose "
                f"{self.size:,} points are numbered 0 to {self.size - 1}"
            )
        return self.params(index)

    def violation(self, params: Any) -> str | None:
        """Say which constraint a point breaks, None if it breaks none.

        Raises
        ------
        SpaceError
            If a value is outside its domain.
        """
        values = self._values_of(params)
        for rule in self.constraints:
            if not rule.allows(self._by_name, values):
                return rule.violation(self._by_name, values)
        return None

    def suggest(self, trial: optuna.trial.BaseTrial) -> Any:
        """Let an Optuna trial choose every parameter from its distribution.

        Optuna's distributions are independent of each other, so the point may break a
        constraint: ask :meth:`violation`.
        """
        return self._to_params(
            {parameter.name: parameter.suggest(trial) for parameter in self.parameters}
        )

    def trial_params(self, params: Any) -> dict[str, Any]:
        """Return the values as Optuna stores them, by name."""
        values = self._values_of(params)
        return {name: self._by_name[name].to_stored(values[name]) for name in self.names}

    def from_trial_params(self, stored: Mapping[str, Any]) -> Any:
        """Return the point of a trial's `params`.

        Raises
        ------
        SpaceError
            If a name is missing or unknown, or a value is outside its domain.
        """
        self._check_names(stored)
        return self._to_params(
            {name: self._by_name[name].from_stored(stored[name]) for name in self.names}
        )

    def restrict(self, values: Mapping[str, Any]) -> Self:
        """Return the space with some parameters limited to the given values.

        Parameters
        ----------
        values : mapping of str to iterable
            Values by parameter, as themselves or spelled as text (``{"window_size": ["30"]}``).

        Raises
        ------
        SpaceError
            If a name is unknown or a value is outside its domain, naming what is allowed.
            If no point is left.
        """
        check_kind("restrictions", values, Mapping, "a mapping of names to values")
        for name in values:
            if name not in self._by_name:
                raise SpaceError(f"unknown parameter {shown(name)}; {likely(name, self.names)}")
        return self._with_parameters(
            [
                parameter.restrict(values[parameter.name])
                if parameter.name in values
                else parameter
                for parameter in self.parameters
            ]
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SearchSpace):
            return NotImplemented
        return type(self) is type(other) and self._state() == other._state()

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        size = f"{len(self):,} points" if self.finite else "continuous"
        return f"<{type(self).__name__} of {', '.join(self.names)}: {size}>"

    def __getstate__(self) -> dict[str, Any]:
        # Caches stay behind: a space is sent to every worker.
        names = ("parameters", "constraints", "block_parameters")
        return {name: getattr(self, name) for name in names}

    def _state(self) -> tuple[Any, ...]:
        return self.parameters, self.constraints, self.block_parameters

    def _with_parameters(self, parameters: Sequence[Parameter]) -> Self:
        return type(self)(parameters, self.constraints, self.block_parameters)

    @cached_property
    def _by_name(self) -> dict[str, Parameter]:
        return {parameter.name: parameter for parameter in self.parameters}

    def _check(self) -> None:
        if not self.parameters:
            raise SpaceError("a search space needs at least one parameter")
        if len(self._by_name) < len(self.parameters):
            twice = {name for name in self.names if self.names.count(name) > 1}
            raise SpaceError(f"parameter named twice: {', '.join(sorted(twice))}")
        for rule in self.constraints:
            rule.check(self._by_name)
        unknown = [name for name in self.block_parameters if name not in self._by_name]
        if unknown or len(set(self.block_parameters)) < len(self.block_parameters):
            raise SpaceError(
                f"block parameters are distinct parameters of {', '.join(self.names)}; got "
                f"{', '.join(map(str, self.block_parameters))}"
            )
        if self.finite and self.constraints:
            try:
                _ = self.lattice  # an empty space is refused here, with its configuration
            except SpaceTooLargeError:
                return  # adaptive methods can still search it

    def _check_names(self, given: Mapping[str, Any]) -> None:
        missing = [name for name in self.names if name not in given]
        unknown = [str(name) for name in given if name not in self._by_name]
        if missing or unknown:
            raise SpaceError(
                f"a point of this space has exactly {', '.join(self.names)}; missing: "
                f"{', '.join(missing) or 'none'}, unknown: {', '.join(unknown) or 'none'}"
            )

    def _values_of(self, params: Any) -> dict[str, Any]:
        """Return a point's external values by name, checked and in their canonical form."""
        given = self._to_values(params)
        self._check_names(given)
        return {
            name: parameter.from_stored(parameter.to_stored(given[name]))
            for name, parameter in self._by_name.items()
        }

    def _to_values(self, params: Any) -> Mapping[str, Any]:
        if not isinstance(params, Mapping):
            raise SpaceError(f"a point of this space is a mapping of names; got {params!r}")
        return params

    def _to_params(self, values: dict[str, Any]) -> Any:
        return values

    def _id_of(self, params: Any) -> str:
        return f"{_ID_PREFIX}{self.index(params)}"
