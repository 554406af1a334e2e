"""One process at a time creates or changes tables."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from search_spaces.errors import StorageError

__all__ = ["locked_market", "locked_schema"]


# "mtun" in ASCII: the advisory lock of this project on a PostgreSQL database.
ADVISORY_LOCK_KEY = 0x6D74756E
_MARKET_LOCK_KEY = ADVISORY_LOCK_KEY + 1


@contextlib.contextmanager
def locked_schema(engine: Engine) -> Iterator[None]:
    """Be the only process that creates or changes tables in this database.

    A file lock beside the SQLite file (the file is gone afterwards), an advisory lock on
    PostgreSQL. Either is released when the process dies. Not reentrant.
    """
    with _locked(engine, "schema", ADVISORY_LOCK_KEY):
        yield


@contextlib.contextmanager
def locked_market(engine: Engine) -> Iterator[None]:
    """Be the only process that changes the market: it is read, put together anew, and written.

    As `locked_schema`, whose holder need not hold it.
    """
    with _locked(engine, "market", _MARKET_LOCK_KEY):
        yield


@contextlib.contextmanager
def _locked(engine: Engine, what: str, key: int) -> Iterator[None]:
    if engine.dialect.name == "sqlite":
        with _file_lock(Path(f"{engine.url.database}.{what}-lock"), what):
            yield
        return
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(key)))
        connection.commit()
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))
            connection.commit()


@contextlib.contextmanager
def _file_lock(path: Path, what: str) -> Iterator[None]:
    # Only where the lock is taken: the module does not exist on Windows.
    import fcntl

    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise StorageError(
                f"the {what} lock {path} cannot be created ({error.strerror}); make the folder "
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
