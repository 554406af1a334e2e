"""The market tables: their columns, and how an existing one is completed without losing a row."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import IntegrityError

from objectives.market.database import CAP_HISTORY, MARKET_CAPS, RETURN_METRICS
from search_spaces.errors import DataError, StorageError

__all__ = [
    "FUNDING_EVENTS",
    "FUNDING_SERIES",
    "MARKET_METADATA",
    "MARKET_SOURCES",
    "MarketTable",
    "insert_into",
    "names_sources",
    "prepare_tables",
]

MARKET_SOURCES = "market_sources"
FUNDING_SERIES = "funding_series"
FUNDING_EVENTS = "funding_events"

MARKET_METADATA = sa.MetaData()

_VALUE_COLUMNS = tuple(
    f"{kind}_{horizon}"
    for horizon in ("1d", "2d", "7d", "14d", "30d", "all")
    for kind in ("return", "roi")
)

sa.Table(
    RETURN_METRICS,
    MARKET_METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("trading_pair", sa.String(255), nullable=False),
    sa.Column("date", sa.Date, nullable=False),
    *(sa.Column(name, sa.Double) for name in _VALUE_COLUMNS),
    sa.Column("source_id", sa.Integer),
    sa.UniqueConstraint("trading_pair", "date", name="uq_return_metrics_pair_date"),
)
sa.Table(
    MARKET_CAPS,
    MARKET_METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("symbol", sa.String(255), nullable=False),
    sa.Column("name", sa.String(255)),
    sa.Column("current_price", sa.Double),
    sa.Column("market_cap", sa.Double),
    sa.Column("market_cap_rank", sa.Integer),
    sa.Column("total_volume", sa.Double),
    sa.Column("source_id", sa.Integer),
    sa.UniqueConstraint("symbol", name="uq_market_caps_symbol"),
)
sa.Table(
    CAP_HISTORY,
    MARKET_METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("symbol", sa.String(255), nullable=False),
    sa.Column("date", sa.Date, nullable=False),
    sa.Column("market_cap", sa.Double, nullable=False),
    sa.Column("source_id", sa.Integer),
    sa.UniqueConstraint("symbol", "date", name="uq_market_cap_history_symbol_date"),
)
# Where rows came from: a file, an exchange, a synthetic market, or the funding events below.
sa.Table(
    MARKET_SOURCES,
    MARKET_METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("label", sa.String(1024), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("form", sa.String(64)),
    sa.Column("imported_at", sa.DateTime),
    sa.UniqueConstraint("label", "kind", name="uq_market_sources_label_kind"),
)
sa.Table(
    FUNDING_SERIES,
    MARKET_METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("exchange", sa.String(64), nullable=False),
    sa.Column("symbol", sa.String(255), nullable=False),
    sa.Column("multiple", sa.Integer),  # coins a contract is on, where its published name says so
    sa.UniqueConstraint("exchange", "symbol", name="uq_funding_series_exchange_symbol"),
)
# timestamp: milliseconds since 1970 UTC as published; funding_rate: fraction of notional, paid by
# longs to shorts. Millions of rows: no id, and the order of the key is that of the file.
sa.Table(
    FUNDING_EVENTS,
    MARKET_METADATA,
    sa.Column("series_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("timestamp", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("funding_rate", sa.Double, nullable=False),
    sa.Column("source_id", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

_KEYS = {
    RETURN_METRICS: ("trading_pair", "date"),
    MARKET_CAPS: ("symbol",),
    CAP_HISTORY: ("symbol", "date"),
}
_WRITTEN = {
    RETURN_METRICS: ("trading_pair", "date", *_VALUE_COLUMNS, "source_id"),
    MARKET_CAPS: ("symbol", "market_cap", "source_id"),
    CAP_HISTORY: ("symbol", "date", "market_cap", "source_id"),
}


@dataclass(frozen=True, eq=False)
class MarketTable:
    """One table as it is in the database, ready to be written to.

    Parameters
    ----------
    name : str
        One of the three market tables.
    dialect : str
        ``sqlite`` or ``postgresql``.
    write_date : callable
        Turns a date into what the table's column stores.
    date_type : sqlalchemy type
        The type its parameter is bound with.
    """

    name: str
    dialect: str
    write_date: Callable[[dt.date], Any]
    date_type: sa.types.TypeEngine[Any]

    def upsert(self) -> sa.Insert:
        """Return the statement that inserts a row, or updates our columns of the one there."""
        keys, written = _KEYS[self.name], _WRITTEN[self.name]
        columns = [sa.column(name, self._type(name)) for name in written]
        target = sa.table(self.name, *columns)
        insert = insert_into(target, self.dialect)
        insert = insert.values(
            {name: sa.bindparam(name, type_=self._type(name)) for name in written}
        )
        new = {name: insert.excluded[name] for name in written if name not in keys}
        # without a source of its own a row keeps the one it has
        new["source_id"] = sa.func.coalesce(insert.excluded["source_id"], target.c.source_id)
        statement: sa.Insert = insert.on_conflict_do_update(index_elements=list(keys), set_=new)
        return statement

    def bound(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a row for :meth:`upsert`."""
        if "date" not in row:
            return dict(row)
        return {**row, "date": self.write_date(row["date"])}

    def _type(self, column: str) -> sa.types.TypeEngine[Any]:
        if column == "date":
            return self.date_type
        if column == "source_id":
            return sa.Integer()
        return sa.String() if column in ("trading_pair", "symbol") else sa.Double()


def insert_into(table: sa.TableClause, dialect: str) -> Any:
    """Begin an insert that can say what becomes of rows that are there, in SQL of a dialect."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def names_sources(connection: Connection, table_name: str) -> bool:
    """Say whether a table is there and its rows can name their source."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(table_name):
        return False
    return "source_id" in {column["name"] for column in inspector.get_columns(table_name)}


