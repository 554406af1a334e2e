"""Engines on the project's database, short write transactions, and Optuna's storage beside them.

One database holds the market, our tables and Optuna's. On SQLite everything that writes takes the
write lock at once (``BEGIN IMMEDIATE``) and gives it back soon, because plain Optuna scripts use
the same file: they wait for the lock five seconds only, and crash when it never comes free.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from search_spaces.errors import StorageError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

__all__ = [
    "WritePacer",
    "create_engine",
    "database_clock",
    "database_errors",
    "display_url",
    "optuna_storage",
    "schema_lock",
    "write_transaction",
]

BUSY_TIMEOUT_S = 30.0
CACHE_MB = 16
BULK_CACHE_MB = 64
WAL_AUTOCHECKPOINT_PAGES = 20_000
CHECKPOINT_EVERY_S = 1.0  # of lock held: some ten megabytes of log
# "mtun" in ASCII: the advisory lock of this project on a PostgreSQL database.
ADVISORY_LOCK_KEY = 0x6D74756E


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
    options = _engine_options(parsed)
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


@contextlib.contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that may write; commit at the end, roll back on an exception.

    On SQLite the write lock is taken at the beginning (``BEGIN IMMEDIATE``), so that what is read
    inside cannot change before it is written. Keep it short; a series of them goes through
    `WritePacer`.
    """
    with engine.connect() as connection:
        connection.execution_options(mass_tuning_immediate=True)
        with connection.begin():
            yield connection


class WritePacer:
    """A series of write transactions that leaves room for other writers.

    SQLite hands its write lock to whoever asks at the right moment, and waiting processes ask
    ever more rarely. After a transaction that held the lock for 80 ms the next one begins at least
    80 ms after the commit; time spent computing in between counts. On PostgreSQL nothing waits.

    The pacer keeps one connection with a cache of `cache_mb` for itself until it is closed, and
    copies the write-ahead log back into the file between transactions, when nobody waits for the
    lock, instead of at a commit. It may be shared by threads, whose transactions then follow each
    other; it does not survive a fork.

    Parameters
    ----------
    engine : Engine
    cache_mb : int
        Page cache of the connection, SQLite only.
    clock, sleep : callable
        Seconds now, and the wait; replaced in tests.

    Attributes
    ----------
    n_transactions : int
        Transactions committed.
    held_s : float
        How long the last transaction held the lock, in seconds.
    total_held_s, total_waited_s : float
        Sums of the time the lock was held, and of the pauses before transactions.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        cache_mb: int = BULK_CACHE_MB,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.engine = engine
        self.n_transactions = 0
        self.held_s = 0.0
        self.total_held_s = 0.0
        self.total_waited_s = 0.0
        self._cache_mb = cache_mb
        self._clock = clock
        self._sleep = sleep
        self._unsaved_s = 0.0
        self._released_at: float | None = None
        self._connection: Connection | None = None
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Wait for our turn, begin like `write_transaction`, commit or roll back, and measure."""
        with self._lock:
            self._wait()
            connection = self._open()
            with self._dropping():
                transaction = connection.begin()
            began = self._clock()
            try:
                with self._dropping():
                    yield connection
                    transaction.commit()
                self.n_transactions += 1
            except Exception:
                transaction.rollback()
                raise
            finally:
                self._released_at = self._clock()
                self.held_s = self._released_at - began
                self.total_held_s += self.held_s
                self._unsaved_s += self.held_s
            if self._unsaved_s >= CHECKPOINT_EVERY_S:
                self._checkpoint()

    def close(self) -> None:
        """Give the connection and its cache back; the next transaction opens another."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self) -> Connection:
        if self._connection is None:
            connection = self.engine.connect()
            connection.execution_options(mass_tuning_immediate=True)
            if self.engine.dialect.name == "sqlite":
                connection.info["cache_mb"] = self._cache_mb
                dbapi_connection: Any = connection.connection.dbapi_connection
                _set_cache(dbapi_connection, self._cache_mb)
                dbapi_connection.execute("PRAGMA wal_autocheckpoint = 0")
            self._connection = connection
        return self._connection

    def _checkpoint(self) -> None:
        """Copy what was committed from the log into the file, as far as no reader needs it."""
        self._unsaved_s = 0.0
        if self._connection is not None and self.engine.dialect.name == "sqlite":
            dbapi_connection: Any = self._connection.connection.dbapi_connection
            with contextlib.suppress(sqlite3.OperationalError):  # busy: at the next turn
                dbapi_connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextlib.contextmanager
    def _dropping(self) -> Iterator[None]:
        """Throw the connection away when interrupted: nobody knows what state it is in."""
        try:
            yield
        except Exception:
            raise
        except BaseException:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.invalidate()
                connection.close()
            raise

    def _wait(self) -> None:
        if self._released_at is None or self.engine.dialect.name != "sqlite":
            return
        pause = self._released_at + self.held_s - self._clock()
        if pause > 0:
            self._sleep(pause)
            self.total_waited_s += pause


def optuna_storage(engine_or_url: Engine | str | URL | Path, **kwargs: Any) -> "RDBStorage":
    """Open Optuna's storage on the same database, creating its tables if they are missing.

    Optuna's log level is raised to WARNING, because its INFO line about every finished trial
    looks for the best trial each time.

    Parameters
    ----------
    engine_or_url : Engine, str, URL or Path
    **kwargs
        Passed on to `optuna.storages.RDBStorage` (``heartbeat_interval`` and the like).

    Returns
    -------
    optuna.storages.RDBStorage

    Raises
    ------
    StorageError
        If Optuna cannot use its tables in this database.
    """
    engine = engine_or_url if isinstance(engine_or_url, Engine) else create_engine(engine_or_url)
    if not _has_optuna_tables(engine):
        with schema_lock(engine):
            create_optuna_tables(engine)
    return _open_optuna_storage(engine, **kwargs)


def create_optuna_tables(engine: Engine) -> None:
    """Create Optuna's tables and version rows; the caller holds the `schema_lock`."""
    storage = _open_optuna_storage(engine)
    storage.remove_session()
    storage.engine.dispose()


