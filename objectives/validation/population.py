"""One pass over everything that a search could have returned."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from objectives.base import Objective
from objectives.validation.bootstrap import StationaryBootstrap
from objectives.validation.overfitting import BlockSums, block_sums
from objectives.validation.reality_check import Maxima, RealityCheck
from objectives.validation.walk_forward import WalkForward, Winners
from search_spaces import FactorSpace
from search_spaces.errors import DataError

__all__ = ["Population", "PopulationScan", "n_threads_of", "scan_population", "tiles_of"]

IntArray = npt.NDArray[np.int64]
Float32Array = npt.NDArray[np.float32]

_MAX_ROWS = 1_000  # of a tile: 600 strategies of the default space share factors and window
_PLAIN_ROWS = 500
_SHARED = ("factors", "window_size")  # strategies that agree on them share factor values


@dataclass(frozen=True, eq=False)
class Population:
    """Strategies of one tile that succeeded, equal ones merged.

    Attributes
    ----------
    net, excess, exposure : ndarray of float32, shape (n_distinct, n_days)
        Of the days that the search has seen. ``excess`` and ``exposure`` are None where the
        objective does not know what was held.
    keys : ndarray of int64, shape (n_distinct,)
        Lattice index of each: the smallest of equal ones.
    counts : ndarray of int64, shape (n_distinct,)
        Strategies with the same days.
    n_failed : int
        Strategies that left because they failed.
    """

    net: Float32Array
    excess: Float32Array | None
    exposure: Float32Array | None
    keys: IntArray
    counts: IntArray
    n_failed: int

    @classmethod
    def of_tile(cls, objective: Objective, indices: IntArray, n_days: int) -> "Population":
        """Compute the strategies of a tile.

        Parameters
        ----------
        objective : Objective
            One that gives daily returns.
        indices : ndarray of int64, shape (n_strategies,)
            Lattice indices, ascending.
        n_days : int
            Days kept, from the first.

        Raises
        ------
        DataError
            If the objective gives no daily returns.
        """
        daily = objective.daily_returns(indices)
        if daily is None:
            raise DataError(f"{type(objective).__name__} gives no daily returns")
        rows = np.flatnonzero(~daily.failed)
        net = np.ascontiguousarray(daily.net[rows, :n_days])
        excess, exposure = daily.excess, daily.exposure
        if excess is not None and exposure is not None:
            excess = np.ascontiguousarray(excess[rows, :n_days])
            exposure = np.ascontiguousarray(exposure[rows, :n_days])
        first, counts = _distinct(net, excess)
        return cls(
            net[first],
            None if excess is None else excess[first],
            None if exposure is None else exposure[first],
            indices[rows][first],
            counts,
            len(indices) - len(rows),
        )


@dataclass(frozen=True, eq=False)
class PopulationScan:
    """What one pass keeps of a population.

    Attributes
    ----------
    keys, counts : ndarray of int64, shape (n_series,)
        Lattice index and number of strategies of each series; a tile has no two equal series.
    n_failed : int
        Strategies that failed and left the population.
    net_maxima, excess_maxima : Maxima
        Of the resampled means, against cash and against the basket.
    net_sums, excess_sums : BlockSums
        Sums by block of days, for cross-validation.
    winners : Winners
        The best of each walk-forward window.
    """

    keys: IntArray
    counts: IntArray
    n_failed: int
    net_maxima: Maxima
    excess_maxima: Maxima | None
    net_sums: BlockSums
    excess_sums: BlockSums | None
    winners: Winners

    @property
    def n_strategies(self) -> int:
        """Strategies that succeeded, equal ones counted."""
        return int(self.counts.sum())


def tiles_of(objective: Objective, indices: IntArray) -> list[IntArray]:
    """Cut a population into tiles whose composition depends on the population alone.

    Parameters
    ----------
    objective : Objective
        Strategies of a `FactorSpace` with equal factors and window stay together.
    indices : ndarray of int64, shape (n_strategies,)
        Lattice indices, ascending and distinct.

    Returns
    -------
    list of ndarray of int64
        At most 1,000 strategies each, in the order of the indices.
    """
    space = objective.space
    if not isinstance(space, FactorSpace):
        cuts = np.arange(_PLAIN_ROWS, len(indices), _PLAIN_ROWS)
        return np.split(indices, cuts)
    columns = [space.names.index(name) for name in _SHARED]
    shared = space.digits(indices)[:, columns]
    order = np.lexsort((indices, shared[:, 1], shared[:, 0]))
    changes = np.flatnonzero(np.diff(shared[order], axis=0).any(axis=1)) + 1
    tiles: list[IntArray] = []
    for group in np.split(indices[order], changes):
        tiles += np.array_split(group, -(-len(group) // _MAX_ROWS)) if len(group) else []
    return tiles


def scan_population(
    objective: Objective,
    indices: IntArray,
    n_days: int,
    *,
    bootstrap: StationaryBootstrap,
    by_excess: bool = False,
    n_threads: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> PopulationScan:
    """Pass once over all strategies of a population; nothing is kept by day.

    Parameters
    ----------
    objective : Objective
        One that gives daily returns.
    indices : ndarray of int64, shape (n_strategies,)
        Lattice indices, ascending and distinct.
    n_days : int
        Days that the search has seen, from the first.
    bootstrap : StationaryBootstrap
        Resamples of these days.
    by_excess : bool
        The walk-forward picks strategies by the Sharpe ratio of what they earn beyond the basket,
        instead of that of net returns.
    n_threads : int, optional
        Default: the processors this process may use. The result is the same bit for bit.
    on_progress : callable, optional
        Called with the number of strategies done and their total, from one thread at a time.

    Returns
    -------
    PopulationScan

    Raises
    ------
    DataError
        If the objective gives no daily returns, or no strategy of the population succeeded.
    """
    from threadpoolctl import threadpool_limits

    tiles = tiles_of(objective, indices)
    worker = _TileWorker(objective, n_days, bootstrap, by_excess=by_excess)
    parts: list[_TilePart] = []
    done = 0
    objective.prepare()
    n_threads = n_threads_of(n_threads)
    # a matrix product on several BLAS threads may round differently from run to run
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(n_threads) as pool:
        for tile, part in zip(tiles, _in_order(pool, worker, tiles, 4 * n_threads), strict=True):
            parts.append(part)
            done += len(tile)
            if on_progress is not None:
                on_progress(done, len(indices))
    if not sum(len(part.keys) for part in parts):
        raise DataError("no strategy of the population succeeded, so there is nothing to compare")
    return worker.scan(parts)


def n_threads_of(n_threads: int | None) -> int:
    """Return the number of threads asked for, by default the processors this process may use."""
    if n_threads is not None:
        return n_threads
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, eq=False)
class _TilePart:
    """What remains of a tile besides the maxima."""

    keys: IntArray
    counts: IntArray
    n_failed: int
    net_sums: BlockSums
    excess_sums: BlockSums | None
    winners: Winners | None


class _TileWorker:
    """Evaluates tiles in several threads, each with maxima of its own."""

    def __init__(
        self, objective: Objective, n_days: int, bootstrap: StationaryBootstrap, *, by_excess: bool
    ) -> None:
        self._objective = objective
        self._n_days = n_days
        self._by_excess = by_excess
        self._bootstrap = bootstrap
        self._walk_forward = WalkForward(n_days)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._checks: list[tuple[RealityCheck, RealityCheck]] = []

    def __call__(self, indices: IntArray) -> _TilePart:
        tile = Population.of_tile(self._objective, indices, self._n_days)
        if len(tile.keys):
            of_net, of_excess = self._own_checks()
            of_net.add(tile.net, tile.counts)
            if tile.excess is not None:
                of_excess.add(tile.excess, tile.counts)
        return _TilePart(
            tile.keys,
            tile.counts,
            tile.n_failed,
            block_sums(tile.net),
            None if tile.excess is None else block_sums(tile.excess),
            self._winners(tile),
        )

    def scan(self, parts: Sequence[_TilePart]) -> PopulationScan:
        """Put all tiles together, in their order."""
        excess_sums = [part.excess_sums for part in parts if part.excess_sums is not None]
        knows_excess = len(excess_sums) == len(parts)
        return PopulationScan(
            np.concatenate([part.keys for part in parts]),
            np.concatenate([part.counts for part in parts]),
            sum(part.n_failed for part in parts),
            Maxima.joined([of_net.maxima() for of_net, _ in self._checks]),
            Maxima.joined([check.maxima() for _, check in self._checks]) if knows_excess else None,
            _stacked([part.net_sums for part in parts]),
            _stacked(excess_sums) if knows_excess else None,
            Winners.joined([part.winners for part in parts if part.winners is not None]),
        )

    def _own_checks(self) -> tuple[RealityCheck, RealityCheck]:
        checks: tuple[RealityCheck, RealityCheck] | None = getattr(self._local, "checks", None)
        if checks is None:
            checks = RealityCheck(self._bootstrap), RealityCheck(self._bootstrap)
            self._local.checks = checks
            with self._lock:
                self._checks.append(checks)
        return checks

    def _winners(self, tile: Population) -> Winners | None:
        if not len(tile.keys):
            return None
        excess = tile.net if tile.excess is None else tile.excess
        exposure = np.zeros_like(tile.net) if tile.exposure is None else tile.exposure
        chosen_by = excess if self._by_excess else tile.net
        return self._walk_forward.measure(chosen_by, tile.net, excess, exposure, tile.keys)


def _in_order(
    pool: ThreadPoolExecutor, worker: Callable[[IntArray], Any], tiles: list[IntArray], ahead: int
) -> Iterator[Any]:
    """Results in the order of the tiles, at most ``ahead`` of them begun beyond the first."""
    pending = [pool.submit(worker, tile) for tile in tiles[:ahead]]
    for k in range(len(tiles)):
        future, pending[k % ahead] = pending[k % ahead], None  # type: ignore[call-overload]
        result = future.result()
        if k + ahead < len(tiles):
            pending[k % ahead] = pool.submit(worker, tiles[k + ahead])
        yield result


def _stacked(parts: Sequence[BlockSums]) -> BlockSums:
    sums = np.concatenate([part.sums for part in parts])
    return BlockSums(sums, np.concatenate([part.squares for part in parts]), parts[0].n_days)


def _distinct(net: Float32Array, excess: Float32Array | None) -> tuple[IntArray, IntArray]:
    """First row of each distinct pair of series, in the order of the rows, and how many it has."""
    if not len(net):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    # adding 0 makes -0 and 0 the same bytes
    rows = (net if excess is None else np.hstack([net, excess])) + np.float32(0.0)
    packed = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.strides[0]))).ravel()
    _, first, counts = np.unique(packed, return_index=True, return_counts=True)
    order = np.argsort(first)
    return first[order].astype(np.int64), counts[order].astype(np.int64)
