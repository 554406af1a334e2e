"""The driver of a PostgreSQL URL, for every door into a database."""

from sqlalchemy.engine import URL

__all__ = ["with_driver"]

_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})


def with_driver(url: URL) -> URL:
    """Let a PostgreSQL URL that names no driver use psycopg 3, which this project installs."""
    if url.drivername in _POSTGRESQL:
        return url.set(drivername="postgresql+psycopg")
    return url
