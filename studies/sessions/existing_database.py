"""Opening a project's database where one is expected to be there."""

from pathlib import Path
from typing import TypeAlias

from sqlalchemy.engine import Engine

from search_spaces.errors import ConfigError
from studies.database import create_engine, display_url
from studies.sessions.prepared_database import open_database

__all__ = ["Database", "open_existing"]

Database: TypeAlias = Engine
"""The project's database, open and up to date; for callers that only hand it on."""


def open_existing(url: str) -> Database:
    """Open the project's database and bring its tables up to date; create no SQLite file.

    A question to a database must not leave an empty one behind.

    Raises
    ------
    ConfigError
        If the URL names a SQLite file that does not exist.
    StorageError
        As `studies.sessions.open_database`.
    """
    _refuse_missing(url)
    return open_database(url)


def _refuse_missing(url: str) -> None:
    engine = create_engine(url)
    missing = engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).exists()
    name = display_url(engine)
    engine.dispose()
    if missing:
        raise ConfigError(
            f"there is no database {name} yet; put a market into it with: mass-tuning import "
            "SOURCE, name another one with --database, or try: mass-tuning demo"
        )
