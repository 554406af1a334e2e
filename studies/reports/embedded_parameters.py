"""A parameter as the script of a page chooses by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from search_spaces import Parameter, SearchSpace, Subsets

__all__ = ["MOST_PLACES", "EmbeddedParameter", "embedded_parameters"]

MOST_PLACES = 64
"""Values that are chosen one by one; of more, neighbours are chosen together."""

_TOGETHER = 40
_MOST_CODES = 24


@dataclass(frozen=True)
class EmbeddedParameter:
    """A parameter, its values in places: one a place, or neighbouring values where they are many.

    Attributes
    ----------
    name : str
    labels : tuple of str
        Of the places: a value, or the first and the last one.
    place_of : ndarray of int64, shape (n_values,)
        Place of each value of ``finite_values()``.
    codes : tuple of str
        Of subsets the codes; else empty.
    members : tuple of int
        Of subsets for every place which codes it contains: bit k for code k.
    literals : tuple of str
        Of every place its values as ``--where`` spells them in ``name in (...)``; empty where one
        cannot be spelled.
    """

    name: str
    labels: tuple[str, ...]
    place_of: npt.NDArray[np.int64]
    codes: tuple[str, ...] = ()
    members: tuple[int, ...] = ()
    literals: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "labels": list(self.labels),
            "codes": list(self.codes),
            "members": list(self.members),
            "literals": list(self.literals),
        }


def embedded_parameters(space: SearchSpace) -> list[EmbeddedParameter]:
    """Describe the parameters of a space."""
    return [_embedded(parameter) for parameter in space.parameters]


def _embedded(parameter: Parameter) -> EmbeddedParameter:
    values = parameter.finite_values()
    stored = [parameter.to_stored(value) for value in values]
    if isinstance(parameter, Subsets) and len(parameter.of) <= _MOST_CODES:
        members = tuple(
            sum(1 << place for place, code in enumerate(parameter.of) if code in value)
            for value in values
        )
        return EmbeddedParameter(
            parameter.name,
            tuple(stored),
            np.arange(len(values)),
            parameter.of,
            members,
            _literals([[value] for value in stored]),
        )
    size = 1 if len(values) <= MOST_PLACES else -(-len(values) // _TOGETHER)
    parts = [stored[start : start + size] for start in range(0, len(stored), size)]
    return EmbeddedParameter(
        parameter.name,
        tuple(_label(part) for part in parts),
        np.arange(len(values)) // size,
        literals=_literals(parts),
    )


def _label(values: Sequence[Any]) -> str:
    return str(values[0]) if len(values) == 1 else f"{values[0]} – {values[-1]}"


def _literals(parts: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    spelled = [[_literal(value) for value in part] for part in parts]
    if any(not each for part in spelled for each in part):
        return ()
    return tuple(", ".join(part) for part in spelled)


def _literal(value: Any) -> str:
    """Spell a value in a filter; empty if it has no spelling there."""
    if isinstance(value, str):
        return f"'{value}'" if "'" not in value and value.isprintable() else ""
    return repr(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
