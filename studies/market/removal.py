"""Deleting a part of the market: pairs, an exchange, days, what a source brought."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from objectives.market.database import CAP_HISTORY, MARKET_CAPS, RETURN_METRICS
from objectives.market.days import utc_day
from objectives.market.events import EventRules
from search_spaces.errors import ConfigError, DataError
from studies.database import WritePacer, display_url
from studies.market.event_store import EventStore
from studies.market.market_import import ImportRules, import_events
from studies.market.tables import FUNDING_EVENTS, FUNDING_SERIES, MARKET_SOURCES

__all__ = ["Removal", "RemovalPlan", "plan_removal", "remove_market"]

_MS_PER_DAY = 86_400_000


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What is to go: the rows that fit everything given.

    Attributes
    ----------
    pair : str or None
        Name of a pair.
    exchange : str or None
        Pairs with this exchange on one side.
    before, after : str or None
        Days earlier than the one, later than the other, ``YYYY-MM-DD``; both days are kept.
    source : str or None
        Label of a source; see ``mass-tuning market summary``.
    """

    pair: str | None = None
    exchange: str | None = None
    before: str | None = None
    after: str | None = None
    source: str | None = None

    @property
    def days(self) -> tuple[dt.date | None, dt.date | None]:
        """First and last day of the rows that go; None: no limit."""
        last = None if self.before is None else utc_day(self.before).date() - dt.timedelta(days=1)
        first = None if self.after is None else utc_day(self.after).date() + dt.timedelta(days=1)
        return first, last


@dataclass(frozen=True, kw_only=True)
class RemovalPlan:
    """What a removal would delete.

    Attributes
    ----------
    removal : Removal
    pairs : tuple of str
        Pairs that lose returns.
    sides : tuple of (int, str, str)
        Id, exchange and symbol of the funding events that go, too.
    n_returns, n_events, n_caps : int
        Rows.
    source_ids : tuple of int or None
        Only rows of these sources; None: of all.
    """

    removal: Removal
    pairs: tuple[str, ...]
    sides: tuple[tuple[int, str, str], ...]
    n_returns: int
    n_events: int
    n_caps: int = 0
    source_ids: tuple[int, ...] | None = None


def plan_removal(engine: Engine, removal: Removal) -> RemovalPlan:
    """Count what would go; nothing is read as a market, so that damaged rows can go, too.

    Raises
    ------
    ConfigError
        If nothing says what is to go.
    DataError
        If the database has no market, or nothing fits; or if a pair would come back because the
        funding events of both its sides belong to other pairs, too.
    """
    if removal == Removal():
        raise ConfigError(
            "remove what? give --pair, --exchange, --before, --after or --source, or several"
        )
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(RETURN_METRICS):
            raise DataError(f"{display_url(engine)}: has no market")
        source_ids = None if removal.source is None else _source_ids(connection, removal.source)
        plan = RemovalPlan(
            removal=removal,
            pairs=_pairs(connection, removal),
            sides=_sides(connection, removal),
            n_returns=0,
            n_events=0,
            source_ids=source_ids,
        )
        plan = replace(
            plan,
            n_returns=sum(_count_returns(connection, plan, pair) for pair in plan.pairs),
            n_events=sum(_count_events(connection, plan, side[0]) for side in plan.sides),
            n_caps=_count_caps(connection, plan),
        )
    if not (plan.n_returns or plan.n_events or plan.n_caps):
        raise DataError(
            f"{display_url(engine)}: nothing fits; mass-tuning market summary lists pairs, "
            "exchanges, days and sources"
        )
    return plan


