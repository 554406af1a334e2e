"""What kind of error it was, and patience with the kind that passes."""

import logging
import sqlite3

import psycopg
import pytest
import sqlalchemy as sa
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
)

from search_spaces.errors import SessionError, StorageError
from studies import queue
from studies.database.bulk_insert import insert_rows
from studies.database.engine import create_engine
from studies.database.errors import database_errors
from studies.database.quiet import logged_suppress
from studies.database.transactions import WritePacer, write_transaction
from studies.database.transient_errors import database_error, is_transient, retry_transient


def raised(kind, original, *, lost=False):
    return kind("SELECT 1", {}, original, connection_invalidated=lost)


LOCKED = raised(OperationalError, sqlite3.OperationalError("database is locked"))


def with_state(state):
    error = psycopg.OperationalError("told by the server")
    error.sqlstate = state
    return raised(OperationalError, error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (LOCKED, True),
        (raised(OperationalError, sqlite3.OperationalError("database or disk is full")), False),
        (raised(OperationalError, sqlite3.OperationalError("no such table: x")), False),
        (raised(OperationalError, sqlite3.OperationalError("disk I/O error")), False),
        (raised(IntegrityError, sqlite3.IntegrityError("UNIQUE constraint failed")), False),
        (raised(DBAPIError, sqlite3.DatabaseError("anything"), lost=True), True),
        (raised(OperationalError, psycopg.OperationalError("server closed the connection")), True),
        (raised(InterfaceError, psycopg.InterfaceError("connection already closed")), True),
        (with_state("57P01"), True),  # admin shutdown
        (with_state("57P03"), True),  # starting up
        (with_state("08006"), True),
        (with_state("40001"), True),
        (with_state("40P01"), True),
        (with_state("53300"), True),  # too many connections
        (with_state("53100"), False),  # disk full
        (with_state("28P01"), False),  # wrong password
        (with_state("3D000"), False),  # no such database
        (with_state("42P01"), False),  # no such table
        (raised(IntegrityError, psycopg.errors.UniqueViolation("twice")), False),
        (ValueError("database is locked"), False),
        (KeyboardInterrupt(), False),
    ],
)
def test_what_is_transient(error, expected):
    assert is_transient(error) is expected


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now, self.pauses = 0.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.pauses.append(seconds)
        self.now += seconds


def failing(errors):
    errors = list(errors)

    def action():
        if errors:
            raise errors.pop(0)
        return "done"

    return action


def test_pauses_double_up_to_eight_seconds():
    clock, told = Clock(), []
    outcome = retry_transient(
        failing([LOCKED] * 8),
        on_retry=lambda error, attempt: told.append((error, attempt)),
        clock=clock,
        sleep=clock.sleep,
    )
    assert outcome == "done"
    assert clock.pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert told == [(LOCKED, attempt) for attempt in range(1, 9)]


def test_patience_ends():
    clock = Clock()
    with pytest.raises(OperationalError, match="database is locked"):
        retry_transient(
            failing([LOCKED] * 99), patience_seconds=10.0, clock=clock, sleep=clock.sleep
        )
    assert 10.0 <= clock.now < 18.0


def test_patience_survives_ten_seconds_without_a_server():
    clock = Clock()

    def action():
        if clock.now < 10.0:
            raise with_state("57P03")
        return "back"

    assert retry_transient(action, clock=clock, sleep=clock.sleep) == "back"


@pytest.mark.parametrize("error", [with_state("42P01"), ValueError("no"), KeyboardInterrupt()])
def test_other_errors_are_raised_at_once(error):
    clock = Clock()
    with pytest.raises(type(error)):
        retry_transient(failing([error]), clock=clock, sleep=clock.sleep)
    assert clock.pauses == []


def chained(*errors):
    """Raise errors one from the other, the first is what began it; return the last."""
    caught = errors[0]
    for error in errors[1:]:
        try:
            raise error from caught
        except Exception as raised_from:
            caught = raised_from
    return caught


def in_the_handler_of(first, second):
    """Return an error that was raised while another one was handled, not from it."""
    try:
        try:
            raise first
        except Exception:
            raise second  # noqa: B904
    except Exception as error:
        return error


@pytest.mark.parametrize(
    "error",
    [
        chained(LOCKED, StorageError("sqlite:///x.db: the database is locked")),
        chained(LOCKED, StorageInternalError("in a commit of Optuna's")),
        chained(
            in_the_handler_of(LOCKED, PendingRollbackError("a session that broke")),
            StorageInternalError("in a commit of Optuna's"),
        ),
    ],
)
def test_the_driver_s_error_is_found_behind_others(error):
    clock = Clock()
    assert database_error(error) is LOCKED
    assert retry_transient(failing([error]), clock=clock, sleep=clock.sleep) == "done"
    assert clock.pauses == [0.25]


