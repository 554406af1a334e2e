"""What goes is counted before it goes; retention keeps what it says; vacuum gives room back."""

import datetime as dt

import pytest
import sqlalchemy as sa

from search_spaces.errors import SessionError, StorageError
from studies.config import RetentionConfig
from studies.database import (
    create_engine,
    execution_log,
    hyperparameter_tuning_results,
    tuning_sessions,
    utc_now,
    work_chunks,
)
from studies.sessions import list_sessions
from studies.upkeep import (
    cleaning,
    count_old_entries,
    delete_failed,
    delete_old_entries,
    delete_session,
    sessions_older_than,
    sessions_to_go,
    vacuum,
    what_goes,
)
from tests.helpers.sessions import OWN_TABLES


def execute(engine, *statements):
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def count(engine, table, *where):
    with engine.connect() as connection:
        query = sa.select(sa.func.count()).select_from(sa.table(table))
        return connection.execute(query.where(*where)).scalar_one()


def test_what_goes_is_what_is_deleted(completed):
    engine, session_id = completed.engine, completed.row.session_id
    failed = what_goes(engine, session_id, failed_only=True)
    assert (failed.results, failed.rows) == (216, 2 * 216)
    tables = (*OWN_TABLES[1:], "search_generations", "trials")
    before = sum(count(engine, table) for table in tables)
    assert what_goes(engine, session_id).rows == before
    assert delete_failed(engine, session_id) == failed.results
    left = what_goes(engine, session_id)
    assert (left.results, left.rows) == (216, before - failed.rows)
    assert delete_session(engine, session_id) == left.results
    with pytest.raises(SessionError, match="there is no session"):
        what_goes(engine, session_id)


@pytest.fixture
def five(completed):
    """Sessions completed 0, 10, 20 and 30 days ago, and an old one that is paused."""
    engine, now = completed.engine, utc_now()
    row = completed.row
    with engine.begin() as connection:
        (stored,) = connection.execute(sa.select(tuning_sessions)).mappings()
        for days in (10, 20, 30, 40):
            when = now - dt.timedelta(days=days)
            status = "paused" if days == 40 else "completed"
            values = {"session_id": f"s{days}", "status": status, "completed_at": when}
            connection.execute(tuning_sessions.insert().values({**stored, **values}))
        connection.execute(
            tuning_sessions.update()
            .where(tuning_sessions.c.session_id == "s40")
            .values(completed_at=None, created_at=now - dt.timedelta(days=40))
        )
    return engine, row.session_id


def test_only_completed_sessions_grow_old(five):
    engine, _ = five
    assert sessions_older_than(engine, 15) == ["s30", "s20"]
    assert sessions_older_than(engine, 60) == []
    assert sessions_older_than(engine, 5) == ["s30", "s20", "s10"]


@pytest.mark.parametrize(
    ("rules", "going"),
    [
        ({}, []),
        ({"log_days": 1}, []),
        ({"keep_days": 15}, ["s30", "s20"]),
        ({"keep_sessions": 3}, ["s30"]),
        ({"keep_sessions": 9}, []),
        ({"keep_days": 25, "keep_sessions": 2}, ["s30", "s20"]),
        ({"keep_days": 15, "keep_sessions": 3}, ["s30", "s20"]),
    ],
)
def test_retention(five, rules, going):
    engine, _ = five
    assert sessions_to_go(engine, RetentionConfig(**rules)) == going


def test_old_entries_of_the_log(completed):
    engine = completed.engine
    n_before = count(engine, "execution_log")
    old = {"message": "old", "created_at": utc_now() - dt.timedelta(days=9)}
    execute(engine, *[execution_log.insert().values(old)] * 3)
    assert (count_old_entries(engine, 8), count_old_entries(engine, 10)) == (3, 0)
    assert delete_old_entries(engine, 10) == 0
    assert delete_old_entries(engine, 8) == 3
    assert count(engine, "execution_log") == n_before
    assert len(list_sessions(engine)) == 1


def test_vacuum_gives_room_back(completed):
    engine = completed.engine
    execute(engine, hyperparameter_tuning_results.delete())
    done = vacuum(engine)
    assert 0 < done.after <= done.before
    if engine.dialect.name == "sqlite":
        assert done.after < 0.9 * done.before
    assert count(engine, "strategy_queue") == 432


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_vacuum_refuses(completed, monkeypatch):
    engine = completed.engine
    with monkeypatch.context() as patch:

        class Usage:
            free = 1_000

        patch.setattr(cleaning.shutil, "disk_usage", lambda folder: Usage)
        with pytest.raises(StorageError, match="make room first"):
            vacuum(engine)
    held = {"state": "running", "worker": "elsewhere/1/1/x", "lease_expires_at": 4e9}
    execute(
        engine,
        work_chunks.update().values(held),
        tuning_sessions.update().values(status="running"),
    )
    with pytest.raises(SessionError, match="is being worked on"):
        vacuum(engine)
    execute(engine, tuning_sessions.update().values(status="completed"))
    monkeypatch.setattr("studies.database.engine.BUSY_TIMEOUT_S", 0.1)
    other = create_engine(engine.url)
    other.dispose()
    with engine.connect() as reader, reader.begin():
        reader.execute(sa.select(tuning_sessions)).all()
        with other.connect() as holder:
            holder.execution_options(mass_tuning_immediate=True)
            with holder.begin(), pytest.raises(StorageError, match="locked; another process"):
                vacuum(create_engine(engine.url))
    other.dispose()
