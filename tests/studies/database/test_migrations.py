"""Preparing a database: fresh, of an earlier system, half-way, by several at once, too new."""

import datetime
import sqlite3
import subprocess
import sys

import optuna
import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

import studies.database.migrations
from search_spaces.errors import StorageError
from studies.database import tables as schema
from studies.database.engine import create_engine
from studies.database.migrations import HEAD, VERSION_TABLE, schema_revision
from studies.database.transactions import write_transaction
from studies.sessions.prepared_database import prepare_database
from studies.trials.optuna_storage import open_optuna_storage
from tests.helpers import forks

# The tables as section 4.2 of the requirements document describes the earlier system.
EARLIER_SYSTEM = """
CREATE TABLE tuning_sessions (
    session_id TEXT PRIMARY KEY, mode TEXT NOT NULL, total_strategies INTEGER NOT NULL,
    completed_strategies INTEGER DEFAULT 0, failed_strategies INTEGER DEFAULT 0,
    status TEXT DEFAULT 'created', created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    started_at TIMESTAMP, completed_at TIMESTAMP);
CREATE TABLE strategy_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, strategy_id TEXT NOT NULL,
    strategy_config TEXT NOT NULL, status TEXT DEFAULT 'pending',
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, execution_time_seconds REAL,
    error_message TEXT, FOREIGN KEY (session_id) REFERENCES tuning_sessions(session_id));
CREATE TABLE hyperparameter_tuning_results (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, strategy_id TEXT NOT NULL,
    factors TEXT NOT NULL, window_size INTEGER NOT NULL, rebalance_frequency INTEGER,
    data_period INTEGER, selection_count INTEGER, weight_method TEXT, total_return REAL,
    annual_return REAL, sharpe_ratio REAL, max_drawdown REAL, raw_result TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, user_comment TEXT NOT NULL);
CREATE INDEX idx_results_session ON hyperparameter_tuning_results(session_id);
CREATE TABLE backtest_results (
    id INTEGER PRIMARY KEY, backtest_id TEXT UNIQUE, strategy_name TEXT, start_date DATE,
    end_date DATE, initial_capital REAL, final_balance REAL, sharpe_ratio REAL);
CREATE TABLE return_metrics (trading_pair TEXT, date TEXT, return_1d REAL);
INSERT INTO tuning_sessions
    (session_id, mode, total_strategies, status, created_at, started_at)
    VALUES ('session_20250702_143022_9432', 'sampling', 3, 'completed',
            '2025-07-02 14:30:22', '2025-07-02T14:30:23.500');
INSERT INTO strategy_queue (session_id, strategy_id, strategy_config)
    VALUES ('session_20250702_143022_9432', 'a', '{"x": 1}'),
           ('session_20250702_143022_9432', 'b', '{"x": 2}');
INSERT INTO hyperparameter_tuning_results
    (session_id, strategy_id, factors, window_size, sharpe_ratio, user_comment)
    VALUES ('session_20250702_143022_9432', 'a', '["SR"]', 30, 1.25, 'mine'),
           ('session_20250702_143022_9432', 'a', '["SR"]', 30, 1.5, 'again'),
           ('session_20250702_143022_9432', 'b', '["SR", "DD"]', 60, -0.5, '');
INSERT INTO backtest_results (backtest_id, sharpe_ratio) VALUES ('old', 2.0);
INSERT INTO return_metrics VALUES ('BTC', '2025-01-01', 0.001);
"""
PREPARE = """
import sys
from studies.sessions.prepared_database import prepare_database
from studies.database.engine import create_engine
prepare_database(create_engine(sys.argv[1]))
"""
# Dies when SQLite has executed the given number of statements that change the schema or its row.
PREPARE_AND_DIE = """
import os, signal, sys
import sqlalchemy as sa
from studies.database.migrations import upgrade
from studies.database.engine import create_engine
engine = create_engine(sys.argv[1])
countdown = [int(sys.argv[2])]
@sa.event.listens_for(engine, "after_cursor_execute")
def count(connection, cursor, statement, *rest):
    if statement.lstrip().split()[0] in {"CREATE", "ALTER", "INSERT", "DROP"}:
        countdown[0] -= 1
        if countdown[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
upgrade(engine)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "funding_rate.db"


@pytest.fixture
def engine(path):
    engine = create_engine(path)
    yield engine
    engine.dispose()


def make_earlier_system(path):
    connection = sqlite3.connect(path)
    connection.executescript(EARLIER_SYSTEM)
    rows = rows_of(connection)
    connection.close()
    return rows


def rows_of(connection):
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    connection.row_factory = sqlite3.Row
    rows = {
        name: [dict(row) for row in connection.execute(f"SELECT * FROM {name} ORDER BY rowid")]
        for (name,) in tables
    }
    connection.row_factory = None
    return rows


def test_a_fresh_database_has_every_table(engine):
    prepare_database(engine)
    with engine.connect() as connection:
        tables = set(sa.inspect(connection).get_table_names())
        assert schema_revision(connection) == HEAD
    assert set(schema.metadata.tables) | {"studies", "trials", "alembic_version"} <= tables
    optuna.create_study(storage=open_optuna_storage(engine))


def test_a_prepared_database_is_only_read(engine):
    prepare_database(engine)
    statements = []
    sa.event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    prepare_database(engine)
    assert statements
    assert all(s.split()[0] in {"SELECT", "PRAGMA", "BEGIN"} for s in statements)
    assert "BEGIN IMMEDIATE" not in statements


def test_the_head_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(studies.database.migrations.__path__[0]))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_tables_of_an_earlier_system_keep_every_row(path, engine):
    before = make_earlier_system(path)
    prepare_database(engine)
    connection = sqlite3.connect(path)
    after = rows_of(connection)
    connection.close()
    for table, rows in before.items():
        assert len(after[table]) == len(rows)
        for old, new in zip(rows, after[table], strict=True):
            assert {name: new[name] for name in old} == old
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        for name, table in schema.metadata.tables.items():
            present = {column["name"] for column in inspector.get_columns(name)}
            assert set(table.columns.keys()) <= present, name
        indexes = {i["name"] for i in inspector.get_indexes("hyperparameter_tuning_results")}
        assert "idx_results_session" in indexes
        queue = connection.execute(sa.select(schema.strategy_queue)).all()
        assert [(row.priority, row.retry_count) for row in queue] == [(0, 0), (0, 0)]
        session = connection.execute(sa.select(schema.tuning_sessions)).one()
        assert session.created_at == datetime.datetime(2025, 7, 2, 14, 30, 22)
        assert session.started_at == datetime.datetime(2025, 7, 2, 14, 30, 23, 500_000)
        assert session.config_data is None


def test_an_earlier_system_takes_our_rows(path, engine):
    make_earlier_system(path)
    prepare_database(engine)
    results, queue = schema.hyperparameter_tuning_results, schema.strategy_queue
    row = {"session_id": "new", "strategy_id": "P1", "net_sharpe_ratio": 1.0}
    with write_transaction(engine) as connection:
        connection.execute(schema.tuning_sessions.insert(), {"session_id": "new"})
        connection.execute(queue.insert(), {"session_id": "new", "strategy_id": "P1"})
        connection.execute(results.insert(), row)
    # The old rows repeat a key, so it is enforced from ours on.
    for table, again in ((results, row), (queue, {"session_id": "new", "strategy_id": "P1"})):
        with pytest.raises(sa.exc.IntegrityError), write_transaction(engine) as connection:
            connection.execute(table.insert(), again)
    with engine.connect() as connection:
        ids = connection.execute(sa.select(results.c.id).order_by(results.c.id)).scalars().all()
    assert ids == [1, 2, 3, 4]


def test_preparing_twice_changes_nothing(path, engine):
    make_earlier_system(path)
    prepare_database(engine)
    connection = sqlite3.connect(path)
    before = list(connection.iterdump())
    prepare_database(engine)
    assert list(connection.iterdump()) == before
    connection.close()


def test_four_processes_prepare_one_database_at_once(path, engine):
    before = make_earlier_system(path)
    command = [sys.executable, "-c", PREPARE, f"sqlite:///{path}"]
    processes = [forks.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors
    with engine.connect() as connection:
        versions = connection.exec_driver_sql(f"SELECT * FROM {VERSION_TABLE}").all()
        assert versions == [(HEAD,)]
        assert connection.exec_driver_sql("SELECT * FROM alembic_version").all() == [("v3.2.0.a",)]
        assert connection.exec_driver_sql("SELECT count(*) FROM strategy_queue").scalar() == len(
            before["strategy_queue"]
        )
    assert [file.name for file in path.parent.glob("*lock*")] == []


@pytest.mark.parametrize("n_statements", [1, 7, 25, 60])
def test_killed_in_a_migration_and_opened_again(path, n_statements):
    before = make_earlier_system(path)
    command = [sys.executable, "-c", PREPARE_AND_DIE, f"sqlite:///{path}", str(n_statements)]
    process = forks.run(command)
    assert process.returncode == -9, process.stderr
    connection = sqlite3.connect(path)
    assert rows_of(connection) == before
    engine = create_engine(path)
    prepare_database(engine)
    with engine.connect() as prepared:
        assert schema_revision(prepared) == HEAD
    assert len(rows_of(connection)["hyperparameter_tuning_results"]) == 3
    connection.close()
    engine.dispose()


def test_a_newer_schema_is_refused(engine):
    prepare_database(engine)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StorageError, match=f"schema 9999, this release knows up to {HEAD}"):
        prepare_database(engine)


@pytest.mark.parametrize("revision", ["v9.9.9.a", "v2.6.0.a"])
def test_an_unknown_optuna_revision_is_refused_and_left_alone(path, engine, revision):
    open_optuna_storage(engine)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (revision,))
    for open_database in (prepare_database, open_optuna_storage):
        with pytest.raises(StorageError, match=r"upgrade|updating optuna"):
            open_database(engine)
    with engine.connect() as connection:
        assert not sa.inspect(connection).has_table("tuning_sessions")


def test_optuna_tables_begun_by_a_killed_process_are_completed(path, engine):
    from optuna.storages._rdb import models

    with write_transaction(engine) as connection:
        models.StudyModel.__table__.create(connection)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    prepare_database(engine)
    optuna.create_study(storage=open_optuna_storage(engine)).optimize(lambda trial: 1.0, n_trials=1)


def test_a_failing_migration_leaves_the_database_as_it_was(path, engine, monkeypatch):
    before = make_earlier_system(path)
    with write_transaction(engine) as connection:
        connection.exec_driver_sql("CREATE VIEW work_chunks AS SELECT 1 AS session_id")
    with pytest.raises(StorageError):
        prepare_database(engine)
    connection = sqlite3.connect(path)
    after = {name: rows for name, rows in rows_of(connection).items() if name in before}
    assert after == before
    connection.close()
