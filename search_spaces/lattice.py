"""Counting, ranking and unranking the allowed points of a finite space without listing them.

The points are ordered lexicographically by the indices of their values (their *digits*), the
last parameter fastest: a mixed-radix number system (Knuth, TAOCP 4.1 and 7.2.1.1) from which the
points that break a constraint are left out. How many completions a partial point has depends on
its past only through what the constraints still allow of the parameters to come, so these *states*
are few, and a table of completion counts per parameter, state and value is enough to rank and to
unrank (Nijenhuis and Wilf, "Combinatorial Algorithms", 1978, ch. 13; the states form the decision
diagram of Knuth, TAOCP 7.1.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from search_spaces.constraints import Constraint
from search_spaces.errors import SpaceError, SpaceTooLargeError
from search_spaces.lattice_states import Step, reachable_states
from search_spaces.parameters import Parameter

__all__ = ["MAX_POINTS", "Lattice"]

MAX_POINTS = 2**62
"""Lattice indices are int64 with some headroom."""


class Lattice:
    """The allowed points of finite parameters, numbered from 0 in lexicographic order.

    Parameters
    ----------
    parameters : sequence of Parameter
        Finite parameters, slowest first.
    constraints : sequence of Constraint
        Rules between them.

    Raises
    ------
    SpaceError
        If a parameter is continuous.
        If the constraints leave no point.
    SpaceTooLargeError
        If there are more than 2**62 points, or the tables would not fit.

    Examples
    --------
    >>> from search_spaces import Choice, Constraint, Lattice
    >>> rule = Constraint.parse("a <= b")
    >>> lattice = Lattice([Choice("a", (1, 2)), Choice("b", (1, 2))], [rule])
    >>> lattice.size, lattice.unrank([0, 2]).tolist()
    (3, [[0, 0], [1, 1]])
    """

    def __init__(
        self, parameters: Sequence[Parameter], constraints: Sequence[Constraint] = ()
    ) -> None:
        self._parameters = tuple(parameters)
        self._constraints = tuple(constraints)
        steps = reachable_states(self._parameters, self._constraints)
        self._steps = steps
        self._levels = _count_completions(steps, np.ones(1, dtype=np.int64))
        if self.size == 0:
            rules = "; ".join(rule.text for rule in self._constraints)
            raise SpaceError(f"the constraints leave no point of the space: {rules}")

    @property
    def size(self) -> int:
        """Number of allowed points."""
        return int(self._levels[0].total[0])

    @property
    def n_parameters(self) -> int:
        """Number of digits of a point."""
        return len(self._levels)

    def unrank(self, indices: np.typing.ArrayLike) -> np.ndarray:
        """Return the points with the given numbers.

        Parameters
        ----------
        indices : array_like of int, shape (n,)
            Numbers in [0, size).

        Returns
        -------
        np.ndarray
            int64, shape (n, n_parameters): the index of each value in its domain.

        Raises
        ------
        SpaceError
            If an index is not an integer in [0, size).
        """
        rest = self._checked_indices(indices)
        digits = np.empty((len(rest), self.n_parameters), dtype=np.int64)
        state = np.zeros(len(rest), dtype=np.int64)
        for column, level in enumerate(self._levels):
            digit = level.find(state, rest)
            digits[:, column] = digit
            rest = rest - level.before[state, digit]
            state = level.successor[state, digit]
        return digits

    def rank(self, digits: np.typing.ArrayLike) -> np.ndarray:
        """Return the numbers of the given points; the inverse of :meth:`unrank`.

        Parameters
        ----------
        digits : array_like of int, shape (n, n_parameters)
            Indices of values in their domains.

        Returns
        -------
        np.ndarray
            int64, shape (n,).

        Raises
        ------
        SpaceError
            If a digit is outside its domain, naming the parameter.
            If a point breaks a constraint, naming both.
        """
        digits = self._checked_digits(digits)
        first, _ = self.prefix_ranges(digits)
        return first

    def prefix_ranges(self, digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the consecutive numbers of the points that begin with the given digits.

        Parameters
        ----------
        digits : np.ndarray of int64, shape (n, depth)
            The first `depth` <= n_parameters digits.

        Returns
        -------
        first, count : np.ndarray
            int64, shape (n,): the least such number, and how many there are (at least 1).

        Raises
        ------
        SpaceError
            If no allowed point begins like that.
        """
        first = np.zeros(len(digits), dtype=np.int64)
        count = np.full(len(digits), self.size, dtype=np.int64)
        state = np.zeros(len(digits), dtype=np.int64)
        for level, digit in zip(self._levels, digits.T, strict=False):
            count = level.count[state, digit]
            if not count.all():
                raise SpaceError(self._describe(digits[int(np.argmin(count))]))
            first += level.before[state, digit]
            state = level.successor[state, digit]
        return first, count

    def prefix(self, depth: int) -> "Lattice":
        """Return the lattice of the distinct beginnings, of `depth` digits, of allowed points."""
        if not 1 <= depth <= self.n_parameters:
            raise SpaceError(f"a prefix has 1 to {self.n_parameters} digits; got {depth=}")
        if depth == self.n_parameters:
            return self
        leaf = (self._levels[depth].total > 0).astype(np.int64)
        shorter = object.__new__(Lattice)
        shorter._parameters = self._parameters[:depth]
        shorter._constraints = self._constraints
        shorter._steps = self._steps[:depth]
        shorter._levels = _count_completions(shorter._steps, leaf)
        return shorter

    def uniform_completions(self, depth: int) -> int | None:
        """Return how many points each beginning of `depth` digits has, None if it differs."""
        if depth == self.n_parameters:
            return 1
        totals = self._levels[depth].total
        totals = totals[totals > 0]
        return int(totals[0]) if (totals == totals[0]).all() else None

    def count_merged(self, merged: np.ndarray) -> int:
        """Count the points that stay distinct when values of the last parameter are merged.

        Parameters
        ----------
        merged : np.ndarray of int64, shape (n_values,)
            Equal numbers for values of the last parameter that count as one.

        Returns
        -------
        int
            Points that differ in another parameter, or in the number of the last one's value.
        """
        allowed = self._levels[-1].count > 0
        leaf = np.zeros(len(allowed), dtype=np.int64)
        for number in np.unique(merged):
            leaf += allowed[:, merged == number].any(axis=1)
        if self.n_parameters == 1:
            return int(leaf[0])
        return int(_count_completions(self._steps[:-1], leaf)[0].total[0])

    def from_unit(self, unit: np.ndarray) -> np.ndarray:
        """Map points of the unit cube to allowed points.

        Each digit is the quantile of the completion counts given the digits before it (the
        Rosenblatt transformation, Ann. Math. Stat. 23, 1952), so that a uniform `unit` gives
        every allowed point with the same probability, without rejection.

        Parameters
        ----------
        unit : np.ndarray of float64, shape (n, n_parameters)
            Values in [0, 1).

        Returns
        -------
        np.ndarray
            Digits, int64, shape (n, n_parameters).

        Raises
        ------
        SpaceError
            If the shape is wrong or a value is outside [0, 1).
        """
        unit = np.asarray(unit, dtype=np.float64)
        if unit.ndim != 2 or unit.shape[1] != self.n_parameters:
            raise SpaceError(f"expected shape (n, {self.n_parameters}); got {unit.shape}")
        if not ((unit >= 0) & (unit < 1)).all():
            raise SpaceError("points of the unit cube have coordinates in [0, 1)")
        digits = np.empty(unit.shape, dtype=np.int64)
        state = np.zeros(len(unit), dtype=np.int64)
        for column, level in enumerate(self._levels):
            total = level.total[state]
            target = np.minimum((unit[:, column] * total).astype(np.int64), total - 1)
            digit = level.find(state, target)
            digits[:, column] = digit
            state = level.successor[state, digit]
        return digits

    def _checked_indices(self, indices: np.typing.ArrayLike) -> np.ndarray:
        array = np.asarray(indices)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise SpaceError(f"indices are integers of shape (n,); got {indices!r}")
        outside = (array < 0) | (array >= self.size)
        if outside.any():
            raise SpaceError(
                f"index {array[int(np.argmax(outside))]} is outside the space, whose {self.size:,} "
                f"points are numbered 0 to {self.size - 1}"
            )
        return array.astype(np.int64)

    def _checked_digits(self, digits: np.typing.ArrayLike) -> np.ndarray:
        array = np.asarray(digits)
        if array.ndim != 2 or array.shape[1] != self.n_parameters or array.dtype.kind not in "iu":
            raise SpaceError(
                f"digits are integers of shape (n, {self.n_parameters}); got shape {array.shape}, "
                f"type {array.dtype}"
            )
        for column, (parameter, step) in enumerate(zip(self._parameters, self._steps, strict=True)):
            radix = step.successor.shape[1]
            outside = (array[:, column] < 0) | (array[:, column] >= radix)
            if outside.any():
                raise SpaceError(
                    f"digit {array[int(np.argmax(outside)), column]} of parameter "
                    f"{parameter.name!r} is outside 0 to {radix - 1}"
                )
        return array.astype(np.int64)

    def _describe(self, digits: np.ndarray) -> str:
        """Say which constraint a (partial) point breaks."""
        values = {
            parameter.name: parameter.finite_values()[digit]
            for parameter, digit in zip(self._parameters, digits.tolist(), strict=False)
        }
        known = {parameter.name: parameter for parameter in self._parameters}
        for rule in self._constraints:
            if set(rule.names) <= set(values) and not rule.allows(known, values):
                return f"point outside the space: {rule.violation(known, values)}"
        shown = ", ".join(f"{name}={known[name].to_stored(v)}" for name, v in values.items())
        return f"the constraints leave no point with {shown}"


