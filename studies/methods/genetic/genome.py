"""How points of a search space are written as genes.

One gene a parameter: the position of the value where the values can be counted, bits where they
are subsets of codes, a number in [0, 1] where they are continuous or logarithmic.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from search_spaces import SearchSpace, Subsets
from studies.methods.genetic.deap_tools import DeapTools
from studies.methods.genetic.options import GeneticOptions

__all__ = ["Gene", "Genome", "PositionGene", "RealGene", "SubsetGene"]


class Gene(ABC):
    """How one parameter is written; `width` elements of the individual.

    Parameters
    ----------
    name : str
    distribution : BaseDistribution
        What Optuna stores.
    """

    width: int = 1
    is_real: bool = False
    is_ordered: bool = False

    def __init__(self, name: str, distribution: BaseDistribution) -> None:
        self.name = name
        self.distribution = distribution

    @abstractmethod
    def from_unit(self, u: float) -> list[Any]:
        """Write the value at the quantile `u` in [0, 1)."""

    @abstractmethod
    def encode(self, value: Any) -> list[Any]:
        """Write a value as Optuna knows it."""

    @abstractmethod
    def decode(self, written: Sequence[Any]) -> Any:
        """Read the value as Optuna knows it."""

    @abstractmethod
    def mutate(self, written: list[Any], tools: DeapTools, options: GeneticOptions) -> list[Any]:
        """Change what is written a little; it stays valid."""

    def repair(self, written: list[Any], tools: DeapTools) -> list[Any]:
        """Make what crossover wrote valid."""
        return written

    def position(self, written: Sequence[Any]) -> int:
        """Read the place of the value in the finite domain of its parameter."""
        return _position(self.distribution, self.decode(written))

    def at_position(self, position: int) -> list[Any]:
        """Write the value at a place of the finite domain."""
        return self.encode(_value(self.distribution, position))


class PositionGene(Gene):
    """The position of a value among those that can be counted."""

    def __init__(self, name: str, distribution: BaseDistribution) -> None:
        super().__init__(name, distribution)
        self.n_values = int(_n_values(distribution))
        self.is_ordered = _is_ordered(distribution)

    def from_unit(self, u: float) -> list[int]:
        """Equal shares of [0, 1) for all values."""
        return [min(int(u * self.n_values), self.n_values - 1)]

    def encode(self, value: Any) -> list[int]:
        """Position of the value."""
        return [_position(self.distribution, value)]

    def decode(self, written: Sequence[int]) -> Any:
        """Value at the position."""
        return _value(self.distribution, written[0])

    def position(self, written: Sequence[int]) -> int:
        """Read what is written."""
        return int(written[0])

    def at_position(self, position: int) -> list[int]:
        """Write the place itself."""
        return [position]

    def mutate(self, written: list[int], tools: DeapTools, options: GeneticOptions) -> list[int]:
        """Take a step to a near value where values are ordered, else any value."""
        if not self.is_ordered or tools.random.random() < options.jump_prob:
            return list(tools.mutation.mutUniformInt(written, 0, self.n_values - 1, 1.0)[0])
        step = 1
        while tools.random.random() < options.step_continue_prob:
            step += 1
        sign = 1 if tools.random.random() < 0.5 else -1
        return [min(max(written[0] + sign * step, 0), self.n_values - 1)]


class SubsetGene(Gene):
    """A bit for every code of a `Subsets` parameter."""

    def __init__(self, parameter: Subsets) -> None:
        super().__init__(parameter.name, parameter.distribution)
        self._codes = parameter.of
        self.width = len(parameter.of)
        self._sets = [
            tuple(int(code in value) for code in parameter.of) for value in parameter.values
        ]
        self._positions = {bits: position for position, bits in enumerate(self._sets)}

    def from_unit(self, u: float) -> list[int]:
        """Equal shares of [0, 1) for all subsets."""
        return list(self._sets[min(int(u * len(self._sets)), len(self._sets) - 1)])

    def encode(self, value: str) -> list[int]:
        """Bits of ``"SR_DD"``."""
        return list(self._sets[_position(self.distribution, value)])

    def decode(self, written: Sequence[int]) -> Any:
        """``"SR_DD"`` of bits."""
        return _value(self.distribution, self.position(written))

    def position(self, written: Sequence[int]) -> int:
        """Place among the subsets."""
        return self._positions[tuple(written)]

    def mutate(self, written: list[int], tools: DeapTools, options: GeneticOptions) -> list[int]:
        """Flip each bit with the probability 1 / n_codes."""
        return self.repair(list(tools.mutation.mutFlipBit(written, 1.0 / self.width)[0]), tools)

    def repair(self, written: list[int], tools: DeapTools) -> list[int]:
        """Take one of the nearest valid subsets."""
        bits = tuple(int(bit) for bit in written)
        if bits in self._positions:
            return list(bits)
        distances = [sum(a != b for a, b in zip(bits, each, strict=True)) for each in self._sets]
        nearest = min(distances)
        return list(
            tools.random.choice(
                [each for each, d in zip(self._sets, distances, strict=True) if d == nearest]
            )
        )


class RealGene(Gene):
    """A continuous or logarithmic range, as a number in [0, 1]."""

    is_real = True
    is_ordered = True

    def __init__(self, name: str, distribution: FloatDistribution | IntDistribution) -> None:
        super().__init__(name, distribution)
        self._log = distribution.log
        # an integer owns the half step to either side
        self._margin = 0.5 if isinstance(distribution, IntDistribution) else 0.0
        self._low = self._scale(distribution.low - self._margin)
        self._high = self._scale(distribution.high + self._margin)

    def from_unit(self, u: float) -> list[float]:
        """Return the quantile itself."""
        return [u]

    def encode(self, value: Any) -> list[float]:
        """Place between the ends, on a logarithmic scale if the range has one."""
        width = self._high - self._low
        return [(self._scale(value) - self._low) / width if width > 0 else 0.5]

    def decode(self, written: Sequence[float]) -> Any:
        """Value at the place, within the range."""
        at = self._low + float(written[0]) * (self._high - self._low)
        value = math.exp(at) if self._log else at
        low, high = self.distribution.low, self.distribution.high  # type: ignore[attr-defined]
        if isinstance(self.distribution, IntDistribution):
            return int(min(max(round(value), low), high))
        return float(min(max(value, low), high))

    def mutate(
        self, written: list[float], tools: DeapTools, options: GeneticOptions
    ) -> list[float]:
        """Polynomial bounded mutation."""
        mutated = tools.mutation.mutPolynomialBounded(
            written, eta=options.mutation_eta, low=0.0, up=1.0, indpb=1.0
        )[0]
        return list(mutated)

    def _scale(self, value: float) -> float:
        return math.log(value) if self._log else float(value)


class Genome:
    """All genes of a point.

    Parameters
    ----------
    genes : sequence of Gene
    allows : callable, optional
        Whether a point, given by name as Optuna knows it, obeys the constraints of its space.
    """

    def __init__(
        self, genes: Sequence[Gene], allows: Callable[[dict[str, Any]], bool] | None = None
    ) -> None:
        self.genes = tuple(genes)
        self.allows = allows
        ends = np.cumsum([gene.width for gene in self.genes]).tolist()
        self.places = [slice(end - g.width, end) for g, end in zip(self.genes, ends, strict=True)]

    @classmethod
    def of_space(cls, space: SearchSpace, names: Collection[str] | None = None) -> "Genome":
        """Write the points of a space, subsets as bits; with `names` only these parameters.

        Constraints are obeyed as long as what is left out has one value only.
        """
        chosen = [p for p in space.parameters if names is None or p.name in names]
        genes = [
            SubsetGene(parameter)
            if isinstance(parameter, Subsets)
            else _gene(parameter.name, parameter.distribution)
            for parameter in chosen
        ]
        left_out = [p for p in space.parameters if p not in chosen]
        if not space.constraints or not all(p.distribution.single() for p in left_out):
            return cls(genes)
        fixed = {p.name: _value(p.distribution, 0) for p in left_out}

        def allows(params: dict[str, Any]) -> bool:
            return space.violation(space.from_trial_params({**fixed, **params})) is None

        return cls(genes, allows)

    @classmethod
    def of_distributions(cls, distributions: Mapping[str, BaseDistribution]) -> "Genome":
        """Write the points of Optuna's distributions."""
        return cls([_gene(name, distribution) for name, distribution in distributions.items()])

    @cached_property
    def real_elements(self) -> list[int]:
        """Elements that are real numbers."""
        return self._elements(is_real=True)

    @cached_property
    def other_elements(self) -> list[int]:
        """Elements that are bits or positions."""
        return self._elements(is_real=False)

    def from_unit(self, unit: Sequence[float]) -> list[Any]:
        """Write the point at quantiles of all parameters."""
        return [x for gene, u in zip(self.genes, unit, strict=True) for x in gene.from_unit(u)]

    def encode(self, params: Mapping[str, Any]) -> list[Any]:
        """Write a point given by name, as Optuna knows it."""
        return [x for gene in self.genes for x in gene.encode(params[gene.name])]

    def decode(self, written: Sequence[Any]) -> dict[str, Any]:
        """Read a point by name, as Optuna knows it."""
        return {
            gene.name: gene.decode(written[place])
            for gene, place in zip(self.genes, self.places, strict=True)
        }

    def positions(self, written: Sequence[Any]) -> tuple[int, ...]:
        """Read the places of a point's values in their finite domains."""
        return tuple(
            gene.position(written[place])
            for gene, place in zip(self.genes, self.places, strict=True)
        )

    def at_positions(self, positions: Sequence[int]) -> list[Any]:
        """Write the point at places of the finite domains."""
        return [
            x
            for gene, position in zip(self.genes, positions, strict=True)
            for x in gene.at_position(position)
        ]

    def key(self, written: Sequence[Any]) -> tuple[Any, ...]:
        """Return what is equal for equal points."""
        return tuple(
            gene.decode(written[place]) if gene.is_real else tuple(written[place])
            for gene, place in zip(self.genes, self.places, strict=True)
        )

    def is_allowed(self, written: Sequence[Any]) -> bool:
        """Whether the point obeys the constraints of its space."""
        return self.allows is None or self.allows(self.decode(written))

    def _elements(self, *, is_real: bool) -> list[int]:
        return [
            element
            for gene, place in zip(self.genes, self.places, strict=True)
            if gene.is_real == is_real
            for element in range(place.start, place.stop)
        ]


