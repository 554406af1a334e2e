"""What happened to a session, as rows of ``execution_log``."""

import datetime
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from studies.database import execution_log, utc_now

__all__ = ["LogEntry", "read_entries", "write_entry"]


@dataclass(frozen=True)
class LogEntry:
    """One row of ``execution_log``.

    Attributes
    ----------
    created_at : datetime
        Naive UTC.
    log_level : {"INFO", "WARNING", "ERROR"}
    message : str
        One line for people.
    """

    created_at: datetime.datetime
    log_level: str
    message: str


def write_entry(
    connection: Connection,
    session_id: str,
    level: str,
    message: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Note something in the caller's transaction.

    Parameters
    ----------
    connection : Connection
    session_id : str
    level : {"INFO", "WARNING", "ERROR"}
    message : str
        One line for people.
    details : mapping, optional
        JSON-serialisable values for programs.
    """
    connection.execute(
        execution_log.insert().values(
            session_id=session_id,
            log_level=level,
            message=message,
            details=json.dumps(dict(details or {})),
            created_at=utc_now(),
        )
    )


def read_entries(
    connection: Connection, session_id: str, levels: Collection[str] = (), *, limit: int
) -> tuple[LogEntry, ...]:
    """Read the newest entries of a session, newest first.

    Parameters
    ----------
    connection : Connection
    session_id : str
    levels : collection of str
        Only entries of these levels; all if empty.
    limit : int
        Number of entries at most.

    Returns
    -------
    tuple of LogEntry
    """
    chosen = [execution_log.c.log_level.in_(levels)] if levels else []
    rows = connection.execute(
        sa.select(execution_log.c.created_at, execution_log.c.log_level, execution_log.c.message)
        .where(execution_log.c.session_id == session_id, *chosen)
        .order_by(execution_log.c.id.desc())
        .limit(limit)
    )
    return tuple(LogEntry(*row) for row in rows)
