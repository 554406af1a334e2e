"""The worker that a session needs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from studies.database import WritePacer
from studies.sessions import StoredSession
from studies.workers.patience import OnWait
from studies.workers.planned_task import PlannedTask
from studies.workers.task import Task
from studies.workers.worker import Worker

if TYPE_CHECKING:
    from objectives import Objective

__all__ = ["make_worker"]


def make_worker(
    session: StoredSession,
    objective: "Objective",
    pacer: WritePacer,
    on_limit: Callable[[], None] | None = None,
    on_wait: OnWait | None = None,
) -> Worker:
    """Return a worker with the task of a session.

    Parameters
    ----------
    session : StoredSession
    objective : Objective
    pacer : WritePacer
    on_limit, on_wait : callable, optional
        See `studies.workers.task.Task`.
    """
    kind: type[Task] = PlannedTask
    if session.row.is_of_earlier_system:
        from studies.workers.earlier_task import EarlierTask

        kind = EarlierTask
    elif session.row.is_adaptive:
        from studies.workers.adaptive_task import AdaptiveTask

        kind = AdaptiveTask
    elif session.row.is_genetic:
        from studies.workers.generational_task import GenerationalTask

        kind = GenerationalTask
    lease_seconds = session.config.execution.lease_seconds
    return Worker(kind(session, objective, pacer, lease_seconds, on_limit, on_wait))
