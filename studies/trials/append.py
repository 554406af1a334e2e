"""Finished trials written into an Optuna study in bulk, and whole studies deleted in bulk.

What is written cannot be distinguished from what ``study.add_trials`` writes, except by the time
it takes.
The facts of Optuna's tables it rests on:

- a trial's number is the count of the study's trials with a smaller id, so ids and numbers are
  given out, and become visible, in increasing order: under the lock of `lock_study`, until commit;
- readers remember finished trials by id and ask for higher ids only, so an id is never used twice;
- times are naive UTC, states and value types are the names of their enum members, infinite values
  are NULL with a type, and a COMPLETE trial has a value row for every objective.
"""

import datetime
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from optuna.storages._rdb import models
from optuna.trial import TrialState
from sqlalchemy.engine import Connection

from search_spaces.errors import StorageError
from studies.database import insert_rows, stored_time

__all__ = [
    "JsonText",
    "TrialBatch",
    "allocate_trial_ids",
    "append_trials",
    "attribute_rows",
    "lock_study",
    "value_rows",
]

# Optuna's enum members are stored by name.
_STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
_FINITE, _INF_POS, _INF_NEG = (kind.name for kind in models.TrialValueModel.TrialValueType)

_studies = models.StudyModel.__table__
_trials = models.TrialModel.__table__
_params = models.TrialParamModel.__table__
_TRIAL_CHILDREN: tuple[sa.Table, ...] = tuple(
    model.__table__
    for model in (
        models.TrialHeartbeatModel,
        models.TrialIntermediateValueModel,
        models.TrialParamModel,
        models.TrialSystemAttributeModel,
        models.TrialUserAttributeModel,
        models.TrialValueModel,
    )
)
_STUDY_CHILDREN: tuple[sa.Table, ...] = (
    models.StudySystemAttributeModel.__table__,
    models.StudyUserAttributeModel.__table__,
)
_directions = models.StudyDirectionModel.__table__

_TOMBSTONE = "mass-tuning-deleted-{study_id}"
# The system attribute of studies whose deletion has begun.
_DELETED = "mass_tuning:deleted"


