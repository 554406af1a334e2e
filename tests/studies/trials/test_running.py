"""Trials begun and ended in our transactions cannot be told from Optuna's own."""

import dataclasses
import math

import optuna
import pytest
import sqlalchemy as sa

from search_spaces.errors import StorageError
from studies.database.transactions import write_transaction
from studies.trials.optuna_storage import open_optuna_storage
from studies.trials.running import SLOT, begin_trial, end_trial, running_trials


@pytest.fixture
def study(engine):
    storage = open_optuna_storage(engine)
    yield optuna.create_study(study_name="s", storage=storage, directions=["maximize", "minimize"])
    storage.engine.dispose()


def begin(engine, study, slot=0, **options):
    with write_transaction(engine) as connection:
        return begin_trial(connection, study._study_id, slot, **options)


def end(engine, trial, values, user_attrs=None):
    with write_transaction(engine) as connection:
        return end_trial(connection, trial.trial_id, values, user_attrs or {})


def native(study, trial):
    assert study.trials[trial.number].number == trial.number  # the storage's cache must know it
    return optuna.trial.Trial(study, trial.trial_id)


def running(engine, study, slot):
    with engine.connect() as connection:
        return running_trials(connection, study._study_id, slot)


def test_like_ask_and_tell(engine, study):
    theirs = study.ask()
    theirs.suggest_float("x", 0.0, 1.0)
    theirs.set_user_attr("why", [1, None])
    study.tell(theirs, [1.5, -math.inf])
    ours = begin(engine, study, 3)
    assert study.trials[1].state == optuna.trial.TrialState.RUNNING
    value = native(study, ours).suggest_float("x", 0.0, 1.0)
    assert end(engine, ours, [1.5, -math.inf], {"why": [1, None]})
    first, second = study.trials
    assert (ours.number, second.number, second.system_attrs) == (1, 1, {SLOT: 3})
    assert (second.values, second.user_attrs) == (first.values, first.user_attrs)
    assert (second.params, second.distributions) == ({"x": value}, first.distributions)
    assert first.datetime_complete <= second.datetime_start <= second.datetime_complete
    assert (second.datetime_start - first.datetime_start).total_seconds() < 60


def test_numbers_between_those_of_others(engine, study):
    numbers = []
    for _ in range(3):
        numbers += [begin(engine, study).number, study.ask().number]
    assert numbers == list(range(6))
    assert [t.number for t in study.trials] == numbers


def test_fixed_parameters_are_suggested(engine, study):
    ours = begin(engine, study, fixed_params={"x": 0.25, "c": "b"})
    trial = native(study, ours)
    assert trial.suggest_float("x", 0.0, 1.0) == 0.25
    assert trial.suggest_categorical("c", ["a", "b"]) == "b"


def test_a_trial_ends_once(engine, study):
    ours = begin(engine, study)
    assert end(engine, ours, None, {"failure": "why"})
    assert not end(engine, ours, [1.0, 2.0], {"failure": "again"})
    (trial,) = study.trials
    assert (trial.state.name, trial.values, trial.user_attrs) == ("FAIL", None, {"failure": "why"})
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        native(study, ours).suggest_float("x", 0.0, 1.0)


def test_running_trials_of_a_slot(engine, study):
    first, other, second = (begin(engine, study, slot) for slot in (1, 10, 1))
    study.ask()
    trial = native(study, second)
    params = {"x": trial.suggest_float("x", 0.0, 1.0), "c": trial.suggest_categorical("c", [1, 2])}
    assert running(engine, study, 1) == [first, dataclasses.replace(second, params=params)]
    assert running(engine, study, 10) == [other]
    assert running(engine, study, 2) == []
    end(engine, first, None)
    assert [t.number for t in running(engine, study, 1)] == [second.number]


def test_a_study_that_is_gone(engine, study):
    optuna.delete_study(study_name="s", storage=study._storage)
    with pytest.raises(StorageError, match="it was deleted meanwhile"):
        begin(engine, study)
    with engine.connect() as connection:
        count = sa.select(sa.func.count()).select_from(sa.table("trials"))
        assert connection.execute(count).scalar_one() == 0
