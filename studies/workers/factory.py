"""The worker that a session needs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from studies.database import WritePacer
from studies.sessions import StoredSession
from studies.workers.worker import Worker

if TYPE_CHECKING:
    from objectives import Objective

__all__ = ["make_worker"]


def make_worker(
    session: StoredSession,
    objective: "Objective",
    pacer: WritePacer,
    on_limit: Callable[[], None] | None = None,
) -> Worker:
    """Return a worker of the kind that a session needs.

    Parameters
    ----------
    session : StoredSession
    objective : Objective
    pacer : WritePacer
    on_limit : callable, optional
        See `studies.workers.Worker`.
    """
    kind = Worker
    if session.row.is_adaptive:
        from studies.workers.adaptive_task import AdaptiveWorker

        kind = AdaptiveWorker
    elif session.row.is_genetic:
        from studies.workers.generational_task import GeneticWorker

        kind = GeneticWorker
    return kind(session, objective, pacer, session.config.execution.lease_seconds, on_limit)
