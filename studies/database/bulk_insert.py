"""Many rows at once, by the driver alone: SQLAlchemy's own executemany takes twice as long.

On SQLite that is the driver's executemany, on PostgreSQL ``COPY ... FROM STDIN``.
"""

import datetime
import json
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

__all__ = ["in_batches", "insert_rows", "one_of", "placeholder", "stored_time"]

IDS_PER_STATEMENT = 1_000  # databases limit the parameters of a statement

Id = TypeVar("Id")


def insert_rows(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert many rows in the connection's transaction.

    Parameters
    ----------
    connection : Connection
    table : str
        A constant of this project, like the columns; only values come from outside.
    columns : sequence of str
    rows : sequence of tuple
        Plain Python values, None for NULL. Integer columns take int, not float (PostgreSQL reads
        them as text). Ids that are left out are given by the database in the order of the rows.
    """
    if not rows:
        return
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 (constants)
        connection.exec_driver_sql(statement, list(rows))
        return
    _copy(connection, f"COPY {table} ({names}) FROM STDIN", rows)


def _copy(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Copy by psycopg's own connection, in SQLAlchemy's transaction and with its exceptions."""
    import psycopg

    dbapi_connection: Any = connection.connection
    dialect: Any = connection.dialect
    try:
        with dbapi_connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        lost = dialect.is_disconnect(error, dbapi_connection, None)
        if lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            statement,
            None,
            error,
            psycopg.Error,
            connection_invalidated=lost,
            dialect=dialect,
        ) from error


def placeholder(connection: Connection) -> str:
    """Return what stands for a value in SQL of the connection's driver."""
    return "?" if connection.dialect.name == "sqlite" else "%s"


def one_of(connection: Connection, values: Sequence[str]) -> tuple[str, Any]:
    """Return what follows a column in SQL of the driver to be one of the values; its parameter.

    However many values there are; :func:`in_batches` is for SQLAlchemy's ``in_``.
    """
    if connection.dialect.name == "sqlite":
        return "IN (SELECT value FROM json_each(?))", json.dumps(values)
    return "= ANY(%s)", values


def in_batches(ids: Sequence[Id]) -> list[Sequence[Id]]:
    """Cut a list of ids into pieces that a statement can take."""
    steps = range(0, len(ids), IDS_PER_STATEMENT)
    return [ids[start : start + IDS_PER_STATEMENT] for start in steps]


def stored_time(connection: Connection, moment: datetime.datetime) -> Any:
    """Write a naive UTC time as the database's DateTime columns hold it."""
    if connection.dialect.name == "sqlite":
        return moment.isoformat(sep=" ", timespec="microseconds")
    return moment
