"""A copy of the whole database, taken while it is in use, and verified before it has its name."""

import contextlib
import datetime
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from search_spaces.errors import ConfigError, StorageError
from studies.database import create_engine, database_errors, display_url, metadata
from studies.market import is_missing
from studies.upkeep.server_dump import dump_server, dump_tables

__all__ = ["Backup", "backup_database"]

PAGES = 2_000
"""Of 4 kB, copied at a time."""
SPARE_BYTES = 50_000_000
_PATIENCE_S = 30.0

Advance = Callable[[int, int], None]


@dataclass(frozen=True)
class Backup:
    """A verified backup.

    Attributes
    ----------
    file : Path
    n_bytes : int
    rows : mapping of str to int
        Rows of each of our tables, the same in the copy; of a PostgreSQL database none, whose
        rows are counted by nobody while they are dumped.
    """

    file: Path
    n_bytes: int
    rows: Mapping[str, int]


def backup_database(
    url: str,
    file: Path | None = None,
    *,
    force: bool = False,
    on_progress: Advance | None = None,
) -> Backup:
    """Copy the project's database into a file, and verify the copy.

    A SQLite database is copied from one snapshot of its write-ahead log, so those who write go on;
    the copy is checked (``PRAGMA integrity_check``, rows of our tables) under a temporary name.
    PostgreSQL is dumped by ``pg_dump``.

    Parameters
    ----------
    url : str
        Of the database.
    file : Path, optional
        Default: the database's name with the date, beside a SQLite file, else in the current
        folder.
    force : bool
        Replace a file that is there.
    on_progress : callable, optional
        Called with the number of pages done and of all.

    Raises
    ------
    ConfigError
        If there is no database, or the file is there, is the database itself, or in no folder.
    StorageError
        If the database cannot be read, is damaged, or the disk has no room for the copy.
    """
    engine = create_engine(url)
    try:
        if is_missing(engine):
            raise ConfigError(f"there is no database {display_url(engine)}, so nothing to back up")
        target = default_file(engine) if file is None else file
        _refuse_target(engine, target, force)
        partial = partial_of(target)
        try:
            if engine.dialect.name == "sqlite":
                source = Path(str(engine.url.database))
                with database_errors_of(source):
                    rows = copy_verified(source, partial, on_progress)
            else:
                dump_server(engine, partial)
                dump_tables(partial)
                rows = {}
            put_in_place(partial, target, force=force)
        finally:
            remove_partial(partial)
    finally:
        engine.dispose()
    return Backup(target, target.stat().st_size, rows)


def default_file(engine: Engine, what: str = "") -> Path:
    """Name a new file for a copy: ``NAME-20250131-120000.db``."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    if engine.dialect.name == "sqlite":
        database = Path(str(engine.url.database))
        return database.with_name(f"{database.stem}{what}-{now}{database.suffix or '.db'}")
    return Path(f"{engine.url.database}{what}-{now}.dump")


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
    if free < n_bytes + SPARE_BYTES:
        raise StorageError(
            f"{free / 1e6:,.0f} MB are free in {folder.absolute()}, "
            f"{(n_bytes + SPARE_BYTES) / 1e6:,.0f} MB are needed; make room first"
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
            raise _taken(target) from None
        except OSError:  # a file system without links
            if target.exists():
                raise _taken(target) from None
    partial.replace(target)


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


def _refuse_target(engine: Engine, target: Path, force: bool) -> None:
    if not target.parent.is_dir():
        raise ConfigError(f"the folder {target.parent} does not exist; create it")
    if target.is_dir():
        raise ConfigError(f"{target} is a folder; name a file in it")
    if engine.dialect.name == "sqlite":
        database = Path(str(engine.url.database)).resolve()
        own = [Path(f"{database}{end}") for end in ("", "-wal", "-shm", "-journal")]
        if target.resolve() in own or (target.exists() and target.samefile(database)):
            raise ConfigError(f"{target} is the database itself; name another file")
    if target.exists() and not force:
        raise _taken(target)


def _taken(target: Path) -> ConfigError:
    return ConfigError(
        f"{target} is there already and is not overwritten; name another file, or add --force"
    )


def _progress(on_progress: Advance | None) -> Callable[[int, int, int], None]:
    def progress(status: int, remaining: int, total: int) -> None:
        if on_progress is not None:
            on_progress(total - remaining, total)

    return progress


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
