"""A run: from the first claim until a session is over, paused or stopped by an error."""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from search_spaces.errors import MassTuningError, SessionError
from studies import queue
from studies.database import (
    WritePacer,
    database_errors,
    logged_suppress,
    retry_transient,
    write_transaction,
)
from studies.planning import complete_plans, is_too_large
from studies.runs.progress import Progress, show_waiting
from studies.runs.stop import Stop
from studies.sessions import (
    OPEN_STATES,
    SessionState,
    StoredSession,
    check_can_run,
    mark_ended,
    mark_running,
    objective_to_run,
    write_entry,
)
from studies.workers import Worker, WorkReport, make_worker

if TYPE_CHECKING:
    from objectives import Objective

__all__ = ["IDLE_SECONDS", "is_over", "run_session", "running_session"]

IDLE_SECONDS = 0.2
"""First pause of a worker that found nothing to claim while others still hold chunks."""

_LONGEST_IDLE_SECONDS = 2.0

_logger = logging.getLogger(__name__)


def run_session(
    session: StoredSession,
    *,
    resume: bool = False,
    objective: "Objective | None" = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_limit: Callable[[], None] | None = None,
    stop: Stop | None = None,
) -> Progress:
    """Work through what is left of a session in this process.

    Any number of processes may do so at the same time; they share what is left.

    Parameters
    ----------
    session : StoredSession
    resume : bool
        Needed for a paused session and for one that an error stopped.
    objective : Objective, optional
        Built from the session if left out.
    on_progress : callable, optional
        Called with a :class:`Progress` after every chunk, and before every pause while the
        database is waited for (``progress.waiting_seconds``).
    on_limit : callable, optional
        See `studies.workers.make_worker`.
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
    stop = stop or Stop()
    ready: list[Objective] = [] if objective is None else [objective]

    def prepare() -> None:
        if not ready:
            ready.append(objective_to_run(session))
        ready[0].prepare()  # before the first claim, so that no lease runs meanwhile

    with running_session(session, resume=resume, stop=stop, prepare=prepare) as progress:
        if session.row.status == SessionState.COMPLETED:
            return progress
        on_wait = show_waiting(progress, on_progress)
        with WritePacer(session.engine) as pacer:
            worker = make_worker(session, ready[0], pacer, on_limit, on_wait)
            try:
                _work(worker, stop, progress, on_progress, on_wait)
            finally:
                worker.close()
    return progress


def _work(
    worker: Worker,
    stop: Stop,
    progress: Progress,
    on_progress: Callable[[Progress], None] | None,
    on_wait: Callable[[float | None], None],
) -> None:
    """Step until the session is over or a stop is asked for; pause while others hold the rest."""
    pause = IDLE_SECONDS
    while not stop.is_set():
        report = worker.step(claim_next=lambda: not stop.is_set())
        if report.idle:
            if is_over(worker.session, on_wait):
                break
            _logger.debug("nothing to claim; again in %.1f s", pause)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_IDLE_SECONDS)
        elif report != WorkReport():
            pause = IDLE_SECONDS
            progress.add(report)
            if on_progress is not None:
                on_progress(progress)


@contextlib.contextmanager
def running_session(
    session: StoredSession, *, resume: bool, stop: Stop, prepare: Callable[[], None]
) -> Iterator[Progress]:
    """Begin a run of a session, and leave the session as the run left it.

    Parameters
    ----------
    session : StoredSession
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
        if session.row.status == SessionState.GENERATING:
            if is_too_large(session.row):
                raise SessionError(
                    f"{session.row.session_id} has too many strategies to be planned; delete it "
                    f"with: mass-tuning clean --session {session.row.session_id}"
                )
            complete_plans(session.engine, only={session.row.session_id})
        row = session.refresh()
        if row.status != SessionState.COMPLETED:
            check_can_run(session)
        _check_state(row.status, row.session_id, resume)
        direction = next(iter(session.directions.values()))
        progress = Progress(row.total, row.completed, row.failed, direction)
        if row.status == SessionState.COMPLETED:
            yield progress
            return
        prepare()
        _begin(session)
        progress.start()
        try:
            yield progress
        except KeyboardInterrupt:
            _end(session, SessionState.PAUSED, "INFO", "stopped at once")
            raise
        except MassTuningError as error:
            _end(session, SessionState.FAILED, "ERROR", str(error))
            raise
        except Exception as error:
            _end(session, SessionState.FAILED, "ERROR", f"{type(error).__name__}: {error}")
            raise
        if stop.is_set() and not is_over(session):
            _end(session, SessionState.PAUSED, "INFO", "paused")
        row = session.refresh()
    progress.completed, progress.failed = row.completed, row.failed


def is_over(session: StoredSession, on_wait: Callable[[float | None], None] | None = None) -> bool:
    """Whether every chunk of a session is completed, the finishing one included.

    Parameters
    ----------
    session : StoredSession
    on_wait : callable, optional
        See `studies.database.retry_transient`.

    Raises
    ------
    SessionError
        If the session was deleted meanwhile.
    """

    def read() -> dict[str, int]:
        with session.engine.connect() as connection:
            return queue.chunk_states(connection, session.row.session_id)

    states = retry_transient(read, on_wait=on_wait)
    if not states:  # only a deletion takes all chunks away
        raise SessionError(f"{session.row.session_id} was deleted while it ran")
    return set(states) == {queue.ChunkState.COMPLETED}


def _check_state(status: str, session_id: str, resume: bool) -> None:
    if status == SessionState.GENERATING:
        raise SessionError(
            f"{session_id} is being generated by another process; wait until it is done"
        )
    if status == SessionState.DELETING:
        raise SessionError(f"{session_id} is being deleted; finish that with: mass-tuning clean")
    if status in (SessionState.PAUSED, SessionState.FAILED) and not resume:
        state = "is paused" if status == SessionState.PAUSED else "was stopped by an error"
        raise SessionError(f"{session_id} {state}; go on with: mass-tuning execute --resume")
    if status not in (*OPEN_STATES, SessionState.COMPLETED):
        raise SessionError(f"{session_id} has the unknown status {status!r}")


def _begin(session: StoredSession) -> None:
    """Take over from the dead, and mark the session running."""
    session_id = session.row.session_id

    def transaction() -> None:
        with write_transaction(session.engine) as connection:
            queue.release_dead(connection, session_id)
            mark_running(connection, session_id)
            started_by = {"host": socket.gethostname(), "pid": os.getpid()}
            write_entry(connection, session_id, "INFO", "run started", started_by)

    retry_transient(transaction)


def _end(session: StoredSession, state: SessionState, level: str, message: str) -> None:
    """Note how a run ended, where that is still possible; others may still be working."""
    session_id = session.row.session_id
    with (
        logged_suppress(_logger, f"note how the run of {session_id} ended"),
        write_transaction(session.engine) as connection,
    ):
        queue.release_dead(connection, session_id)
        if state == SessionState.FAILED or not queue.has_live_claim(connection, session_id):
            mark_ended(connection, session_id, state)
        write_entry(connection, session_id, level, message)
