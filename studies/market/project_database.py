"""The project's database and its market, by URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import Engine

from objectives import ReturnPanel
from search_spaces.errors import DataError, StorageError
from studies.database import create_engine, display_url

__all__ = ["is_missing", "opened", "read_same_market", "source_name"]


@contextmanager
def opened(database: str, *, create: bool = True) -> Iterator[Engine]:
    """Open the project's database for a while.

    Parameters
    ----------
    database : str
        URL.
    create : bool
        Whether a missing SQLite file may be created.

    Raises
    ------
    StorageError
        If it cannot be opened.
    """
    engine = create_engine(database)
    if not create and is_missing(engine):
        raise StorageError(f"{display_url(engine)}: no such file; `mass-tuning import` creates it")
    try:
        yield engine
    finally:
        engine.dispose()


def is_missing(engine: Engine) -> bool:
    """Say whether the database is a SQLite file that does not exist; to connect would create it."""
    return engine.dialect.name == "sqlite" and not Path(engine.url.database or "").is_file()


def read_same_market(panel: ReturnPanel, database: str) -> ReturnPanel | None:
    """Read the market of a database if it is that of a panel; None if it is another one or none."""
    try:
        stored = ReturnPanel.from_database(database)
    except (DataError, StorageError):
        return None
    return stored if stored.fingerprint() == panel.fingerprint() else None


def source_name(source: str) -> str:
    """Name a file, or a database without its password, in messages."""
    if "://" not in source:
        return source
    try:
        return display_url(create_engine(source))
    except StorageError:
        return "the database"  # who opens it says what is wrong with it
