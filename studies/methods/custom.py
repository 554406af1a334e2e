"""A sampler of the user's own, named by its import path."""

import inspect
from typing import Any

import optuna
from pydantic import ConfigDict

from search_spaces.import_class import import_class
from studies.methods.method import Method, MethodOptions, SamplerContext

__all__ = ["CustomOptions", "CustomSampler"]


class CustomOptions(MethodOptions):
    """Keyword arguments of the class, whatever they are."""

    model_config = ConfigDict(frozen=True, extra="allow")


class CustomSampler(Method):
    """Any subclass of `optuna.samplers.BaseSampler`.

    Its options are passed as keywords. A parameter ``seed`` of the class gets a seed of the
    worker's own, unless it is among the options.

    Parameters
    ----------
    path : str
        ``package.module:ClassName``, importable or in the current folder.
    """

    options_type = CustomOptions

    def __init__(self, path: str) -> None:
        self.name = path

    def make(self, options: CustomOptions, context: SamplerContext) -> optuna.samplers.BaseSampler:
        """Make the sampler."""
        sampler_type = self._load()
        keywords: dict[str, Any] = dict(options.model_extra or {})
        if _takes_seed(sampler_type):
            keywords.setdefault("seed", context.sampler_seed)
        return sampler_type(**keywords)

    def warnings(self, size: int, options: CustomOptions) -> list[str]:
        """Say so if the session's seed has no effect."""
        if _takes_seed(self._load()) and "seed" not in (options.model_extra or {}):
            return []
        return [f"the seed of the session does not reach the sampler {self.name}"]

    def _load(self) -> type[optuna.samplers.BaseSampler]:
        return import_class(
            self.name,
            optuna.samplers.BaseSampler,  # type: ignore[type-abstract]
            noun="sampler",
            parent_name="optuna.samplers.BaseSampler",
        )


def _takes_seed(sampler_type: type[optuna.samplers.BaseSampler]) -> bool:
    return "seed" in inspect.signature(sampler_type).parameters
