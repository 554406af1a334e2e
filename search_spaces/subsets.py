"""A parameter whose values are subsets of a list of codes."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

from optuna.distributions import CategoricalDistribution

from search_spaces.errors import SpaceError
from search_spaces.parameter import Parameter

__all__ = ["Subsets"]

_MAX_SUBSETS = 100_000
_ELEMENT = re.compile(r"[A-Za-z0-9]+", re.ASCII)


@dataclass(frozen=True)
class Subsets(Parameter):
    """The subsets of a list of codes, ordered by size and then by the order of the list.

    A value is a tuple such as ``("SR", "DD")``; Optuna stores ``"SR_DD"``.

    Parameters
    ----------
    name : str
        Name of the parameter.
    of : tuple of str
        The codes; letters and digits only, because ``_`` joins them.
    max_size : int
        Largest number of codes in a subset.
    min_size : int
        Smallest number of codes in a subset, at least 1.
    only : tuple of tuple of str, optional
        Limits the domain to these subsets (what :meth:`restrict` returns).

    Raises
    ------
    SpaceError
        If the codes are malformed or not distinct.
        If not 1 <= `min_size` <= `max_size` <= number of codes.
        If there are more than 100,000 subsets.
        If `only` is empty or names something that is not such a subset.
    """

    name: str
    of: tuple[str, ...]
    max_size: int
    min_size: int = 1
    only: tuple[tuple[str, ...], ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.of, str) or not isinstance(self.of, Sequence) or not self.of:
            raise SpaceError(f"subsets {self.name!r} are of a list of codes; got {self.of!r}")
        object.__setattr__(self, "of", tuple(self.of))
        for code in self.of:
            if not isinstance(code, str) or not _ELEMENT.fullmatch(code):
                raise SpaceError(
                    f"a code of subsets {self.name!r} has letters and digits only (quote it in "
                    f"YAML if it is a number or a word like NO); got {code!r}"
                )
        if len(set(self.of)) < len(self.of):
            raise SpaceError(f"subsets {self.name!r} list a code twice: {', '.join(self.of)}")
        self._check_sizes()
        if self.only is not None:
            self._set_only(self.only)

    @cached_property
    def distribution(self) -> CategoricalDistribution:
        """Categorical over the joined codes."""
        return CategoricalDistribution(tuple("_".join(value) for value in self.values))

    @cached_property
    def values(self) -> tuple[tuple[str, ...], ...]:
        """All subsets, or those of `only`."""
        if self.only is not None:
            return self.only
        sizes = range(self.min_size, self.max_size + 1)
        return tuple(subset for size in sizes for subset in combinations(self.of, size))

    def value_index(self, value: Any) -> int:
        """Return the index of a subset in `values`, given as a tuple or list of codes in order."""
        if isinstance(value, str):
            raise self._refusal(value)
        return super().value_index(tuple(value) if isinstance(value, list) else value)

    def neighbours(self, value_index: int) -> list[int]:
        """Return the subsets with one code more, one code less, or one code exchanged."""
        own = set(self.values[value_index])
        distances = {1: (-1, 1), 2: (0,)}  # codes that differ: by how much the sizes may differ
        return [
            index
            for index, value in enumerate(self.values)
            if len(value) - len(own) in distances.get(len(own.symmetric_difference(value)), ())
        ]

    def to_stored(self, value: Any) -> str:
        """Return the codes joined by ``_``."""
        if not isinstance(value, (tuple, list)) or not all(isinstance(x, str) for x in value):
            raise self._refusal(value)
        return "_".join(value)

    def from_stored(self, stored: Any) -> tuple[str, ...]:
        """Return the tuple of codes of ``"SR_DD"``."""
        index = self._spellings.get(stored) if isinstance(stored, str) else None
        if index is None:
            raise self._refusal(stored)
        return self.values[index]

    def to_config(self) -> dict[str, Any]:
        """Return ``{"subsets": [...], "max_size": ..., "min_size": ...}``, and `only` if set."""
        config: dict[str, Any] = {
            "subsets": list(self.of),
            "max_size": self.max_size,
            "min_size": self.min_size,
        }
        if self.only is not None:
            config["only"] = ["_".join(value) for value in self.only]
        return config

    def at_value_indices(self, value_indices: Sequence[int]) -> Parameter:
        """Return the subsets of these indices, as `only`."""
        chosen = tuple(self.values[index] for index in value_indices)
        return Subsets(self.name, self.of, self.max_size, self.min_size, only=chosen)

    def _check_sizes(self) -> None:
        for field in ("min_size", "max_size"):
            size = getattr(self, field)
            if isinstance(size, bool) or not isinstance(size, int):
                raise SpaceError(f"`{field}` of subsets {self.name!r} is an integer; got {size!r}")
        if not 1 <= self.min_size <= self.max_size <= len(self.of):
            raise SpaceError(
                f"subsets {self.name!r} need 1 <= min_size <= max_size <= {len(self.of)} (the "
                f"number of codes); got min_size={self.min_size}, max_size={self.max_size}"
            )
        sizes = range(self.min_size, self.max_size + 1)
        count = sum(math.comb(len(self.of), size) for size in sizes)
        if count > _MAX_SUBSETS:
            raise SpaceError(
                f"subsets {self.name!r} are {count:,}, more than {_MAX_SUBSETS:,}; lower max_size"
            )

    def _set_only(self, only: Any) -> None:
        if isinstance(only, str) or not isinstance(only, Sequence) or not only:
            raise SpaceError(f"`only` of subsets {self.name!r} is a list of subsets; got {only!r}")
        whole = Subsets(self.name, self.of, self.max_size, self.min_size)
        chosen = sorted({whole._find(value) for value in only})
        object.__setattr__(self, "only", tuple(whole.values[index] for index in chosen))
