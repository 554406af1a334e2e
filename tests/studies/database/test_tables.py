"""The tables as queries see them, and as the migrations make them."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.dialects import postgresql

from studies.database import tables as schema
from studies.database.engine import create_engine
from studies.database.migrations import HEAD, VERSION_TABLE, upgrade
from studies.database.schema_lock import locked_schema
from studies.database.transactions import write_transaction

ASSETS = Path(__file__).parents[1] / "assets"
RESULT_INDEXES = {"ix_results_net_sharpe_ratio"}


@pytest.fixture
def engine(tmp_path):
    engine = create_engine(tmp_path / "study.db")
    with locked_schema(engine):
        upgrade(engine)
    yield engine
    engine.dispose()


def dump(path):
    """Every statement that makes the schema, and the version row, in a fixed order."""
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT sql FROM sqlite_master WHERE sql <> '' ORDER BY type = 'index', name"
    )
    lines = [sql + ";" for (sql,) in rows]
    (version,) = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
    connection.close()
    lines.append(f"INSERT INTO {VERSION_TABLE} VALUES ('{version}');")
    return "\n".join(lines) + "\n"


def result_indexes(connection):
    rows = sa.inspect(connection).get_indexes("hyperparameter_tuning_results")
    return {row["name"] for row in rows if not row["unique"]}


def test_an_empty_database_gets_the_released_schema(engine):
    released = (ASSETS / f"schema_{HEAD}.sql").read_text()
    assert dump(engine.url.database) == released


@pytest.mark.parametrize("asset", sorted(ASSETS.glob("schema_*.sql")), ids=lambda path: path.stem)
def test_every_released_schema_comes_to_the_newest(asset, tmp_path, engine):
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(asset.read_text())
    connection.close()
    old = create_engine(path)
    with locked_schema(old):
        upgrade(old)
    assert columns_of(old) == columns_of(engine)
    old.dispose()


def columns_of(engine):
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        return {
            (table, column["name"], str(column["type"]))
            for table in inspector.get_table_names()
            for column in inspector.get_columns(table)
        }


def test_the_migrations_make_what_the_queries_expect(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"version_table": VERSION_TABLE, "compare_server_default": True},
        )
        assert compare_metadata(context, schema.metadata) == []


def test_the_metric_columns_are_those_of_the_semantics():
    assert len(schema.METRIC_COLUMNS) == 18
    columns = schema.hyperparameter_tuning_results.c
    for name in schema.METRIC_COLUMNS + schema.OOS_METRIC_COLUMNS:
        count = name.removeprefix("oos_") in schema._COUNTS
        assert isinstance(columns[name].type, sa.Integer if count else sa.Double), name
        assert columns[name].nullable


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("strategy_queue", {"session_id", "strategy_id"}),
        ("hyperparameter_tuning_results", {"session_id", "strategy_id"}),
        ("strategy_ranking", {"strategy_name", "trading_pair", "date"}),
        ("backtest_results", {"backtest_id"}),
    ],
)
def test_keys_are_unique(engine, table, columns):
    target = schema.metadata.tables[table]
    needed = [c.name for c in target.columns if not c.nullable and not c.primary_key]
    row = {name: 0 if name.endswith(("count", "priority")) else "x" for name in needed}
    assert columns <= set(needed)
    with write_transaction(engine) as connection:
        connection.execute(target.insert(), row)
    with pytest.raises(sa.exc.IntegrityError), write_transaction(engine) as connection:
        connection.execute(target.insert(), row)


def test_the_result_indexes_come_after_a_run(engine):
    with write_transaction(engine) as connection:
        assert result_indexes(connection) == set()
        schema.create_result_indexes(connection)
        schema.create_result_indexes(connection)
        assert result_indexes(connection) == RESULT_INDEXES


def test_the_best_of_a_session_are_read_from_the_index(engine):
    results = schema.hyperparameter_tuning_results
    query = sa.select(results.c.strategy_id).where(results.c.session_id == "s")
    query = query.order_by(results.c.net_sharpe_ratio.desc()).limit(10)
    text = str(query.compile(engine, compile_kwargs={"literal_binds": True}))
    with write_transaction(engine) as connection:
        schema.create_result_indexes(connection)
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
    assert "ix_results_net_sharpe_ratio" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_queue_rows_begin_pending(engine):
    with write_transaction(engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO strategy_queue (session_id, strategy_id) VALUES ('s', 'a')"
        )
        row = connection.execute(sa.select(schema.strategy_queue)).one()
    assert (row.id, row.status, row.priority, row.retry_count) == (1, "pending", 0, 0)


def test_the_tables_compile_for_postgresql():
    for table in schema.metadata.sorted_tables:
        text = str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))
        assert "DATETIME" not in text
        assert ("SERIAL" in text) == ("id" in table.c)
