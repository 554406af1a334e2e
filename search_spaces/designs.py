"""Which points of a finite space a planned search tries, and in which order.

Every design is a pure function of (space, method, size, seed), so that a session can be resumed,
shared between workers and audited without storing its points.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from search_spaces.block_walk import BlockWalk, golden_stride, strided
from search_spaces.errors import SpaceError
from search_spaces.lattice import Lattice
from search_spaces.parameters import Parameter
from search_spaces.space import SearchSpace

__all__ = ["DESIGNS", "Design", "make_design"]

DESIGNS = ("exhaustive", "grid", "random", "latin_hypercube", "sobol", "halton")

_MAX_HELD = 100_000_000
"""Largest design whose points are held in memory (800 MB); the exhaustive order holds none."""

_MAX_DRAWS = 8
"""A quasi-random sequence that has drawn this many times the size asked for has run dry."""


@dataclass(frozen=True)
class Design:
    """An ordered selection of distinct points.

    Parameters
    ----------
    method : str
        One of `DESIGNS`.
    size : int
        Number of points.
    seed : int
        Seed of the design.
    note : str or None
        A sentence if the space has fewer points than were asked for.
    """

    method: str
    size: int
    seed: int
    note: str | None
    _order: Callable[[int, int], np.ndarray] = field(repr=False, compare=False)

    def indices(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Return the lattice indices of the design positions [start, stop).

        Parameters
        ----------
        start, stop : int
            Positions with 0 <= start <= stop <= size; by default all.

        Returns
        -------
        np.ndarray
            int64, shape (stop - start,), distinct.

        Raises
        ------
        SpaceError
            If the positions are outside the design.
        """
        stop = self.size if stop is None else stop
        if not 0 <= start <= stop <= self.size:
            raise SpaceError(
                f"design positions need 0 <= start <= stop <= {self.size}; got {start=}, {stop=}"
            )
        return self._order(int(start), int(stop))

    def __len__(self) -> int:
        return self.size


def make_design(space: SearchSpace, method: str, size: int | None = None, seed: int = 0) -> Design:
    """Plan which points of a space to try.

    Parameters
    ----------
    space : SearchSpace or FactorSpace
        A finite space.
    method : str
        ``exhaustive``: the first `size` points of the block order (see `block_walk`); `seed` is
        the number of the first block. A shorter design is a prefix of a longer one.

        ``grid``: the coarsest grid of evenly spaced values of every parameter, of each
        min(number of its values, a common resolution), that has at least `size` allowed points;
        thinned by a golden-ratio walk, rotated by `seed`, to exactly `size`, and in lattice
        order. The resolution grows by one up to 16 and by about 6 % from there.

        ``random``: drawn without replacement.

        ``latin_hypercube`` (McKay, Beckman and Conover, Technometrics 21, 1979), ``sobol``
        (with Owen's scrambling) and ``halton`` (scrambled): from `scipy.stats.qmc`, mapped to
        allowed points by :meth:`Lattice.from_unit`. Points met before are skipped and the
        sequence continues (for latin_hypercube: with further hypercubes). Where it runs dry,
        close to the whole space, the rest is drawn without replacement from what is left.
    size : int, optional
        Number of points; None means all for exhaustive, grid and random.
    seed : int
        Any integer >= 0.

    Returns
    -------
    Design
        With a `note` if the space has fewer points than asked for.

    Raises
    ------
    SpaceError
        If the method is unknown, the size not positive or the seed negative.
        If the method needs a size and has none.
        If the space is continuous or too large to be numbered.
        If more than 100,000,000 points would have to be held (exhaustive holds none).

    Examples
    --------
    >>> from search_spaces import Choice, SearchSpace, make_design
    >>> space = SearchSpace([Choice("a", (1, 2, 3)), Choice("b", (1, 2))])
    >>> make_design(space, "exhaustive").indices().tolist()
    [0, 5, 4, 3, 2, 1]
    """
    _check(method, size, seed)
    total = space.size
    actual = total if size is None else min(int(size), total)
    note = None
    if size is not None and size > total:
        note = f"the space has only {total:,} distinct points; {size:,} were asked for"
    order: Callable[[int, int], np.ndarray]
    if method == "exhaustive":
        order = BlockWalk(space, seed).indices
    else:
        if actual > _MAX_HELD:
            raise SpaceError(
                f"a {method} design holds its points in memory, at most {_MAX_HELD:,}; got "
                f"size={actual:,}; ask for fewer, or use the exhaustive order"
            )
        points = _DRAWERS[method](space, actual, seed)
        points.setflags(write=False)

        def order(start: int, stop: int) -> np.ndarray:
            return points[start:stop]

    return Design(method, actual, int(seed), note, order)


