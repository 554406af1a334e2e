"""A sampler of the user's own, named by its import path."""

import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import optuna
from pydantic import ConfigDict

from search_spaces.errors import ConfigError
from studies.methods.method import Method, MethodOptions, SamplerContext

__all__ = ["IMPORT_PATH", "CustomOptions", "CustomSampler"]

IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
"""``package.module:ClassName``."""


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
        module_name, _, class_name = self.name.partition(":")
        # a console script does not look where it is called
        if str(Path.cwd()) not in sys.path and "" not in sys.path:
            sys.path.append(str(Path.cwd()))
        try:
            found = getattr(importlib.import_module(module_name), class_name)
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise ConfigError(
                f"the sampler {self.name} cannot be imported ({reason}); its module must be "
                "installed, in the current folder, or on PYTHONPATH"
            ) from error
        if not inspect.isclass(found) or not issubclass(found, optuna.samplers.BaseSampler):
            raise ConfigError(
                f"{self.name} is not a sampler: it must be a subclass of "
                f"optuna.samplers.BaseSampler, got {found!r}"
            )
        return found


def _takes_seed(sampler_type: type[optuna.samplers.BaseSampler]) -> bool:
    return "seed" in inspect.signature(sampler_type).parameters
