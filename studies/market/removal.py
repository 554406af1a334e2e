"""Deleting a part of the market: pairs, an exchange, days, what a source brought."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from objectives.market.database import CAP_HISTORY, MARKET_CAPS, RETURN_METRICS
from objectives.market.days import utc_day
from objectives.market.events import SPOT, EventRules
from objectives.market.table import Table
from objectives.market.tables import days_of, instant_column
from search_spaces.errors import ConfigError, DataError
from studies.database import WritePacer, display_url, locked_market
from studies.market.event_store import EventStore
from studies.market.market_import import ImportRules, import_events
from studies.market.stored_market import delete_returns_of_events
from studies.market.tables import FUNDING_EVENTS, FUNDING_SERIES, MARKET_SOURCES, names_sources

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
    dates : tuple or None
        Only returns with one of these dates, as they are stored; None: of all days.
    """

    removal: Removal
    pairs: tuple[str, ...]
    sides: tuple[tuple[int, str, str], ...]
    n_returns: int
    n_events: int
    n_caps: int = 0
    source_ids: tuple[int, ...] | None = None
    dates: tuple[Any, ...] | None = None


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
    if removal.exchange == SPOT:
        raise DataError(f"{SPOT!r} is no exchange; remove the exchange on the pair's other side")
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        if not any(inspector.has_table(name) for name in (RETURN_METRICS, FUNDING_EVENTS)):
            raise DataError(f"{display_url(engine)}: has no market")
        source_ids = None if removal.source is None else _source_ids(connection, removal.source)
        plan = RemovalPlan(
            removal=removal,
            pairs=_pairs(connection, removal),
            sides=_sides(connection, removal),
            n_returns=0,
            n_events=0,
            source_ids=source_ids,
            dates=_dates(connection, removal),
        )
        plan = replace(
            plan,
            n_returns=sum(_count_returns(connection, plan, pair) for pair in plan.pairs),
            n_events=sum(_count_events(connection, plan, side[0]) for side in plan.sides),
            n_caps=_count_caps(connection, plan),
        )
        _refuse_what_comes_back(connection, plan)
    if not (plan.n_returns or plan.n_events or plan.n_caps):
        raise DataError(
            f"{display_url(engine)}: nothing fits; mass-tuning market summary lists pairs, "
            "exchanges, days and sources (mass-tuning import --rebuild completes a removal that "
            "was interrupted)"
        )
    return plan


