"""The raw funding events of a database, from which its returns can be made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection, Engine

from objectives.market.events import EventRules
from objectives.market.funding_events import EventSource, FundingEvents
from search_spaces.errors import DataError
from studies.database import WritePacer, insert_rows, utc_now, write_transaction
from studies.market.project_database import is_missing
from studies.market.tables import (
    FUNDING_EVENTS,
    FUNDING_SERIES,
    MARKET_METADATA,
    MARKET_SOURCES,
    insert_into,
)

__all__ = ["EVENTS_KIND", "EventStore", "source_id", "without_held"]

EVENTS_KIND = "events"
"""Kind of the sources of funding events."""

_MICROS_PER_MS = 1_000
_ROWS_READ = 200_000
_ROWS_WRITTEN = 60_000  # some 60 ms of the write lock

_SERIES = MARKET_METADATA.tables[FUNDING_SERIES]
_SOURCES = MARKET_METADATA.tables[MARKET_SOURCES]
_EVENTS = MARKET_METADATA.tables[FUNDING_EVENTS]

_STORED = np.dtype([("series", "i4"), ("ms", "i8"), ("rate", "f8"), ("source", "i4")])


class EventStore:
    """Tables ``funding_events``, ``funding_series`` and ``market_sources`` of a database.

    Importing and fetching keep what was published here, so that returns can be made again under
    other rules, another exchange joins those that are there, and a fetch asks for what is missing.

    Parameters
    ----------
    engine : Engine
        Of `studies.database.create_engine`. The tables are created at the first `add`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def last_instants(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Return first and last instant held, microseconds since 1970, by (exchange, symbol)."""
        if not self._is_there():
            return {}
        query = (
            sa.select(
                _SERIES.c.exchange,
                _SERIES.c.symbol,
                sa.func.min(_EVENTS.c.timestamp),
                sa.func.max(_EVENTS.c.timestamp),
            )
            .join_from(_SERIES, _EVENTS, _SERIES.c.id == _EVENTS.c.series_id)
            .group_by(_SERIES.c.exchange, _SERIES.c.symbol)
        )
        with self._engine.connect() as connection:
            return {
                (exchange, symbol): (first * _MICROS_PER_MS, last * _MICROS_PER_MS)
                for exchange, symbol, first, last in connection.execute(query)
            }

    def read(self) -> FundingEvents | None:
        """Return all events held, by exchange, symbol and time; None if there are none."""
        return self._read(None) if self._is_there() else None

    def rules(self) -> EventRules:
        """Return how the returns there were made of events; it says nothing if there are none."""
        if not self._is_there():
            return EventRules()
        query = sa.select(_SOURCES.c.form).where(
            _SOURCES.c.label == FUNDING_EVENTS, _SOURCES.c.kind == EVENTS_KIND
        )
        with self._engine.connect() as connection:
            return EventRules.from_text(connection.execute(query).scalar())

    def _around(self, events: FundingEvents) -> FundingEvents | None:
        """Return what is held of the same sides, from the first to the last of these events."""
        if not self._is_there():
            return None
        first, last = (
            int(end) // _MICROS_PER_MS for end in (events.micros.min(), events.micros.max())
        )
        series = sa.select(_SERIES.c.id).where(
            _SERIES.c.exchange.in_(events.exchanges), _SERIES.c.symbol.in_(events.symbols)
        )
        return self._read(
            sa.and_(
                _EVENTS.c.series_id.in_(series), _EVENTS.c.timestamp.between(first - 1, last + 1)
            )
        )

    def _read(self, where: sa.ColumnElement[bool] | None) -> FundingEvents | None:
        with self._engine.connect() as connection:
            parts = list(_stored_events(connection, where))
            series = {row.id: row for row in connection.execute(sa.select(_SERIES))}
            sources = connection.execute(sa.select(_SOURCES).order_by(_SOURCES.c.id)).fetchall()
        stored = np.concatenate(parts) if parts else np.empty(0, dtype=_STORED)
        return _events_of(stored, series, sources) if len(stored) else None

    def add(
        self,
        events: FundingEvents,
        on_progress: Callable[[int], None] | None = None,
        *,
        none_held: bool = False,
        pause: bool = True,
    ) -> int:
        """Write events that are not held yet, in short transactions.

        Parameters
        ----------
        events : FundingEvents
        on_progress : callable, optional
            Called with the number of rows of each transaction.
        none_held : bool
            The caller has left out what is held (:func:`without_held`); by default it is looked for
            among the same sides and days.
        pause : bool
            Leave the lock to others between transactions; False where nobody else can be there
            yet.

        Returns
        -------
        int
            Number of new events.

        Raises
        ------
        DataError
            If an event of the same exchange, symbol and millisecond is held with another rate.
        """
        fresh = events if none_held else without_held(events, self._around(events))
        if not len(fresh):
            return 0
        with write_transaction(self._engine) as connection:
            tables = [_SOURCES, _SERIES, _EVENTS]
            MARKET_METADATA.create_all(connection, tables)
            series = _series_ids(connection, fresh)
            sources = np.array(
                [
                    source_id(connection, each.label, EVENTS_KIND, each.form)
                    for each in fresh.sources
                ],
                dtype=np.int64,
            )
        series_id = series[fresh.exchange, fresh.symbol]
        ms = fresh.micros // _MICROS_PER_MS
        order = np.lexsort((ms, series_id))
        series_id, ms = series_id[order], ms[order]
        first = np.ones(len(ms), dtype=np.bool_)
        first[1:] = (series_id[1:] != series_id[:-1]) | (ms[1:] != ms[:-1])
        order, series_id, ms = order[first], series_id[first], ms[first]
        columns = (series_id, ms, fresh.rate[order], sources[fresh.source[order]])
        with WritePacer(self._engine, pause=pause) as pacer:
            for begin in range(0, len(ms), _ROWS_WRITTEN):
                part = slice(begin, begin + _ROWS_WRITTEN)
                rows = list(zip(*(column[part].tolist() for column in columns), strict=True))
                with pacer.transaction() as connection:
                    _insert_events(connection, rows)
                if on_progress is not None:
                    on_progress(len(rows))
        return len(ms)

    def _is_there(self) -> bool:
        return not is_missing(self._engine) and sa.inspect(self._engine).has_table(FUNDING_EVENTS)


def without_held(events: FundingEvents, held: FundingEvents | None) -> FundingEvents:
    """Return the events that a database does not hold yet.

    Raises
    ------
    DataError
        If one of them is held with another rate.
    """
    if held is None or not len(events):
        return events
    fresh = _not_held(events, held)
    return events if fresh.all() else events.select(fresh)


def source_id(connection: Connection, label: str, kind: str, form: str | None = None) -> int:
    """Return the id of a source of rows, which is noted if it is new.

    Parameters
    ----------
    connection : Connection
        Its transaction may write.
    label : str
        File, exchange or database as a person knows it, without a password.
    kind : str
        ``events``, ``returns``, ``database``, ``synthetic`` or ``caps``.
    form : str, optional
        Form of a file of funding events.
    """
    now = utc_now()
    insert = insert_into(_SOURCES, connection.dialect.name)
    statement = insert.values(label=label, kind=kind, form=form, imported_at=now)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["label", "kind"], set_={"imported_at": now, "form": form}
        )
    )
    wanted = sa.select(_SOURCES.c.id).where(_SOURCES.c.label == label, _SOURCES.c.kind == kind)
    return int(connection.execute(wanted).scalar_one())


def _series_ids(connection: Connection, events: FundingEvents) -> NDArray[np.int64]:
    """Ids by positions of exchange and symbol; series that are new get theirs here."""
    n_symbols = len(events.symbols)
    code = events.exchange.astype(np.int64) * n_symbols + events.symbol
    pairs = [divmod(int(k), n_symbols) for k in np.flatnonzero(np.bincount(code))]
    wanted = [(events.exchanges[e], events.symbols[s]) for e, s in pairs]
    insert = insert_into(_SERIES, connection.dialect.name)
    rows = [
        {"exchange": side[0], "symbol": side[1], "multiple": events.multiples.get(side)}
        for side in wanted
    ]
    connection.execute(insert.on_conflict_do_nothing(), rows)
    known = {(row.exchange, row.symbol): row.id for row in connection.execute(sa.select(_SERIES))}
    ids = np.full((len(events.exchanges), len(events.symbols)), -1, dtype=np.int64)
    for (e, s), key in zip(pairs, wanted, strict=True):
        ids[e, s] = known[key]
    return ids


def _insert_events(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    columns = ("series_id", "timestamp", "funding_rate", "source_id")
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            f"INSERT OR IGNORE INTO {FUNDING_EVENTS} VALUES (?, ?, ?, ?)",  # noqa: S608 (constant)
            list(rows),
        )
        return
    # COPY knows no conflicts: another process may have written the same events meanwhile.
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE new_events (LIKE {FUNDING_EVENTS}) ON COMMIT DROP"
    )
    insert_rows(connection, "new_events", columns, rows)
    connection.exec_driver_sql(
        f"INSERT INTO {FUNDING_EVENTS} SELECT * FROM new_events ON CONFLICT DO NOTHING"  # noqa: S608
    )


def _stored_events(
    connection: Connection, where: sa.ColumnElement[bool] | None
) -> Iterator[NDArray[Any]]:
    query = sa.select(
        _EVENTS.c.series_id, _EVENTS.c.timestamp, _EVENTS.c.funding_rate, _EVENTS.c.source_id
    ).order_by(_EVENTS.c.series_id, _EVENTS.c.timestamp)
    if where is not None:
        query = query.where(where)
    result = connection.execution_options(stream_results=True).execute(query)
    while rows := result.fetchmany(_ROWS_READ):
        yield np.array([tuple(row) for row in rows], dtype=_STORED)


def _events_of(
    stored: NDArray[Any], series: Mapping[int, Any], sources: Sequence[Any]
) -> FundingEvents:
    ids, where = np.unique(stored["series"], return_inverse=True)
    exchanges = tuple(sorted({series[int(k)].exchange for k in ids}))
    symbols = tuple(sorted({series[int(k)].symbol for k in ids}))
    exchange = np.array([exchanges.index(series[int(k)].exchange) for k in ids], dtype=np.int32)
    place = {name: k for k, name in enumerate(symbols)}
    symbol = np.array([place[series[int(k)].symbol] for k in ids], dtype=np.int32)
    position = {row.id: k for k, row in enumerate(sources)}
    source_ids, source = np.unique(stored["source"], return_inverse=True)
    return FundingEvents(
        symbols=symbols,
        exchanges=exchanges,
        sources=tuple(EventSource(row.label, row.form or "", _locate) for row in sources),
        symbol=symbol[where],
        exchange=exchange[where],
        source=np.array([position[int(k)] for k in source_ids], dtype=np.int32)[source],
        row=np.arange(len(stored), dtype=np.int64),
        micros=stored["ms"] * np.int64(_MICROS_PER_MS),
        rate=np.ascontiguousarray(stored["rate"]),
        multiples={
            (row.exchange, row.symbol): row.multiple
            for row in (series[int(k)] for k in ids)
            if row.multiple is not None
        },
    )


def _locate(row: int) -> str:
    return "imported before"


def _not_held(events: FundingEvents, held: FundingEvents) -> NDArray[np.bool_]:
    """Say of every event whether the database lacks it; another rate for it is an error."""
    known = {
        (exchange, symbol): (e, s)
        for e, exchange in enumerate(held.exchanges)
        for s, symbol in enumerate(held.symbols)
    }
    code = np.full((len(events.exchanges), len(events.symbols)), -1, dtype=np.int64)
    for e, exchange in enumerate(events.exchanges):
        for s, symbol in enumerate(events.symbols):
            if (found := known.get((exchange, symbol))) is not None:
                code[e, s] = found[0] * len(held.symbols) + found[1]
    ms = events.micros // _MICROS_PER_MS
    held_ms = held.micros // _MICROS_PER_MS
    low = min(int(ms.min()), int(held_ms.min()))
    span = max(int(ms.max()), int(held_ms.max())) - low + 1
    own = code[events.exchange, events.symbol]
    key = np.where(own < 0, -1, own * span + (ms - low))
    held_code = held.exchange.astype(np.int64) * len(held.symbols) + held.symbol
    held_key = held_code * span + (held_ms - low)
    order = np.argsort(held_key, kind="stable")
    where = np.searchsorted(held_key[order], key)
    where = order[np.minimum(where, len(order) - 1)]
    there = held_key[where] == key
    differ = there & (held.rate[where] != events.rate)
    if differ.any():
        k = int(differ.argmax())
        symbol = events.symbols[int(events.symbol[k])]
        exchange = events.exchanges[int(events.exchange[k])]
        when = str(events.micros[k].astype("M8[us]").astype("M8[ms]")).replace("T", " ")
        raise DataError(
            f"{events.place(k)}: {symbol} on {exchange} has the rate {events.rate[k]:.12g} at "
            f"{when} UTC, and {held.rate[where[k]]:.12g} from "
            f"{held.sources[int(held.source[where[k]])].label}, imported before; leave one of the "
            "two sources out (market remove --source takes away a held one)"
        )
    return ~there
