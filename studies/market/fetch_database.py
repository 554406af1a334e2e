"""A fetch into the project's database: its store of events, and the returns made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from objectives import ReturnPanel
from objectives.market.funding_events import FundingEvents
from search_spaces.errors import FetchError
from studies.database import create_engine
from studies.market.fetch_caps import caps_of_symbols, check_caps
from studies.market.fetch_records import FetchProgress, FetchRequest, FetchSummary
from studies.market.fetching import OpenClient, fetch_market
from studies.market.importer import ImportSummary, import_panel

__all__ = ["fetch_into_database"]

_METADATA = sa.MetaData()
_EVENTS = sa.Table(
    "fetched_events",
    _METADATA,
    sa.Column("exchange", sa.String(64), primary_key=True),
    sa.Column("symbol", sa.String(255), primary_key=True),
    sa.Column("micros", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("rate", sa.Double, nullable=False),
)


def fetch_into_database(
    request: FetchRequest,
    database: str,
    on_progress: Callable[[FetchProgress], None] | None = None,
    *,
    open_client: OpenClient | None = None,
) -> FetchSummary:
    """Fetch what a database lacks of funding rates, and make its returns anew.

    Parameters
    ----------
    request : FetchRequest
    database : str
        URL; a missing SQLite file is created.
    on_progress : callable, optional
        See :func:`fetch_market`.
    open_client : callable, optional
        See :func:`fetch_market`.

    Raises
    ------
    ConfigError, DataError, FetchError
        See :func:`fetch_market`; of the returns :meth:`ReturnPanel.from_funding_events`.
    StorageError
        If the database cannot be written.
    """
    check_caps(request)
    engine = create_engine(database)
    try:
        store = _FetchedEvents(engine)
        summary = fetch_market(request, store, on_progress, open_client=open_client)
        symbols = {symbol for _, symbol in store.last_instants()}
        if not symbols:
            return summary
        try:
            caps, notes = caps_of_symbols(request, symbols)
        except FetchError as error:
            summary = replace(summary, caps_stopped=f"{error}; the returns were made without")
            caps, notes = None, ()
        return replace(summary, notes=notes, imported=_rebuild(store, engine, caps))
    finally:
        engine.dispose()


def _rebuild(
    store: _FetchedEvents, engine: Engine, caps: pd.DataFrame | str | None
) -> ImportSummary:
    """Make the daily returns of all events that are there."""
    return import_panel(ReturnPanel.from_funding_events(store.frame(), market_caps=caps), engine)


class _FetchedEvents:
    """Fetched events in a table of their own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def last_instants(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Return first and last instant held, microseconds since 1970, by (exchange, symbol)."""
        if not sa.inspect(self._engine).has_table(_EVENTS.name):
            return {}
        query = sa.select(
            _EVENTS.c.exchange,
            _EVENTS.c.symbol,
            sa.func.min(_EVENTS.c.micros),
            sa.func.max(_EVENTS.c.micros),
        ).group_by(_EVENTS.c.exchange, _EVENTS.c.symbol)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return {(exchange, symbol): (first, last) for exchange, symbol, first, last in rows}

    def add(self, events: FundingEvents) -> int:
        """Write events in one transaction; return how many are new."""
        rows = [
            {
                "exchange": events.exchanges[events.exchange[k]],
                "symbol": events.symbols[events.symbol[k]],
                "micros": int(events.micros[k]),
                "rate": float(events.rate[k]),
            }
            for k in range(len(events))
        ]
        with self._engine.begin() as connection:
            _METADATA.create_all(connection)
            held = set(
                connection.execute(
                    sa.select(_EVENTS.c.exchange, _EVENTS.c.symbol, _EVENTS.c.micros).where(
                        _EVENTS.c.exchange.in_(events.exchanges),
                        _EVENTS.c.symbol.in_(events.symbols),
                        _EVENTS.c.micros.between(
                            int(events.micros.min()), int(events.micros.max())
                        ),
                    )
                ).all()
            )
            new = [
                row for row in rows if (row["exchange"], row["symbol"], row["micros"]) not in held
            ]
            if new:
                connection.execute(sa.insert(_EVENTS), new)
        return len(new)

    def frame(self) -> pd.DataFrame:
        """Return all events in the columns of :meth:`ReturnPanel.from_funding_events`."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(_EVENTS)).all()
        frame = pd.DataFrame(rows, columns=["exchange", "symbol", "timestamp", "funding_rate"])
        frame["timestamp"] = frame["timestamp"].to_numpy(dtype=np.int64).astype("M8[us]")
        return frame
