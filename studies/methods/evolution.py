"""``genetic``: DEAP's operators, a generation at a time."""

from collections.abc import Mapping

import optuna

from search_spaces import SearchSpace
from studies.methods.genetic.options import GeneticOptions
from studies.methods.method import Method, SamplerContext

__all__ = ["Genetic"]


class Genetic(Method):
    """Genetic search: sessions breed whole generations, see `studies.sessions.generations`."""

    name = "genetic"
    options_type = GeneticOptions
    generational = True

    def make(self, options: GeneticOptions, context: SamplerContext) -> optuna.samplers.BaseSampler:
        """Make a sampler of the same operators, for whoever asks for one trial at a time."""
        from studies.methods.genetic.sampler import DeapSampler

        return DeapSampler(context.space, seed=context.shared_seed, **options.model_dump())

    def refuse(
        self, space: SearchSpace, directions: Mapping[str, str], options: GeneticOptions
    ) -> str | None:
        """Say why the selection does not go with the objectives; None if it does."""
        if len(directions) > 1 and options.selection == "tournament":
            return (
                f"with selection: tournament compares by one metric, got {len(directions)} "
                f"({', '.join(directions)}); set methods.genetic.selection to auto, nsga2, nsga3 "
                "or spea2"
            )
        if len(directions) == 1 and options.selection in ("nsga2", "nsga3", "spea2"):
            return (
                f"with selection: {options.selection} is for several metrics, got one; set "
                "methods.genetic.selection to auto or tournament"
            )
        return None