def _gene(name: str, distribution: BaseDistribution) -> Gene:
    if isinstance(distribution, (FloatDistribution, IntDistribution)):
        continuous = isinstance(distribution, FloatDistribution) and distribution.step is None
        if (continuous or distribution.log) and not distribution.single():
            return RealGene(name, distribution)
    return PositionGene(name, distribution)


def _n_values(distribution: BaseDistribution) -> float:
    if distribution.single():
        return 1
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    if distribution.step is None:
        return math.inf
    return round((distribution.high - distribution.low) / distribution.step) + 1


def _position(distribution: BaseDistribution, value: Any) -> int:
    if isinstance(distribution, CategoricalDistribution):
        return int(distribution.to_internal_repr(value))
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    return round((value - distribution.low) / (distribution.step or 1))


def _value(distribution: BaseDistribution, position: int) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[position]
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    if isinstance(distribution, IntDistribution):
        return distribution.low + position * distribution.step
    return min(distribution.low + position * (distribution.step or 0.0), distribution.high)


def _is_ordered(distribution: BaseDistribution) -> bool:
    """Whether near positions mean near values: numbers in ascending or descending order."""
    if not isinstance(distribution, CategoricalDistribution):
        return True
    choices = distribution.choices
    if any(isinstance(c, bool) or not isinstance(c, (int, float)) for c in choices):
        return False
    steps = [b - a for a, b in pairwise(choices)]  # type: ignore[operator]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)
