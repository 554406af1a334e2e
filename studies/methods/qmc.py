"""``qmc``: low-discrepancy sequences, Optuna's way."""

from typing import Literal

import optuna

from studies.methods.method import Method, MethodOptions, SamplerContext

__all__ = ["Qmc", "QmcOptions"]


class QmcOptions(MethodOptions):
    """Options of `optuna.samplers.QMCSampler`.

    Attributes
    ----------
    qmc_type : {"sobol", "halton"}
        The sequence.
    scramble : bool
        Randomise it by the session's seed. Optuna's own default is false; without it the seed
        decides nothing but the first strategies.
    """

    qmc_type: Literal["sobol", "halton"] = "sobol"
    scramble: bool = True


class Qmc(Method):
    """Quasi-Monte Carlo; all workers draw from one sequence, which the study counts."""

    name = "qmc"
    options_type = QmcOptions

    def make(self, options: QmcOptions, context: SamplerContext) -> optuna.samplers.BaseSampler:
        """Make the sampler."""
        return optuna.samplers.QMCSampler(
            qmc_type=options.qmc_type,
            scramble=options.scramble,
            # the sequence must be the same everywhere; what comes before it must not
            seed=context.shared_seed,
            independent_sampler=optuna.samplers.RandomSampler(seed=context.sampler_seed),
            warn_independent_sampling=False,
        )
