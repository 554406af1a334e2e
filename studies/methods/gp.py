"""``gp``: Bayesian optimisation with Gaussian processes."""

from typing import Annotated

import optuna
from pydantic import Field

from studies.methods.method import Method, MethodOptions, SamplerContext, require_package

__all__ = ["Gp", "GpOptions"]


class GpOptions(MethodOptions):
    """Options of `optuna.samplers.GPSampler`, with its defaults.

    Attributes
    ----------
    n_startup_trials : int
        So many strategies are drawn at random first.
    deterministic_objective : bool
        Take figures as exact; with false the model also learns how noisy they are.
    """

    n_startup_trials: Annotated[int, Field(ge=0)] = 10
    deterministic_objective: bool = False


class Gp(Method):
    """Gaussian process; the time of a proposal grows with the cube of the number of trials.

    It learns nothing from strategies that failed, and may propose them again and again: leave
    out what fails by constraints or ``--set``.
    """

    name = "gp"
    options_type = GpOptions

    def make(self, options: GpOptions, context: SamplerContext) -> optuna.samplers.BaseSampler:
        """Make the sampler."""
        require_package(self.name, "torch")
        return optuna.samplers.GPSampler(
            n_startup_trials=options.n_startup_trials,
            deterministic_objective=options.deterministic_objective,
            seed=context.sampler_seed,
            warn_independent_sampling=False,
        )
