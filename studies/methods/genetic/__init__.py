"""Genetic search: DEAP's operators on the genes of a search space.

`breeding` says what the next generation is; `sampler` offers it to Optuna, `search` to whoever
evaluates whole generations.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.methods.genetic.options import GeneticOptions
    from studies.methods.genetic.sampler import DeapSampler
    from studies.methods.genetic.search import GeneticSearch

__all__ = ["DeapSampler", "GeneticOptions", "GeneticSearch"]

# Imported at first use: the configuration needs the options, and not DEAP.
_HOMES = {"DeapSampler": "sampler", "GeneticOptions": "options", "GeneticSearch": "search"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
