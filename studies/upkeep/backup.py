"""A copy of the whole database, taken while it is in use, and verified before it has its name."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Engine

from search_spaces.errors import ConfigError
from studies.database import (
    Advance,
    copy_verified,
    create_engine,
    database_errors_of,
    display_url,
    name_beside,
    partial_of,
    put_in_place,
    remove_partial,
    taken,
)
from studies.market import is_missing
from studies.upkeep.server_dump import dump_server, dump_tables

__all__ = ["Backup", "backup_database", "default_file"]


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
    if engine.dialect.name == "sqlite":
        return name_beside(Path(str(engine.url.database)), what)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
    return Path(f"{engine.url.database}{what}-{now}.dump")


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
        raise taken(target)
