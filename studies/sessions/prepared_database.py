"""Opening the project's database: Optuna's tables and ours, at the versions of this code."""

from sqlalchemy.engine import Engine

from studies.database import (
    HEAD,
    create_engine,
    database_errors,
    locked_schema,
    read_revision,
    refuse_unknown_schema,
    schema_revision,
    upgrade,
)
from studies.trials import TESTED_REVISIONS, check_optuna_revision, create_optuna_tables

__all__ = ["open_database", "prepare_database"]


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
                read_revision(connection, "alembic_version") in TESTED_REVISIONS
            ):
                return
        with locked_schema(engine):
            with engine.connect() as connection:
                refuse_unknown_schema(connection, engine)
                if read_revision(connection, "alembic_version") is not None:
                    check_optuna_revision(connection)
            create_optuna_tables(engine)
            with engine.connect() as connection:
                check_optuna_revision(connection)
            upgrade(engine)


def open_database(url: str) -> Engine:
    """Open the project's database and bring its tables up to date."""
    engine = create_engine(url)
    prepare_database(engine)
    return engine
