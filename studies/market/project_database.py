"""A market into the project's database, by its URL."""

from __future__ import annotations

from collections.abc import Callable

from objectives import ReturnPanel
from search_spaces.errors import DataError, StorageError
from studies.database import create_engine, display_url
from studies.market.importer import ImportSummary, import_panel

__all__ = ["import_market", "read_same_market", "source_name"]


def import_market(
    panel: ReturnPanel,
    database: str,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImportSummary:
    """Write a panel into a database opened as the project's are; see :func:`import_panel`.

    Parameters
    ----------
    panel : ReturnPanel
    database : str
        URL; a missing SQLite file is created.
    on_progress : callable, optional
        Called with rows done and rows in all after each transaction.
    """
    engine = create_engine(database)
    try:
        return import_panel(panel, engine, on_progress=on_progress)
    finally:
        engine.dispose()


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
