"""Short write transactions, and a series of them that leaves room for other writers."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from sqlalchemy.engine import Connection, Engine

from studies.database.engine import _set_cache

__all__ = ["WritePacer", "write_transaction"]


BULK_CACHE_MB = 64


CHECKPOINT_EVERY_S = 1.0  # of lock held: some ten megabytes of log


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
    pause : bool
        False: wait for nobody; for a database that nobody else can be using yet.
    clock, sleep : callable
        Seconds now, and the wait; replaced in tests.

    Attributes
    ----------
    held_s : float
        How long the last transaction held the lock, in seconds.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        cache_mb: int = BULK_CACHE_MB,
        pause: bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.engine = engine
        self.held_s = 0.0
        self._cache_mb = cache_mb
        self._pause = pause
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
            except Exception:
                transaction.rollback()
                raise
            finally:
                self._released_at = self._clock()
                self.held_s = self._released_at - began
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
        if not self._pause or self._released_at is None or self.engine.dialect.name != "sqlite":
            return
        pause = self._released_at + self.held_s - self._clock()
        if pause > 0:
            self._sleep(pause)