def remove_market(
    engine: Engine,
    database: str,
    plan: RemovalPlan,
    event_rules: EventRules | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Delete what a plan counted; returns that the other events still give are made again.

    Returns
    -------
    int
        Rows deleted.
    """
    steps: list[Callable[[Connection], int]] = [
        *(_deleting_events(plan, side[0]) for side in plan.sides),
        *(_deleting_returns(plan, pair) for pair in plan.pairs),
        *(_deleting_caps(plan, table) for table in (MARKET_CAPS, CAP_HISTORY) if plan.n_caps),
    ]
    n_deleted = 0
    with WritePacer(engine) as pacer:
        for k, step in enumerate(steps, start=1):
            with pacer.transaction() as connection:
                n_deleted += step(connection)
            if on_progress is not None:
                on_progress(k, len(steps))
    if plan.n_events and EventStore(engine).last_instants():
        # a source may be gone from the middle of a day, an exchange from pairs of three
        import_events(None, database, event_rules=event_rules, rules=ImportRules(mix=True))
    return n_deleted


def _source_ids(connection: Connection, label: str) -> tuple[int, ...]:
    if sa.inspect(connection).has_table(MARKET_SOURCES):
        table = sa.table(MARKET_SOURCES, sa.column("id"), sa.column("label"))
        rows = connection.execute(sa.select(table.c.id, table.c.label)).fetchall()
    else:
        rows = []
    found = tuple(row.id for row in rows if row.label == label)
    if not found:
        known = ", ".join(repr(row.label) for row in rows) or "none is noted"
        raise DataError(f"no source is called {label!r}; there are: {known}")
    return found


def _pairs(connection: Connection, removal: Removal) -> tuple[str, ...]:
    column: sa.ColumnClause[str] = sa.column("trading_pair")
    query = sa.select(column).select_from(sa.table(RETURN_METRICS)).distinct()
    names = sorted(str(name) for name in connection.execute(query).scalars() if name is not None)
    if removal.pair is not None:
        names = [name for name in names if name == removal.pair]
    if removal.exchange is not None:
        names = [name for name in names if removal.exchange in name.split("_")[1:]]
    return tuple(names)


def _sides(connection: Connection, removal: Removal) -> tuple[tuple[int, str, str], ...]:
    """Series of funding events that go, so that the pairs do not come back with them."""
    if not sa.inspect(connection).has_table(FUNDING_EVENTS):
        return ()
    table = sa.table(FUNDING_SERIES, *map(sa.column, ("id", "exchange", "symbol")))
    rows = [tuple(row) for row in connection.execute(sa.select(table).order_by(table.c.id))]
    if removal.exchange is not None:
        rows = [row for row in rows if row[1] == removal.exchange]
    if removal.pair is not None:
        rows = _sides_of_pair(removal.pair, rows)
    return tuple(rows)


def _sides_of_pair(pair: str, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    symbol, *exchanges = pair.split("_")
    own = [row for row in rows if row[2] == symbol]
    ours = [row for row in own if row[1] in exchanges]
    if len(ours) < len([name for name in exchanges if name != "spot"]):
        return []  # not made of these events
    if len(own) <= 2:
        return ours
    raise DataError(
        f"{pair} would come back: its funding events make other pairs of {symbol}, too; remove one "
        "exchange of it (--exchange), or leave the pair out by market.pairs of the configuration"
    )


def _conditions(connection: Connection, plan: RemovalPlan) -> list[sa.ColumnElement[bool]]:
    first, last = plan.removal.days
    date: Any = sa.column("date")
    text = connection.dialect.name == "sqlite"
    # SQLite holds text that begins with the day; other kinds of columns are cast to one.
    day = date if text else sa.cast(date, sa.Date)
    found: list[sa.ColumnElement[bool]] = []
    if first is not None:
        found.append(day >= (first.isoformat() if text else first))
    if last is not None:
        end = last + dt.timedelta(days=1)
        found.append(day < (end.isoformat() if text else end))
    if plan.source_ids is not None:
        found.append(sa.column("source_id").in_(plan.source_ids))
    return found


def _has_sources(connection: Connection, table_name: str) -> bool:
    inspector = sa.inspect(connection)
    if not inspector.has_table(table_name):
        return False
    return "source_id" in {column["name"] for column in inspector.get_columns(table_name)}


def _of_pair(connection: Connection, plan: RemovalPlan, pair: str) -> sa.ColumnElement[bool]:
    if plan.source_ids is not None and not _has_sources(connection, RETURN_METRICS):
        return sa.false()
    return sa.and_(sa.column("trading_pair") == pair, *_conditions(connection, plan))


def _count_returns(connection: Connection, plan: RemovalPlan, pair: str) -> int:
    where = _of_pair(connection, plan, pair)
    query = sa.select(sa.func.count()).select_from(sa.table(RETURN_METRICS)).where(where)
    return int(connection.execute(query).scalar_one())


def _deleting_returns(plan: RemovalPlan, pair: str) -> Callable[[Connection], int]:
    def step(connection: Connection) -> int:
        statement = sa.delete(sa.table(RETURN_METRICS)).where(_of_pair(connection, plan, pair))
        return connection.execute(statement).rowcount

    return step


def _of_side(plan: RemovalPlan, series_id: int) -> sa.ColumnElement[bool]:
    first, last = plan.removal.days
    stamp: Any = sa.column("timestamp")
    found: list[sa.ColumnElement[bool]] = []
    epoch = dt.date(1970, 1, 1)
    half_minute = 30_000  # settlements belong to the day of their nearest minute
    if first is not None:
        found.append(stamp >= (first - epoch).days * _MS_PER_DAY - half_minute)
    if last is not None:
        found.append(stamp < ((last - epoch).days + 1) * _MS_PER_DAY - half_minute)
    if plan.source_ids is not None:
        found.append(sa.column("source_id").in_(plan.source_ids))
    return sa.and_(sa.column("series_id") == series_id, *found)


def _count_events(connection: Connection, plan: RemovalPlan, series_id: int) -> int:
    table = sa.table(FUNDING_EVENTS)
    query = sa.select(sa.func.count()).select_from(table).where(_of_side(plan, series_id))
    return int(connection.execute(query).scalar_one())


def _deleting_events(plan: RemovalPlan, series_id: int) -> Callable[[Connection], int]:
    def step(connection: Connection) -> int:
        statement = sa.delete(sa.table(FUNDING_EVENTS)).where(_of_side(plan, series_id))
        return connection.execute(statement).rowcount

    return step


def _caps_go(plan: RemovalPlan) -> bool:
    """Whether caps are meant: only a source brings them without a pair."""
    removal = plan.removal
    others = (removal.pair, removal.exchange, removal.before, removal.after)
    return plan.source_ids is not None and others == (None,) * len(others)


def _count_caps(connection: Connection, plan: RemovalPlan) -> int:
    if not _caps_go(plan):
        return 0
    n_rows = 0
    for name in (MARKET_CAPS, CAP_HISTORY):
        if _has_sources(connection, name):
            query = (
                sa.select(sa.func.count())
                .select_from(sa.table(name))
                .where(sa.column("source_id").in_(plan.source_ids or ()))
            )
            n_rows += int(connection.execute(query).scalar_one())
    return n_rows


def _deleting_caps(plan: RemovalPlan, table_name: str) -> Callable[[Connection], int]:
    def step(connection: Connection) -> int:
        if not _has_sources(connection, table_name):
            return 0
        statement = sa.delete(sa.table(table_name)).where(
            sa.column("source_id").in_(plan.source_ids or ())
        )
        return connection.execute(statement).rowcount

    return step
