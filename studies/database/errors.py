"""A driver's exception as one line with a way out."""

import contextlib
from collections.abc import Iterator
from typing import NoReturn

from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from objectives.url_passwords import display_url
from search_spaces.errors import StorageError

__all__ = ["database_errors"]


@contextlib.contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Turn the driver's exceptions into a `StorageError` of one line with a way out.

    The original exception stays as ``__cause__``.
    """
    try:
        yield
    except DBAPIError as error:
        raise_storage_error(engine, error)
    except (ValueError, TypeError) as error:
        if "isoformat" not in str(error):
            raise
        raise StorageError(
            f"{display_url(engine)}: a time stored in it is damaged ({error}); restore a backup"
        ) from error


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


def raise_storage_error(engine: Engine, error: DBAPIError) -> NoReturn:
    reason = str(error.orig).strip().split("\n", 1)[0]
    way_out = next((way for sign, way in _WAYS_OUT if sign in reason), None)
    raise StorageError(
        f"{display_url(engine)}: {reason}" + (f"; {way_out}" if way_out else "")
    ) from error