class JsonText(str):
    """An attribute that is JSON already and is stored as it is."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialBatch:
    """Finished trials of one study, in the order of their numbers.

    Attributes
    ----------
    states : sequence of optuna.trial.TrialState
        COMPLETE, PRUNED or FAIL, shape (n_trials,).
    values : ndarray of float64, shape (n_trials, n_objectives)
        NaN for FAIL, and for PRUNED trials without a value; infinities are allowed.
    internal_params : ndarray of float64, shape (n_trials, n_params)
        In Optuna's internal representation (`SearchSpace.internal_params`), columns in the order
        of `distributions`.
    distributions : mapping of str to optuna.distributions.BaseDistribution
    user_attrs, system_attrs : sequence of mappings
        JSON-serialisable values, or `JsonText`, shape (n_trials,); empty for none.
    started, completed : datetime.datetime or sequence of them
        One for all, or shape (n_trials,). With a time zone, or naive local time as in Optuna's
        `FrozenTrial`.

    Raises
    ------
    ValueError
        If the shapes disagree, a trial is not finished, a COMPLETE trial lacks a value, a FAIL
        trial has one, or a parameter is outside its distribution.
    """

    states: Sequence[TrialState]
    values: NDArray[np.float64]
    internal_params: NDArray[np.float64]
    distributions: Mapping[str, BaseDistribution]
    user_attrs: Sequence[Mapping[str, Any]] = ()
    system_attrs: Sequence[Mapping[str, Any]] = ()
    started: datetime.datetime | Sequence[datetime.datetime]
    completed: datetime.datetime | Sequence[datetime.datetime]

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_values(self)
        _check_params(self)

    def __len__(self) -> int:
        return len(self.states)


def lock_study(connection: Connection, study_id: int) -> None:
    """Hold the study until the end of the transaction, as Optuna does to number a new trial.

    On SQLite the transaction must be a `write_transaction`, which holds the whole database.

    Raises
    ------
    StorageError
        If there is no such study.
    """
    row = sa.select(_studies.c.study_id).where(_studies.c.study_id == study_id).with_for_update()
    if connection.execute(row).first() is None:
        raise StorageError(f"there is no Optuna study with {study_id=}; it was deleted meanwhile")


def append_trials(connection: Connection, study_id: int, batch: TrialBatch) -> range:
    """Append finished trials to a study in the caller's transaction.

    Parameters
    ----------
    connection : Connection
        In a transaction begun by `write_transaction` or `WritePacer.transaction`. Keep it short:
        the study stays locked until commit.
    study_id : int
    batch : TrialBatch

    Returns
    -------
    range
        Numbers of the trials.

    Raises
    ------
    StorageError
        If there is no such study.
    ValueError
        If a distribution is incompatible with the study's, or the number of objectives differs.
    """
    lock_study(connection, study_id)
    first_number = _check_against_study(connection, study_id, batch)
    numbers = range(first_number, first_number + len(batch))
    if not numbers:
        return numbers
    ids = allocate_trial_ids(connection, len(batch))
    insert_rows(
        connection,
        _trials.name,
        ("trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"),
        _trial_rows(connection, ids, numbers, study_id, batch),
    )
    insert_rows(
        connection,
        models.TrialValueModel.__tablename__,
        ("trial_id", "objective", "value", "value_type"),
        value_rows(ids, batch.values),
    )
    insert_rows(
        connection,
        _params.name,
        ("trial_id", "param_name", "param_value", "distribution_json"),
        _param_rows(ids, batch),
    )
    for model, attrs in (
        (models.TrialUserAttributeModel, batch.user_attrs),
        (models.TrialSystemAttributeModel, batch.system_attrs),
    ):
        columns = ("trial_id", "key", "value_json")
        insert_rows(connection, model.__tablename__, columns, attribute_rows(ids, attrs))
    return numbers


def _check_shapes(batch: TrialBatch) -> None:
    n_trials = len(batch.states)
    if batch.values.ndim != 2 or batch.values.shape[0] != n_trials or batch.values.shape[1] < 1:
        raise ValueError(
            f"values must have shape ({n_trials}, n_objectives), got {batch.values.shape}"
        )
    expected = (n_trials, len(batch.distributions))
    if batch.internal_params.shape != expected:
        raise ValueError(
            f"internal_params must have shape {expected}, got {batch.internal_params.shape}"
        )
    for name in ("user_attrs", "system_attrs", "started", "completed"):
        given = getattr(batch, name)
        if isinstance(given, datetime.datetime) or (name.endswith("attrs") and len(given) == 0):
            continue
        if len(given) != n_trials:
            raise ValueError(f"{name} must have one entry per trial, {n_trials}, got {len(given)}")


def _check_values(batch: TrialBatch) -> None:
    unknown = set(batch.states) - set(_STATES)
    if unknown:
        names = ", ".join(sorted(state.name for state in unknown))
        raise ValueError(f"only finished trials are written in bulk, got {names}")
    missing = np.isnan(batch.values)
    failed = np.array([state == TrialState.FAIL for state in batch.states], dtype=bool)
    complete = np.array([state == TrialState.COMPLETE for state in batch.states], dtype=bool)
    wrong = (complete & missing.any(axis=1)) | (failed & ~missing.all(axis=1))
    wrong |= missing.any(axis=1) & ~missing.all(axis=1)
    if wrong.any():
        position = int(np.argmax(wrong))
        raise ValueError(
            "a COMPLETE trial has a value for every objective and a FAIL trial none (NaN), got "
            f"{batch.states[position].name} with {batch.values[position].tolist()} at {position}"
        )


def _check_params(batch: TrialBatch) -> None:
    for column, (name, distribution) in enumerate(batch.distributions.items()):
        internal = batch.internal_params[:, column]
        if isinstance(distribution, CategoricalDistribution):
            low, high = 0.0, float(len(distribution.choices) - 1)
        else:
            low, high = float(distribution.low), float(distribution.high)  # type: ignore[attr-defined]
        # Written so that NaN is outside.
        outside = ~((internal >= low) & (internal <= high))
        if outside.any():
            position = int(np.argmax(outside))
            raise ValueError(
                f"parameter {name!r} has internal values from {low} to {high}, got "
                f"{internal[position]} at {position}"
            )


def _check_against_study(connection: Connection, study_id: int, batch: TrialBatch) -> int:
    """Check the batch against the study's last trial; return the number that follows it."""
    objectives = sa.select(sa.func.count()).where(_directions.c.study_id == study_id)
    n_objectives = connection.execute(objectives).scalar_one()
    if batch.values.shape[1] != n_objectives:
        raise ValueError(f"the study has {n_objectives} objectives, got {batch.values.shape[1]}")
    newest = sa.select(_trials.c.trial_id, _trials.c.number).where(_trials.c.study_id == study_id)
    last = connection.execute(newest.order_by(_trials.c.trial_id.desc()).limit(1)).first()
    if last is None:
        return 0
    known = sa.select(_params.c.param_name, _params.c.distribution_json)
    for name, text in connection.execute(known.where(_params.c.trial_id == last.trial_id)):
        ours = batch.distributions.get(name)
        if ours is not None and text != distribution_to_json(ours):
            check_distribution_compatibility(json_to_distribution(text), ours)
    return int(last.number) + 1


