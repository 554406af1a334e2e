"""Creating our tables and changing them from release to release.

Numbered Alembic migrations with a version table of their own (`mass_tuning_schema`), beside
Optuna's `alembic_version`. Each upgrade is one transaction, on SQLite too, so that a process
killed in its middle leaves the database as it was.
"""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from objectives.url_passwords import display_url
from search_spaces.errors import StorageError
from studies.database.errors import database_errors
from studies.database.transactions import write_transaction

__all__ = ["HEAD", "VERSION_TABLE", "known_revisions", "schema_revision", "upgrade"]

VERSION_TABLE = "mass_tuning_schema"
# The newest migration in versions/; named here so that an up-to-date database is recognised
# without importing Alembic.
HEAD = "0003"


def upgrade(engine: Engine) -> None:
    """Bring our own tables to the newest schema in one transaction.

    The caller holds the `locked_schema`; users of the database call `prepare_database`.

    Raises
    ------
    StorageError
        If the database was written by a newer release of this project.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with database_errors(engine), write_transaction(engine) as connection:
        refuse_unknown_schema(connection, engine)
        if schema_revision(connection) != HEAD:
            config.attributes["connection"] = connection
            command.upgrade(config, HEAD)


def schema_revision(connection: Connection) -> str | None:
    """Return the revision of our tables in this database, or None if they were never created."""
    return read_revision(connection, VERSION_TABLE)


def read_revision(connection: Connection, version_table: str) -> str | None:
    if not sa.inspect(connection).has_table(version_table):
        return None
    version = sa.table(version_table, sa.column("version_num", sa.String))
    return connection.execute(sa.select(version.c.version_num)).scalar()


def known_revisions() -> set[str]:
    """Revisions of our tables that this release can read, or bring to the newest."""
    return {path.name[:4] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py")}


def refuse_unknown_schema(connection: Connection, engine: Engine) -> None:
    revision = schema_revision(connection)
    if revision is not None and revision not in known_revisions():
        raise StorageError(
            f"{display_url(engine)}: the tables have schema {revision}, this release knows up to "
            f"{HEAD}; upgrade mass-tuning, or use another database"
        )
