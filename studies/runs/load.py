"""How many worker processes the load of a host allows: `execute --parallel auto`."""

import math
import time
from dataclasses import dataclass

import psutil

from studies.upkeep import available_memory, load_average, usable_cpus

__all__ = ["Load", "LoadMeter", "follows_load", "next_size", "start_size"]

WORKER_BYTES = 500_000_000
"""Memory counted for each worker process."""

LEAST_BYTES = 250_000_000
"""With less memory available a worker is given back at once."""

MARGIN = 0.75
"""Processors that must be free, or lacking, before the number changes by one.

The gap between taking and giving back is 2 x 0.75 - 1 = 0.5 processors, so that a load that stands
at the border does not change the number to and fro.
"""

AVERAGE_SECONDS = 60.0
"""Over which the operating system averages the load."""


@dataclass(frozen=True)
class Load:
    """What a host has to spare at one moment.

    Attributes
    ----------
    cpus : float
        Processors that this process may use, a quota considered.
    host_cpus : int
        All processors of the host.
    others : float
        Processors' worth of processes that are not of this run.
    available_bytes : int
        Memory.
    """

    cpus: float
    host_cpus: int
    others: float
    available_bytes: int

    @property
    def most(self) -> int:
        """Workers if nobody else wanted anything."""
        return max(1, math.floor(self.cpus))

    @property
    def free_cpus(self) -> float:
        """Processors that this run may use and nobody else wants."""
        return min(self.cpus, self.host_cpus - self.others)


def follows_load() -> bool:
    """Whether this host has more than one processor to use, so that workers can come and go."""
    return usable_cpus() >= 2


def start_size(now: Load) -> int:
    """Return the number of workers to begin with, at least 1."""
    by_memory = now.available_bytes // WORKER_BYTES
    return max(1, min(now.most, math.floor(now.free_cpus), by_memory))


def next_size(now: Load, n_workers: int) -> int:
    """Return the number of workers that a run should have next: one more, one less, or the same.

    Parameters
    ----------
    now : Load
    n_workers : int
        That the run has.

    Returns
    -------
    int
        One less if memory is short or more than 3/4 of a processor is lacking; one more if there
        is memory for two and 3/4 of a processor to spare. From 1 to ``now.most``.
    """
    if n_workers > 1 and (
        n_workers > now.most
        or now.available_bytes < LEAST_BYTES
        or now.free_cpus < n_workers - MARGIN
    ):
        return n_workers - 1
    if (
        n_workers < now.most
        and now.available_bytes >= 2 * WORKER_BYTES
        and now.free_cpus >= n_workers + MARGIN
    ):
        return n_workers + 1
    return n_workers


class LoadMeter:
    """Reads the load of a host, what this run itself adds to it left out.

    The system's load average follows a change with a delay of a minute. So the number of workers is
    averaged in the same way before it is taken off: a worker that was just given back is not
    counted as somebody else's.
    """

    def __init__(self) -> None:
        self._own = 0.0
        self._seen = time.monotonic()

    def read(self, n_workers: int) -> Load:
        """Return the load of now, while this run has `n_workers` since the last reading."""
        now = time.monotonic()
        weight = math.exp(-(now - self._seen) / AVERAGE_SECONDS)
        self._own = weight * self._own + (1.0 - weight) * n_workers
        self._seen = now
        return Load(
            cpus=usable_cpus(),
            host_cpus=psutil.cpu_count() or 1,
            others=max(0.0, load_average() - self._own),
            available_bytes=available_memory(),
        )
