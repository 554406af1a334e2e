"""The space of factor strategies: six parameters, and an id that spells them out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import optuna

from search_spaces.constraints import Constraint
from search_spaces.errors import SpaceError
from search_spaces.parameters import Choice, Fixed, Parameter, Subsets
from search_spaces.space import SearchSpace
from search_spaces.strategy_params import FACTOR_CODES, WEIGHT_METHODS, StrategyParams

__all__ = ["FACTOR_CODES", "WEIGHT_METHODS", "FactorSpace", "StrategyParams"]

PARAMETER_NAMES = (
    "factors",
    "window_size",
    "rebalance_frequency",
    "data_period",
    "selection_count",
    "weight_method",
)
_NUMBER = "(0|[1-9][0-9]*)"
_PARTS: tuple[tuple[str, str, str], ...] = (
    ("window_size", "W{}", f"W{_NUMBER}"),
    ("rebalance_frequency", "{}D", f"{_NUMBER}D"),
    ("data_period", "D{}", f"D{_NUMBER}"),
    ("selection_count", "S{}", f"S{_NUMBER}"),
    ("weight_method", "{}", "([A-Z]+)"),
)
"""After the factors, the parts of an id: parameter, how it is written, how it is read."""


class FactorSpace(SearchSpace):
    """A space of exactly the six strategy parameters.

    Whatever their order in the configuration, the lattice has them in the order `factors`,
    `window_size`, `rebalance_frequency`, `data_period`, `selection_count`, `weight_method`.
    Strategies of equal `factors`, `window_size` and `data_period` share a ranking; the
    exhaustive order keeps them together.

    Parameters
    ----------
    parameters : sequence of Parameter
        The six parameters. `factors` is a :class:`Subsets`, or a choice of texts like ``SR_DD``.
    constraints : iterable of Constraint or str
        Rules that every strategy obeys.
    factor_codes : sequence of str
        Codes that may occur, in the order in which an id lists them; codes of registered factors
        come after the built-in ones.

    Raises
    ------
    SpaceError
        If the parameters are not these six, or one of them has impossible values.
        If a constraint does not fit them, or all together leave no strategy.

    Examples
    --------
    >>> space = FactorSpace.default()
    >>> len(space)
    436800
    >>> space.strategy_id(space.parse("SR_ST_W30_7D_D90_S5_IC"))
    'SR_ST_W30_7D_D90_S5_IC'
    """

    if TYPE_CHECKING:  # the points of this space are StrategyParams

        def params(self, index: int) -> StrategyParams:
            """Return the strategy with this lattice index."""

        def params_list(self, indices: np.typing.ArrayLike) -> list[StrategyParams]:
            """Return many strategies at once."""

        def suggest(self, trial: optuna.trial.BaseTrial) -> StrategyParams:
            """Let an Optuna trial choose a strategy."""

        def from_trial_params(self, stored: Mapping[str, Any]) -> StrategyParams:
            """Return the strategy of a trial's `params`."""

    BLOCK_PARAMETERS: ClassVar[tuple[str, ...]] = ("factors", "window_size", "data_period")

    def __init__(
        self,
        parameters: Sequence[Parameter],
        constraints: Iterable[Constraint | str | Mapping[str, str]] = (),
        *,
        factor_codes: Sequence[str] = FACTOR_CODES,
    ) -> None:
        self.factor_codes: tuple[str, ...] = tuple(factor_codes)
        by_name = {parameter.name: parameter for parameter in parameters}
        if len(by_name) < len(parameters) or set(by_name) != set(PARAMETER_NAMES):
            missing = [name for name in PARAMETER_NAMES if name not in by_name]
            unknown = [name for name in by_name if name not in PARAMETER_NAMES]
            names = ", ".join(PARAMETER_NAMES)
            raise SpaceError(
                f"a factor space has exactly the parameters {names}, each once; "
                f"missing: {', '.join(missing) or 'none'}, unknown: {', '.join(unknown) or 'none'}"
            )
        by_name["factors"] = _factor_subsets(by_name["factors"], self.factor_codes)
        for name in PARAMETER_NAMES[1:]:
            _check_values(by_name[name])
        super().__init__(
            [by_name[name] for name in PARAMETER_NAMES], constraints, self.BLOCK_PARAMETERS
        )

    @classmethod
    def default(cls, max_factors: int = 4) -> Self:
        """Return the default space: 436,800 strategies of up to `max_factors` = 4 factors.

        `max_factors` = 6 gives 491,400.
        """
        windows = (5, 10, 20, 30, 60, 90, 120, 150, 180, 210, 240, 270, 300)
        return cls(
            [
                Subsets("factors", FACTOR_CODES, max_size=max_factors),
                Choice("window_size", windows),
                Choice("rebalance_frequency", (1, 2, 7, 14, 30)),
                Choice("data_period", (10, 20, 45, 90, 120, 150, 210, 300)),
                Choice("selection_count", (3, 5, 7, 10, 15)),
                Choice("weight_method", WEIGHT_METHODS),
            ]
        )

    def strategy_ids(self, indices: np.typing.ArrayLike) -> list[str]:
        """Return the ids of the strategies with these lattice indices."""
        digits = self.digits(indices)
        ids: Any = None
        for column, pieces in enumerate(self._pieces):
            piece = pieces[digits[:, column]]
            ids = piece if ids is None else ids + piece
        return ids.tolist()

    def parse(self, strategy_id: str) -> StrategyParams:
        """Return the parameters that an id spells out.

        Raises
        ------
        SpaceError
            If the id is malformed or outside the space, naming the part.
        """
        parts = strategy_id.split("_") if isinstance(strategy_id, str) else []
        if len(parts) < 1 + len(_PARTS):
            raise SpaceError(
                f"a strategy id has the parts FACTORS_W.._..D_D.._S.._WEIGHT, like "
                f"SR_ST_W30_7D_D90_S5_IC; got {strategy_id!r}"
            )
        n_factors = len(parts) - len(_PARTS)
        parts = ["_".join(parts[:n_factors]), *parts[n_factors:]]
        values = {}
        for name, part in zip(PARAMETER_NAMES, parts, strict=True):
            if part not in self._readings[name]:
                raise SpaceError(f"strategy id {strategy_id!r}: {self._part_error(name, part)}")
            values[name] = self._readings[name][part]
        for rule in self.constraints:
            if not rule.allows(self._by_name, values):
                raise SpaceError(
                    f"strategy id {strategy_id!r} is outside the space: "
                    f"{rule.violation(self._by_name, values)}"
                )
        return self._to_params(values)

    @cached_property
    def _readings(self) -> dict[str, dict[str, Any]]:
        """For each parameter, the parts of an id that are allowed, and what they mean."""
        forms = {name: form for name, form, _ in _PARTS}
        return {
            parameter.name: {
                forms.get(parameter.name, "{}").format(parameter.to_stored(value)): value
                for value in parameter.finite_values()
            }
            for parameter in self.parameters
        }

    @cached_property
    def _pieces(self) -> list[np.ndarray]:
        """For each parameter, the parts in the order of its values, with their separator."""
        tables = []
        for column, name in enumerate(PARAMETER_NAMES):
            texts = np.empty(len(self._readings[name]), dtype=object)
            texts[:] = [("_" if column else "") + part for part in self._readings[name]]
            tables.append(texts)
        return tables

    def _part_error(self, name: str, part: str) -> str:
        """Say why a part of an id is refused: malformed, or outside the space."""
        parameter = self._by_name[name]
        for known, form, pattern in _PARTS:
            if known != name:
                continue
            match = re.fullmatch(pattern, part)
            if match is None:
                example = form.format("EQ" if name == "weight_method" else "..")
                return f"{part!r} is not a {name} part, which is written {example}"
            part = match[1]
        value = repr(part) if name in ("factors", "weight_method") else part
        return f"{value} is not a value of parameter {name!r}; allowed: {parameter.allowed}"

    def _to_values(self, params: Any) -> Mapping[str, Any]:
        if isinstance(params, Mapping):
            params = self._to_params(dict(params))
        if not isinstance(params, StrategyParams):
            raise SpaceError(f"a point of this space is a StrategyParams; got {params!r}")
        values = {name: getattr(params, name) for name in PARAMETER_NAMES}
        if set(params.factors) <= set(self.factor_codes):
            values["factors"] = tuple(sorted(params.factors, key=self.factor_codes.index))
        return values

    def _to_params(self, values: dict[str, Any]) -> StrategyParams:
        try:
            return StrategyParams(**values)
        except TypeError:
            raise SpaceError(
                f"a strategy has exactly the parameters {', '.join(PARAMETER_NAMES)}; got "
                f"{', '.join(map(str, values))}"
            ) from None

    def _id_of(self, params: Any) -> str:
        values = self._to_values(params)
        parts = ["_".join(values["factors"])]
        parts += [form.format(values[name]) for name, form, _ in _PARTS]
        return "_".join(parts)

    def _with_parameters(self, parameters: Sequence[Parameter]) -> Self:
        return type(self)(parameters, self.constraints, factor_codes=self.factor_codes)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "factor_codes": self.factor_codes}


