"""Many workers on one session through Dask: a cluster of this machine, or one of the user's own.

A task means "claim the next chunk, evaluate it, record it" and carries no chunk number: which
chunk, and whether it may still be written, is between the worker and the database. So a task that
Dask runs twice, or loses with its worker, does no harm. The coordinator keeps at most two tasks
per worker under way, lets go of every future at once and follows workers that come and go.
"""

import contextlib
import logging
import math
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

from sqlalchemy.engine import make_url

from search_spaces.errors import ConfigError
from studies import queue
from studies.database import logged_suppress, retry_transient, write_transaction
from studies.runs.cluster_task import Target, end_run, work_on_chunk
from studies.runs.load import LoadMeter, start_size
from studies.runs.main_guard import require_main_guard
from studies.runs.progress import Progress, show_waiting
from studies.runs.run import is_over, running_session
from studies.runs.scaling import REPORT_SECONDS, Scaling
from studies.runs.stop import Stop
from studies.sessions import SessionState, StoredSession, cached_objective, write_entry
from studies.workers import WorkReport

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["check_scheduler", "run_on_cluster"]

_TASKS_PER_WORKER = 2
_POLL_SECONDS = 0.05
_COUNT_SECONDS = 1.0
_END_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_RESULT_SECONDS = 30.0
_PRELOAD = ["studies.runs.cluster_preload"]
_FORKS = sys.platform == "linux"
_ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("NUMBA", "OMP", "OPENBLAS", "MKL")}

_logger = logging.getLogger(__name__)


def check_scheduler(address: str, database_url: str, *, insecure: bool) -> None:
    """Refuse a scheduler that cannot work or is not safe.

    Parameters
    ----------
    address : str
        ``tls://host:port``, or ``tcp://`` with `insecure`.
    database_url : str
        Of the session.
    insecure : bool
        The user accepts that anybody who reaches a plain TCP scheduler can run code here.

    Raises
    ------
    ConfigError
        With the way out.
    """
    if address.startswith("tcp://"):
        if not insecure:
            raise ConfigError(
                f"the scheduler {address} is not encrypted and Dask runs what it receives; use a "
                "tls:// address, or accept the risk with --insecure-scheduler"
            )
    elif not address.startswith("tls://"):
        raise ConfigError(f"a scheduler address is tls://HOST:PORT, got {address!r}")
    if make_url(database_url).get_backend_name() == "sqlite":
        raise ConfigError(
            "a scheduler's workers may be on other hosts, which cannot share a SQLite file; use "
            "PostgreSQL (--database postgresql://...), or --parallel N on this machine"
        )


def run_on_cluster(
    session: StoredSession,
    *,
    n_workers: int | Literal["auto"] = 2,
    scheduler: str | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Stop | None = None,
) -> Progress:
    """Work through what is left of a session with several processes.

    Parameters
    ----------
    session : StoredSession
    n_workers : int or "auto"
        Processes of a cluster on this machine; ``auto``: as many as the load allows, more and
        fewer of them during the run.
    scheduler : str, optional
        Address of the user's own Dask scheduler, instead (see :func:`check_scheduler`).
    resume, on_progress, stop
        As in `studies.runs.run.run_session`.

    Returns
    -------
    Progress

    Raises
    ------
    SessionError, StorageError
        As `studies.runs.run.run_session`.
    """
    if scheduler is None:
        require_main_guard()
    stop = stop or Stop()
    clients: list[Client] = []
    scales = n_workers == "auto"
    n_started = start_size(LoadMeter().read(0)) if n_workers == "auto" else n_workers

    def prepare() -> None:
        # compiles the kernels and fills the cache, once, before any worker asks for either
        cached_objective(session, verify=True)
        clients.append(cluster.enter_context(_cluster(n_started, scheduler, session)))

    with (
        contextlib.ExitStack() as cluster,
        running_session(session, resume=resume, stop=stop, prepare=prepare) as progress,
    ):
        if session.row.status == SessionState.COMPLETED:
            return progress
        with cluster:  # ends before the session is left, so that its workers hold nothing then
            target = Target(session.row.session_id, uuid.uuid4().hex, _url(session))
            scaling = None
            if scales and scheduler is None:
                scaling = Scaling(clients[0], target, n_started, _note_change(session))
            _coordinate(clients[0], session, target, progress, on_progress, stop, scaling)
    return progress


def _url(session: StoredSession) -> str:
    return session.engine.url.render_as_string(hide_password=False)


def _note_change(session: StoredSession) -> Callable[[int, int], None]:
    """Return what writes a change of the number of workers into the log of the session."""

    def note(before: int, after: int) -> None:
        with (
            logged_suppress(_logger, "log a change of the number of workers"),
            write_transaction(session.engine) as connection,
        ):
            text = f"{after} workers, before {before}: the load of the host changed"
            write_entry(connection, session.row.session_id, "INFO", text)

    return note


