"""Genetic search over the numbered points of a finite space, a generation at a time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from search_spaces import SearchSpace
from studies.methods.genetic.breeding import Breeder, BreedingState
from studies.methods.genetic.deap_tools import Individual
from studies.methods.genetic.genome import Genome
from studies.methods.genetic.options import GeneticOptions

__all__ = ["GeneticSearch"]


class GeneticSearch:
    """A population that is asked for its next generation and learns what it was worth.

    No point is asked for twice. The same seed and the same answers give the same generations.

    Parameters
    ----------
    space : SearchSpace
        A finite space.
    options : GeneticOptions, optional
    directions : sequence of str
        ``maximize`` or ``minimize`` for every objective.
    seed : int
    given : sequence of int
        Lattice indices to begin with (warm start); the initial design fills up what they leave.

    Examples
    --------
    >>> from search_spaces import Range, SearchSpace
    >>> space = SearchSpace([Range("x", 0, 99), Range("y", 0, 99)])
    >>> search = GeneticSearch(space, directions=["minimize"], seed=1)
    >>> best = np.inf
    >>> for _ in range(40):
    ...     points = search.ask()
    ...     values = ((space.digits(points) - [30, 70]) ** 2).sum(axis=1)
    ...     search.tell(points, values[:, None])
    ...     best = min(best, values.min())
    >>> bool(best < 10)
    True
    """

    def __init__(
        self,
        space: SearchSpace,
        options: GeneticOptions | None = None,
        *,
        directions: Sequence[str] = ("maximize",),
        seed: int = 0,
        given: Iterable[int] = (),
    ) -> None:
        self.space = space
        self.options = options or GeneticOptions()
        self._genome = Genome.of_space(space)
        self._breeder = Breeder(
            self._genome, self.options, directions, seed, key=self._genome.positions
        )
        self._given = [int(index) for index in given]
        self._tried: set[int] = set()
        self._taken: set[tuple[int, ...]] = set()
        self.state = BreedingState.first(self.options)
        self.parents: list[Individual] = []

    def ask(self, at_most: int | None = None) -> npt.NDArray[np.int64]:
        """Breed the next generation; asked again it is the same, until :meth:`tell` is called.

        Parameters
        ----------
        at_most : int, optional
            Evaluations left.

        Returns
        -------
        ndarray of int64
            Lattice indices, distinct and new; empty when every point was tried.
        """
        left = self.space.size - len(self._tried)
        n = min(self.state.to_design or self.options.generation_size, left)
        if self.state.generation == 0:
            n = max(n, min(len(self._given), left))
        n = n if at_most is None else min(n, at_most)
        given = self._written(self._given) if self.state.generation == 0 else []
        bred = self._breeder.breed(self.state, self.parents, self._taken, n, given)
        indices = self._indices(bred)
        if len(indices) < n:
            indices = np.concatenate([indices, self._untried(indices, n - len(indices))])
        return indices

    def tell(self, indices: npt.ArrayLike, values: npt.ArrayLike) -> None:
        """Take the generation's objectives and select the next parents.

        Parameters
        ----------
        indices : array_like of int64, shape (n,)
            The generation, as asked for.
        values : array_like of float64, shape (n, n_objectives)
            NaN for a point that failed: it has no offspring.
        """
        points = np.asarray(indices, dtype=np.int64)
        worth = np.asarray(values, dtype=np.float64)
        children = [
            self._breeder.individual(written, row.tolist(), int(index))
            for index, written, row in zip(points, self._written(points), worth, strict=True)
            if not np.isnan(row).any()
        ]
        self._add(points)
        self.state, self.parents = self._breeder.advance(
            self.state, self.parents, children, len(points)
        )

    def snapshot(self) -> dict[str, Any]:
        """Return what :meth:`restore` reads, beside the points tried, as plain JSON values."""
        return {
            "state": self.state.to_dict(),
            "parents": [[each.label, *each.fitness.values] for each in self.parents],
        }

    def restore(self, document: Mapping[str, Any], tried: npt.ArrayLike) -> Self:
        """Go on from a snapshot.

        Parameters
        ----------
        document : mapping
            From :meth:`snapshot`.
        tried : array_like of int64
            Lattice indices of all points whose worth it had learnt before.
        """
        self.state = BreedingState.from_dict(document["state"])
        labels = [int(label) for label, *_ in document["parents"]]
        self.parents = [
            self._breeder.individual(written, values, label)
            for label, written, (_, *values) in zip(
                labels, self._written(labels), document["parents"], strict=True
            )
        ]
        self._tried, self._taken = set(), set()
        self._add(np.asarray(tried, dtype=np.int64))
        return self

    def _add(self, indices: npt.NDArray[np.int64]) -> None:
        self._tried.update(indices.tolist())
        self._taken.update(map(tuple, self.space.digits(indices).tolist()))

    def _written(self, indices: npt.ArrayLike) -> list[list[Any]]:
        digits = self.space.digits(np.asarray(indices, dtype=np.int64))
        return [self._genome.at_positions(row) for row in digits.tolist()]

    def _indices(self, bred: Sequence[Sequence[Any]]) -> npt.NDArray[np.int64]:
        if not bred:
            return np.empty(0, dtype=np.int64)
        return self.space.indices([self._genome.positions(written) for written in bred])

    def _untried(self, bred: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
        """Draw from what is left, where breeding and chance found too few new points."""
        rng = np.random.default_rng([self._breeder.seed, self.state.generation])
        size, gone = self.space.size, self._tried.union(bred.tolist())
        if 2 * (len(gone) + n) > size:
            left = np.ones(size, dtype=np.bool_)
            left[list(gone)] = False
            return rng.choice(np.flatnonzero(left), size=n, replace=False)
        # a large space of which constraints leave a small part: most numbers are new
        drawn: dict[int, None] = {}
        while len(drawn) < n:
            numbers = rng.integers(size, size=n).tolist()
            drawn.update(dict.fromkeys(number for number in numbers if number not in gone))
        return np.array(list(drawn)[:n], dtype=np.int64)
