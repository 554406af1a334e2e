"""Trials written in bulk against the same trials written by Optuna, and deletion in bulk."""

import datetime
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from search_spaces.errors import StorageError
from studies.database.engine import create_engine
from studies.database.transactions import WritePacer, write_transaction
from studies.sessions.prepared_database import prepare_database
from studies.trials.append import JsonText, TrialBatch, append_trials, lock_study
from studies.trials.deletion import delete_study_rows, finish_deletions
from studies.trials.optuna_storage import check_optuna_revision, open_optuna_storage
from tests.helpers import forks

COMPLETE, FAIL, PRUNED = TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED
DISTRIBUTIONS = {
    "weight_method": CategoricalDistribution(("EQ", "IC", "FS")),
    "window_size": IntDistribution(5, 60, step=5),
    "alpha": FloatDistribution(1e-3, 1.0, log=True),
    "flag": CategoricalDistribution((None, True, 7, 2.5)),
}
UTC = datetime.UTC
TABLES = (
    "studies",
    "study_directions",
    "study_user_attributes",
    "study_system_attributes",
    "trials",
    "trial_values",
    "trial_params",
    "trial_user_attributes",
    "trial_system_attributes",
    "trial_intermediate_values",
    "trial_heartbeats",
    "version_info",
    "alembic_version",
)


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(tmp_path / "study.db")
    prepare_database(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def pacer(engine):
    with WritePacer(engine, sleep=lambda seconds: None) as pacer:
        yield pacer


def make_study(engine, name="s", **options):
    options.setdefault("direction", "maximize")
    return optuna.create_study(storage=open_optuna_storage(engine), study_name=name, **options)


def stock_study(engine, name="s"):
    """The study as a plain Optuna script opens it."""
    return optuna.load_study(study_name=name, storage=f"sqlite:///{engine.url.database}")


def make_batch(n, *, seed=0, values=None, states=None, **options):
    rng = np.random.default_rng(seed)
    internal = np.column_stack(
        [
            rng.integers(0, 3, n),
            5.0 * rng.integers(1, 13, n),
            rng.uniform(1e-3, 1.0, n),
            rng.integers(0, 4, n),
        ]
    ).astype(np.float64)
    now = datetime.datetime(2026, 3, 4, 5, 6, 7, 891, tzinfo=UTC)
    options.setdefault("started", now)
    options.setdefault("completed", now + datetime.timedelta(seconds=1.5))
    attrs = [{"strategy_id": f"P{i}", "metrics": {"x": i}} for i in range(n)]
    options.setdefault("user_attrs", attrs)
    return TrialBatch(
        states=[COMPLETE] * n if states is None else states,
        values=rng.normal(size=(n, 1)) if values is None else np.asarray(values, dtype=float),
        internal_params=internal,
        distributions=DISTRIBUTIONS,
        **options,
    )


def nasty_batch():
    """Every state, value type and kind of attribute; times with and without a zone."""
    base = datetime.datetime(2026, 7, 8, 9, 10, 11, 121314)
    return make_batch(
        7,
        states=[COMPLETE, COMPLETE, COMPLETE, FAIL, PRUNED, PRUNED, COMPLETE],
        values=[[1.5], [np.inf], [-np.inf], [np.nan], [0.25], [np.nan], [-0.0]],
        started=[base + datetime.timedelta(hours=5 * i) for i in range(7)],
        completed=[base.replace(microsecond=0, tzinfo=UTC)] * 7,
        user_attrs=[
            {"strategy_id": "SR_DD_W30", "metrics": {"a": 1.5, "b": None, "c": [1, 2]}},
            {},
            {"text": 'é "quoted" \\ 因子', "number": 1e-300},
            {"failure": "insufficient_data"},
            {"nan": float("nan"), "inf": float("inf")},
            {"cached": True},
            {"empty": ""},
        ],
        system_attrs=[{}, {"k": [1]}, {}, {}, {}, {}, {}],
    )


def frozen_trials(batch):
    """The trials of a batch as a user would make them for ``study.add_trials``."""
    trials = []
    for i, state in enumerate(batch.states):
        values = batch.values[i].tolist()
        started, completed = (
            times if isinstance(times, datetime.datetime) else times[i]
            for times in (batch.started, batch.completed)
        )
        trials.append(
            optuna.trial.FrozenTrial(
                number=-1,
                trial_id=-1,
                state=state,
                value=None,
                values=None if np.isnan(values).all() else values,
                datetime_start=started,
                datetime_complete=completed,
                params={
                    name: distribution.to_external_repr(batch.internal_params[i, column])
                    for column, (name, distribution) in enumerate(batch.distributions.items())
                },
                distributions=dict(batch.distributions),
                user_attrs=dict(batch.user_attrs[i]),
                system_attrs=dict(batch.system_attrs[i]) if batch.system_attrs else {},
                intermediate_values={},
            )
        )
    return trials


def append(engine, study, batch):
    with write_transaction(engine) as connection:
        return append_trials(connection, study._study_id, batch)


def table_rows(path):
    connection = sqlite3.connect(path)
    rows = {
        table: (
            [column[1:3] for column in connection.execute(f"PRAGMA table_info({table})")],
            connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall(),
        )
        for table in TABLES
    }
    connection.close()
    return rows


@pytest.mark.parametrize("make", [nasty_batch, lambda: make_batch(60)], ids=["nasty", "plain"])
def test_bulk_trials_equal_native_ones(tmp_path, make):
    batch = make()
    engine = create_engine(tmp_path / "bulk.db")
    append(engine, make_study(engine), batch)
    engine.dispose()

    url = f"sqlite:///{tmp_path}/native.db"
    native = optuna.create_study(storage=url, study_name="s", direction="maximize")
    native.add_trials(frozen_trials(batch))

    theirs, ours = table_rows(tmp_path / "native.db"), table_rows(tmp_path / "bulk.db")
    for table in TABLES:
        assert repr(ours[table]) == repr(theirs[table]), table

    bulk = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/bulk.db")
    native = optuna.load_study(study_name="s", storage=url)
    assert len(bulk.trials) == len(batch)
    for one, other in zip(bulk.trials, native.trials, strict=True):
        assert repr(one) == repr(other)
        assert vars(one).keys() == vars(other).keys()
        for field, value in vars(one).items():
            assert repr(value) == repr(vars(other)[field]), field
            assert type(value) is type(vars(other)[field])


def test_several_objectives_equal_native_ones(tmp_path):
    directions = ["maximize", "minimize", "maximize"]
    values = [[1.0, np.inf, -2.0], [np.nan] * 3, [0.0, 1.0, 2.0]]
    batch = make_batch(3, values=values, states=[COMPLETE, FAIL, COMPLETE])
    engine = create_engine(tmp_path / "bulk.db")
    study = make_study(engine, direction=None, directions=directions)
    append(engine, study, batch)
    engine.dispose()
    native = optuna.create_study(
        storage=f"sqlite:///{tmp_path}/native.db", study_name="s", directions=directions
    )
    native.add_trials(frozen_trials(batch))
    assert table_rows(tmp_path / "bulk.db") == table_rows(tmp_path / "native.db")
    assert [t.number for t in study.best_trials] == [t.number for t in native.best_trials]


def test_json_text_is_stored_as_it_is(engine):
    attrs = {"metrics": {"a": 1.5}, "strategy_id": "x"}
    study = make_study(engine)
    append(engine, study, make_batch(1, user_attrs=[attrs]))
    encoded = {key: JsonText(json.dumps(value)) for key, value in attrs.items()}
    append(engine, study, make_batch(1, user_attrs=[encoded]))
    first, second = stock_study(engine).trials
    assert first.user_attrs == second.user_attrs == attrs


def test_numbers_have_no_holes_between_native_trials(engine):
    study = make_study(engine)
    other = make_study(engine, name="other")
    seen = []
    for i in range(4):
        trial = stock_study(engine).ask(DISTRIBUTIONS)
        other.add_trial(optuna.trial.create_trial(value=0.0))
        numbers = append(engine, study, make_batch(5, seed=i))
        stock_study(engine).tell(trial.number, 1.0)
        append(engine, other, make_batch(2))
        seen += [trial.number, *numbers]
    assert seen == list(range(24))
    assert [t.number for t in study.trials] == list(range(24))
    ids = [t._trial_id for t in study.trials]
    assert ids == sorted(set(ids))
    assert [t.number for t in other.trials] == list(range(12))


def test_a_reader_opened_before_sees_every_trial(engine):
    study = make_study(engine)
    append(engine, study, make_batch(3))
    reader = stock_study(engine)
    assert len(reader.trials) == 3
    running = reader.ask()
    append(engine, study, make_batch(5, seed=1))
    assert len(reader.trials) == 9
    reader.tell(running, 0.5)
    append(engine, study, make_batch(4, seed=2))
    assert [t.number for t in reader.trials] == list(range(13))
    assert all(t.state == COMPLETE for t in reader.trials)
    assert repr(reader.trials) == repr(stock_study(engine).trials)


def test_an_empty_batch_writes_nothing(engine):
    study = make_study(engine)
    assert append(engine, study, make_batch(0)) == range(0)
    assert study.trials == []


def test_a_rolled_back_batch_leaves_no_trace(engine):
    study = make_study(engine)

    def fail():
        with write_transaction(engine) as connection:
            append_trials(connection, study._study_id, make_batch(5))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert stock_study(engine).trials == []
    assert append(engine, study, make_batch(5)) == range(5)


def test_the_optuna_command_reads_the_best_trial(engine):
    study = make_study(engine)
    batch = make_batch(50)
    append(engine, study, batch)
    command = [
        str(Path(sys.executable).with_name("optuna")),
        "best-trial",
        *("--storage", f"sqlite:///{engine.url.database}"),
        *("--study-name", "s", "--format", "json"),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    best = json.loads(done.stdout)
    position = int(np.argmax(batch.values[:, 0]))
    assert best["number"] == position
    assert best["user_attrs"]["strategy_id"] == f"P{position}"
    assert study.best_value == batch.values.max()


def test_a_native_sampler_continues_a_bulk_study(engine):
    append(engine, make_study(engine), make_batch(30))
    study = stock_study(engine)
    study.sampler = optuna.samplers.TPESampler(seed=0)

    def objective(trial):
        for name, distribution in DISTRIBUTIONS.items():
            trial._suggest(name, distribution)
        return 0.0

    study.optimize(objective, n_trials=5)
    assert [t.number for t in study.trials] == list(range(35))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": [[1.0], [np.nan]]}, "COMPLETE with .* at 1"),
        ({"states": [COMPLETE, FAIL], "values": [[1.0], [2.0]]}, "FAIL with"),
        ({"values": [[1.0, np.nan], [1.0, 2.0]]}, "COMPLETE with .* at 0"),
        ({"states": [COMPLETE, TrialState.RUNNING]}, "finished .* RUNNING"),
        ({"values": [[1.0]]}, r"values must have shape \(2, n_objectives\)"),
        ({"user_attrs": [{}]}, "user_attrs must have one entry per trial"),
        ({"started": [datetime.datetime(2026, 1, 1)]}, "started must have one entry"),
    ],
)
def test_batches_that_cannot_be(changes, message):
    with pytest.raises(ValueError, match=message):
        make_batch(2, **changes)


