"""Loaded by every worker process of a local cluster, before its first task."""

import signal
from typing import Any

from studies.upkeep import start_inherited_log

__all__ = ["dask_setup"]


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the coordinator, to which a terminal sends it too, and log as it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    start_inherited_log()
