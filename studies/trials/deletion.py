"""Deleting a study: its rows in batches, children first, its highest ids kept."""

import sqlalchemy as sa
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from studies.database import WritePacer, in_paced_batches
from studies.trials.append import (
    _DELETED,
    _STUDY_CHILDREN,
    _TOMBSTONE,
    _TRIAL_CHILDREN,
    _directions,
    _studies,
    _trials,
)

__all__ = ["delete_study_rows", "finish_deletions"]

_FIRST_BATCH = 500


def delete_study_rows(pacer: WritePacer, study_id: int) -> int:
    """Delete a study and its trials in short transactions.

    The study is renamed and marked first, so that one whose deletion was interrupted is not taken
    for a whole one; `finish_deletions` finishes it. On SQLite, where the highest id is given out
    again once its row is gone, a study that holds the highest trial or study id leaves a
    tombstone: the study ``mass-tuning-deleted-ID`` with one failed trial, which goes when a later
    deletion finds higher ids.

    Parameters
    ----------
    pacer : WritePacer
    study_id : int

    Returns
    -------
    int
        Number of trials that were deleted; a missing study has none.
    """
    with pacer.transaction() as connection:
        if not _mark_deleted(connection, study_id):
            return 0
    n_deleted = _delete_marked(pacer, study_id)
    finish_deletions(pacer)
    return n_deleted


def finish_deletions(pacer: WritePacer) -> int:
    """Finish deletions that were interrupted, and remove tombstones that are no longer needed.

    Returns
    -------
    int
        Number of trials that were deleted.
    """
    marks = models.StudySystemAttributeModel.__table__
    with pacer.engine.connect() as connection:
        marked = sa.select(marks.c.study_id).where(marks.c.key == _DELETED)
        study_ids = sorted(connection.execute(marked).scalars())
    return sum(_delete_marked(pacer, study_id) for study_id in study_ids)


def _mark_deleted(connection: Connection, study_id: int) -> bool:
    name = _TOMBSTONE.format(study_id=study_id)
    own = _studies.c.study_id == study_id
    if connection.execute(_studies.update().where(own).values(study_name=name)).rowcount == 0:
        return False
    for child in _STUDY_CHILDREN:
        connection.execute(child.delete().where(child.c.study_id == study_id))
    mark = models.StudySystemAttributeModel.__table__.insert()
    connection.execute(mark, {"study_id": study_id, "key": _DELETED, "value_json": "true"})
    return True


def _delete_marked(pacer: WritePacer, study_id: int) -> int:
    n_last = 0

    def delete_lowest(connection: Connection, size: int) -> int:
        nonlocal n_last
        n_batch = _delete_lowest_trials(connection, study_id, size)
        if n_batch == 0:
            n_last = _delete_or_keep_highest_id(connection, study_id)
        return n_batch

    return in_paced_batches(pacer, delete_lowest, _FIRST_BATCH) + n_last


def _delete_lowest_trials(connection: Connection, study_id: int, size: int) -> int:
    """Delete up to `size` trials from the oldest on, but not the last; return how many."""
    own = sa.select(_trials.c.trial_id).where(_trials.c.study_id == study_id)
    highest = sa.select(sa.func.max(_trials.c.trial_id)).where(_trials.c.study_id == study_id)
    batch = own.where(_trials.c.trial_id < highest.scalar_subquery())
    ids = list(connection.execute(batch.order_by(_trials.c.trial_id).limit(size)).scalars())
    if ids:
        chosen = own.where(_trials.c.trial_id.between(ids[0], ids[-1]))
        _delete_children(connection, chosen)
        connection.execute(_trials.delete().where(_trials.c.trial_id.in_(chosen)))
    return len(ids)


def _delete_children(connection: Connection, chosen: sa.Select[tuple[int]]) -> None:
    for child in _TRIAL_CHILDREN:
        connection.execute(child.delete().where(child.c.trial_id.in_(chosen)))


def _delete_or_keep_highest_id(connection: Connection, study_id: int) -> int:
    """Remove the study and its last trial, or make them a tombstone.

    Returns 1 if this call took a trial away, the tombstone's included.
    """
    newest = sa.select(_trials.c.trial_id, _trials.c.number, _trials.c.state)
    last = connection.execute(newest.where(_trials.c.study_id == study_id)).first()
    own = sa.select(_trials.c.trial_id).where(_trials.c.study_id == study_id)
    _delete_children(connection, own)
    if not _holds_highest_id(connection, study_id, last.trial_id if last else None):
        connection.execute(_trials.delete().where(_trials.c.study_id == study_id))
        for child in (*_STUDY_CHILDREN, _directions, _studies):
            connection.execute(child.delete().where(child.c.study_id == study_id))
        return int(last is not None)
    if last is None or (last.number, last.state) == (0, TrialState.FAIL):
        return 0
    empty = _trials.update().where(_trials.c.trial_id == last.trial_id)
    connection.execute(empty.values(number=0, state=TrialState.FAIL))
    return 1


def _holds_highest_id(connection: Connection, study_id: int, trial_id: int | None) -> bool:
    if connection.dialect.name != "sqlite":
        return False
    highest_study = connection.execute(sa.select(sa.func.max(_studies.c.study_id))).scalar()
    highest_trial = connection.execute(sa.select(sa.func.max(_trials.c.trial_id))).scalar()
    return study_id == highest_study or (trial_id is not None and trial_id == highest_trial)
