"""How many worker processes a host is good for."""

import psutil

__all__ = ["default_n_workers"]

WORKER_BYTES = 500_000_000
"""Memory counted for each worker process."""


def default_n_workers() -> int:
    """Return one worker per physical core that this process may use, as far as memory goes."""
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    if hasattr(psutil.Process, "cpu_affinity"):  # not on macOS
        cores = min(cores, len(psutil.Process().cpu_affinity() or [0]))
    return max(1, min(cores, psutil.virtual_memory().available // WORKER_BYTES))