@pytest.mark.parametrize("bad", [3.0, -1.0, np.nan])
def test_parameters_outside_their_distribution(bad):
    now = datetime.datetime.now(UTC)
    with pytest.raises(ValueError, match=r"'c' has internal values from 0.0 to 2.0"):
        TrialBatch(
            states=[COMPLETE],
            values=np.zeros((1, 1)),
            internal_params=np.array([[bad]]),
            distributions={"c": CategoricalDistribution((1, 2, 3))},
            started=now,
            completed=now,
        )


def test_batches_that_do_not_fit_their_study(engine):
    study = make_study(engine)
    append(engine, study, make_batch(1))
    with pytest.raises(ValueError, match="1 objectives, got 2"):
        append(engine, study, make_batch(1, values=[[1.0, 2.0]]))
    now = datetime.datetime.now(UTC)
    other = TrialBatch(
        states=[COMPLETE],
        values=np.zeros((1, 1)),
        internal_params=np.zeros((1, 1)),
        distributions={"weight_method": CategoricalDistribution(("EQ", "XX"))},
        started=now,
        completed=now,
    )
    with pytest.raises(ValueError, match="dynamic value space"):
        append(engine, study, other)
    assert len(stock_study(engine).trials) == 1


def test_a_missing_study_and_a_missing_revision(engine, tmp_path):
    with write_transaction(engine) as connection:
        check_optuna_revision(connection)
        with pytest.raises(StorageError, match="study_id=99"):
            lock_study(connection, 99)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'v9.a'")
        with pytest.raises(StorageError, match=r"revision='v9.a', this release knows v3.2.0.a"):
            check_optuna_revision(connection)
    empty = create_engine(tmp_path / "empty.db")
    with (
        empty.connect() as connection,
        pytest.raises(StorageError, match="no Optuna tables"),
    ):
        check_optuna_revision(connection)


