"""Loaded by every worker process of a local cluster, before its first task."""

import signal
from typing import Any

__all__ = ["dask_setup"]


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the coordinator: a terminal sends it to the whole process group."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