def prepare_tables(engine: Engine, name: str, *, dated_caps: bool) -> dict[str, MarketTable]:
    """Create the market tables, and add to existing ones the columns and the key they lack.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        SQLite or PostgreSQL.
    name : str
        The database, for messages.
    dated_caps : bool
        Whether a table for dated market caps is wanted.

    Returns
    -------
    dict of str to MarketTable
        The tables to write to.

    Raises
    ------
    StorageError
        If the database is neither SQLite nor PostgreSQL.
    DataError
        If an existing table has two rows of one key, or dates where none can be written.
    """
    dialect = engine.dialect.name
    if dialect not in ("sqlite", "postgresql"):
        raise StorageError(f"{name}: only SQLite and PostgreSQL can be written, not {dialect}")
    wanted = [RETURN_METRICS, MARKET_CAPS, *([CAP_HISTORY] if dated_caps else [])]
    with engine.begin() as connection:
        MARKET_METADATA.create_all(connection, [MARKET_METADATA.tables[MARKET_SOURCES]])
    tables = {}
    for table_name in wanted:
        with engine.begin() as connection:
            MARKET_METADATA.create_all(connection, [MARKET_METADATA.tables[table_name]])
            _refuse_dated_table(connection, name, table_name)
            _add_columns(connection, table_name)
            _add_key(connection, name, table_name)
            tables[table_name] = _as_it_is(connection, name, table_name, dialect)
    return tables


def _refuse_dated_table(connection: Connection, name: str, table_name: str) -> None:
    columns = {column["name"] for column in sa.inspect(connection).get_columns(table_name)}
    if table_name == MARKET_CAPS and "date" in columns:
        raise DataError(
            f"{name}, table {MARKET_CAPS}: has a column 'date', so one row per symbol cannot be "
            f"written; rename the table to {CAP_HISTORY} to keep its dated caps"
        )


def _add_columns(connection: Connection, table_name: str) -> None:
    present = {column["name"] for column in sa.inspect(connection).get_columns(table_name)}
    quote = connection.dialect.identifier_preparer.quote
    for column in MARKET_METADATA.tables[table_name].columns:
        if column.name in present or column.name not in _WRITTEN[table_name]:
            continue
        kind = column.type.compile(connection.dialect)
        connection.execute(
            sa.DDL(f"ALTER TABLE {quote(table_name)} ADD COLUMN {quote(column.name)} {kind}")
        )


def _add_key(connection: Connection, name: str, table_name: str) -> None:
    key = _KEYS[table_name]
    inspector = sa.inspect(connection)
    unique: list[Sequence[str | None]] = [
        *(found["column_names"] for found in inspector.get_unique_constraints(table_name)),
        *(found["column_names"] for found in inspector.get_indexes(table_name) if found["unique"]),
        inspector.get_pk_constraint(table_name)["constrained_columns"],
    ]
    if any(sorted(map(str, columns)) == sorted(key) for columns in unique):
        return
    table = sa.Table(table_name, sa.MetaData(), *(sa.Column(column) for column in key))
    try:
        sa.Index(f"uq_{table_name}_key", *table.columns, unique=True).create(connection)
    except IntegrityError:
        raise DataError(
            f"{name}, table {table_name}: two rows have the same {', '.join(key)}; "
            "delete one of each before importing"
        ) from None


def _as_it_is(connection: Connection, name: str, table_name: str, dialect: str) -> MarketTable:
    if "date" not in _KEYS[table_name]:
        return MarketTable(table_name, dialect, dt.date.isoformat, sa.String())
    if dialect == "sqlite":
        return MarketTable(
            table_name, dialect, _date_text(connection, name, table_name), sa.String()
        )
    columns = {column["name"]: column for column in sa.inspect(connection).get_columns(table_name)}
    kind = columns["date"]["type"]
    if isinstance(kind, sa.Date):
        return MarketTable(table_name, dialect, lambda date: date, sa.Date())
    if isinstance(kind, sa.DateTime):
        zone = dt.UTC if kind.timezone else None
        midnight = dt.time(tzinfo=zone)
        return MarketTable(
            table_name,
            dialect,
            lambda date: dt.datetime.combine(date, midnight),
            sa.DateTime(timezone=bool(kind.timezone)),
        )
    return MarketTable(table_name, dialect, _date_text(connection, name, table_name), sa.String())


def _date_text(connection: Connection, name: str, table_name: str) -> Callable[[dt.date], str]:
    """Write dates as the rows already there do, or their keys would not meet."""
    table = sa.table(table_name, sa.column("date"))
    text = sa.cast(table.c.date, sa.String)
    ending = sa.func.substr(text, 11)
    # of each way in which dates end, and of those that begin otherwise, one
    query = sa.select(sa.func.min(text)).group_by(ending, text.like("____-__-__%")).limit(3)
    samples = [str(sample) for sample in connection.execute(query).scalars() if sample is not None]
    if not samples:
        return dt.date.isoformat
    match = re.fullmatch(r"\d{4}-\d\d-\d\d([T ]00:00(?::00(?:\.0+)?)?(?:Z|\+00:00)?)?", samples[0])
    if match is None or len(samples) > 1:
        ways = " and ".join(repr(sample) for sample in samples)
        raise DataError(
            f"{name}, table {table_name}, column 'date': {ways} "
            f"{'are two ways of writing' if len(samples) > 1 else 'is not written'} YYYY-MM-DD, so "
            "new rows could not be matched with those there; write all dates as YYYY-MM-DD"
        )
    suffix = match.group(1) or ""
    return lambda date: date.isoformat() + suffix