def count_orphans(engine):
    """Rows that belong to no study or trial."""
    with engine.connect() as connection:
        return sum(
            connection.exec_driver_sql(
                f"SELECT count(*) FROM {table} WHERE {key} NOT IN (SELECT {key} FROM {parent})"
            ).scalar_one()
            for table in TABLES[1:11]
            for key, parent in [
                ("study_id", "studies")
                if table.startswith("study") or table == "trials"
                else ("trial_id", "trials")
            ]
        )


def test_deleting_a_study_leaves_the_others(engine, pacer):
    doomed, kept = make_study(engine, "doomed"), make_study(engine, "kept")
    for i in range(3):
        append(engine, doomed, make_batch(700, seed=i))
        append(engine, kept, make_batch(10, seed=i))
    doomed.set_user_attr("note", "x")
    before = repr(stock_study(engine, "kept").trials)
    assert delete_study_rows(pacer, doomed._study_id) == 2100
    assert optuna.get_all_study_names(open_optuna_storage(engine)) == ["kept"]
    assert repr(stock_study(engine, "kept").trials) == before
    assert count_orphans(engine) == 0
    assert delete_study_rows(pacer, doomed._study_id) == 0


def test_a_tombstone_keeps_ids_from_being_used_again(engine, pacer):
    make_study(engine, "kept")
    doomed = make_study(engine, "doomed")
    append(engine, doomed, make_batch(20))
    reader = stock_study(engine, "doomed")
    highest = reader.trials[-1]._trial_id

    assert delete_study_rows(pacer, doomed._study_id) == 20
    names = optuna.get_all_study_names(open_optuna_storage(engine))
    assert names == ["kept", f"mass-tuning-deleted-{doomed._study_id}"]
    (tombstone,) = stock_study(engine, names[1]).trials
    assert (tombstone._trial_id, tombstone.number, tombstone.state) == (highest, 0, FAIL)
    assert tombstone.params == tombstone.user_attrs == {}

    new = make_study(engine, "new")
    assert new._study_id > doomed._study_id
    append(engine, new, make_batch(5, seed=1))
    assert min(t._trial_id for t in new.trials) > highest
    # The reader of the deleted study is not shown the trials of another one.
    assert len(reader.trials) == 20
    assert {t._trial_id for t in reader.trials}.isdisjoint({t._trial_id for t in new.trials})
    assert count_orphans(engine) == 0


