"""A run: from the first claim until a session is over, paused or stopped by an error."""

import contextlib
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

import sqlalchemy as sa

from search_spaces.errors import MassTuningError, SessionError
from studies.database.engine import WritePacer, database_errors, write_transaction
from studies.database.tables import tuning_sessions, utc_now
from studies.database.transient_errors import persist
from studies.planning.write_plan import GENERATING
from studies.queue import chunks as queue
from studies.session import Session, complete_generations
from studies.sessions.execution_log import write_entry
from studies.sessions.session_row import OPEN_STATES
from studies.workers.worker import WorkReport

if TYPE_CHECKING:
    from objectives import FactorBacktest

__all__ = ["IDLE_SECONDS", "Progress", "Stop", "is_over", "run_session", "session_run"]

IDLE_SECONDS = 0.2
"""First pause of a worker that found nothing to claim while others still hold chunks."""

_LONGEST_IDLE_SECONDS = 2.0


@dataclass
class Progress:
    """How far a session is, as one run sees it.

    Attributes
    ----------
    total, completed, failed : int
        Strategies of the session; ``completed`` without ``failed``.
    direction : str
        Of the first metric.
    done_here : int
        Strategies this run has recorded.
    seconds : float
        Since this run began.
    best_id : str or None
    best_value : float
        Best of this run, of the first metric; NaN while there is none.
    last_failure : str or None
        Reason of the latest failed strategy.
    """

    total: int
    completed: int
    failed: int
    direction: str = "maximize"
    done_here: int = 0
    seconds: float = 0.0
    best_id: str | None = None
    best_value: float = math.nan
    last_failure: str | None = None
    _began: float = field(default_factory=time.perf_counter, repr=False)

    @property
    def done(self) -> int:
        """Strategies completed or failed."""
        return self.completed + self.failed

    @property
    def rate(self) -> float:
        """Strategies per second of this run."""
        return self.done_here / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta_seconds(self) -> float | None:
        """Seconds left at this rate; None before the first chunk."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None

    def start(self) -> None:
        """Count the seconds of the run from here."""
        self._began = time.perf_counter()

    def add(self, report: WorkReport) -> None:
        """Count what a worker recorded."""
        self.completed += report.n_completed
        self.failed += report.n_failed
        self.done_here += report.n_completed + report.n_failed
        self.last_failure = report.last_failure or self.last_failure
        self.seconds = time.perf_counter() - self._began
        if report.best_id is None:
            return
        sign = 1.0 if self.direction == "maximize" else -1.0
        if self.best_id is None or sign * report.best_value > sign * self.best_value:
            self.best_id, self.best_value = report.best_id, report.best_value


class Stop:
    """Ask a run to stop: first after the chunks in hand, the second time at once."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Stop after the chunks in hand."""
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()

    @contextlib.contextmanager
    def on_signals(
        self, at_once: Callable[[], BaseException] = KeyboardInterrupt
    ) -> Iterator["Stop"]:
        """Let SIGINT and SIGTERM ask for the stop, as long as the block runs in the main thread.

        Parameters
        ----------
        at_once : callable
            Makes what the second signal raises.
        """
        if threading.current_thread() is not threading.main_thread():
            yield self
            return

        def handle(number: int, frame: FrameType | None) -> None:
            if self._event.is_set():
                raise at_once()
            self._event.set()

        before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def run_session(
    session: Session,
    *,
    resume: bool = False,
    objective: "FactorBacktest | None" = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_limit: Callable[[], None] | None = None,
    stop: Stop | None = None,
) -> Progress:
    """Work through what is left of a session in this process.

    Any number of processes may do so at the same time; they share what is left.

    Parameters
    ----------
    session : Session
    resume : bool
        Needed for a paused session and for one that an error stopped.
    objective : FactorBacktest, optional
        Built from the session if left out.
    on_progress : callable, optional
        Called with a :class:`Progress` after every chunk.
    on_limit : callable, optional
        See :class:`studies.workers.worker.Worker`.
    stop : Stop, optional
        Set it to pause the session after the chunk in hand.

    Returns
    -------
    Progress
        At the end; the session is ``completed``, or ``paused`` if it was stopped.

    Raises
    ------
    SessionError
        If the session is paused and `resume` is not set, or its data changed.
    StorageError
        If the database cannot be written; what was committed stays, `resume` goes on from there.
    """
    stop = Stop() if stop is None else stop  # not `or`: one that is not set yet is false
    ready: list[FactorBacktest] = [] if objective is None else [objective]

    def prepare() -> None:
        if not ready:
            ready.append(session.objective())
        ready[0].cube  # noqa: B018 (before the first claim, so that no lease runs meanwhile)

    with session_run(session, resume=resume, stop=stop, prepare=prepare) as progress:
        if session.row.status == "completed":
            return progress
        objective = ready[0]
        with WritePacer(session.engine) as pacer:
            worker = session.worker(objective, pacer, on_limit)
            try:
                pause = IDLE_SECONDS
                while not stop:
                    report = worker.step(claim_next=lambda: not stop)
                    if report.idle:
                        if is_over(session):
                            break
                        time.sleep(pause)
                        pause = min(2 * pause, _LONGEST_IDLE_SECONDS)
                    elif report != WorkReport():
                        pause = IDLE_SECONDS
                        progress.add(report)
                        if on_progress is not None:
                            on_progress(progress)
            finally:
                worker.close()
    return progress


