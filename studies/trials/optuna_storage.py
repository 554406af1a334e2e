"""Optuna's storage on the project's database."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from search_spaces.errors import StorageError
from studies.database import (
    create_engine,
    database_errors,
    display_url,
    engine_options,
    locked_schema,
    raise_storage_error,
    read_revision,
)

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

__all__ = ["TESTED_REVISIONS", "check_optuna_revision", "open_optuna_storage"]


def open_optuna_storage(engine_or_url: Engine | str | URL | Path, **kwargs: Any) -> "RDBStorage":
    """Open Optuna's storage on the same database, creating its tables if they are missing.

    Optuna's log level is raised to WARNING, because its INFO line about every finished trial
    looks for the best trial each time.

    Parameters
    ----------
    engine_or_url : Engine, str, URL or Path
    **kwargs
        Passed on to `optuna.storages.RDBStorage` (``heartbeat_interval`` and the like).

    Returns
    -------
    optuna.storages.RDBStorage

    Raises
    ------
    StorageError
        If Optuna cannot use its tables in this database.
    """
    engine = engine_or_url if isinstance(engine_or_url, Engine) else create_engine(engine_or_url)
    if not _has_optuna_tables(engine):
        with locked_schema(engine):
            create_optuna_tables(engine)
    return _open_optuna_storage(engine, **kwargs)


def create_optuna_tables(engine: Engine) -> None:
    """Create Optuna's tables and version rows; the caller holds the `locked_schema`."""
    storage = _open_optuna_storage(engine)
    storage.remove_session()
    storage.engine.dispose()


def _has_optuna_tables(engine: Engine) -> bool:
    with database_errors(engine), engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return False
        row = connection.execute(sa.text("SELECT version_num FROM alembic_version")).first()
        return row is not None


def _open_optuna_storage(engine: Engine, **kwargs: Any) -> "RDBStorage":
    # Optuna takes half a second to import, which commands that do not need it should not pay.
    import optuna

    if optuna.logging.get_verbosity() < optuna.logging.WARNING:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
    url = engine.url.render_as_string(hide_password=False)
    kwargs.setdefault("engine_kwargs", engine_options(engine.url))
    try:
        with database_errors(engine):
            # Optuna reads the URL as a template for str.format.
            return optuna.storages.RDBStorage(url.replace("{", "{{").replace("}", "}}"), **kwargs)
    except (RuntimeError, AssertionError, optuna.exceptions.OptunaError) as error:
        if isinstance(error, StorageError):
            raise
        cause = error.__cause__
        if isinstance(cause, DBAPIError):
            raise_storage_error(engine, cause)
        raise StorageError(f"{display_url(engine)}: Optuna's tables: {error}") from error


# Revisions of Optuna's own tables that `studies.trials.append` was tested with.
TESTED_REVISIONS = frozenset({"v3.2.0.a"})


def check_optuna_revision(connection: Connection) -> None:
    """Refuse a database whose Optuna tables are not of a revision this project was tested with.

    Raises
    ------
    StorageError
        If the revision is missing or another one.
    """
    name = display_url(connection.engine)
    known = ", ".join(sorted(TESTED_REVISIONS))
    revision = read_revision(connection, "alembic_version")
    if revision is None:
        raise StorageError(f"{name}: there are no Optuna tables; open it with prepare_database")
    if revision not in TESTED_REVISIONS:
        raise StorageError(
            f"{name}: Optuna's tables have {revision=}, this release knows {known}; if they are "
            "older, run `optuna storage upgrade --storage URL`, otherwise upgrade mass-tuning"
        )
