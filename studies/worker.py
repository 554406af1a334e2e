"""The loop of one worker: claim a chunk, evaluate it, record it in one transaction."""

import contextlib
import datetime
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np
import sqlalchemy as sa

from objectives import Batch, FactorBacktest, Objective
from search_spaces.errors import MassTuningError, SessionError
from studies import queue
from studies.planning import GENERATING, QUEUE_LIMIT
from studies.queue import Claim, LostClaimError
from studies.record import Outcome
from studies.schema import create_result_indexes, execution_log, tuning_sessions, utc_now
from studies.session import Session, complete_generations
from studies.storage import WritePacer, database_errors, write_transaction

__all__ = ["Progress", "Stop", "Worker", "run_session"]

_INDEX_FROM = 100_000
"""Sessions of so many strategies build the secondary indexes when they finish."""
_FACE_BATCH = 100
_IDLE_SECONDS = 0.2


@dataclass
class Progress:
    """How far a session is, as one worker sees it.

    Attributes
    ----------
    total, completed, failed : int
        Strategies of the session; ``completed`` without ``failed``.
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
    done_here: int = 0
    seconds: float = 0.0
    best_id: str | None = None
    best_value: float = float("nan")
    last_failure: str | None = None

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


class Stop:
    """Ask a worker to stop: first after the chunk in hand, the second time at once."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Stop after the chunk in hand."""
        self._event.set()

    def __bool__(self) -> bool:
        return self._event.is_set()

    @contextlib.contextmanager
    def on_signals(self) -> Iterator["Stop"]:
        """Let SIGINT and SIGTERM ask for the stop, as long as the block runs in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return

        def handle(number: int, frame: FrameType | None) -> None:
            if self._event.is_set():
                raise KeyboardInterrupt
            self._event.set()

        before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@dataclass
class Worker:
    """One process working on one session.

    Parameters
    ----------
    session : Session
    objective : Objective
    pacer : WritePacer
    lease_seconds : float
    """

    session: Session
    objective: Objective
    pacer: WritePacer
    lease_seconds: float
    name: str = field(default_factory=queue.worker_name)

    def claim(self) -> Claim | None:
        """Claim the next chunk."""
        with self.pacer.transaction() as connection:
            return queue.claim_next(
                connection, self.session.row.session_id, self.name, self.lease_seconds
            )

    def evaluate(self, claim: Claim) -> Outcome:
        """Evaluate a chunk while a thread renews its lease."""
        indices = self.session.design.indices(claim.start, claim.stop)
        started, began = utc_now(), time.perf_counter()
        with self._lease(claim):
            batch = self._evaluate(indices)
        return Outcome(
            indices=indices,
            positions=np.arange(claim.start, claim.stop),
            batch=batch,
            started=started,
            completed=utc_now(),
            seconds=time.perf_counter() - began,
        )

    def record(self, claim: Claim, outcome: Outcome, *, claim_next: bool = True) -> Claim | None:
        """Write a chunk: its state, results, queue rows, totals and trials, all or nothing.

        Parameters
        ----------
        claim : Claim
        outcome : Outcome
            Of the strategies of the claim.
        claim_next : bool
            Claim the next chunk in the same transaction: one lock instead of two.

        Returns
        -------
        Claim or None
            The next chunk, if there was one to claim.

        Raises
        ------
        LostClaimError
            If the claim was lost meanwhile; nothing is written.
        """
        recorder = self.session.recorder()
        rows = recorder.prepare_results(outcome)
        trials = self.session.face.prepare(outcome)
        late_queue = self.session.row.total > QUEUE_LIMIT
        strategies = recorder.prepare_queue(outcome.indices) if late_queue else []
        n_failed = int(outcome.failed.sum())
        n_completed = len(outcome.batch) - n_failed
        with self.pacer.transaction() as connection:
            queue.settle(connection, claim, n_completed, n_failed)
            _add_totals(connection, self.session.row.session_id, n_completed, n_failed)
            if late_queue:
                recorder.insert_queue(connection, strategies, outcome.started, outcome)
            else:
                recorder.complete_queue(connection, rows, outcome)
            recorder.insert_results(connection, rows, outcome)
            self.session.face.append(connection, outcome, trials)
            if not claim_next:
                return None
            return queue.claim_next(
                connection, self.session.row.session_id, self.name, self.lease_seconds
            )

    def finish(self, claim: Claim) -> None:
        """Close the session: the rest of the study's digest, indexes, status."""
        session = self.session
        with self._lease(claim):
            face = session.face
            with session.engine.connect() as connection:
                missing = face.missing_best(connection)
            for start in range(0, len(missing), _FACE_BATCH):
                with self.pacer.transaction() as connection:
                    _require(connection, claim, self.lease_seconds)
                    face.append_recorded(connection, missing[start : start + _FACE_BATCH])
            if session.row.total >= _INDEX_FROM:
                with self.pacer.transaction() as connection:
                    create_result_indexes(connection)
        with self.pacer.transaction() as connection:
            queue.settle(connection, claim, 0, 0)
            connection.execute(
                tuning_sessions.update()
                .where(tuning_sessions.c.session_id == session.row.session_id)
                .values(status="completed", completed_at=utc_now())
            )

    def release(self, claim: Claim) -> None:
        """Give a chunk back unfinished."""
        with self.pacer.transaction() as connection:
            queue.release(connection, claim)

    def _evaluate(self, indices: np.ndarray) -> Batch:
        """Evaluate together; if that raises, one by one: a poisonous strategy fails alone."""
        try:
            return self.objective.evaluate(indices)
        except MassTuningError:
            raise
        except Exception:
            return _one_by_one(self.objective, indices)

    @contextlib.contextmanager
    def _lease(self, claim: Claim) -> Iterator[None]:
        """Renew the lease of a claim in the background."""
        done = threading.Event()

        def keep() -> None:
            while not done.wait(self.lease_seconds / 3):
                # a lost lease or connection shows when the chunk is recorded
                with contextlib.suppress(Exception), write_transaction(self.session.engine) as c:
                    if not queue.renew(c, claim, self.lease_seconds):
                        return

        thread = threading.Thread(target=keep, name=f"lease-{claim.chunk_no}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def run_session(
    session: Session,
    *,
    resume: bool = False,
    objective: FactorBacktest | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Stop | None = None,
) -> Progress:
    """Work through what is left of a session in this process.

    Parameters
    ----------
    session : Session
    resume : bool
        Needed for a paused session.
    objective : FactorBacktest, optional
        Built from the session if left out.
    on_progress : callable, optional
        Called with a :class:`Progress` after every chunk.
    stop : Stop, optional
        Set it to pause the session after the chunk in hand.

    Returns
    -------
    Progress
        At the end; the session is ``completed``, or ``paused`` if it was stopped.

    Raises
    ------
    SessionError
        If the session is paused and `resume` is not set, has failed for good, or its data changed.
    StorageError
        If the database cannot be written; what was committed stays, `resume` goes on from there.
    """
    stop = Stop() if stop is None else stop  # not `or`: one that is not set yet is false
    if session.row.status == GENERATING:
        complete_generations(session.engine)
    row = session.refresh()
    _check_state(row.status, row.session_id, resume)
    progress = Progress(row.total, row.completed, row.failed)
    if row.status == "completed":
        return progress
    objective = objective or session.objective()
    objective.cube  # noqa: B018 (computed before the first claim, so that no lease runs meanwhile)
    began = time.perf_counter()
    with database_errors(session.engine), WritePacer(session.engine) as pacer:
        worker = Worker(session, objective, pacer, session.config.execution.lease_seconds)
        with pacer.transaction() as connection:
            queue.release_dead(connection, row.session_id)
            _set_running(connection, row.session_id)
            _log(connection, row.session_id, "INFO", "run started", {"worker": worker.name})
        try:
            claim = None
            while not stop:
                claim = claim or worker.claim()
                if claim is not None:
                    closing = claim.finishing
                    claim = _work(worker, claim, progress, stop)
                    progress.seconds = time.perf_counter() - began
                    if on_progress is not None and not closing:
                        on_progress(progress)
                elif _is_over(session):
                    break
                else:
                    time.sleep(_IDLE_SECONDS)
        except MassTuningError as error:
            _try_log(worker, "ERROR", str(error))
            raise
        except KeyboardInterrupt:
            with contextlib.suppress(Exception):
                _give_up(worker, claim)
            raise
        if claim is not None:
            worker.release(claim)
        if stop and not _is_over(session):
            with pacer.transaction() as connection:
                _pause(connection, row.session_id)
    row = session.refresh()
    progress.completed, progress.failed = row.completed, row.failed
    progress.seconds = time.perf_counter() - began
    return progress