@pytest.mark.parametrize(
    "error",
    [
        in_the_handler_of(LOCKED, queue.LostClaimError("somebody else has it")),
        chained(LOCKED, SessionError("decided")),
        chained(with_state("42P01"), StorageError("no such table")),
        ValueError("nothing behind it"),
    ],
)
def test_errors_that_mean_something_else_are_raised_at_once(error):
    with pytest.raises(type(error)):
        retry_transient(failing([error]), sleep=lambda seconds: pytest.fail("it waited"))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_connection_that_the_server_ends(engine):
    """A real one, in the middle of a transaction."""
    attempts = []

    def action():
        attempts.append(1)
        with engine.begin() as connection:
            pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
            if len(attempts) == 1:
                with engine.begin() as other:
                    other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            return connection.execute(sa.text("SELECT 1")).scalar_one()

    assert retry_transient(action, sleep=lambda seconds: None) == 1
    assert len(attempts) == 2


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_connection_that_ends_in_a_bulk_write(engine):
    """The driver's own copy raises what everything else raises."""
    row = ("s", 0, 0, 1, "pending")
    columns = ("session_id", "chunk_no", "position_start", "position_stop", "state")
    attempts = []

    def rows():
        attempts.append(1)
        if len(attempts) == 1:
            with engine.begin() as other:
                other.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
        yield row

    def action():
        with WritePacer(engine) as pacer, pacer.transaction() as connection:
            insert_rows(connection, "work_chunks", columns, Rows(rows))

    retry_transient(action, sleep=lambda seconds: None)
    assert len(attempts) == 2
    with engine.connect() as connection:
        assert queue.chunk_states(connection, "s") == {"pending": 1}


class Rows:
    """Rows that come from a function when they are read."""

    def __init__(self, make):
        self.make = make

    def __iter__(self):
        return self.make()

    def __len__(self):
        return 1


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_table_that_is_gone_in_a_bulk_write(engine):
    with (
        pytest.raises(StorageError, match='relation "elsewhere" does not exist; a table is'),
        database_errors(engine),
        write_transaction(engine) as connection,
    ):
        insert_rows(connection, "elsewhere", ("a",), [(1,)])


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_server_that_is_not_there_is_waited_for(engine):
    gone = create_engine(engine.url.update_query_dict({"host": "/nowhere"}))
    clock = Clock()
    with pytest.raises(OperationalError):
        retry_transient(gone.connect, patience_seconds=5.0, clock=clock, sleep=clock.sleep)
    assert len(clock.pauses) > 2


def test_waiting_is_told_and_logged(caplog):
    clock, waits = Clock(), []
    caplog.set_level(logging.INFO, logger="studies.database.transient_errors")
    outcome = retry_transient(
        failing([LOCKED] * 4), on_wait=waits.append, clock=clock, sleep=clock.sleep
    )
    assert outcome == "done"
    assert waits == [0.0, 0.25, 0.75, 1.75, None]
    assert [record.getMessage() for record in caplog.records] == [
        f"attempt {n} failed, {left} s of patience left: database is locked"
        for n, left in ((1, 120), (2, 120), (3, 119), (4, 118))
    ]
    assert {record.levelname for record in caplog.records} == {"INFO"}


def test_the_end_of_the_waiting_is_told_when_patience_ends():
    clock, waits = Clock(), []
    with pytest.raises(OperationalError):
        retry_transient(
            failing([LOCKED] * 9),
            on_wait=waits.append,
            patience_seconds=0.5,
            clock=clock,
            sleep=clock.sleep,
        )
    assert waits == [0.0, 0.25, None]


def test_what_succeeds_at_once_tells_of_no_waiting():
    waits = []
    assert retry_transient(lambda: 1, on_wait=waits.append) == 1
    with pytest.raises(ValueError, match="no"):
        retry_transient(failing([ValueError("no")]), on_wait=waits.append)
    assert waits == []


def test_what_is_passed_over_is_logged(caplog):
    logger = logging.getLogger("some.module")
    caplog.set_level(logging.DEBUG, logger="some.module")
    with logged_suppress(logger, "give it back"):
        raise ValueError("gone")
    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == ("DEBUG", "could not give it back")
    assert record.exc_info[0] is ValueError
    with pytest.raises(KeyboardInterrupt), logged_suppress(logger, "wait"):
        raise KeyboardInterrupt
