"""Which sessions a change of the market concerns."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from studies.market import is_missing
from studies.sessions import SessionRow, list_sessions

__all__ = ["sessions_on_days"]


def sessions_on_days(
    engine: Engine,
    first: dt.date | None,
    last: dt.date | None,
    market_database: str | None = None,
) -> list[SessionRow]:
    """List the sessions whose backtest reaches the days from `first` to `last`; None: no limit.

    Factors look back, so a session uses every day up to its last one.

    Parameters
    ----------
    engine : Engine
        Of the database that holds the sessions.
    first, last : datetime.date or None
        Days of the market.
    market_database : str, optional
        URL of the database of the market, if that is another one. Sessions of other markets are
        left out, as are those of an earlier system that were not resumed here.
    """
    if is_missing(engine) or not sa.inspect(engine).has_table("tuning_sessions"):
        return []
    concerned = []
    for row in list_sessions(engine):
        config = row.snapshot.config or row.snapshot.resumed_with
        if config is None or (config.get("market") or {}).get("database") != market_database:
            continue
        end = _day((config.get("backtest") or {}).get("end_date"))
        if first is None or end is None or end >= first:
            concerned.append(row)
    return concerned


def _day(value: Any) -> dt.date | None:
    return None if value is None else dt.date.fromisoformat(str(value)[:10])
