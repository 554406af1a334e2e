"""Engines on the project's database, short write transactions, and Optuna's storage beside them.

One database holds the market, our tables and Optuna's. On SQLite everything that writes takes the
write lock at once (``BEGIN IMMEDIATE``) and gives it back soon, because plain Optuna scripts use
the same file: they wait for the lock five seconds only, and crash when it never comes free.
"""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from objectives.database_driver import with_driver
from objectives.sqlite_url import refuse_tilde, sqlite_url
from objectives.url_passwords import display_url
from search_spaces.errors import DatabaseUrlError, StorageError

__all__ = ["create_engine", "database_clock", "display_url"]

BUSY_TIMEOUT_S = 30.0
CACHE_MB = 16


def create_engine(url: str | URL | Path) -> Engine:
    """Open an engine on a SQLite file or a PostgreSQL database.

    On SQLite every connection waits up to 30 s for a lock, uses the write-ahead log and a cache of
    at most 16 MB, and begins transactions explicitly: ``engine.begin()`` reads one snapshot,
    `write_transaction` takes the write lock. Foreign keys are not enforced there, because tables
    of an earlier system may carry references that SQLite refuses at every write. On PostgreSQL
    the driver is psycopg 3 and the session's time zone UTC.

    Parameters
    ----------
    url : str, URL or Path
        ``sqlite:///funding_rate.db``, ``postgresql://user@host/name``, or the path of a SQLite
        file, which is created when it is first written.

    Returns
    -------
    Engine

    Raises
    ------
    StorageError
        If the URL cannot be understood, is neither SQLite nor PostgreSQL, is a SQLite database in
        memory, lies in a folder that does not exist, or if the PostgreSQL driver is missing.
    """
    parsed = _parse_url(url)
    options = engine_options(parsed)
    try:
        engine = sa.create_engine(parsed, **options)
    except (ImportError, NoSuchModuleError) as error:
        raise StorageError(
            f"{display_url(parsed)}: the PostgreSQL driver psycopg is not installed; "
            "install it with: pip install 'mass-tuning[postgres]'"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _begin_explicitly)
        sa.event.listen(engine, "begin", _begin_sqlite)
        sa.event.listen(engine, "checkin", _restore_cache)
        sa.event.listen(engine, "close", _roll_back)
    return engine


class database_clock(FunctionElement[float]):  # noqa: N801 (an SQL function, as sa.func.now)
    """SQL expression: seconds since 1970-01-01 UTC on the clock of the database.

    On PostgreSQL the time of the statement, not of the beginning of the transaction.
    """

    type = sa.Double()
    inherit_cache = True


@compiles(database_clock, "sqlite")
def _sqlite_clock(element: database_clock, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(database_clock)
def _clock(element: database_clock, compiler: Any, **kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS DOUBLE PRECISION)"


class _SqliteConnection(sqlite3.Connection):
    """A connection with this project's settings; the busy timeout is set while it is opened."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute("PRAGMA synchronous = NORMAL")
        self.execute(f"PRAGMA wal_autocheckpoint = {WAL_AUTOCHECKPOINT_PAGES}")
        _set_cache(self, CACHE_MB)
        if self.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            # Another process in mid-write, or a file we may only read: both work without the log,
            # and the next connection tries again.
            with contextlib.suppress(sqlite3.OperationalError):
                self.execute("PRAGMA journal_mode = WAL").fetchone()


def _parse_url(url: str | URL | Path) -> URL:
    if isinstance(url, Path):
        url = sqlite_url(url)
    try:
        parsed = with_driver(make_url(url))
    except (ArgumentError, ValueError) as error:
        # The text itself is not repeated: it may hold a password.
        raise DatabaseUrlError(
            "the database URL cannot be understood; expected sqlite:///funding_rate.db or "
            "postgresql://user:password@host:5432/name"
        ) from error
    if parsed.drivername == "postgresql+psycopg":
        return parsed
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise DatabaseUrlError(
            f"{parsed.drivername!r} databases are not supported; use sqlite:///FILE or "
            "postgresql://user:password@host:5432/name"
        )
    database = parsed.database or ":memory:"
    if database == ":memory:" or database.startswith("file:"):
        raise DatabaseUrlError(
            f"{display_url(parsed)}: the database is shared by several connections and must be a "
            "file given by its path, for example sqlite:///funding_rate.db"
        )
    refuse_tilde(parsed, display_url(parsed))
    folder = Path(database).resolve().parent
    if not folder.is_dir():
        raise DatabaseUrlError(
            f"{display_url(parsed)}: the folder {folder} does not exist; create it"
        )
    return parsed


def engine_options(url: URL) -> dict[str, Any]:
    """Arguments of ``sqlalchemy.create_engine`` shared by our engine and Optuna's."""
    if url.get_backend_name() == "sqlite":
        connect_args: dict[str, Any] = {"timeout": BUSY_TIMEOUT_S, "factory": _SqliteConnection}
        # Last in, first out: one warm page cache instead of several lukewarm ones.
        return {"connect_args": connect_args, "pool_use_lifo": True}
    given = url.query.get("options", "")
    settings = [given] if isinstance(given, str) else list(given)
    connect_args = {"options": " ".join([*settings, "-c timezone=utc"]).strip()}
    return {"connect_args": connect_args, "pool_pre_ping": True}


def _begin_explicitly(dbapi_connection: sqlite3.Connection, record: Any) -> None:
    dbapi_connection.isolation_level = None


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("mass_tuning_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _restore_cache(dbapi_connection: sqlite3.Connection | None, record: Any) -> None:
    if dbapi_connection is not None and record.info.pop("cache_mb", None) is not None:
        _set_cache(dbapi_connection, CACHE_MB)


def _roll_back(dbapi_connection: sqlite3.Connection, record: Any) -> None:
    # Closing alone keeps the write lock for as long as a cursor lives, in a traceback for example.
    with contextlib.suppress(sqlite3.Error):
        dbapi_connection.rollback()


def _set_cache(dbapi_connection: Any, megabytes: int) -> None:
    dbapi_connection.execute(f"PRAGMA cache_size = {-1024 * megabytes}")


WAL_AUTOCHECKPOINT_PAGES = 20_000