def allocate_trial_ids(connection: Connection, n_trials: int) -> Sequence[int]:
    """Give out ids of new trials, ascending; the caller holds the study's lock."""
    if connection.dialect.name == "sqlite":
        highest = connection.execute(sa.select(sa.func.max(_trials.c.trial_id))).scalar() or 0
        return range(highest + 1, highest + 1 + n_trials)
    # From the sequence itself: trials of other studies take ids from it at the same time.
    ids = connection.execute(
        sa.text(
            "SELECT nextval(pg_get_serial_sequence('trials', 'trial_id')) "
            "FROM generate_series(1, :n)"
        ),
        {"n": n_trials},
    ).scalars()
    return sorted(ids)


def _trial_rows(
    connection: Connection,
    ids: Sequence[int],
    numbers: range,
    study_id: int,
    batch: TrialBatch,
) -> list[tuple[Any, ...]]:
    started = _stored_times(connection, batch.started, len(batch))
    completed = _stored_times(connection, batch.completed, len(batch))
    states = [state.name for state in batch.states]
    studies = [study_id] * len(batch)
    return list(zip(ids, numbers, studies, states, started, completed, strict=True))


def value_rows(ids: Sequence[int], values: NDArray[np.float64]) -> list[tuple[Any, ...]]:
    """Rows of ``trial_values``: trial, objective, value, kind of value."""
    rows: list[tuple[Any, ...]] = []
    all_values: list[list[float]] = values.tolist()
    for trial_id, trial_values in zip(ids, all_values, strict=True):
        for objective, value in enumerate(trial_values):
            if math.isinf(value):
                rows.append((trial_id, objective, None, _INF_POS if value > 0 else _INF_NEG))
            elif not math.isnan(value):
                rows.append((trial_id, objective, value, _FINITE))
    return rows


def _param_rows(ids: Sequence[int], batch: TrialBatch) -> list[tuple[Any, ...]]:
    n, n_params = len(batch), len(batch.distributions)
    rows: list[tuple[Any, ...]] = [()] * (n * n_params)
    for column, (name, distribution) in enumerate(batch.distributions.items()):
        internal: list[float] = batch.internal_params[:, column].tolist()
        text = distribution_to_json(distribution)
        rows[column::n_params] = list(zip(ids, [name] * n, internal, [text] * n, strict=True))
    return rows


def attribute_rows(
    ids: Sequence[int], attributes: Sequence[Mapping[str, Any]]
) -> list[tuple[Any, ...]]:
    """Rows of user or system attributes: trial, key, value as JSON."""
    if not attributes:
        return []
    # JsonText becomes a plain string, which is what drivers know how to bind.
    return [
        (trial_id, key, str(value) if isinstance(value, JsonText) else json.dumps(value))
        for trial_id, trial_attributes in zip(ids, attributes, strict=True)
        for key, value in trial_attributes.items()
    ]


def _stored_times(
    connection: Connection, times: datetime.datetime | Sequence[datetime.datetime], n_trials: int
) -> list[Any]:
    if isinstance(times, datetime.datetime):
        return [stored_time(connection, _naive_utc(times))] * n_trials
    return [stored_time(connection, _naive_utc(time)) for time in times]


def _naive_utc(time: datetime.datetime) -> datetime.datetime:
    return time.astimezone(datetime.UTC).replace(tzinfo=None)
