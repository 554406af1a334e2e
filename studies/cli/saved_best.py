"""Rankings, trades and results of the best strategies, kept when a session is completed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studies.cli.context import Context
from studies.cli.output import warn
from studies.cli.progress import counting

if TYPE_CHECKING:
    from objectives import Objective
    from studies.session import Session

__all__ = ["save_when_completed"]


def save_when_completed(
    context: Context, session: Session, objective: Objective | None = None
) -> None:
    """Write the best results of a completed session (``execution.save_top``) where they lack.

    An error is a note: the session's results stand.

    Parameters
    ----------
    context : Context
    session : Session
    objective : Objective, optional
        Of the session, if it is built already.
    """
    from search_spaces.errors import MassTuningError
    from studies.analysis import save_best
    from studies.sessions import SessionState

    config, row = session.config, session.row
    n = config.execution.save_top
    if not n or config.objective.type != "factor_backtest":
        return
    if row.status != SessionState.COMPLETED or not row.completed:
        return
    by_hand = context.command(f"backtest --top {n} --session {row.session_id}")
    context.hint = f"; the session is completed, keep its best with: {by_hand}"
    try:
        with counting("keeping the best") as advance:
            save_best(session, n, objective=objective, on_progress=advance)
    except Exception as error:  # the results of the search stand
        if context.debug and not isinstance(error, MassTuningError):
            raise
        warn(f"the best are not kept: {type(error).__name__}: {error}; do it with: {by_hand}")