def _coordinate(
    client: "Client",
    session: StoredSession,
    target: Target,
    progress: Progress,
    on_progress: Callable[[Progress], None] | None,
    stop: Stop,
    scaling: Scaling | None,
) -> None:
    """Keep the workers busy until there is nothing left to claim, or a stop is asked for."""
    under_way: set[Future] = set()
    over = False
    counted = -math.inf
    on_wait = show_waiting(progress, on_progress)
    try:
        while not (stop.is_set() or over):
            if time.monotonic() - counted > _COUNT_SECONDS:
                n_workers = len(client.scheduler_info(n_workers=-1)["workers"])
                counted = time.monotonic()
            while len(under_way) < _TASKS_PER_WORKER * n_workers:
                under_way.add(client.submit(work_on_chunk, target, pure=False))
            idle = False
            for future in _finished(under_way):
                report = _report(future)
                idle = idle or report.idle
                if report.n_completed or report.n_failed:
                    progress.add(report)
                    if on_progress is not None:
                        on_progress(progress)
            if idle:
                over = is_over(session, on_wait)
                _release_dead(session, on_wait)
            if scaling is not None and not over:
                scaling.look()
            time.sleep(_POLL_SECONDS)
    except KeyboardInterrupt:
        raise  # at once: what the workers hold is given back when they are gone
    except BaseException:
        _wind_down(client, under_way, target, progress)
        raise
    _wind_down(client, under_way, target, progress)


def _finished(under_way: "set[Future]") -> "list[Future]":
    """Take the tasks that are done, one way or the other, out of those under way."""
    done = [future for future in under_way if future.done()]
    under_way.difference_update(done)
    return done


def _report(future: "Future") -> WorkReport:
    """Return what a task reports and let go of it.

    A task whose worker died too often for Dask, or with the report in hand, reports nothing: what
    was recorded is recorded, and a chunk in hand is given out again when its lease has run out.
    Errors of a task are fatal and raised here.
    """
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    try:
        report: WorkReport = future.result(timeout=_RESULT_SECONDS)
    except (KilledWorker, FutureCancelledError, TimeoutError) as error:
        _logger.info("a task is gone with its worker: %s", error or "its report is lost")
        return WorkReport(idle=True)
    finally:
        future.release()
    return report


def _release_dead(session: StoredSession, on_wait: Callable[[float | None], None]) -> None:
    """Give out again what workers of this host held when they died."""

    def transaction() -> None:
        with write_transaction(session.engine) as connection:
            queue.release_dead(connection, session.row.session_id)

    retry_transient(transaction, on_wait=on_wait)


def _wind_down(
    client: "Client", under_way: "set[Future]", target: Target, progress: Progress
) -> None:
    """Let chunks in hand be recorded, start no other, and give claimed ones back."""

    def end() -> None:
        with logged_suppress(_logger, "end the run in every worker"):
            client.run(end_run, target)

    # a worker that died meanwhile would not answer
    thread = threading.Thread(target=end, name="end-of-run", daemon=True)
    thread.start()
    thread.join(_END_SECONDS)
    # their reports of the chunks in hand are on their way
    patience = time.monotonic() + REPORT_SECONDS
    while time.monotonic() < patience and not all(future.done() for future in under_way):
        time.sleep(_POLL_SECONDS)
    for future in under_way:
        with logged_suppress(_logger, "count the last chunks of a worker"):
            if future.done():
                progress.add(_report(future))


@contextlib.contextmanager
def _cluster(n_workers: int, scheduler: str | None, session: StoredSession) -> Iterator["Client"]:
    """Connect to a scheduler, or start a cluster that listens on this host only."""
    import dask
    from distributed import Client, LocalCluster

    # Dask's own environment for workers also has malloc give memory back at every turn, which costs
    # workers that allocate the same arrays for every chunk a tenth of their time.
    settings = {
        "distributed.admin.log-length": 0,
        "distributed.comm.timeouts.connect": "30s",
        "distributed.nanny.pre-spawn-environ": _ONE_THREAD,
        "distributed.worker.multiprocessing-method": "forkserver" if _FORKS else "spawn",
    }
    with dask.config.set(settings):
        if scheduler is not None:
            with _connect(scheduler) as client:
                yield client
            return
        if _FORKS:
            _preload()
        with _ignoring_interrupts():
            cluster = LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                worker_dashboard_address="127.0.0.1:0",
                memory_limit=session.config.execution.memory_limit,
                preload=_PRELOAD,
                env=dict(os.environ),
                silence_logs=logging.CRITICAL,
            )
        with cluster, Client(cluster, set_as_default=False) as client:
            yield client


def _preload() -> None:
    """Let workers begin as forks of one process that has imported what all of them need.

    Four seconds of processor time for each worker become as many for all of them together.
    """
    from distributed.utils import get_mp_context

    # Dask names its own modules first; what counts is what is named when the process starts
    get_mp_context().set_forkserver_preload(["studies.runs.worker_imports"])


def _connect(scheduler: str) -> "Client":
    from distributed import Client

    try:
        return Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the scheduler {scheduler} does not answer ({error}); check that it runs and that "
            "the address is right"
        ) from error


@contextlib.contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    """Let processes started in the block ignore Ctrl-C from their first moment."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
