"""What the Optuna studies of a session say of it, written where its verdict is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studies.cli.context import Context
from studies.cli.output import warn
from studies.cli.progress import waiting

if TYPE_CHECKING:
    from objectives import Objective
    from studies.reports import StudyFigures
    from studies.session import Session

__all__ = ["describe_when_completed"]


def describe_when_completed(
    context: Context,
    session: Session,
    figures: StudyFigures | None = None,
    objective: Objective | None = None,
) -> StudyFigures | None:
    """Write notes and figures into the studies of a completed session.

    An error is a note: the session's results stand.

    Parameters
    ----------
    context : Context
    session : Session
    figures : StudyFigures, optional
        What an earlier call returned, so that they are not drawn again.
    objective : Objective, optional
        Of the session, if it is built already.

    Returns
    -------
    StudyFigures or None
        None if nothing was written.
    """
    from studies.reports import describe_studies, draw_study_figures
    from studies.sessions import SessionState

    if session.row.status != SessionState.COMPLETED or not session.row.completed:
        return None
    try:
        with waiting("drawing for optuna-dashboard"):
            figures = figures or draw_study_figures(session, objective)
            edited = describe_studies(session, context.command, figures)
    except Exception as error:  # whatever an objective of one's own raises, the results stand
        if context.debug:
            raise
        warn(f"notes and figures of its studies: {type(error).__name__}: {error}")
        return None
    for name in edited:
        warn(f"the note of the study {name} was edited by hand and is left as it is")
    return figures