def remove_market(
    engine: Engine,
    database: str,
    plan: RemovalPlan,
    event_rules: EventRules | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[int, str | None]:
    """Delete what a plan counted; returns that the other events still give are made again.

    A market of several exchanges does not become pairs against spot where one of them is left.

    Returns
    -------
    n_deleted : int
        Rows deleted.
    problem : str or None
        Why the returns could not be made again.
    """
    steps: list[Callable[[Connection], int]] = [
        *(_deleting_events(plan, side[0]) for side in plan.sides),
        *(_deleting_returns(plan, pair) for pair in plan.pairs),
        *(_deleting_caps(plan, table) for table in (MARKET_CAPS, CAP_HISTORY) if plan.n_caps),
    ]
    store = EventStore(engine)
    exchanges = {exchange for exchange, _ in store.last_instants()}
    n_deleted = 0
    with locked_market(engine), WritePacer(engine) as pacer:
        for k, step in enumerate(steps, start=1):
            with pacer.transaction() as connection:
                n_deleted += step(connection)
            if on_progress is not None:
                on_progress(k, len(steps))
        if exchanges and not store.last_instants():
            with pacer.transaction() as connection:  # nothing gives them any more
                delete_returns_of_events(connection)
            exchanges = set()
    if not exchanges:
        return n_deleted, None
    try:
        # a source may be gone from the middle of a day, and what it gave may be given by another
        import_events(
            None,
            database,
            event_rules=event_rules,
            rules=ImportRules(mix=True),
            may_be_spot=len(exchanges) == 1,
        )
    except DataError as error:
        return n_deleted, str(error)
    return n_deleted, None


def _source_ids(connection: Connection, label: str) -> tuple[int, ...]:
    if sa.inspect(connection).has_table(MARKET_SOURCES):
        table = sa.table(MARKET_SOURCES, sa.column("id"), sa.column("label"))
        rows = connection.execute(sa.select(table.c.id, table.c.label)).fetchall()
    else:
        rows = []
    if label == FUNDING_EVENTS:
        raise DataError(
            f"{label!r} stands for the returns made of funding events; remove what brought the "
            "events, mass-tuning market summary lists it"
        )
    found = tuple(row.id for row in rows if row.label == label)
    if not found:
        known = ", ".join(repr(row.label) for row in rows) or "none is noted"
        raise DataError(f"no source is called {label!r}; there are: {known}")
    return found


def _pairs(connection: Connection, removal: Removal) -> tuple[str, ...]:
    if not sa.inspect(connection).has_table(RETURN_METRICS):
        return ()
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
    """Series that a pair is made of; none if it is made of something else."""
    symbol, *exchanges = pair.split("_")
    ours = [row for row in rows if row[2] == symbol and row[1] in exchanges]
    n_sides = len([name for name in exchanges if name != SPOT])
    return ours if len(ours) == n_sides else []


def _refuse_what_comes_back(connection: Connection, plan: RemovalPlan) -> None:
    """Refuse a pair whose events make other pairs, too: they stay, and it would come back."""
    if plan.removal.pair is None or not plan.n_events:
        return
    symbol = plan.removal.pair.split("_", 1)[0]
    table = sa.table(FUNDING_SERIES, sa.column("symbol"))
    query = sa.select(sa.func.count()).select_from(table).where(table.c.symbol == symbol)
    if int(connection.execute(query).scalar_one()) > len(plan.sides):
        raise DataError(
            f"{plan.removal.pair} would come back: its funding events make other pairs of "
            f"{symbol}, too; remove one exchange of it (--exchange), or leave the pair out by "
            "market.pairs of the configuration"
        )


def _dates(connection: Connection, removal: Removal) -> tuple[Any, ...] | None:
    """Dates of the days that go, as they are stored in whatever way; None: all days.

    A date that cannot be read is of no day: it goes with its pair or source only.
    """
    first, last = removal.days
    if first is None and last is None:
        return None
    if not sa.inspect(connection).has_table(RETURN_METRICS):
        return ()
    column: sa.ColumnClause[Any] = sa.column("date")
    query = sa.select(column).select_from(sa.table(RETURN_METRICS)).distinct()
    raw = list(connection.execute(query).scalars())
    return tuple(
        each
        for each, day in zip(raw, _days_of(raw), strict=True)
        if day is not None and (first is None or day >= first) and (last is None or day <= last)
    )


def _days_of(raw: Sequence[Any]) -> list[dt.date | None]:
    """Days of stored dates, read as returns are."""
    try:
        table = Table(pd.DataFrame({"date": pd.Series(raw, dtype=object)}), "", str)
        days = days_of(instant_column(table, "date"))
    except DataError:
        if len(raw) == 1:
            return [None]
        return [day for each in raw for day in _days_of([each])]
    epoch = dt.date(1970, 1, 1)
    return [epoch + dt.timedelta(days=int(day)) for day in days]


def _conditions(connection: Connection, plan: RemovalPlan) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if plan.dates is not None and connection.dialect.name == "sqlite":
        text = sa.text("date IN (SELECT value FROM json_each(:stored_dates))")
        stored = json.dumps([str(each) for each in plan.dates])
        found.append(text.bindparams(stored_dates=stored))  # type: ignore[arg-type]
    elif plan.dates is not None:
        found.append(sa.column("date").in_(plan.dates))
    if plan.source_ids is not None:
        found.append(sa.column("source_id").in_(plan.source_ids))
    return found


def _of_pair(connection: Connection, plan: RemovalPlan, pair: str) -> sa.ColumnElement[bool]:
    if plan.source_ids is not None and not names_sources(connection, RETURN_METRICS):
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
        if names_sources(connection, name):
            query = (
                sa.select(sa.func.count())
                .select_from(sa.table(name))
                .where(sa.column("source_id").in_(plan.source_ids or ()))
            )
            n_rows += int(connection.execute(query).scalar_one())
    return n_rows


def _deleting_caps(plan: RemovalPlan, table_name: str) -> Callable[[Connection], int]:
    def step(connection: Connection) -> int:
        if not names_sources(connection, table_name):
            return 0
        statement = sa.delete(sa.table(table_name)).where(
            sa.column("source_id").in_(plan.source_ids or ())
        )
        return connection.execute(statement).rowcount

    return step
