"""The budget of an adaptive session: slots, each for one strategy that is not chosen yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_spaces import SearchSpace
from search_spaces.errors import ConfigError
from studies.config import TuningConfig
from studies.methods import find_method

__all__ = ["SLOT_LIMIT", "Slots", "check_size", "plan_slots"]

SLOT_LIMIT = 10_000_000
"""Strategies that an adaptive or genetic session may try: each slot is a row of its plan."""


@dataclass(frozen=True)
class Slots:
    """How many strategies a method may try, and where it begins.

    Attributes
    ----------
    method : str
        A key of `studies.methods.METHODS`, or the import path of a sampler.
    size : int
        Number of slots; one is spent by a strategy that was measured or failed.
    seed : int
    warm_start : tuple of str
        Strategies that the first slots are for.
    warnings : tuple of str
        What a user should know.
    """

    method: str
    size: int
    seed: int
    warm_start: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def generational(self) -> bool:
        """Whether strategies are queued a generation at a time."""
        return find_method(self.method).generational


def plan_slots(
    config: TuningConfig,
    space: SearchSpace,
    directions: Mapping[str, str],
    method: str,
    size: int | None,
    seed: int,
    warm_start: Sequence[str] = (),
) -> Slots:
    """Check that a method can search a space, and plan its budget.

    Raises
    ------
    ConfigError
        If the size is missing or impossible, or the method is unknown or cannot work.
    """
    chosen = find_method(method)
    size = check_size(method, size)
    options = config.methods.options(method)
    chosen.check(space, directions, options)
    warnings = chosen.warnings(size, options)
    if size > space.size and chosen.generational:
        warnings.append(
            f"the space has only {space.size:,} distinct points; {size:,} were asked for"
        )
        size = space.size
    elif size > space.size:
        warnings.append(
            f"{size:,} strategies may be tried, but the space has {space.size:,}: what is "
            "proposed again is looked up, and counts"
        )
    return Slots(method, size, seed, tuple(warm_start[:size]), tuple(warnings))


def check_size(method: str, size: int | None) -> int:
    """Return the size of an adaptive or genetic session, if there can be one of it.

    Raises
    ------
    ConfigError
        If the size is missing, below 1 or above :data:`SLOT_LIMIT`.
    """
    if size is None:
        raise ConfigError(
            f"{method} needs a size, the number of strategies it may try; give one with --size N"
        )
    if size < 1:
        raise ConfigError(f"the size is at least 1, got {size}")
    if size > SLOT_LIMIT:
        raise ConfigError(
            f"{method} may try at most {SLOT_LIMIT:,} strategies, got {size:,}; give a smaller size"
        )
    return size
