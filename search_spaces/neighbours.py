"""The points of a finite space that are one step away from a point."""

import numpy as np

from search_spaces.errors import SpaceError
from search_spaces.space import SearchSpace

__all__ = ["one_step_neighbours"]


def one_step_neighbours(space: SearchSpace, index: int) -> np.ndarray:
    """Return the points that differ from a point in one parameter, by one step.

    A step leads to the next smaller or larger number of a range or of a choice of numbers, to any
    other value of a choice that is not of numbers only, and from a subset to one with a code more,
    a code less, or a code exchanged (:meth:`Parameter.neighbours`). A step that breaks a constraint
    leads to no neighbour; it is not continued to the next allowed value.

    Parameters
    ----------
    space : SearchSpace or FactorSpace
        A finite space.
    index : int
        Lattice index of the point.

    Returns
    -------
    np.ndarray
        Ascending lattice indices, int64 of shape (n_neighbours,), without `index`.

    Raises
    ------
    SpaceError
        If the space is continuous or too large to be numbered, or `index` is not one of it.

    Examples
    --------
    >>> from search_spaces import Choice, Range, SearchSpace, one_step_neighbours
    >>> space = SearchSpace([Range("a", 1, 9), Choice("kind", ("x", "y", "z"))], ["a <= 3"])
    >>> [space.params(i) for i in one_step_neighbours(space, space.index({"a": 3, "kind": "y"}))]
    [{'a': 2, 'kind': 'y'}, {'a': 3, 'kind': 'x'}, {'a': 3, 'kind': 'z'}]
    """
    own = space.digits([index])[0]
    near = []
    for column, parameter in enumerate(space.parameters):
        for digit in parameter.neighbours(int(own[column])):
            stepped = own.copy()
            stepped[column] = digit
            try:
                near.append(int(space.indices([stepped])[0]))
            except SpaceError:  # the constraints leave it out
                continue
    return np.array(sorted(near), dtype=np.int64)
