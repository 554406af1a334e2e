"""Workers of a local cluster taken and given back during a run, as the load of the host goes."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from studies.database import logged_suppress
from studies.runs.cluster_task import Target, end_run
from studies.runs.load import LoadMeter, next_size

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Scaling"]

LOOK_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
"""After which a worker that has not come is asked for again."""

REPORT_SECONDS = 1.0
"""For which the report of a worker's last chunk may be on its way."""

_logger = logging.getLogger(__name__)


class Scaling:
    """Changes the number of workers of a cluster on this machine, one at a time.

    A worker that is given back finishes and records its chunk, gives back the one it has claimed,
    and only then its process ends: nothing is lost, nothing computed twice. That takes place in a
    thread, the run goes on meanwhile.

    Parameters
    ----------
    client : Client
        Of a `LocalCluster`.
    target : Target
        The run that its workers work for.
    n_workers : int
        That the cluster was started with.
    on_change : callable
        Called in the caller's thread with the number of workers before and after.
    """

    def __init__(
        self,
        client: "Client",
        target: Target,
        n_workers: int,
        on_change: Callable[[int, int], object],
    ) -> None:
        self.n_workers = n_workers
        self._client = client
        self._cluster: Any = client.cluster
        self._target = target
        self._on_change = on_change
        self._meter = LoadMeter()
        self._looked = self._changed = time.monotonic()
        self._leaving: threading.Thread | None = None

    def look(self) -> None:
        """Take a worker or give one back, if the last look is 5 seconds ago and none is leaving."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS or self._is_changing(now):
            return
        self._looked = now
        before = self.n_workers
        after = next_size(self._meter.read(before), before)
        if after == before:
            return
        if after > before:
            self._cluster.scale(after)
        else:
            # the newest: names are numbers in order of their start
            name = max(self._cluster.worker_spec)
            self._leaving = threading.Thread(
                target=self._give_back, args=(name,), name="worker-leaves", daemon=True
            )
            self._leaving.start()
        self.n_workers, self._changed = after, now
        _logger.info("%d workers, before %d", after, before)
        self._on_change(before, after)

    def _is_changing(self, now: float) -> bool:
        """Whether a worker is still starting or leaving."""
        if self._leaving is not None and self._leaving.is_alive():
            return True
        if len(self._client.scheduler_info(n_workers=-1)["workers"]) == self.n_workers:
            return False
        if now - self._changed > PATIENCE_SECONDS:
            self._cluster.scale(self.n_workers)
            self._changed = now
        return True

    def _give_back(self, name: int) -> None:
        with logged_suppress(_logger, "give a worker back"):
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
            addresses = [address for address, its in workers.items() if its["name"] == name]
            self._client.run(end_run, self._target, workers=addresses)
            time.sleep(REPORT_SECONDS)
            # hands over reports not yet fetched; `scale_down` alone loses them with the process
            self._client.retire_workers(addresses)
        with logged_suppress(_logger, "end the process of a worker"):
            self._cluster.sync(self._cluster.scale_down, [name])
