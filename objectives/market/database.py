"""Panels from the market tables of a database, and how databases are named in messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from objectives.database_driver import with_driver
from objectives.market.caps import MarketCaps, caps_from_table
from objectives.market.panel_fields import PanelFields
from objectives.market.returns import fields_of_table
from objectives.market.tables import Table
from objectives.sqlite_url import refuse_tilde
from objectives.url_passwords import SECRETS, display_url
from search_spaces.errors import DatabaseUrlError, DataError, NoMarketError, StorageError

__all__ = ["CAP_HISTORY", "MARKET_CAPS", "RETURN_METRICS", "connected_engine", "read_database"]

RETURN_METRICS = "return_metrics"
MARKET_CAPS = "market_caps"
CAP_HISTORY = "market_cap_history"

_FEW_PAIRS = 500  # more are picked after reading: databases limit the variables of a query


def read_database(
    url_or_engine: str | URL | Engine, pairs: Sequence[str] | None = None
) -> PanelFields:
    """Read the market tables of a database.

    ``return_metrics(trading_pair, date, return_1d [, roi_1d])`` gives the returns; a NULL return
    counts as no row. Market caps come from ``market_cap_history(symbol, date, market_cap)`` if it
    has rows (the importer writes dated caps there), otherwise from ``market_caps(symbol,
    market_cap [, date])`` if there. A pair takes the cap of the symbol that is written exactly
    like its text before the first ``_``; a NULL cap is unknown. Nothing is written.

    Parameters
    ----------
    url_or_engine : str, sqlalchemy.URL or sqlalchemy.Engine
        For example ``sqlite:///funding_rate.db``.
    pairs : sequence of str, optional
        Read only these pairs. None: all.

    Returns
    -------
    PanelFields
        Of a :class:`~objectives.market.panel.ReturnPanel`.

    Raises
    ------
    StorageError
        If the database cannot be reached or read.
    DataError
        If the table ``return_metrics``, a column of it or a wanted pair is missing.
    DataError
        As :func:`objectives.market.returns.read_returns` for the rows; they are named by their
        pair and date.
    """
    with connected_engine(url_or_engine) as (engine, name), engine.connect() as connection:
        table = _returns_table(connection, name, pairs)
        caps, notes = _market_caps(connection, name)
    fields = fields_of_table(table, caps, name)
    return replace(fields, warnings=(*fields.warnings, *notes)) if notes else fields


@contextmanager
def connected_engine(
    url_or_engine: str | URL | Engine, *, create: bool = False
) -> Iterator[tuple[Engine, str]]:
    """Yield an engine and the name of its database, and translate the errors of the block.

    An engine made here is disposed of; a given one is left open. The name and the messages hold
    no password.

    Parameters
    ----------
    url_or_engine : str, sqlalchemy.URL or sqlalchemy.Engine
        The database.
    create : bool
        Whether a SQLite file that does not exist may be created.

    Raises
    ------
    StorageError
        If the URL cannot be understood, its driver is missing, or the database fails.
    """
    own = not isinstance(url_or_engine, Engine)
    url = _parse(url_or_engine) if not isinstance(url_or_engine, Engine) else url_or_engine.url
    name = display_url(url)
    refuse_tilde(url, name)
    if own and not create:
        _require_file(url, name)
    engine = _engine(url, name) if not isinstance(url_or_engine, Engine) else url_or_engine
    try:
        yield engine, name
    except (SQLAlchemyError, UnicodeError) as error:
        # The chain of causes would print parameters and perhaps the password: it is cut.
        raise StorageError(f"{name}: {_without_secrets(error, url)}") from None
    finally:
        if own:
            engine.dispose()


def _parse(url: str | URL) -> URL:
    try:
        return with_driver(make_url(url))
    except (ArgumentError, ValueError, TypeError):
        raise DatabaseUrlError(
            "the database URL cannot be understood; it looks like sqlite:///funding_rate.db or "
            "postgresql+psycopg://user:password@host/name"
        ) from None


def _engine(url: URL, name: str) -> Engine:
    timeout = {"timeout": 30} if url.get_backend_name() == "sqlite" else {}
    try:
        return sa.create_engine(url, connect_args=timeout)
    except (ImportError, NoSuchModuleError) as error:
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise DatabaseUrlError(
                f"{name}: a market comes from a file of this machine, sqlite:///FILE or "
                "postgresql://user@host/name"
            ) from None
        raise StorageError(
            f"{name}: the driver of this kind of database is missing ({error}); "
            "for PostgreSQL install psycopg"
        ) from None
    except (SQLAlchemyError, ValueError, TypeError) as error:
        raise StorageError(f"{name}: {_without_secrets(error, url)}") from None


def _require_file(url: URL, name: str) -> None:
    database = url.database
    if url.get_backend_name() != "sqlite" or not database or database.startswith("file:"):
        return
    if database != ":memory:" and not Path(database).is_file():
        raise StorageError(f"{name}: no such file; `mass-tuning import` creates the database")


def _without_secrets(error: Exception, url: URL) -> str:
    text = str(getattr(error, "orig", None) or error).strip().split("\n(Background on")[0]
    secrets = [url.password, *(url.query.get(key) for key in url.query if key.lower() in SECRETS)]
    for secret in secrets:
        for form in (str(secret), quote(str(secret)), quote_plus(str(secret))) if secret else ():
            text = text.replace(form, "***")
    return text


def _returns_table(connection: Connection, name: str, pairs: Sequence[str] | None) -> Table:
    columns = _columns_of(connection, RETURN_METRICS)
    if columns is None:
        raise NoMarketError(f"{name}: no table {RETURN_METRICS}; `mass-tuning import` writes it")
    wanted = ["trading_pair", "date", "return_1d"]
    missing = [column for column in wanted if column not in columns]
    if missing:
        raise DataError(
            f"{name}, table {RETURN_METRICS}: missing column {', '.join(map(repr, missing))}; "
            f"the columns are {', '.join(columns)}"
        )
    wanted += ["roi_1d"] if "roi_1d" in columns else []
    table = sa.table(RETURN_METRICS, *(sa.column(column) for column in wanted))
    statement = sa.select(table)
    chosen = None if pairs is None else [pairs] if isinstance(pairs, str) else list(pairs)
    if chosen is not None and len(chosen) <= _FEW_PAIRS:
        statement = statement.where(table.c.trading_pair.in_(chosen))
    frame = _frame(connection, statement, wanted)
    if chosen is not None:
        absent = sorted(set(chosen) - set(frame["trading_pair"]))
        if absent:
            listed = ", ".join(map(repr, absent[:5]))
            raise DataError(
                f"{name}, table {RETURN_METRICS}: no rows of {len(absent)} pairs: {listed}"
            )
        frame = frame[frame["trading_pair"].isin(chosen)].reset_index(drop=True)
    label = f"{name}, table {RETURN_METRICS}"
    if frame.empty:
        raise NoMarketError(f"{label}: has no rows; `mass-tuning import` writes them")
    return _table(frame, label, ("trading_pair", "date"))


def _market_caps(connection: Connection, name: str) -> tuple[MarketCaps | None, tuple[str, ...]]:
    history = _caps_of(connection, name, CAP_HISTORY, ("symbol", "date", "market_cap"))
    current = _caps_of(connection, name, MARKET_CAPS, ("symbol", "market_cap"))
    if history is None or current is None:
        return (current if history is None else history), ()
    unused = sorted(set(current.symbols) - set(history.symbols))
    if not unused:
        return history, ()
    note = (
        f"market caps of {len(unused)} symbols (such as {unused[0]!r}) in {MARKET_CAPS} are not "
        f"used, because {CAP_HISTORY} has dated ones of others"
    )
    return history, (note,)


def _caps_of(
    connection: Connection, name: str, table_name: str, required: tuple[str, ...]
) -> MarketCaps | None:
    columns = _columns_of(connection, table_name)
    if columns is None or not set(required) <= set(columns):
        return None
    wanted = list(required)
    if "date" in columns and "date" not in wanted:
        wanted.append("date")
    frame = _frame(
        connection, sa.select(*map(sa.column, wanted)).select_from(sa.table(table_name)), wanted
    )
    if frame.empty:
        return None
    keys = tuple(column for column in ("symbol", "date") if column in wanted)
    return caps_from_table(_table(frame, f"{name}, table {table_name}", keys))


def _columns_of(connection: Connection, table_name: str) -> list[str] | None:
    inspector = sa.inspect(connection)
    if not inspector.has_table(table_name):
        return None
    return [column["name"] for column in inspector.get_columns(table_name)]


def _frame(
    connection: Connection, statement: sa.Select[*tuple[Any, ...]], columns: list[str]
) -> pd.DataFrame:
    # The columns have no declared type here, so values come as stored: bad ones are reported by
    # the reader, with their pair and date, instead of failing in a driver's conversion.
    rows = connection.execute(statement).fetchall()
    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    data = {
        name: pd.Series(list(cell), dtype=object) for name, cell in zip(columns, cells, strict=True)
    }
    return pd.DataFrame(data)


def _table(frame: pd.DataFrame, label: str, keys: tuple[str, ...]) -> Table:
    def locate(record: int) -> str:
        return "row with " + ", ".join(f"{key} {frame.loc[record, key]!r}" for key in keys)

    return Table(frame, label, locate)