@contextlib.contextmanager
def session_run(
    session: Session, *, resume: bool, stop: Stop, prepare: Callable[[], None]
) -> Iterator[Progress]:
    """Begin a run of a session, and leave the session as the run left it.

    Parameters
    ----------
    session : Session
    resume : bool
    stop : Stop
        Set at the end of the block: the session is paused, unless it is over or others go on.
    prepare : callable
        What must succeed before the session counts as running.

    Yields
    ------
    Progress
        Nothing is to be done if ``session.row.status`` is ``completed``.

    Raises
    ------
    SessionError
        See :func:`run_session`. A fatal error in the block marks the session ``failed``.
    """
    with database_errors(session.engine):
        if session.row.status == GENERATING:
            complete_generations(session.engine)
        row = session.refresh()
        _check_state(row.status, row.session_id, resume)
        direction = next(iter(session.directions.values()))
        progress = Progress(row.total, row.completed, row.failed, direction)
        if row.status == "completed":
            yield progress
            return
        prepare()
        _begin(session)
        progress.start()
        try:
            yield progress
        except KeyboardInterrupt:
            _end(session, "paused", "INFO", "stopped at once")
            raise
        except MassTuningError as error:
            _end(session, "failed", "ERROR", str(error))
            raise
        except Exception as error:
            _end(session, "failed", "ERROR", f"{type(error).__name__}: {error}")
            raise
        if stop and not is_over(session):
            _end(session, "paused", "INFO", "paused")
        row = session.refresh()
    progress.completed, progress.failed = row.completed, row.failed


def is_over(session: Session) -> bool:
    """Whether every chunk of a session is completed, the finishing one included.

    Raises
    ------
    SessionError
        If the session was deleted meanwhile.
    """

    def read() -> dict[str, int]:
        with session.engine.connect() as connection:
            return queue.chunk_states(connection, session.row.session_id)

    states = persist(read)
    if not states:  # only a deletion takes all chunks away
        raise SessionError(f"{session.row.session_id} was deleted while it ran")
    return set(states) == {queue.COMPLETED}


def _check_state(status: str, session_id: str, resume: bool) -> None:
    if status == GENERATING:
        raise SessionError(
            f"{session_id} is being generated by another process; wait until it is done"
        )
    if status == "deleting":
        raise SessionError(f"{session_id} is being deleted; finish that with: mass-tuning clean")
    if status in ("paused", "failed") and not resume:
        state = "is paused" if status == "paused" else "was stopped by an error"
        raise SessionError(f"{session_id} {state}; go on with: mass-tuning execute --resume")
    if status not in (*OPEN_STATES, "completed"):
        raise SessionError(f"{session_id} has the unknown status {status!r}")


def _begin(session: Session) -> None:
    """Take over from the dead, and mark the session running."""
    session_id = session.row.session_id

    def transaction() -> None:
        with write_transaction(session.engine) as connection:
            queue.release_dead(connection, session_id)
            connection.execute(
                tuning_sessions.update()
                .where(
                    tuning_sessions.c.session_id == session_id,
                    # others may have completed or deleted it since it was looked at
                    tuning_sessions.c.status.in_(OPEN_STATES),
                )
                .values(
                    status="running",
                    started_at=sa.func.coalesce(tuning_sessions.c.started_at, utc_now()),
                )
            )
            started_by = {"host": socket.gethostname(), "pid": os.getpid()}
            write_entry(connection, session_id, "INFO", "run started", started_by)

    persist(transaction)


def _end(session: Session, status: str, level: str, message: str) -> None:
    """Note how a run ended, where that is still possible; others may still be working."""
    session_id = session.row.session_id
    with contextlib.suppress(Exception), write_transaction(session.engine) as connection:
        queue.release_dead(connection, session_id)
        if status == "failed" or not queue.has_live_claim(connection, session_id):
            connection.execute(
                tuning_sessions.update()
                .where(
                    tuning_sessions.c.session_id == session_id,
                    tuning_sessions.c.status == "running",
                )
                .values(status=status)
            )
        write_entry(connection, session_id, level, message)