def _check(method: str, size: Any, seed: Any) -> None:
    if method not in DESIGNS:
        raise SpaceError(f"unknown design {method!r}; there are {', '.join(DESIGNS)}")
    if size is None and method not in ("exhaustive", "grid", "random"):
        raise SpaceError(f"a {method} design needs a size")
    if size is not None and (not _is_whole(size) or size <= 0):
        raise SpaceError(f"the size of a design is an integer > 0; got {size=}")
    if not _is_whole(seed) or seed < 0:
        raise SpaceError(f"the seed of a design is an integer >= 0; got {seed=}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _grid(space: SearchSpace, size: int, seed: int) -> np.ndarray:
    columns, lattice = _coarsest_grid(space, size)
    stride = golden_stride(lattice.size)
    chosen = np.sort(strided(seed % lattice.size, stride, lattice.size, size))
    digits = lattice.unrank(chosen)
    for column, kept in enumerate(columns):
        digits[:, column] = kept[digits[:, column]]
    return space.lattice.rank(digits)


def _coarsest_grid(space: SearchSpace, size: int) -> tuple[list[np.ndarray], Lattice]:
    """Return the value indices kept of every parameter, and the lattice of the grid."""
    radices = [len(parameter.values or ()) for parameter in space.parameters]
    resolution = 1
    while True:
        columns = [_evenly_spaced(radix, resolution) for radix in radices]
        if np.prod([len(column) for column in columns], dtype=np.float64) >= size:
            lattice = _sub_lattice(space, columns)
            if lattice is not None and lattice.size >= size:
                return columns, lattice
        assert resolution < max(radices), "the whole lattice has enough points"
        resolution = min(max(radices), resolution + max(1, resolution // 16))


def _evenly_spaced(radix: int, resolution: int) -> np.ndarray:
    """Return min(radix, resolution) value indices from first to last; the middle if it is one."""
    if resolution == 1:
        return np.array([radix // 2])
    count = min(radix, resolution)
    return np.round(np.linspace(0, radix - 1, count)).astype(np.int64)


def _sub_lattice(space: SearchSpace, columns: list[np.ndarray]) -> Lattice | None:
    """Return the lattice of the kept values; None if the constraints leave none of them."""
    kept: list[Parameter] = [
        parameter.at_value_indices(value_indices.tolist())
        for parameter, value_indices in zip(space.parameters, columns, strict=True)
    ]
    try:
        return Lattice(kept, space.constraints)
    except SpaceError:
        return None


def _random(space: SearchSpace, size: int, seed: int) -> np.ndarray:
    none = np.empty(0, dtype=np.int64)
    return _draw_rest(none, space.size, size, np.random.default_rng(seed))


def _draw_rest(taken: np.ndarray, total: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Extend the distinct indices `taken` to `size` by drawing without replacement."""
    if 3 * size >= total:
        left = np.delete(np.arange(total), taken)
        return np.concatenate([taken, rng.permutation(left)[: size - len(taken)]])
    points = taken
    while len(points) < size:
        # At least two thirds of the space are free, so this ends soon.
        fresh = rng.integers(0, total, size=size - len(points) + 16)
        points = _distinct(points, fresh)
    return points[:size]


def _distinct(points: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Return both, in order, without the repetitions."""
    both = np.concatenate([points, fresh])
    _, first = np.unique(both, return_index=True)
    return both[np.sort(first)]


def _low_discrepancy(engine_name: str) -> Callable[..., np.ndarray]:
    def draw(space: SearchSpace, size: int, seed: int) -> np.ndarray:
        # Half a second and 60 MB that an exhaustive session need not pay.
        from scipy.stats import qmc

        engine_of: Callable[..., Any] = getattr(qmc, engine_name)
        engine_rng, rest_rng = np.random.default_rng(seed).spawn(2)
        lattice = space.lattice
        engine = engine_of(d=lattice.n_parameters, rng=engine_rng)
        # Sobol's sequence is balanced after powers of two only; the others take what is asked.
        batch = 1 << (size - 1).bit_length() if engine_name == "Sobol" else size
        points = np.empty(0, dtype=np.int64)
        drawn = 0
        while len(points) < size and drawn < _MAX_DRAWS * batch:
            unit = np.minimum(engine.random(batch), np.nextafter(1.0, 0.0))
            before = len(points)
            points = _distinct(points, lattice.rank(lattice.from_unit(unit)))
            drawn += batch
            if 20 * (len(points) - before) < batch:
                break
        return _draw_rest(points[:size], lattice.size, size, rest_rng)

    return draw


_DRAWERS: dict[str, Callable[[SearchSpace, int, int], np.ndarray]] = {
    "grid": _grid,
    "random": _random,
    "latin_hypercube": _low_discrepancy("LatinHypercube"),
    "sobol": _low_discrepancy("Sobol"),
    "halton": _low_discrepancy("Halton"),
}
