"""What happened to a session, as rows of ``execution_log``."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from studies.database import execution_log, utc_now

__all__ = ["write_entry"]


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
