"""Rows written by the driver alone, which SQLAlchemy's own executemany takes twice as long for."""

import datetime
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

__all__ = ["insert_rows", "placeholder", "stored_time"]


def placeholder(connection: Connection) -> str:
    """Return what stands for a value in SQL of the connection's driver."""
    return "?" if connection.dialect.name == "sqlite" else "%s"


def insert_rows(
    connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert many rows; table and columns are constants of this project, values parameters."""
    if not rows:
        return
    places = ", ".join([placeholder(connection)] * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608
    connection.exec_driver_sql(statement, rows)  # type: ignore[arg-type]


def stored_time(connection: Connection, moment: datetime.datetime) -> Any:
    """Write a naive UTC time as the database's DateTime columns hold it."""
    if connection.dialect.name == "sqlite":
        return moment.isoformat(sep=" ", timespec="microseconds")
    return moment