def _factor_subsets(parameter: Parameter, codes: tuple[str, ...]) -> Subsets:
    """Return the parameter `factors` as subsets, its codes in the order of an id."""
    only: tuple[Any, ...] | None
    if isinstance(parameter, Subsets):
        given, only = parameter.of, parameter.only
        least, most = parameter.min_size, parameter.max_size
    elif isinstance(parameter, (Choice, Fixed)):
        assert parameter.values is not None
        only = tuple(tuple(str(value).split("_")) for value in parameter.values)
        for value, subset in zip(parameter.values, only, strict=True):
            if len(set(subset)) < len(subset):
                raise SpaceError(f"`factors` lists a factor twice in {value!r}")
        given = tuple(dict.fromkeys(code for subset in only for code in subset))
        least, most = min(map(len, only)), max(map(len, only))
    else:
        raise SpaceError("`factors` are subsets: {subsets: [SR, DD, ..], max_size: 4}")
    unknown = [code for code in given if code not in codes]
    if unknown:
        raise SpaceError(
            f"unknown factor {', '.join(map(repr, unknown))} in `factors`; there are "
            f"{', '.join(codes)}"
        )
    ordered = sorted(given, key=codes.index)
    if only is not None:
        only = tuple(tuple(sorted(subset, key=codes.index)) for subset in only)
    return Subsets("factors", tuple(ordered), most, least, only=only)


def _check_values(parameter: Parameter) -> None:
    """Refuse values that no strategy can have."""
    name = parameter.name
    if parameter.values is None:
        raise SpaceError(f"`{name}` is a list or a stepped range of integers; got a continuous one")
    for value in parameter.values:
        if name == "weight_method":
            if value not in WEIGHT_METHODS:
                raise SpaceError(
                    f"weight_method is one of {', '.join(WEIGHT_METHODS)}; got {value!r}"
                )
            continue
        least = 0 if name == "selection_count" else 1
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise SpaceError(f"{name} is an integer >= {least}; got {value!r}")