def test_an_old_tombstone_goes_when_higher_ids_exist(engine, pacer):
    first = make_study(engine, "first")
    append(engine, first, make_batch(5))
    delete_study_rows(pacer, first._study_id)
    second, third = make_study(engine, "second"), make_study(engine, "third")
    append(engine, third, make_batch(5))
    assert delete_study_rows(pacer, second._study_id) == 0
    assert optuna.get_all_study_names(open_optuna_storage(engine)) == ["third"]
    assert delete_study_rows(pacer, third._study_id) == 5
    assert optuna.get_all_study_names(open_optuna_storage(engine)) == ["mass-tuning-deleted-3"]
    assert finish_deletions(pacer) == 0
    assert optuna.get_all_study_names(open_optuna_storage(engine)) == ["mass-tuning-deleted-3"]
    assert count_orphans(engine) == 0


def test_an_interrupted_deletion_is_finished(engine):
    doomed = make_study(engine, "doomed")
    append(engine, doomed, make_batch(3000))
    make_study(engine, "session")

    def interrupt(seconds):
        raise KeyboardInterrupt

    with WritePacer(engine, sleep=interrupt) as pacer, pytest.raises(KeyboardInterrupt):
        delete_study_rows(pacer, doomed._study_id)
    assert "doomed" not in optuna.get_all_study_names(open_optuna_storage(engine))
    with WritePacer(engine, sleep=lambda seconds: None) as pacer:
        assert finish_deletions(pacer) > 0
    assert optuna.get_all_study_names(open_optuna_storage(engine)) == [
        "mass-tuning-deleted-1",
        "session",
    ]
    assert count_orphans(engine) == 0


STOCK_WORKER = """
import sys, optuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(storage=sys.argv[1], study_name=sys.argv[2], load_if_exists=True)
print("ready", flush=True)
sys.stdin.readline()
study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=25)
"""


def test_stock_processes_on_other_studies_are_not_disturbed(engine):
    study = make_study(engine, "bulk")
    url = f"sqlite:///{engine.url.database}"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    workers = [
        forks.Popen([sys.executable, "-c", STOCK_WORKER, url, f"w{i}"], text=True, **pipes)
        for i in range(2)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    n, n_batches = 4000, 0
    with WritePacer(engine) as hard:
        while any(worker.poll() is None for worker in workers) and n_batches < 200:
            batch = make_batch(n, seed=n_batches)
            with hard.transaction() as connection:
                append_trials(connection, study._study_id, batch)
            n_batches += 1
    errors = [worker.communicate()[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], errors
    assert errors == ["", ""]
    for i in range(2):
        trials = stock_study(engine, f"w{i}").trials
        assert [(t.number, t.state) for t in trials] == [(number, COMPLETE) for number in range(25)]
    assert n_batches > 2
    with engine.connect() as connection:
        numbers = connection.exec_driver_sql(
            "SELECT count(*), min(number), max(number), count(DISTINCT number) FROM trials "
            "WHERE study_id = ?",
            (study._study_id,),
        ).one()
    assert numbers == (n * n_batches, 0, n * n_batches - 1, n * n_batches)