@dataclass(frozen=True)
class _Level:
    """Completion counts of one parameter, by state and value (n_states, n_values).

    `count` completions through a value, `before` those of the smaller values, `successor` the
    state reached, `total` completions of a state, shape (n_states,).
    """

    count: np.ndarray
    before: np.ndarray
    successor: np.ndarray
    total: np.ndarray

    @cached_property
    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Cumulative counts over all states in one ascending array, and where a state starts.

        Every state is reached by at least one beginning of a point, so that the totals of a level
        add up to at most the size of the lattice, which fits into int64.
        """
        start = np.cumsum(self.total) - self.total
        return ((self.before + self.count) + start[:, None]).ravel(), start

    def find(self, state: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """Return, for each state, the value that holds completion number `rest`, shape (n,)."""
        edges, start = self._edges
        flat = np.searchsorted(edges, start[state] + rest, side="right")
        return flat - state * self.count.shape[1]


def _count_completions(steps: Sequence[Step], leaf: np.ndarray) -> list[_Level]:
    """Count completions from the last parameter back; `leaf` weighs the states at the end."""
    levels: list[_Level] = []
    following = leaf
    for step in reversed(steps):
        count = np.where(step.allowed, following[step.successor], 0)
        if count.sum(axis=1, dtype=np.float64).max() > MAX_POINTS:
            raise SpaceTooLargeError(
                "the space has more than 2**62 points, too many to be numbered; coarsen a range "
                "or search it with an adaptive method"
            )
        total = count.sum(axis=1)
        levels.append(_Level(count, np.cumsum(count, axis=1) - count, step.successor, total))
        following = total
    return levels[::-1]
