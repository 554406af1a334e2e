"""Reading the rows of ``tuning_sessions``, damaged ones included."""

import datetime
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa

from studies.database import tuning_sessions

__all__ = ["as_text", "as_time", "as_whole", "row_query"]

_T = TypeVar("_T")
_TIMES = ("created_at", "started_at", "completed_at")


def row_query() -> sa.Select[Any]:
    """Select whole rows, their times as they are stored: one that is none must not stop a list."""
    return sa.select(
        *(
            sa.type_coerce(column, sa.String).label(column.name)
            if column.name in _TIMES
            else column
            for column in tuning_sessions.c
        )
    )


def as_time(value: Any) -> datetime.datetime | None:
    """Read a time, which SQLite keeps as text."""
    if value is None or isinstance(value, datetime.datetime):
        return value
    return datetime.datetime.fromisoformat(value)


def as_whole(value: Any) -> int:
    """Read a count; none is 0."""
    return _checked(value or 0, int)


def as_text(value: Any) -> str:
    """Read a text; none is empty."""
    return _checked(value or "", str)


def _checked(value: Any, kind: Callable[..., _T]) -> _T:
    if not isinstance(value, kind):  # type: ignore[arg-type]
        raise TypeError(f"{value!r} is stored where {kind.__name__} is expected")
    return value
