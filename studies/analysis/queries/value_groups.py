"""The values of a parameter as groups of strategies; of subsets also every code by itself."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from search_spaces import Parameter, Subsets

__all__ = ["ValueGroup", "value_groups_of"]


@dataclass(frozen=True)
class ValueGroup:
    """Strategies that have a value of a parameter.

    Attributes
    ----------
    parameter : str
    value : str, int, float, bool or None
        As Optuna stores it (``"SR_DD"``); with `contains` a code.
    contains : bool
        Whether the strategies are those whose subset contains the code, so that groups overlap.
    members : ndarray of bool, shape (n_values,)
        Which values of the parameter belong to the group.
    """

    parameter: str
    value: Any
    contains: bool
    members: npt.NDArray[np.bool_]

    @property
    def label(self) -> str:
        """The value in words: ``30``, or ``with SR``."""
        return f"with {self.value}" if self.contains else str(self.value)


def value_groups_of(parameter: Parameter) -> list[ValueGroup]:
    """Return the groups of a finite parameter: of subsets the codes, then all values."""
    values = parameter.finite_values()
    groups = []
    if isinstance(parameter, Subsets):
        for code in parameter.of:
            members = np.array([code in value for value in values])
            if members.any():  # not of a code that `only` leaves out
                groups.append(ValueGroup(parameter.name, code, True, members))
    own = np.eye(len(values), dtype=np.bool_)
    stored = map(parameter.to_stored, values)
    return groups + [ValueGroup(parameter.name, v, False, own[i]) for i, v in enumerate(stored)]
