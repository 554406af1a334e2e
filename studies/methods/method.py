"""What every adaptive search method has in common.

A method makes an Optuna sampler out of options that were checked when the session was planned.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler

from search_spaces import SearchSpace
from search_spaces.errors import ConfigError
from studies.methods.checked_model import CheckedModel

__all__ = ["Method", "MethodOptions", "SamplerContext", "require_package"]


class MethodOptions(CheckedModel):
    """Options of a method; an unknown one is refused, and numbers above a million."""

    largest: ClassVar[int] = 1_000_000


@dataclass(frozen=True)
class SamplerContext:
    """What a sampler is made for.

    Attributes
    ----------
    seed : int
        Of the session.
    slot, attempt : int
        First slot that the worker claimed, and how often it was claimed: no two samplers of a
        session share both, so neither two workers nor a resumed run repeat each other's draws.
    space : SearchSpace
    directions : mapping of str to str
        Optimised metrics, in order.
    """

    seed: int
    slot: int
    attempt: int
    space: SearchSpace
    directions: Mapping[str, str]

    @property
    def sampler_seed(self) -> int:
        """Seed of this worker's sampler, below 2**32."""
        return _draw(np.random.SeedSequence(self.seed, spawn_key=(self.slot, self.attempt)))

    @property
    def shared_seed(self) -> int:
        """Seed that all workers of the session have in common, below 2**32."""
        return _draw(np.random.SeedSequence(self.seed))


class Method(ABC):
    """A way to choose the next strategy from those that are known.

    Attributes
    ----------
    name : str
        What ``generate --mode`` calls it.
    options_type : type of MethodOptions
        Its section under ``methods`` in the configuration.
    max_objectives : int or None
        None: any number.
    generational : bool
        Sessions do not ask its sampler for one strategy at a time: they breed whole generations
        and evaluate them in batches (`studies.sessions.generations`).
    """

    name: str
    options_type: ClassVar[type[MethodOptions]] = MethodOptions
    max_objectives: ClassVar[int | None] = None
    generational: ClassVar[bool] = False

    @abstractmethod
    def make(self, options: Any, context: SamplerContext) -> BaseSampler:
        """Make the sampler."""

    def refuse(self, space: SearchSpace, directions: Mapping[str, str], options: Any) -> str | None:
        """Say why the method cannot search this space with these options; None if it can."""
        return None

    def warnings(self, size: int, options: Any) -> list[str]:
        """Say what a user should know of a session of `size` strategies."""
        return []

    def build(self, options: Any, context: SamplerContext) -> BaseSampler:
        """Make the sampler of one worker.

        Raises
        ------
        ConfigError
            If the options do not fit together, or a package is missing.
        """
        with warnings.catch_warnings():
            # whoever names a method or an option has chosen it
            warnings.simplefilter("ignore", ExperimentalWarning)
            try:
                return self.make(options, context)
            except ConfigError:
                raise
            except Exception as error:
                reason = " ".join(str(error).split())
                raise ConfigError(
                    f"{self.name} cannot work with these options: {reason}; change them under "
                    f"methods.{self.name} in the configuration"
                ) from error

    def check(self, space: SearchSpace, directions: Mapping[str, str], options: Any) -> None:
        """Refuse what cannot work, before a session is created.

        Raises
        ------
        ConfigError
            Naming the method, what is wrong, and a way out.
        """
        most = self.max_objectives
        if most is not None and len(directions) > most:
            raise ConfigError(
                f"{self.name} optimises one metric, got {len(directions)} "
                f"({', '.join(directions)}); choose one under objective.metrics, or use nsga2, "
                "nsga3, tpe or gp"
            )
        reason = self.refuse(space, directions, options)
        if reason is not None:
            raise ConfigError(f"{self.name} {reason}")
        self.build(options, SamplerContext(0, 0, 1, space, directions))


def require_package(method: str, package: str) -> None:
    """Refuse a method whose package is not installed.

    Raises
    ------
    ConfigError
        With the command that installs it.
    """
    if find_spec(package) is None:
        raise ConfigError(
            f"{method} needs the package {package}, which is not installed; install it with: "
            f"pip install 'mass-tuning[{method}]'"
        )


def _draw(sequence: np.random.SeedSequence) -> int:
    return int(sequence.generate_state(1)[0])
