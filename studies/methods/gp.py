"""``gp``: Bayesian optimisation with Gaussian processes."""

from typing import Annotated, Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field

from studies.methods.method import Method, MethodOptions, SamplerContext, require_package

__all__ = ["Gp", "GpOptions", "GpSampler", "RandomAfterFailure"]


class GpOptions(MethodOptions):
    """Options of `optuna.samplers.GPSampler`, with its defaults.

    Attributes
    ----------
    n_startup_trials : int
        Number of strategies drawn at random first.
    deterministic_objective : bool
        Take figures as exact; with false the model also learns how noisy they are.
    """

    n_startup_trials: Annotated[int, Field(ge=0)] = 10
    deterministic_objective: bool = False


class RandomAfterFailure(BaseSampler):
    """Mixed into a sampler: what failed before is not proposed again, but a random point."""

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the sampler's proposal, or nothing, so that every parameter is drawn."""
        proposal = super().sample_relative(study, trial, search_space)  # type: ignore[safe-super]
        failed = study.get_trials(deepcopy=False, states=(TrialState.FAIL,))
        known = (each.params for each in failed)
        if any(all(p.get(name) == value for name, value in proposal.items()) for p in known):
            return {}
        return proposal


class GpSampler(RandomAfterFailure, optuna.samplers.GPSampler):
    """Optuna's `GPSampler`, which does not insist on what failed."""


class Gp(Method):
    """Gaussian process; the time of a proposal grows with the cube of the number of trials.

    Optuna's sampler learns nothing from strategies that failed and proposes them again and again;
    such a proposal is replaced by a random one.
    """

    name = "gp"
    options_type = GpOptions

    def make(self, options: GpOptions, context: SamplerContext) -> optuna.samplers.BaseSampler:
        """Make the sampler."""
        require_package(self.name, "torch")
        return GpSampler(
            n_startup_trials=options.n_startup_trials,
            deterministic_objective=options.deterministic_objective,
            seed=context.sampler_seed,
            warn_independent_sampling=False,
        )
