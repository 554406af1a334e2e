"""``cmaes``: the covariance matrix adaptation evolution strategy."""

from collections.abc import Mapping
from typing import Annotated

import optuna
from optuna.distributions import CategoricalDistribution
from pydantic import Field

from search_spaces import SearchSpace
from studies.methods.method import Method, MethodOptions, SamplerContext, require_package

__all__ = ["Cmaes", "CmaesOptions"]


class CmaesOptions(MethodOptions):
    """Options of `optuna.samplers.CmaEsSampler`, with its defaults.

    Attributes
    ----------
    n_startup_trials : int
        Number of strategies drawn at random first.
    popsize : int or None
        Strategies of a generation; None: 4 + floor(3 ln(number of ranges)).
    use_separable_cma : bool
        Adapt a diagonal covariance matrix only: faster learning of many ranges.
    with_margin : bool
        Keep a least probability for every value of integer and stepped ranges.
    lr_adapt : bool
        Adapt the learning rate, for rough or noisy objectives.
    """

    n_startup_trials: Annotated[int, Field(ge=0)] = 1
    popsize: Annotated[int, Field(ge=2)] | None = None
    use_separable_cma: bool = False
    with_margin: bool = False
    lr_adapt: bool = False


class Cmaes(Method):
    """CMA-ES (Hansen 2016), for ranges only."""

    name = "cmaes"
    options_type = CmaesOptions
    max_objectives = 1

    def make(self, options: CmaesOptions, context: SamplerContext) -> optuna.samplers.BaseSampler:
        """Make the sampler."""
        require_package(self.name, "cmaes")
        return optuna.samplers.CmaEsSampler(
            n_startup_trials=options.n_startup_trials,
            popsize=options.popsize,
            use_separable_cma=options.use_separable_cma,
            with_margin=options.with_margin,
            lr_adapt=options.lr_adapt,
            seed=context.sampler_seed,
            warn_independent_sampling=False,
        )

    def refuse(
        self, space: SearchSpace, directions: Mapping[str, str], options: CmaesOptions
    ) -> str | None:
        """Name the parameters it cannot search; None if there are none."""
        listed = [
            name
            for name, distribution in space.distributions.items()
            if isinstance(distribution, CategoricalDistribution) and not distribution.single()
        ]
        if not listed:
            return None
        return (
            f"searches ranges, but listed values are what {', '.join(listed)} may have; write "
            "{range: [low, high], step: ..} under parameters, fix a value with --set NAME=VALUE, "
            "or use tpe"
        )
