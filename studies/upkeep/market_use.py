"""Which sessions a change of the market concerns."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from studies.sessions import SessionRow, list_sessions

__all__ = ["sessions_on_days"]


def sessions_on_days(
    engine: Engine, first: dt.date | None, last: dt.date | None
) -> list[SessionRow]:
    """List the sessions whose backtest reaches the days from `first` to `last`; None: no limit.

    Factors look back, so a session uses every day up to its last one. Sessions whose market is in
    another database are left out, as are those that an earlier system recorded.
    """
    if not sa.inspect(engine).has_table("tuning_sessions"):
        return []
    concerned = []
    for row in list_sessions(engine):
        config = row.snapshot.config
        if config is None or (config.get("market") or {}).get("database"):
            continue
        end = _day((config.get("backtest") or {}).get("end_date"))
        if first is None or end is None or end >= first:
            concerned.append(row)
    return concerned


def _day(value: Any) -> dt.date | None:
    return None if value is None else dt.date.fromisoformat(str(value)[:10])