@contextlib.contextmanager
def schema_lock(engine: Engine) -> Iterator[None]:
    """Be the only process that creates or changes tables in this database.

    A file lock beside the SQLite file (the file is gone afterwards), an advisory lock on
    PostgreSQL. Either is released when the process dies. Not reentrant.
    """
    if engine.dialect.name == "sqlite":
        with _file_lock(Path(str(engine.url.database) + ".schema-lock")):
            yield
        return
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(ADVISORY_LOCK_KEY)))
        connection.commit()
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(ADVISORY_LOCK_KEY)))
            connection.commit()


@contextlib.contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Turn the driver's exceptions into a `StorageError` of one line with a way out.

    The original exception stays as ``__cause__``.
    """
    try:
        yield
    except DBAPIError as error:
        _raise_storage_error(engine, error)


def display_url(url: str | URL | Engine) -> str:
    """Write a database URL for people, with every password replaced by ``***``."""
    parsed = url.url if isinstance(url, Engine) else make_url(url)
    if "password" in parsed.query:
        parsed = parsed.update_query_dict({"password": "***"})
    return parsed.render_as_string(hide_password=True)


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
        url = URL.create("sqlite", database=str(url))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        # The text itself is not repeated: it may hold a password.
        raise StorageError(
            "the database URL cannot be understood; expected sqlite:///funding_rate.db or "
            "postgresql://user:password@host:5432/name"
        ) from error
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise StorageError(
            f"{parsed.drivername!r} databases are not supported; use sqlite:///FILE or "
            "postgresql://user:password@host:5432/name"
        )
    database = parsed.database or ":memory:"
    if database == ":memory:" or database.startswith("file:"):
        raise StorageError(
            f"{display_url(parsed)}: the database is shared by several connections and must be a "
            "file given by its path, for example sqlite:///funding_rate.db"
        )
    folder = Path(database).resolve().parent
    if not folder.is_dir():
        raise StorageError(f"{display_url(parsed)}: the folder {folder} does not exist; create it")
    return parsed


def _engine_options(url: URL) -> dict[str, Any]:
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


def _has_optuna_tables(engine: Engine) -> bool:
    with database_errors(engine), engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return False
        row = connection.execute(sa.text("SELECT version_num FROM alembic_version")).first()
        return row is not None


def _open_optuna_storage(engine: Engine, **kwargs: Any) -> "RDBStorage":
    # Optuna takes half a second to import, which commands that do not need it should not pay.
    import optuna

    if optuna.logging.get_verbosity() < optuna.logging.WARNING:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = engine.url.render_as_string(hide_password=False)
    kwargs.setdefault("engine_kwargs", _engine_options(engine.url))
    try:
        with database_errors(engine):
            # Optuna reads the URL as a template for str.format.
            return optuna.storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"), **kwargs)
    except (RuntimeError, AssertionError, optuna.exceptions.OptunaError) as error:
        if isinstance(error, StorageError):
            raise
        cause = error.__cause__
        if isinstance(cause, DBAPIError):
            _raise_storage_error(engine, cause)
        raise StorageError(f"{display_url(engine)}: Optuna's tables: {error}") from error


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    # Only where the lock is taken: the module does not exist on Windows.
    import fcntl

    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise StorageError(
                f"the schema lock {path} cannot be created ({error.strerror}); make the folder "
                "of the database writable"
            ) from error
        fcntl.flock(handle, fcntl.LOCK_EX)
        # The holder before us removes the file: a lock on a removed file protects nothing.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(handle).st_ino:
                break
        os.close(handle)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


_WAYS_OUT = (
    ("database is locked", "another process is writing; try again when it has finished"),
    ("readonly database", "make the file and its folder writable"),
    ("unable to open database file", "check that the file and its folder may be read and written"),
    ("disk is full", "free some disk space; nothing that was recorded is lost"),
    ("no such table", "a table is missing; restore it from a backup or use another database"),
    ("does not exist", "a table is missing; restore it from a backup or use another database"),
    ("not a database", "the file is no SQLite database; choose another one"),
    ("malformed", "the file is damaged; restore it from a backup"),
    ("connection", "check that the server runs and that host, port, user and password are right"),
)


def _raise_storage_error(engine: Engine, error: DBAPIError) -> NoReturn:
    reason = str(error.orig).strip().split("\n", 1)[0]
    way_out = next((way for sign, way in _WAYS_OUT if sign in reason), None)
    raise StorageError(
        f"{display_url(engine)}: {reason}" + (f"; {way_out}" if way_out else "")
    ) from error
