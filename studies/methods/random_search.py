"""``random``: strategies drawn independently of each other, Optuna's way."""

import optuna

from studies.methods.method import Method, SamplerContext

__all__ = ["RandomSearch"]


class RandomSearch(Method):
    """Independent draws, which may repeat; it has no options.

    The planned design ``sampling --method random`` draws without repeating.
    """

    name = "random"

    def make(self, options: object, context: SamplerContext) -> optuna.samplers.BaseSampler:
        """Make the sampler."""
        return optuna.samplers.RandomSampler(seed=context.sampler_seed)