def _work(worker: Worker, claim: Claim, progress: Progress, stop: Stop) -> Claim | None:
    """Evaluate and record one chunk, give it back when interrupted; return the next claim."""
    try:
        if claim.finishing:
            worker.finish(claim)
            return None
        outcome = worker.evaluate(claim)
        following = worker.record(claim, outcome, claim_next=not stop)
    except LostClaimError:
        return None  # somebody else has it; their rows count
    except BaseException:
        with contextlib.suppress(Exception):
            worker.release(claim)
        raise
    n_failed = int(outcome.failed.sum())
    progress.completed += len(outcome.batch) - n_failed
    progress.failed += n_failed
    progress.done_here += len(outcome.batch)
    _note_best(worker, outcome, progress)
    if n_failed:
        last = int(np.flatnonzero(outcome.failed)[-1])
        progress.last_failure = outcome.batch.failure[last]
    return following


def _note_best(worker: Worker, outcome: Outcome, progress: Progress) -> None:
    direction = next(iter(worker.objective.directions.values()))
    values = outcome.batch.objective[:, 0]
    if np.isnan(values).all():
        return
    row = int(np.nanargmax(values) if direction == "maximize" else np.nanargmin(values))
    value = float(values[row])
    better = value > progress.best_value if direction == "maximize" else value < progress.best_value
    if progress.best_id is None or better:
        progress.best_value = value
        progress.best_id = worker.session.space.strategy_ids(outcome.indices[row : row + 1])[0]


