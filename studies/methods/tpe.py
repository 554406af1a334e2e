"""``tpe``: the tree-structured Parzen estimator, Optuna's default."""

from collections.abc import Mapping
from typing import Annotated

import optuna
from pydantic import Field

from search_spaces import SearchSpace
from studies.methods.method import Method, MethodOptions, SamplerContext

__all__ = ["Tpe", "TpeOptions"]


class TpeOptions(MethodOptions):
    """Options of `optuna.samplers.TPESampler`, with its defaults.

    Attributes
    ----------
    n_startup_trials : int
        Number of strategies drawn at random first.
    n_ei_candidates : int
        Candidates among which the one of highest expected improvement is taken.
    multivariate : bool or None
        Model the parameters together; None: with one objective yes, with several no.
    group : bool
        Model groups of parameters that were suggested together; needs a multivariate estimator.
    constant_liar : bool
        Count strategies that other workers are evaluating right now as bad ones, so that workers
        do not propose the same; with one worker it changes nothing.
    """

    n_startup_trials: Annotated[int, Field(ge=0)] = 10
    n_ei_candidates: Annotated[int, Field(ge=1)] = 24
    multivariate: bool | None = None
    group: bool = False
    constant_liar: bool = True


class Tpe(Method):
    """Tree-structured Parzen estimator (Bergstra et al. 2011; Watanabe 2023)."""

    name = "tpe"
    options_type = TpeOptions

    def make(self, options: TpeOptions, context: SamplerContext) -> optuna.samplers.BaseSampler:
        """Make the sampler."""
        return optuna.samplers.TPESampler(
            n_startup_trials=options.n_startup_trials,
            n_ei_candidates=options.n_ei_candidates,
            multivariate=options.multivariate,
            group=options.group,
            constant_liar=options.constant_liar,
            seed=context.sampler_seed,
        )

    def refuse(
        self, space: SearchSpace, directions: Mapping[str, str], options: TpeOptions
    ) -> str | None:
        """Say why the options cannot work; None if they can."""
        multivariate = options.multivariate
        if multivariate is None:
            multivariate = len(directions) == 1
        if options.group and not multivariate:
            return (
                "with group: true needs a multivariate estimator, which it is by itself with one "
                "objective only; set methods.tpe.multivariate to true, or group to false"
            )
        return None
