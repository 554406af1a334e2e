"""What a worker process of a cluster does: one chunk, and the end of a run."""

import os
import threading
import time
from dataclasses import dataclass, field

from studies.database import WritePacer, create_engine, database_errors
from studies.runs.run import IDLE_SECONDS
from studies.sessions import StoredSession, cached_objective
from studies.workers import Worker, WorkReport, make_worker

__all__ = ["Target", "end_run", "work_on_chunk"]


@dataclass(frozen=True)
class Target:
    """What a worker must know; its text shows no password, because Dask logs arguments."""

    session_id: str
    run: str
    url: str = field(repr=False)


class _Process:
    """What a worker process keeps between the tasks of a run."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.workers: dict[str, Worker] = {}
        self.ended: set[str] = set()

    def worker(self, target: Target) -> Worker:
        if target.run not in self.workers:
            engine = create_engine(target.url)
            session = StoredSession.open(target.url, target.session_id, engine=engine)
            self.workers[target.run] = make_worker(
                session, cached_objective(session), WritePacer(engine), on_limit=_exit
            )
        return self.workers[target.run]


_process = _Process()


def work_on_chunk(target: Target) -> WorkReport:
    """Claim, evaluate and record one chunk, in a worker process."""
    with _process.lock:
        if target.run in _process.ended:
            return WorkReport(idle=True)
        worker = _process.worker(target)
        with database_errors(worker.session.engine):
            report = worker.step(claim_next=lambda: target.run not in _process.ended)
    if report.idle:
        time.sleep(IDLE_SECONDS)
    return report


def end_run(target: Target) -> None:
    """Start no other chunk of a run in this process, and give back a claimed one."""
    _process.ended.add(target.run)
    with _process.lock:
        worker = _process.workers.pop(target.run, None)
        if worker is not None:
            worker.close()


def _exit() -> None:
    """End a worker process that cannot be interrupted; its nanny starts another."""
    os._exit(75)
