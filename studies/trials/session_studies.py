"""The Optuna studies of a session: how many it has, and how they are called.

A session whose strategies are all trials has one study, named as the session. A larger one has
two: ``SESSION sample`` and ``SESSION best``. Sessions of earlier releases have both in one study,
named as the session, and go on with it.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from optuna.storages._rdb import models
from sqlalchemy.engine import Connection, Engine

from search_spaces.errors import SessionError
from studies.config import StudyConfig
from studies.database import database_errors

__all__ = [
    "SessionStudies",
    "count_trials",
    "existing_studies",
    "stores_all",
    "studies_of",
    "study_id_of",
]

_studies = models.StudyModel.__table__
_trials = models.TrialModel.__table__


@dataclass(frozen=True)
class SessionStudies:
    """Names of the studies of one session.

    Attributes
    ----------
    best : str
        The study with the best strategies; with all of them where there is one study.
    sample : str or None
        The study with the even sample; None where there is one study.
    """

    best: str
    sample: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, the sample first: the order in which they are created and locked."""
        return (self.best,) if self.sample is None else (self.sample, self.best)


def stores_all(config: StudyConfig, total: int) -> bool:
    """Whether every strategy of a session of ``total`` becomes a trial."""
    return config.trials == "full" or total <= config.all_up_to


def studies_of(engine: Engine, session_id: str, *, whole: bool) -> SessionStudies:
    """Name the studies that a session has, or is to have where it has none yet.

    Parameters
    ----------
    engine : Engine
    session_id : str
    whole : bool
        Whether every strategy of the session becomes a trial (`stores_all`).
    """
    if whole or session_id in existing_studies(engine, session_id):
        return SessionStudies(session_id)
    return _two(session_id)


def existing_studies(engine: Engine, session_id: str) -> dict[str, int]:
    """Return the ids of a session's studies that exist, by name, whichever release made them."""
    names = (session_id, *_two(session_id).names)
    query = sa.select(_studies.c.study_name, _studies.c.study_id)
    with database_errors(engine), engine.connect() as connection:
        rows = connection.execute(query.where(_studies.c.study_name.in_(names)))
        return {name: int(study_id) for name, study_id in rows}


def count_trials(connection: Connection, session_id: str) -> int:
    """Count the trials in all studies of a session."""
    ids = list(existing_studies(connection.engine, session_id).values())
    query = sa.select(sa.func.count()).select_from(_trials).where(_trials.c.study_id.in_(ids))
    return int(connection.execute(query).scalar_one())


def study_id_of(engine: Engine, study_name: str) -> int:
    """Look up a study.

    Raises
    ------
    SessionError
        If it is gone.
    """
    query = sa.select(_studies.c.study_id).where(_studies.c.study_name == study_name)
    with database_errors(engine), engine.connect() as connection:
        study_id = connection.execute(query).scalar()
    if study_id is None:
        raise SessionError(
            f"the Optuna study {study_name!r} is gone, so its session cannot go on; its recorded "
            "results stay readable, create a new session for the rest"
        )
    return int(study_id)


def _two(session_id: str) -> SessionStudies:
    return SessionStudies(best=f"{session_id} best", sample=f"{session_id} sample")
