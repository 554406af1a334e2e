"""Putting a backup in the place of the database, which is kept aside."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from search_spaces.errors import ConfigError, StorageError
from studies import queue
from studies.database import (
    PAGES,
    VERSION_TABLE,
    Advance,
    copy_verified,
    count_rows,
    create_engine,
    database_errors,
    database_errors_of,
    known_revisions,
    locked_schema,
    partial_of,
    remove_partial,
    require_space,
    require_whole,
    tuning_sessions,
    write_transaction,
)
from studies.market import is_missing
from studies.sessions import SessionState
from studies.upkeep.backup import backup_database, default_file
from studies.upkeep.server_dump import dump_tables, restore_server

__all__ = ["Restored", "check_backup", "restore_database"]

_PATIENCE_S = 30.0
_DAMAGED = ("malformed", "not a database", "no such table", "damaged", "no whole SQLite")


@dataclass(frozen=True)
class Restored:
    """What became of the databases.

    Attributes
    ----------
    file : Path
        The backup.
    aside : Path or None
        Where the database that was there is kept; None if there was none.
    rows : mapping of str to int
        Rows of each of our tables; none of a PostgreSQL database.
    """

    file: Path
    aside: Path | None
    rows: Mapping[str, int]


def check_backup(url: str, file: Path) -> dict[str, int]:
    """Verify that a file can be put in the place of a database; return the rows of our tables.

    Raises
    ------
    ConfigError
        If it is not there, is the database itself, or was written by a newer release.
    StorageError
        If it is damaged, or holds none of our tables.
    """
    engine = create_engine(url)
    engine.dispose()
    if not file.is_file():
        raise ConfigError(f"there is no file {file}; name one that `mass-tuning backup` wrote")
    if engine.dialect.name != "sqlite":
        dump_tables(file)
        return {}
    database = Path(str(engine.url.database))
    if database.exists() and file.samefile(database):
        raise ConfigError(f"{file} is the database itself; name a backup of it")
    address = f"{file.absolute().as_uri()}?mode=ro"
    with (
        database_errors_of(file),
        contextlib.closing(sqlite3.connect(address, uri=True)) as connection,
    ):
        require_whole(connection, file)
        rows = count_rows(connection)
        if "tuning_sessions" not in rows:
            raise StorageError(f"{file} holds no sessions of mass-tuning; name a backup of them")
        _refuse_newer(connection, file)
    return rows


def restore_database(url: str, file: Path, *, on_progress: Advance | None = None) -> Restored:
    """Put a backup in the place of the database.

    The backup is verified, and the database that is there is copied aside, before anything is
    changed. A SQLite database is then overwritten in one transaction of SQLite, so that an
    interruption leaves the old one or the new one, and whoever has it open sees the new one. Moving
    files would not do: whoever has the old file open removes, as it closes it, the log of the new
    one, because that has its name. Only a database too damaged to be written is moved aside with
    its log, and the backup put in its place.

    Parameters
    ----------
    url : str
        Of the database; a SQLite file may be missing.
    file : Path
        Written by `backup_database`.
    on_progress : callable, optional
        Called with the number of pages done and of all.

    Raises
    ------
    ConfigError, StorageError
        As `check_backup`; if the database is locked; if the disk has no room.
    SessionError
        If a session of the database is being worked on.
    """
    rows = check_backup(url, file)
    engine = create_engine(url)
    try:
        with locked_schema(engine):  # one restore at a time
            if engine.dialect.name != "sqlite":
                aside = _restore_server(engine, url, file)
            elif is_missing(engine):
                aside = None
                _place(file, Path(str(engine.url.database)))
            else:
                aside = _restore_file(engine, url, file, on_progress)
    finally:
        engine.dispose()
    return Restored(file, aside, rows)


def _restore_server(engine: Engine, url: str, file: Path) -> Path:
    refuse_work(engine)
    aside = default_file(engine, "-before-restore")
    backup_database(url, aside)
    restore_server(engine, file)
    return aside


def _restore_file(engine: Engine, url: str, file: Path, on_progress: Advance | None) -> Path:
    database = Path(str(engine.url.database))
    aside = _free_name(default_file(engine, "-before-restore"))
    try:
        refuse_work(engine)
        engine.dispose()
        backup_database(url, aside)
    except StorageError as error:
        if not any(sign in str(error) for sign in _DAMAGED):
            raise
        engine.dispose()
        _replace_damaged(file, database, aside)
        return aside
    require_space(database.absolute().parent, file.stat().st_size)  # of the write-ahead log
    with database_errors_of(database):
        _overwrite(file, database, on_progress)
    return aside


def _overwrite(file: Path, database: Path, on_progress: Advance | None) -> None:
    """Copy a backup over a database in one transaction of SQLite."""
    moved_on = time.monotonic()
    left = -1

    def progress(status: int, remaining: int, total: int) -> None:
        nonlocal moved_on, left
        if remaining != left:
            moved_on, left = time.monotonic(), remaining
            if on_progress is not None:
                on_progress(total - remaining, total)
        elif time.monotonic() - moved_on > _PATIENCE_S:
            raise sqlite3.OperationalError("database is locked")

    address = f"{file.absolute().as_uri()}?mode=ro"
    with (
        contextlib.closing(sqlite3.connect(address, uri=True)) as backup,
        contextlib.closing(sqlite3.connect(database, timeout=5.0)) as present,
    ):
        size = "SELECT page_size FROM pragma_page_size"
        if backup.execute(size).fetchone() != present.execute(size).fetchone():
            present.execute("PRAGMA journal_mode = DELETE")  # a log cannot change it
        backup.backup(present, pages=PAGES, progress=progress, sleep=0.05)
        present.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _replace_damaged(file: Path, database: Path, aside: Path) -> None:
    """Move a database that cannot be written aside with its log, and put the backup there."""
    partial = _partial(file, database)
    try:
        for end in ("-wal", "-shm", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{database}{end}").rename(f"{aside}{end}")
        try:
            os.link(database, aside)
        except OSError:  # a file system without links
            database.rename(aside)
        partial.replace(database)
    finally:
        remove_partial(partial)


def _place(file: Path, database: Path) -> None:
    """Put a backup where there is no database."""
    partial = _partial(file, database)
    try:
        for end in ("-wal", "-shm", "-journal"):  # of a file that somebody deleted
            Path(f"{database}{end}").unlink(missing_ok=True)
        partial.replace(database)
    finally:
        remove_partial(partial)


def _partial(file: Path, database: Path) -> Path:
    """Copy a backup beside the database under a name of its own."""
    partial = partial_of(database)
    try:
        with database_errors_of(file):
            copy_verified(file, partial)
    except BaseException:
        remove_partial(partial)
        raise
    return partial


def refuse_work(engine: Engine) -> None:
    """Refuse while a worker holds a chunk of any session.

    Raises
    ------
    SessionError
    """
    with database_errors(engine), write_transaction(engine) as connection:
        if not sa.inspect(connection).has_table("work_chunks"):
            return
        running = sa.select(tuning_sessions.c.session_id).where(
            tuning_sessions.c.status == SessionState.RUNNING
        )
        for session_id in list(connection.execute(running).scalars()):
            queue.refuse_busy(connection, session_id, "stop its run (Ctrl-C) first")


def _refuse_newer(connection: sqlite3.Connection, file: Path) -> None:
    there = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name = ?", [VERSION_TABLE]
    ).fetchone()[0]
    if not there:
        return  # of an earlier system; opening it completes it
    version = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608
    if version is not None and version[0] not in known_revisions():
        raise ConfigError(
            f"{file} has schema {version[0]}, which this release does not know; upgrade mass-tuning"
        )


def _free_name(path: Path) -> Path:
    """Return a name that is not taken: two restores may be within one second."""
    free, n = path, 1
    while free.exists():
        n += 1
        free = path.with_name(f"{path.stem}-{n}{path.suffix}")
    return free
