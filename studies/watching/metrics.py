"""The figures of a run as Prometheus reads them, at ``/metrics`` on 127.0.0.1."""

import contextlib
import logging
import math
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import psutil
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from search_spaces.errors import ConfigError
from studies.database import logged_suppress
from studies.runs import Progress
from studies.sessions import StoredSession
from studies.upkeep import SessionStatus, read_chunk_history, read_status

__all__ = ["METRICS", "RunMetrics", "serve_metrics"]

_READ_SECONDS = 2.0
_logger = logging.getLogger(__name__)

METRICS = {
    "mass_tuning_strategies": "Strategies of the session",
    "mass_tuning_strategies_completed_total": "Strategies completed",
    "mass_tuning_strategies_failed_total": "Strategies failed",
    "mass_tuning_strategies_per_second": "Strategies recorded per second, of the newest chunks",
    "mass_tuning_eta_seconds": "Seconds that the rest takes at this rate",
    "mass_tuning_best_value": "Best value of the first metric that this run has found",
    "mass_tuning_workers": "Workers that hold a chunk",
    "mass_tuning_leases": "Chunks in hand whose lease is renewed",
    "mass_tuning_leases_expired": "Chunks in hand whose lease has run out",
    "mass_tuning_retries_total": "Claims of chunks that had been claimed before",
    "mass_tuning_crashes_total": "Workers that died with a chunk or lost their lease",
    "mass_tuning_database_waiting_seconds": "How long this run has been waiting for the database",
    "mass_tuning_database_waited_seconds_total": "Seconds this run has waited for the database",
    "mass_tuning_process_memory_bytes": "Memory of this process and of its worker processes",
}
"""Name and meaning of every metric that is served; each has the label ``session``."""


class RunMetrics:
    """Collects the figures of a run when they are asked for, at most every two seconds.

    Parameters
    ----------
    session : StoredSession
    """

    def __init__(self, session: StoredSession) -> None:
        # of its own, so that the row the run looks at stays as it is
        self._session = StoredSession(session.engine, session.row)
        self._metric = next(iter(session.directions))
        self._lock = threading.Lock()
        self._values: dict[str, float] = {}
        self._read_at = -math.inf
        self.progress: Progress | None = None

    def follow(self, progress: Progress) -> None:
        """Take the progress of the run, after every chunk."""
        self.progress = progress

    def collect(self) -> Iterator[Any]:
        """Yield the metrics, as `prometheus_client` asks for them; unknown ones are left out."""
        for name, value in self._current().items():
            labels, values = ["session"], [self._session.row.session_id]
            if name == "mass_tuning_best_value":
                labels, values = [*labels, "metric"], [*values, self._metric]
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            family = kind(name, METRICS[name], labels=labels)
            family.add_metric(values, value)
            yield family

    def describe(self) -> Iterable[Any]:
        """Yield nothing: so that registering reads nothing."""
        return ()

    def _current(self) -> dict[str, float]:
        with self._lock:
            if time.monotonic() - self._read_at >= _READ_SECONDS:
                with logged_suppress(_logger, "read the figures of the run"):
                    self._values = self._read()
                    self._read_at = time.monotonic()
            return self._values

    def _read(self) -> dict[str, float]:
        status = read_status(self._session)
        with self._session.engine.connect() as connection:
            history = read_chunk_history(connection, status.session_id)
        values = {
            **_of_status(status),
            "mass_tuning_retries_total": history.n_retries,
            "mass_tuning_crashes_total": history.n_crashes,
            "mass_tuning_process_memory_bytes": _memory(),
        }
        now = self.progress
        values["mass_tuning_database_waiting_seconds"] = now.waiting_seconds if now else 0.0
        values["mass_tuning_database_waited_seconds_total"] = now.waited_seconds if now else 0.0
        if now is not None and not math.isnan(now.best_value):
            values["mass_tuning_best_value"] = now.best_value
        return {name: values[name] for name in METRICS if name in values}


def _of_status(status: SessionStatus) -> dict[str, float]:
    expired = sum((worker.lease_seconds_left or 0.0) < 0 for worker in status.workers)
    values: dict[str, float] = {
        "mass_tuning_strategies": status.total,
        "mass_tuning_strategies_completed_total": status.completed,
        "mass_tuning_strategies_failed_total": status.failed,
        "mass_tuning_workers": len({worker.worker for worker in status.workers}),
        "mass_tuning_leases": len(status.workers) - expired,
        "mass_tuning_leases_expired": expired,
    }
    if status.rate is not None:
        values["mass_tuning_strategies_per_second"] = status.rate
    if status.eta_seconds is not None:
        values["mass_tuning_eta_seconds"] = status.eta_seconds
    return values


def _memory() -> int:
    me = psutil.Process()
    n_bytes = me.memory_info().rss
    for child in me.children(recursive=True):
        with contextlib.suppress(psutil.Error):  # ended meanwhile
            n_bytes += child.memory_info().rss
    return n_bytes


@contextlib.contextmanager
def serve_metrics(session: StoredSession, port: int) -> Iterator[RunMetrics]:
    """Serve the figures of a run on a port of 127.0.0.1 while the block runs.

    Parameters
    ----------
    session : StoredSession
    port : int

    Yields
    ------
    RunMetrics
        Whose `follow` is to be called with the progress of the run.

    Raises
    ------
    ConfigError
        If the port is taken, before anything is started.
    """
    metrics = RunMetrics(session)
    registry = CollectorRegistry()
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise ConfigError(
            f"--metrics-port {port} of 127.0.0.1 cannot be used ({error.strerror}); give another"
        ) from None
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
