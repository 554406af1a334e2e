"""Opening the project's database: Optuna's tables and ours, at the versions of this code."""

import logging
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from studies.database import (
    HEAD,
    copy_verified,
    create_engine,
    database_errors,
    database_errors_of,
    locked_schema,
    name_beside,
    partial_of,
    put_in_place,
    read_revision,
    refuse_unknown_schema,
    remove_partial,
    schema_revision,
    tuning_sessions,
    upgrade,
)
from studies.trials import TESTED_REVISIONS, check_optuna_revision, create_optuna_tables

__all__ = ["open_database", "prepare_database"]

_logger = logging.getLogger(__name__)


def prepare_database(engine: Engine) -> None:
    """Make the database ready for use: Optuna's tables and ours, at the versions of this code.

    Tables of an earlier system that bear our names get the columns they lack and keep every row;
    all other tables are left alone. A SQLite file is copied beside itself before that, as
    ``NAME-before-adoption-DATE.db``. Any number of processes may call this at once, and an
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
        If a file of an earlier system cannot be copied: nothing in it is changed then.
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
                is_earlier = schema_revision(connection) is None and (
                    sa.inspect(connection).has_table(tuning_sessions.name)
                )
            if is_earlier:
                _keep_copy(engine)
            create_optuna_tables(engine)
            with engine.connect() as connection:
                check_optuna_revision(connection)
            upgrade(engine)


def _keep_copy(engine: Engine) -> None:
    """Copy a file of an earlier system beside itself, and say where it is."""
    file = Path(engine.url.database or "")
    if engine.dialect.name != "sqlite" or not file.is_file():
        return
    engine.dispose()
    target = name_beside(file, "-before-adoption")
    partial = partial_of(target)
    try:
        with database_errors_of(file):
            copy_verified(file, partial)
        put_in_place(partial, target, force=True)
    finally:
        remove_partial(partial)
    _logger.warning("%s is of an earlier system; a copy as it was: %s", file, target)


def open_database(url: str) -> Engine:
    """Open the project's database and bring its tables up to date."""
    engine = create_engine(url)
    prepare_database(engine)
    return engine
