"""Trials that are begun and ended in the caller's transactions, one at a time.

Between the two they are Optuna's own: its samplers suggest their parameters and keep their notes
in them. What holds for trials written in bulk (`studies.trials.append`) holds here too.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from optuna.distributions import json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from studies.database import insert_rows, utc_now
from studies.trials.append import allocate_trial_ids, attribute_rows, lock_study, value_rows

__all__ = ["SLOT", "RunningTrial", "begin_trial", "end_trial", "running_trials"]

SLOT = "mass_tuning:slot"
"""System attribute of a trial: the slot of the session that it was begun for."""

_trials = models.TrialModel.__table__
_params = models.TrialParamModel.__table__
_system = models.TrialSystemAttributeModel.__table__


@dataclass(frozen=True)
class RunningTrial:
    """A trial in a worker's hands.

    Attributes
    ----------
    trial_id, number : int
    params : mapping of str to object
        What was suggested so far, as Optuna stores it.
    """

    trial_id: int
    number: int
    params: Mapping[str, Any]


def begin_trial(
    connection: Connection, study_id: int, slot: int, fixed_params: Mapping[str, Any] | None = None
) -> RunningTrial:
    """Insert a RUNNING trial, as ``study.ask`` does; the study stays locked until commit.

    Parameters
    ----------
    connection : Connection
        In a transaction that may write.
    study_id, slot : int
    fixed_params : mapping, optional
        What the trial will suggest, as ``study.enqueue_trial`` notes it.

    Raises
    ------
    StorageError
        If there is no such study.
    """
    lock_study(connection, study_id)
    newest = sa.select(_trials.c.number).where(_trials.c.study_id == study_id)
    last = connection.execute(newest.order_by(_trials.c.trial_id.desc()).limit(1)).scalar()
    number = 0 if last is None else int(last) + 1
    (trial_id,) = allocate_trial_ids(connection, 1)
    connection.execute(
        _trials.insert().values(
            trial_id=trial_id,
            number=number,
            study_id=study_id,
            state=TrialState.RUNNING,
            datetime_start=utc_now(),
        )
    )
    notes: dict[str, Any] = {SLOT: slot}
    if fixed_params is not None:
        notes["fixed_params"] = dict(fixed_params)
    rows = attribute_rows([trial_id], [notes])
    insert_rows(connection, _system.name, ("trial_id", "key", "value_json"), rows)
    return RunningTrial(trial_id, number, {})


def end_trial(
    connection: Connection,
    trial_id: int,
    values: Sequence[float] | None,
    user_attrs: Mapping[str, Any],
    completed: datetime.datetime | None = None,
) -> bool:
    """End a running trial: COMPLETE with values, FAIL without.

    Parameters
    ----------
    connection : Connection
    trial_id : int
    values : sequence of float or None
        One for every objective.
    user_attrs : mapping
        JSON-serialisable, or `studies.trials.append.JsonText`.
    completed : datetime, optional
        Naive UTC; now if left out.

    Returns
    -------
    bool
        False, and nothing is written, if the trial was ended already.
    """
    state = TrialState.FAIL if values is None else TrialState.COMPLETE
    ended = connection.execute(
        _trials.update()
        .where(_trials.c.trial_id == trial_id, _trials.c.state == TrialState.RUNNING)
        .values(state=state, datetime_complete=completed or utc_now())
    )
    if ended.rowcount != 1:
        return False
    if values is not None:
        insert_rows(
            connection,
            models.TrialValueModel.__tablename__,
            ("trial_id", "objective", "value", "value_type"),
            value_rows([trial_id], np.array([values], dtype=np.float64)),
        )
    insert_rows(
        connection,
        models.TrialUserAttributeModel.__tablename__,
        ("trial_id", "key", "value_json"),
        attribute_rows([trial_id], [user_attrs]),
    )
    return True


def running_trials(connection: Connection, study_id: int, slot: int) -> list[RunningTrial]:
    """Trials that were begun for a slot and not ended, oldest first."""
    begun = connection.execute(
        sa.select(_trials.c.trial_id, _trials.c.number)
        .join(_system, _system.c.trial_id == _trials.c.trial_id)
        .where(
            _trials.c.study_id == study_id,
            _trials.c.state == TrialState.RUNNING,
            _system.c.key == SLOT,
            _system.c.value_json == json.dumps(slot),
        )
        .order_by(_trials.c.trial_id)
    ).all()
    return [
        RunningTrial(row.trial_id, row.number, _suggested(connection, row.trial_id))
        for row in begun
    ]


def _suggested(connection: Connection, trial_id: int) -> dict[str, Any]:
    rows = connection.execute(
        sa.select(_params.c.param_name, _params.c.param_value, _params.c.distribution_json).where(
            _params.c.trial_id == trial_id
        )
    )
    return {name: json_to_distribution(text).to_external_repr(value) for name, value, text in rows}
