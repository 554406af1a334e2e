"""The exhaustive order: blocks that share values, visited so that any prefix is spread evenly.

Points of equal block parameters are neighbours. The blocks, numbered lexicographically, are
visited with a stride coprime to their number and near the golden ratio times it, so that the first
k of them lie about evenly apart for every k (the three-distance theorem; Knuth, TAOCP 6.4,
Fibonacci hashing). Inside a block the order is lexicographic.
"""

from math import gcd, isqrt

import numpy as np

from search_spaces.lattice import Lattice
from search_spaces.space import SearchSpace

__all__ = ["BlockWalk", "golden_stride", "strided"]

_CHECKPOINT = 256
"""Blocks of unequal size: the position of every 256th block visited is remembered."""


class BlockWalk:
    """The points of a space in exhaustive order, computed where they are asked for.

    Memory does not grow with the number of points; blocks of unequal size cost 8 bytes per 256
    blocks.

    Parameters
    ----------
    space : SearchSpace or FactorSpace
        A finite space; without block parameters every point is a block of its own.
    seed : int
        Number of the block, modulo their number, that is visited first.
    """

    def __init__(self, space: SearchSpace, seed: int = 0) -> None:
        names = space.block_parameters or space.names
        self._columns = [space.names.index(name) for name in names]
        self._columns += [c for c in range(len(space.names)) if c not in self._columns]
        self._depth = len(names)
        ordered = [space.parameters[column] for column in self._columns]
        self._target = space.lattice
        same = self._columns == sorted(self._columns)
        self._lattice = space.lattice if same else Lattice(ordered, space.constraints)
        self._blocks = self._lattice.prefix(self._depth)
        self.n_blocks = self._blocks.size
        self.stride = golden_stride(self.n_blocks)
        self._start = seed % self.n_blocks
        self._equal_size = self._lattice.uniform_completions(self._depth)
        self._checkpoints = None if self._equal_size else self._find_checkpoints()

    def indices(self, start: int, stop: int) -> np.ndarray:
        """Return the lattice indices of a stretch of the design.

        Parameters
        ----------
        start, stop : int
            Design positions [start, stop).

        Returns
        -------
        np.ndarray
            int64, shape (stop - start,).
        """
        if start >= stop:
            return np.empty(0, dtype=np.int64)
        first, offset = self._locate(start, stop)
        in_block_order = self._lattice.unrank(first + offset)
        digits = np.empty_like(in_block_order)
        digits[:, self._columns] = in_block_order
        return self._target.rank(digits)

    def _locate(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the first number of each position's block, and the offset in the block."""
        if self._checkpoints is None:
            size = self._equal_size or 1
            visit = start // size
            n_visits = -(-stop // size) - visit
            position = visit * size
        else:
            chunk = int(np.searchsorted(self._checkpoints, start, side="right")) - 1
            end = int(np.searchsorted(self._checkpoints, stop, side="left"))
            visit = chunk * _CHECKPOINT
            n_visits = min(end * _CHECKPOINT, self.n_blocks) - visit
            position = int(self._checkpoints[chunk])
        first, count = self._visited(visit, n_visits)
        begin = position + np.cumsum(count) - count
        low, high = np.clip(begin, start, stop), np.clip(begin + count, start, stop)
        places = np.repeat(np.arange(n_visits), high - low)
        return first[places], np.arange(start, stop) - begin[places]

    def _visited(self, visit: int, n_visits: int) -> tuple[np.ndarray, np.ndarray]:
        """Return first number and size of consecutively visited blocks."""
        first = (self._start + visit * self.stride) % self.n_blocks
        numbers = strided(first, self.stride, self.n_blocks, n_visits)
        return self._lattice.prefix_ranges(self._blocks.unrank(numbers))

    def _find_checkpoints(self) -> np.ndarray:
        step = _CHECKPOINT * 1024
        parts = []
        position = 0
        for visit in range(0, self.n_blocks, step):
            _, count = self._visited(visit, min(step, self.n_blocks - visit))
            begin = position + np.cumsum(count) - count
            parts.append(begin[::_CHECKPOINT])
            position += int(count.sum())
        return np.concatenate(parts)


def golden_stride(n: int) -> int:
    """Return the number coprime to `n` that is nearest to n divided by the golden ratio."""
    # The integer part of n * (sqrt(5) - 1) / 2, exact for any n.
    middle = (isqrt(5 * n * n) - n) // 2
    for distance in range(n + 1):
        for candidate in (middle + 1 + distance, middle - distance):
            if candidate >= 1 and gcd(candidate, n) == 1:
                return candidate
    return 1


def strided(first: int, stride: int, n: int, count: int) -> np.ndarray:
    """Return (first + k stride) mod n for k = 0..count-1 without overflow, for n up to 2**62."""
    values = np.empty(count, dtype=np.int64)
    if count:
        values[0] = first % n
    done = 1
    while done < count:
        more = min(done, count - done)
        values[done : done + more] = (values[:more] + done * stride % n) % n
        done += more
    return values
