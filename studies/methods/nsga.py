"""``nsga2`` and ``nsga3``: genetic search for one or several objectives."""

from typing import Annotated, Any, Literal

import optuna
from optuna.samplers import nsgaii
from pydantic import Field

from studies.methods.method import Method, MethodOptions, SamplerContext

__all__ = ["Nsga2", "Nsga2Options", "Nsga3", "Nsga3Options"]

Probability = Annotated[float, Field(ge=0.0, le=1.0)]

_CROSSOVERS = {
    "blxalpha": nsgaii.BLXAlphaCrossover,
    "sbx": nsgaii.SBXCrossover,
    "spx": nsgaii.SPXCrossover,
    "undx": nsgaii.UNDXCrossover,
    "vsbx": nsgaii.VSBXCrossover,
}


class Nsga2Options(MethodOptions):
    """Options of `optuna.samplers.NSGAIISampler`, with its defaults.

    Attributes
    ----------
    population_size : int
        Strategies of a generation; the first one is drawn at random.
    mutation_prob : float or None
        Of every parameter of a child; None: 1 / number of parameters.
    crossover : {"uniform", "blxalpha", "sbx", "spx", "undx", "vsbx"}
        How parents are mixed in parameters that are ranges; listed values always mix uniformly.
    crossover_prob : float
        That a child has two parents instead of being a copy of one.
    swapping_prob : float
        Of the uniform crossover: that a parameter comes from the second parent.
    """

    population_size: Annotated[int, Field(ge=3)] = 50
    mutation_prob: Probability | None = None
    crossover: Literal["uniform", "blxalpha", "sbx", "spx", "undx", "vsbx"] = "uniform"
    crossover_prob: Probability = 0.9
    swapping_prob: Probability = 0.5


class Nsga3Options(Nsga2Options):
    """Options of `optuna.samplers.NSGAIIISampler`, with its defaults.

    Attributes
    ----------
    dividing_parameter : int
        Density of the reference points that spread the population.
    """

    dividing_parameter: Annotated[int, Field(ge=1)] = 3


class Nsga2(Method):
    """NSGA-II (Deb et al. 2002)."""

    name = "nsga2"
    options_type = Nsga2Options

    def make(self, options: Nsga2Options, context: SamplerContext) -> optuna.samplers.BaseSampler:
        """Make the sampler."""
        return optuna.samplers.NSGAIISampler(**_arguments(options, context))

    def warnings(self, size: int, options: Nsga2Options) -> list[str]:
        """Say so if there will be no second generation."""
        if size > options.population_size:
            return []
        return [
            f"the first generation of {self.name} has {options.population_size:,} strategies drawn "
            f"at random, so a session of {size:,} never breeds any; raise --size, or lower "
            f"methods.{self.name}.population_size"
        ]


class Nsga3(Nsga2):
    """NSGA-III (Deb and Jain 2014)."""

    name = "nsga3"
    options_type = Nsga3Options

    def make(self, options: Nsga2Options, context: SamplerContext) -> optuna.samplers.BaseSampler:
        """Make the sampler."""
        assert isinstance(options, Nsga3Options)
        return optuna.samplers.NSGAIIISampler(
            dividing_parameter=options.dividing_parameter, **_arguments(options, context)
        )


def _arguments(options: Nsga2Options, context: SamplerContext) -> dict[str, Any]:
    crossover = _CROSSOVERS.get(options.crossover)
    return {
        "population_size": options.population_size,
        "mutation_prob": options.mutation_prob,
        # None: uniform, which Optuna makes itself with the swapping probability
        "crossover": None if crossover is None else crossover(),
        "crossover_prob": options.crossover_prob,
        "swapping_prob": options.swapping_prob,
        "seed": context.sampler_seed,
    }