def _one_by_one(objective: Objective, indices: np.ndarray) -> Batch:
    batches: list[Batch | str] = []
    for position in range(len(indices)):
        try:
            batches.append(objective.evaluate(indices[position : position + 1]))
        except MassTuningError:
            raise
        except Exception as error:
            batches.append(f"{type(error).__name__}: {error}")
    good = next((batch for batch in batches if isinstance(batch, Batch)), None)
    if good is None and len(indices) > 1:  # not strategies: what evaluates them is broken
        raise SessionError(f"every strategy of a chunk raised; the first: {batches[0]}")
    names = good.names if good is not None else ()
    n, n_metrics, n_objectives = len(indices), len(names), len(objective.directions)
    values = np.full((n, n_metrics), np.nan)
    values_objective = np.full((n, n_objectives), np.nan)
    failure: list[str | None] = []
    for position, batch in enumerate(batches):
        if isinstance(batch, Batch):
            values[position], values_objective[position] = batch.values[0], batch.objective[0]
            failure.append(batch.failure[0])
        else:
            failure.append(f"error: {batch}")
    return Batch(names, values, values_objective, tuple(failure))


def _check_state(status: str, session_id: str, resume: bool) -> None:
    if status == GENERATING:
        raise SessionError(
            f"{session_id} is being generated by another process; wait until it is done"
        )
    if status == "deleting":
        raise SessionError(f"{session_id} is being deleted; finish that with: mass-tuning clean")
    if status == "paused" and not resume:
        raise SessionError(f"{session_id} is paused; go on with: mass-tuning execute --resume")
    if status not in ("created", "running", "paused", "failed", "completed"):
        raise SessionError(f"{session_id} has the unknown status {status!r}")


def _is_over(session: Session) -> bool:
    with session.engine.connect() as connection:
        states = queue.chunk_states(connection, session.row.session_id)
    if not states:  # only a deletion takes all chunks away
        raise SessionError(f"{session.row.session_id} was deleted while it ran")
    return set(states) == {queue.COMPLETED}


def _require(connection: sa.Connection, claim: Claim, lease_seconds: float) -> None:
    if not queue.renew(connection, claim, lease_seconds):
        raise LostClaimError(f"the end of {claim.session_id} was taken over by another worker")


def _add_totals(
    connection: sa.Connection, session_id: str, n_completed: int, n_failed: int
) -> None:
    connection.execute(
        tuning_sessions.update()
        .where(tuning_sessions.c.session_id == session_id)
        .values(
            completed_strategies=tuning_sessions.c.completed_strategies + n_completed,
            failed_strategies=tuning_sessions.c.failed_strategies + n_failed,
        )
    )


def _set_running(connection: sa.Connection, session_id: str) -> None:
    connection.execute(
        tuning_sessions.update()
        .where(tuning_sessions.c.session_id == session_id)
        .values(
            status="running",
            started_at=sa.func.coalesce(tuning_sessions.c.started_at, utc_now()),
        )
    )


def _give_up(worker: Worker, claim: Claim | None) -> None:
    """Release what is held and pause, when told to stop at once."""
    with worker.pacer.transaction() as connection:
        if claim is not None:
            queue.release(connection, claim)
        _pause(connection, worker.session.row.session_id)


def _pause(connection: sa.Connection, session_id: str) -> None:
    connection.execute(
        tuning_sessions.update()
        .where(tuning_sessions.c.session_id == session_id, tuning_sessions.c.status == "running")
        .values(status="paused")
    )
    _log(connection, session_id, "INFO", "paused", {})


def _log(
    connection: sa.Connection, session_id: str, level: str, message: str, details: dict[str, Any]
) -> None:
    connection.execute(
        execution_log.insert().values(
            session_id=session_id,
            log_level=level,
            message=message,
            details=json.dumps(details),
            created_at=datetime.datetime.now(datetime.UTC).replace(tzinfo=None),
        )
    )


def _try_log(worker: Worker, level: str, message: str) -> None:
    """Note an error where that is still possible."""
    with contextlib.suppress(Exception), worker.pacer.transaction() as connection:
        _log(connection, worker.session.row.session_id, level, message, {"worker": worker.name})
