"""Copies of SQLite files, taken while they are in use, and verified before they are named."""

import contextlib
import datetime
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import sqlalchemy as sa

from search_spaces.errors import ConfigError, StorageError
from studies.database.errors import database_errors
from studies.database.tables import metadata

__all__ = [
    "PAGES",
    "Advance",
    "copy_verified",
    "count_rows",
    "database_errors_of",
    "name_beside",
    "partial_of",
    "put_in_place",
    "remove_partial",
    "require_space",
    "require_whole",
    "taken",
]

PAGES = 2_000
"""Of 4 kB, copied at a time."""

_SPARE_BYTES = 50_000_000
_PATIENCE_S = 30.0

Advance = Callable[[int, int], None]


def name_beside(database: Path, what: str = "") -> Path:
    """Name a new copy of a file: ``NAME-20250131-120000.db``, in its folder."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    return database.with_name(f"{database.stem}{what}-{now}{database.suffix or '.db'}")


def partial_of(target: Path) -> Path:
    """Name the unfinished copy of a file; remove those that killed processes left."""
    for left in target.parent.glob(f".{target.name}.*.partial"):
        pid = left.name.split(".")[-2]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            remove_partial(left)
    return target.with_name(f".{target.name}.{os.getpid()}.partial")


def remove_partial(partial: Path) -> None:
    """Remove an unfinished copy, and what SQLite had beside it."""
    for end in ("", "-journal", "-wal", "-shm"):
        Path(f"{partial}{end}").unlink(missing_ok=True)


def copy_verified(
    source: Path, partial: Path, on_progress: Advance | None = None
) -> dict[str, int]:
    """Copy a SQLite database into a new file that stands alone, and verify it; return the rows."""
    with contextlib.closing(sqlite3.connect(source, timeout=_PATIENCE_S)) as present:
        present.isolation_level = None
        if present.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            present.execute("BEGIN")  # one snapshot; with a rollback journal it would stop writers
        rows = count_rows(present)
        n_bytes = _pragma(present, "page_count") * _pragma(present, "page_size")
        require_space(partial.parent, n_bytes)
        with contextlib.closing(sqlite3.connect(partial)) as copy:
            present.backup(copy, pages=PAGES, progress=_progress(on_progress), sleep=0.01)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, readable from anywhere
            require_whole(copy, partial)
            if count_rows(copy) != rows and present.in_transaction:
                raise StorageError(
                    f"{source}: the copy has other rows than the database; try again"
                )
            rows = count_rows(copy)
    with partial.open("rb") as written:
        os.fsync(written.fileno())
    return rows


def require_whole(connection: sqlite3.Connection, file: Path) -> None:
    """Refuse a damaged SQLite database.

    Raises
    ------
    StorageError
    """
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise StorageError(
            f"{file} is no whole SQLite database: {error}; use another one"
        ) from None
    if found != "ok":
        reason = " ".join(found.split())
        raise StorageError(f"{file} is damaged ({reason}); use an earlier backup")


def require_space(folder: Path, n_bytes: int) -> None:
    """Refuse to begin what the disk has no room for.

    Raises
    ------
    StorageError
    """
    free = shutil.disk_usage(folder).free
    if free < n_bytes + _SPARE_BYTES:
        raise StorageError(
            f"{free / 1e6:,.0f} MB are free in {folder.absolute()}, "
            f"{(n_bytes + _SPARE_BYTES) / 1e6:,.0f} MB are needed; make room first"
        )


def count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Count the rows of those of our tables that there are."""
    there = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    return {
        name: int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608
        for name in sorted(metadata.tables)
        if name in there
    }


def put_in_place(partial: Path, target: Path, *, force: bool) -> None:
    """Give a finished file its name at once; without `force` only a name that is free.

    Raises
    ------
    ConfigError
        If somebody else has taken the name meanwhile.
    """
    if not force:
        try:
            os.link(partial, target)
            return
        except FileExistsError:
            raise taken(target) from None
        except OSError:  # a file system without links
            if target.exists():
                raise taken(target) from None
    partial.replace(target)


def taken(target: Path) -> ConfigError:
    """Return the error of a name that is not free."""
    return ConfigError(
        f"{target} is there already and is not overwritten; name another file, or add --force"
    )


@contextlib.contextmanager
def database_errors_of(file: Path) -> Iterator[None]:
    """Turn the errors of plain SQLite into a `StorageError` of one line."""
    engine = sa.create_engine(f"sqlite:///{file}")
    try:
        with database_errors(engine):
            try:
                yield
            except sqlite3.Error as error:
                raise sa.exc.DBAPIError(None, None, error) from error
    finally:
        engine.dispose()


def _progress(on_progress: Advance | None) -> Callable[[int, int, int], None]:
    def progress(status: int, remaining: int, total: int) -> None:
        if on_progress is not None:
            on_progress(total - remaining, total)

    return progress


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
