"""Engines, write transactions and Optuna's storage on the same database."""

import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa

import search_spaces
from search_spaces.errors import StorageError
from studies.database import engine as storage
from studies.database.engine import create_engine, database_clock, display_url
from studies.database.errors import database_errors
from studies.database.schema_lock import locked_schema
from studies.database.tables import execution_log, tuning_sessions
from studies.database.transactions import WritePacer, write_transaction
from studies.sessions.prepared_database import prepare_database
from studies.trials.optuna_storage import open_optuna_storage


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(tmp_path / "study.db")
    yield engine
    engine.dispose()


class FakeClock:
    """A clock that moves only when told, or slept on."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def pragma(connection, name):
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_settings_of_a_sqlite_connection(engine):
    with engine.connect() as connection:
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "synchronous") == 1
        assert pragma(connection, "busy_timeout") == 30_000
        assert pragma(connection, "wal_autocheckpoint") == 20_000
        assert pragma(connection, "cache_size") == -16 * 1024


def test_an_existing_database_is_kept_and_gets_the_write_ahead_log(tmp_path):
    path = tmp_path / "funding_rate.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE return_metrics (trading_pair TEXT)")
        connection.execute("INSERT INTO return_metrics VALUES ('BTC')")
    connection.close()
    engine = create_engine(path)
    with engine.connect() as connection:
        assert pragma(connection, "journal_mode") == "wal"
        assert connection.exec_driver_sql("SELECT * FROM return_metrics").all() == [("BTC",)]
    engine.dispose()


def test_a_write_transaction_commits_or_rolls_back(engine):
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.exec_driver_sql("INSERT INTO t VALUES (1)")

    def fail():
        with write_transaction(engine) as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (2)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT x FROM t").scalars().all() == [1]


def test_a_write_transaction_holds_the_write_lock_from_its_beginning(engine):
    other = sqlite3.connect(engine.url.database, timeout=0)
    with write_transaction(engine):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("CREATE TABLE t (x)")
        assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    other.execute("CREATE TABLE t (x)")
    other.close()


def test_reading_takes_no_write_lock(engine):
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        with write_transaction(engine) as writer:
            writer.exec_driver_sql("CREATE TABLE t (x)")


def test_threads_that_increment_a_counter_lose_nothing(engine):
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.exec_driver_sql("INSERT INTO t VALUES (0)")

    def increment():
        for _ in range(25):
            with write_transaction(engine) as connection:
                x = connection.exec_driver_sql("SELECT x FROM t").scalar_one()
                connection.exec_driver_sql("UPDATE t SET x = ?", (x + 1,))

    threads = [threading.Thread(target=increment) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT x FROM t").scalar_one() == 100


def test_the_pacer_waits_as_long_as_the_lock_was_held(engine):
    clock = FakeClock()
    with WritePacer(engine, clock=clock, sleep=clock.sleep) as pacer:
        with pacer.transaction():
            clock.now += 0.08
        assert pacer.held_s == pytest.approx(0.08)
        clock.now += 0.03
        with pacer.transaction():
            clock.now += 0.01
        assert clock.slept == [pytest.approx(0.05)]
        clock.now += 5.0
        with pacer.transaction():
            pass
        assert len(clock.slept) == 1


def test_the_pacer_waits_after_a_rollback_too(engine):
    clock = FakeClock()
    with WritePacer(engine, clock=clock, sleep=clock.sleep) as pacer:

        def fail():
            with pacer.transaction() as connection:
                connection.exec_driver_sql("CREATE TABLE t (x)")
                clock.now += 0.5
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        with pacer.transaction() as connection:
            assert not sa.inspect(connection).has_table("t")
        assert clock.slept == [pytest.approx(0.5)]


def test_the_pacer_recovers_when_the_lock_could_not_be_had(engine):
    other = sqlite3.connect(engine.url.database, isolation_level=None)
    with WritePacer(engine) as pacer:
        with pacer.transaction() as connection:
            connection.exec_driver_sql("CREATE TABLE t (x)")
            connection.connection.dbapi_connection.execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sa.exc.OperationalError, match="locked"), pacer.transaction():
            pytest.fail("the lock is taken")
        other.execute("COMMIT")
        with pacer.transaction() as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
    other.close()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 1


@pytest.mark.parametrize("after", range(5, 9))
def test_an_interrupt_anywhere_leaves_no_lock_behind(engine, after):
    prepare_database(engine)
    n_events = 0

    def interrupt(*unused):
        nonlocal n_events
        n_events += 1
        if n_events == after:
            raise KeyboardInterrupt

    sa.event.listen(engine, "after_cursor_execute", interrupt)
    sa.event.listen(engine, "commit", interrupt)
    message = {"message": "x"}
    with WritePacer(engine, sleep=lambda seconds: None) as pacer:
        try:
            for _ in range(2):
                with pacer.transaction() as connection:
                    connection.execute(execution_log.insert(), message)
                    connection.execute(sa.select(execution_log)).first()
        except KeyboardInterrupt:
            # The traceback is alive, and with it every cursor.
            with pacer.transaction() as connection:
                n_rows = connection.execute(sa.select(sa.func.count(execution_log.c.id)))
                assert n_rows.scalar_one() == (after - 1) // 4
        assert n_events > after


def test_only_the_pacer_has_a_large_cache_and_gives_it_back(engine):
    with WritePacer(engine, cache_mb=200) as pacer, pacer.transaction() as connection:
        assert pragma(connection, "cache_size") == -200 * 1024
        with engine.connect() as ordinary:
            assert pragma(ordinary, "cache_size") == -16 * 1024
    for _ in range(2):
        with engine.connect() as ordinary:
            assert pragma(ordinary, "cache_size") == -16 * 1024


def test_the_pacer_opens_again_after_closing(engine):
    pacer = WritePacer(engine)
    for _ in range(2):
        with pacer.transaction() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (x)")
            connection.exec_driver_sql("INSERT INTO t VALUES (1)")
        pacer.close()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar_one() == 2


def test_the_database_clock_counts_seconds_of_the_epoch(engine):
    with engine.connect() as connection:
        now = connection.execute(sa.select(database_clock())).scalar()
    assert now == pytest.approx(time.time(), abs=60)


def test_the_database_clock_of_postgresql():
    from sqlalchemy.dialects import postgresql

    text = str(sa.select(database_clock()).compile(dialect=postgresql.dialect()))
    assert "clock_timestamp()" in text


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("no url", "cannot be understood"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("sqlite:///file:x.db?uri=true", "must be a file"),
        ("mysql://user:secret@host/name", "'mysql' databases are not supported"),
        ("sqlite:////no/such/folder/x.db", "/no/such/folder does not exist"),
        ("postgresql://u:secret@host:port/x", "cannot be understood"),
    ],
)
def test_urls_that_cannot_be_used(url, message):
    with pytest.raises(StorageError, match=message) as caught:
        create_engine(url)
    assert "secret" not in str(caught.value)


def test_a_missing_postgresql_driver_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageError, match=r"mass-tuning\[postgres\]") as caught:
        create_engine("postgresql://me:secret@host/name")
    assert "secret" not in str(caught.value)


def test_passwords_are_never_displayed():
    assert display_url("postgresql://me:secret@host/name") == "postgresql://me:***@host/name"
    assert "secret" not in display_url("postgresql://host/name?user=me&password=secret")


def test_postgresql_uses_psycopg_and_utc():
    pytest.importorskip("psycopg")
    engine = create_engine("postgresql://me:secret@host/name?options=-csearch_path%3Dx")
    assert engine.url.drivername == "postgresql+psycopg"
    options = storage.engine_options(engine.url)["connect_args"]["options"]
    assert options == "-csearch_path=x -c timezone=utc"


def test_driver_errors_become_one_line_with_a_way_out(engine):
    with (
        pytest.raises(StorageError, match="no such table: nowhere; a table is missing") as caught,
        database_errors(engine),
        engine.connect() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM nowhere")
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value.__cause__, sa.exc.OperationalError)


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("these are my notes, " * 100)
    engine = create_engine(path)
    with pytest.raises(StorageError, match="no SQLite database"):
        prepare_database(engine)
    with pytest.raises(StorageError, match="no SQLite database"):
        open_optuna_storage(engine)


def test_a_folder_instead_of_a_file(tmp_path):
    engine = create_engine(tmp_path)
    with pytest.raises(StorageError, match="unable to open database file; check that"):
        prepare_database(engine)


def test_a_database_that_may_only_be_read(tmp_path):
    path = tmp_path / "x.db"
    engine = create_engine(path)
    prepare_database(engine)
    engine.dispose()
    # What SQLite says of a file without write permission; for root there is no such file.
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
        with (
            pytest.raises(StorageError, match="readonly database; make the file and its folder"),
            database_errors(engine),
        ):
            connection.exec_driver_sql("DELETE FROM work_chunks")
    engine.dispose()


def test_optuna_storage_runs_a_study_on_the_same_file(engine):
    prepare_database(engine)
    study = optuna.create_study(storage=open_optuna_storage(engine), study_name="s")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    assert optuna.logging.get_verbosity() >= optuna.logging.WARNING
    stock = optuna.load_study(study_name="s", storage=f"sqlite:///{engine.url.database}")
    assert [t.value for t in stock.trials] == [t.value for t in study.trials]


def test_optuna_storage_creates_its_tables_and_takes_a_url(tmp_path):
    opened = open_optuna_storage(f"sqlite:///{tmp_path}/{{braces}}.db")
    assert (tmp_path / "{braces}.db").exists()
    again = pickle.loads(pickle.dumps(opened))
    with again.engine.connect() as connection:
        assert pragma(connection, "busy_timeout") == 30_000
        assert pragma(connection, "synchronous") == 1
    assert list(tmp_path.glob("*lock*")) == []


def test_optuna_storage_keeps_a_quieter_log_level(engine):
    before = optuna.logging.get_verbosity()
    try:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        open_optuna_storage(engine)
        assert optuna.logging.get_verbosity() == optuna.logging.ERROR
    finally:
        optuna.logging.set_verbosity(before)


def test_the_schema_lock_lets_one_in_at_a_time(engine, tmp_path):
    inside, most = [], []

    def enter():
        for _ in range(20):
            with locked_schema(engine):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 80
    assert list(tmp_path.glob("*lock*")) == []


def test_the_schema_lock_of_a_killed_process_is_free(engine, tmp_path):
    code = (
        "import os, signal, sys; from studies.database import create_engine, locked_schema\n"
        "with locked_schema(create_engine(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    url = f"sqlite:///{engine.url.database}"
    process = subprocess.run([sys.executable, "-c", code, url], check=False)
    assert process.returncode == -9
    assert len(list(tmp_path.glob("*lock*"))) == 1
    with locked_schema(engine):
        pass
    assert list(tmp_path.glob("*lock*")) == []


def test_optuna_is_imported_only_where_it_is_needed():
    # The parent package of the errors may import what it likes: that is not the matter here.
    code = (
        "import sys, types\n"
        "parent = sys.modules['search_spaces'] = types.ModuleType('search_spaces')\n"
        "parent.__path__ = [sys.argv[1]]\n"
        "import studies.database.engine, studies.database.tables, studies.database.migrations\n"
        "sys.exit({'optuna', 'alembic'} & {*sys.modules} or 0)"
    )
    parent = Path(search_spaces.__file__).parent
    subprocess.run([sys.executable, "-c", code, str(parent)], check=True)


def test_times_are_stored_without_a_zone(engine):
    prepare_database(engine)
    with write_transaction(engine) as connection:
        connection.execute(tuning_sessions.insert(), {"session_id": "a"})
        created = connection.execute(sa.select(tuning_sessions.c.created_at)).scalar_one()
    assert created.tzinfo is None
    assert created.timestamp() == pytest.approx(time.time(), abs=86_400)
