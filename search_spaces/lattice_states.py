"""The states of a constrained lattice: what the past of a point leaves allowed of its future.

Every constraint is about one or two parameters, so the future of a partial point depends on its
past only through one mask per parameter to come, the conjunction of the rows that the chosen
values have in the constraints' tables. Partial points with the same masks are one state.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search_spaces.constraints import Constraint
from search_spaces.errors import SpaceTooLargeError
from search_spaces.parameters import Parameter

__all__ = ["Step", "reachable_states"]

_MAX_CELLS = 20_000_000
"""Limit of the entries of one table (160 MB of int64)."""

_MAX_STATES = 20_000
"""Limit of the states before one parameter; more would take minutes to follow."""


@dataclass(frozen=True)
class Step:
    """One parameter: `allowed` (bool) and `successor` (int64) states, (n_states, n_values)."""

    allowed: np.ndarray
    successor: np.ndarray


def reachable_states(
    parameters: Sequence[Parameter], constraints: Sequence[Constraint]
) -> list[Step]:
    """Follow the states from the first parameter to the last.

    Parameters
    ----------
    parameters : sequence of Parameter
        Finite parameters in lattice order.
    constraints : sequence of Constraint
        Rules between them.

    Returns
    -------
    list of Step
        One per parameter; the only state before the first is 0, and so is the one after the last.

    Raises
    ------
    SpaceError
        If a parameter is continuous.
    SpaceTooLargeError
        If there would be more than 20,000 states or a table of more than 20 million entries.
    """
    sizes = [len(parameter.finite_values()) for parameter in parameters]
    rules = _RuleTables(parameters, constraints, sizes)
    states: list[tuple[int, ...]] = [(_FREE,) * len(parameters)]
    steps = []
    for column, size in enumerate(sizes):
        advanced = _advance(states, column, size, rules)
        if advanced is None:
            raise SpaceTooLargeError(
                f"the constraints tie the parameters after {parameters[column].name!r} to too many "
                "earlier ones; coarsen ranges, drop a constraint, or move parameters that are "
                "compared next to each other"
            )
        step, states = advanced
        steps.append(step)
    return steps


_FREE = 0


class _RuleTables:
    """Masks of allowed values per parameter, interned as small integers (0: all allowed)."""

    def __init__(
        self,
        parameters: Sequence[Parameter],
        constraints: Sequence[Constraint],
        sizes: Sequence[int],
    ) -> None:
        self._masks = [[np.ones(size, dtype=bool)] for size in sizes]
        self._known = [{masks[0].tobytes(): _FREE} for masks in self._masks]
        self._products: list[dict[tuple[int, int], int]] = [{} for _ in sizes]
        self.base = [np.ones(size, dtype=bool) for size in sizes]
        self.rows: list[dict[int, np.ndarray]] = [{} for _ in sizes]
        known = {parameter.name: parameter for parameter in parameters}
        column_of = {parameter.name: column for column, parameter in enumerate(parameters)}
        pairs: dict[tuple[int, int], np.ndarray] = {}
        for rule in constraints:
            if not set(rule.names) <= set(column_of):
                continue
            columns = [column_of[name] for name in rule.names]
            if np.prod([sizes[column] for column in columns], dtype=np.float64) > _MAX_CELLS:
                raise SpaceTooLargeError(
                    f"constraint {rule.text!r} compares parameters of too many values; coarsen them"
                )
            table = rule.table(known)
            if len(columns) == 1:
                self.base[columns[0]] &= table
                continue
            if columns[0] > columns[1]:
                columns, table = columns[::-1], table.T
            key = (columns[0], columns[1])
            pairs[key] = pairs[key] & table if key in pairs else table
        for (earlier, later), table in pairs.items():
            self.rows[earlier][later] = np.array([self._intern(later, row) for row in table])

    def mask(self, column: int, number: int) -> np.ndarray:
        return self._masks[column][number]

    def both(self, column: int, one: int, other: int) -> int:
        """Return the number of the conjunction of two masks."""
        if one in (_FREE, other) or other == _FREE:
            return one or other
        key = (one, other)
        if key not in self._products[column]:
            joint = self._masks[column][one] & self._masks[column][other]
            self._products[column][key] = self._intern(column, joint)
        return self._products[column][key]

    def _intern(self, column: int, mask: np.ndarray) -> int:
        number = self._known[column].setdefault(mask.tobytes(), len(self._masks[column]))
        if number == len(self._masks[column]):
            self._masks[column].append(mask.copy())
        return number


def _advance(
    states: list[tuple[int, ...]], column: int, size: int, rules: _RuleTables
) -> tuple[Step, list[tuple[int, ...]]] | None:
    """Return the step over one parameter and the states behind it, None if they are too many.

    A state is a tuple of mask numbers, one per parameter from `column` on.
    """
    if len(states) * size > _MAX_CELLS:
        return None
    later = sorted(rules.rows[column])
    if later:
        signatures = np.stack([rules.rows[column][other] for other in later], axis=1)
        classes, group = np.unique(signatures, axis=0, return_inverse=True)
        group = group.ravel()
    else:
        classes, group = np.zeros((1, 0), dtype=np.int64), np.zeros(size, dtype=np.int64)
    allowed = np.empty((len(states), size), dtype=bool)
    successor = np.zeros((len(states), size), dtype=np.int64)
    numbers: dict[tuple[int, ...], int] = {}
    for row, state in enumerate(states):
        allowed[row] = rules.base[column] & rules.mask(column, state[0])
        reached = np.zeros(len(classes), dtype=np.int64)
        for one in np.unique(group[allowed[row]]).tolist():
            future = list(state[1:])
            for other, number in zip(later, classes[one].tolist(), strict=True):
                offset = other - column - 1
                future[offset] = rules.both(other, future[offset], number)
            reached[one] = numbers.setdefault(tuple(future), len(numbers))
        if len(numbers) > _MAX_STATES:
            return None
        successor[row] = reached[group]
    return Step(allowed, successor), list(numbers) or [(_FREE,) * (len(states[0]) - 1)]
