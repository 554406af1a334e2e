"""Creating our tables and changing them from release to release.

Numbered Alembic migrations with a version table of their own (`mass_tuning_schema`), beside
Optuna's `alembic_version`. Each upgrade is one transaction, on SQLite too, so that a process
killed in its middle leaves the database as it was.
"""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from search_spaces.errors import StorageError
from studies.database.engine import (
    create_optuna_tables,
    database_errors,
    display_url,
    schema_lock,
    write_transaction,
)

__all__ = [
    "HEAD",
    "TESTED_REVISIONS",
    "VERSION_TABLE",
    "check_optuna_revision",
    "prepare_database",
    "schema_revision",
    "upgrade",
]

VERSION_TABLE = "mass_tuning_schema"
# The newest migration in versions/; named here so that an up-to-date database is recognised
# without importing Alembic.
HEAD = "0002"
# Revisions of Optuna's own tables that `studies.trials.append` was tested with.
TESTED_REVISIONS = frozenset({"v3.2.0.a"})


def prepare_database(engine: Engine) -> None:
    """Make the database ready for use: Optuna's tables and ours, at the versions of this code.

    Tables of an earlier system that bear our names get the columns they lack and keep every row;
    all other tables are left alone. Any number of processes may call this at once, and an
    up-to-date database is only read.

    Parameters
    ----------
    engine : Engine
        From `studies.database.engine.create_engine`.

    Raises
    ------
    StorageError
        If the database was written by a newer release of this project, holds Optuna tables of a
        revision this project was not tested with, or cannot be read or written.
    """
    with database_errors(engine):
        with engine.connect() as connection:
            if schema_revision(connection) == HEAD and (
                _revision(connection, "alembic_version") in TESTED_REVISIONS
            ):
                return
        with schema_lock(engine):
            with engine.connect() as connection:
                _refuse_unknown(connection, engine)
                if _revision(connection, "alembic_version") is not None:
                    check_optuna_revision(connection)
            create_optuna_tables(engine)
            with engine.connect() as connection:
                check_optuna_revision(connection)
            upgrade(engine)


def upgrade(engine: Engine) -> None:
    """Bring our own tables to the newest schema in one transaction.

    The caller holds the `schema_lock`; users of the database call `prepare_database`.

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
        _refuse_unknown(connection, engine)
        if schema_revision(connection) != HEAD:
            config.attributes["connection"] = connection
            command.upgrade(config, HEAD)


def check_optuna_revision(connection: Connection) -> None:
    """Refuse a database whose Optuna tables are not of a revision this project was tested with.

    Raises
    ------
    StorageError
        If the revision is missing or another one.
    """
    name = display_url(connection.engine)
    known = ", ".join(sorted(TESTED_REVISIONS))
    revision = _revision(connection, "alembic_version")
    if revision is None:
        raise StorageError(f"{name}: there are no Optuna tables; open it with prepare_database")
    if revision not in TESTED_REVISIONS:
        raise StorageError(
            f"{name}: Optuna's tables have {revision=}, this release knows {known}; if they are "
            "older, run `optuna storage upgrade --storage URL`, otherwise upgrade mass-tuning"
        )


def schema_revision(connection: Connection) -> str | None:
    """Return the revision of our tables in this database, or None if they were never created."""
    return _revision(connection, VERSION_TABLE)


def _revision(connection: Connection, version_table: str) -> str | None:
    if not sa.inspect(connection).has_table(version_table):
        return None
    version = sa.table(version_table, sa.column("version_num", sa.String))
    return connection.execute(sa.select(version.c.version_num)).scalar()


def _refuse_unknown(connection: Connection, engine: Engine) -> None:
    revision = schema_revision(connection)
    known = {path.name[:4] for path in (Path(__file__).parent / "versions").glob("[0-9]*.py")}
    if revision is not None and revision not in known:
        raise StorageError(
            f"{display_url(engine)}: the tables have schema {revision}, this release knows up to "
            f"{HEAD}; upgrade mass-tuning, or use another database"
        )
