"""Write a panel into the market tables of a database that other processes are using."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import URL, Engine

from objectives.market.database import CAP_HISTORY, MARKET_CAPS, RETURN_METRICS, connected_engine
from objectives.market.panel import DAYS_PER_YEAR, ReturnPanel
from studies.market.event_store import source_id
from studies.market.tables import MarketTable, prepare_tables

__all__ = ["HORIZONS", "ImportSummary", "import_panel", "return_columns"]

HORIZONS = (2, 7, 14, 30)  # days of the trailing returns that return_metrics holds

_LOCK_SECONDS = 0.06  # aimed at, so that a slow moment still ends within about 0.1 s
_SMALLEST_BATCH, _LARGEST_BATCH = 100, 20_000


@dataclass(frozen=True)
class ImportSummary:
    """What an import has written.

    Parameters
    ----------
    n_returns : int
        Returns of the source.
    n_written : int
        Rows of ``return_metrics`` inserted or updated: what is new, and what a new return changes.
    n_pairs : int
        Pairs of the source.
    first_date, last_date : str
        Its first and last day with a return, ``YYYY-MM-DD``.
    n_market_caps : int
        Symbols inserted or updated in ``market_caps``.
    n_dated_market_caps : int
        Rows inserted or updated in ``market_cap_history``.
    n_transactions : int
        Transactions it took.
    database : str
        The database, without a password.
    """

    n_returns: int
    n_written: int
    n_pairs: int
    first_date: str
    last_date: str
    n_market_caps: int
    n_dated_market_caps: int
    n_transactions: int
    database: str

    @classmethod
    def nothing(cls, database: str) -> ImportSummary:
        """Return the summary of an import that has written no return."""
        return cls(0, 0, 0, "", "", 0, 0, 0, database)


def import_panel(
    panel: ReturnPanel,
    engine_or_url: Engine | URL | str,
    *,
    batch_rows: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    kind: str = "returns",
    source: str | None = None,
    form: str | None = None,
    caps_source: str | None = None,
    only: NDArray[np.bool_] | None = None,
    theirs: NDArray[np.bool_] | None = None,
    pause: bool = True,
) -> ImportSummary:
    """Write the observations and market caps of a panel into a database.

    Tables and columns that are missing are created. A row of the same key (pair and date, or
    symbol) gets the new values in our columns and keeps its others; all other rows stay. To
    import the same panel again changes nothing. Undated caps go to ``market_caps``; of dated ones
    the latest goes there and all go to ``market_cap_history(symbol, date, market_cap)``, from where
    :meth:`ReturnPanel.from_database` reads them.

    Other processes may use the same SQLite file: rows are written in transactions of about 60 ms,
    and after each the writer waits for as long as it has held the lock.

    Parameters
    ----------
    panel : ReturnPanel
        What to write; days without an observation get no row.
    engine_or_url : sqlalchemy.Engine, sqlalchemy.URL or str
        SQLite (a missing file is created) or PostgreSQL.
    batch_rows : int, optional
        Rows per transaction. None: adapted to the time the last one took.
    on_progress : callable, optional
        Called with (rows done, rows in all) after each transaction.
    kind, source : str
        Where the rows come from (``returns``, ``database``, ``synthetic`` or ``events``, and its
        name; default: `panel.source`). Both are noted in ``market_sources``, and the rows written
        name them by ``source_id``.
    form : str, optional
        How it is written, or how returns were made of it.
    caps_source : str, optional
        Name of the source of the market caps, if it is another one.
    only : bool array, shape (n_days, n_pairs), optional
        Write these returns only. None: all.
    theirs : bool array, shape (n_days, n_pairs), optional
        The returns that come from this source; others keep theirs. None: all.
    pause : bool
        Leave the lock to others between transactions; False where nobody else can be there yet.

    Returns
    -------
    ImportSummary
        Numbers of rows.

    Raises
    ------
    StorageError
        If the database cannot be reached or written, or is neither SQLite nor PostgreSQL.
    DataError
        If an existing table has two rows of one key, or no place for these caps.
    """
    with connected_engine(engine_or_url, create=True) as (engine, name):
        tables = prepare_tables(engine, name, dated_caps=panel.market_cap_dates is not None)
        with engine.begin() as connection:
            origin = source_id(connection, source or panel.source, kind, form)
            of_caps = source_id(connection, caps_source, "caps") if caps_source else origin
        history, current = _cap_history(panel, of_caps), _current_caps(panel, of_caps)
        history = _without_carried(history, engine)
        returns = _ReturnRows(panel, origin, only, theirs)
        jobs: list[tuple[MarketTable, Sequence[Mapping[str, Any]] | _ReturnRows]] = [
            (tables[RETURN_METRICS], returns),
            (tables[MARKET_CAPS], current),
        ]
        if history:
            jobs.append((tables[CAP_HISTORY], history))
        writer = _PacedWriter(engine, batch_rows, pause=pause)
        n_rows, n_done = sum(len(rows) for _, rows in jobs), 0
        for table, rows in jobs:
            for n_written in writer.write(table, rows):
                n_done += n_written
                if on_progress is not None:
                    on_progress(n_done, n_rows)
    observed = ~np.isnan(panel.returns) if theirs is None else theirs
    days = np.flatnonzero(observed.any(axis=1))
    first, last = (f"{panel.dates[k]:%Y-%m-%d}" for k in days[[0, -1]]) if days.size else ("", "")
    return ImportSummary(
        n_returns=int(observed.sum()),
        n_written=len(returns),
        n_pairs=int(observed.any(axis=0).sum()),
        first_date=first,
        last_date=last,
        n_market_caps=len(current),
        n_dated_market_caps=len(history),
        n_transactions=writer.n_transactions,
        database=name,
    )


def return_columns(panel: ReturnPanel) -> dict[str, NDArray[np.float64]]:
    """Compute the value columns of ``return_metrics``.

    Parameters
    ----------
    panel : ReturnPanel
        Daily returns.

    Returns
    -------
    dict of str to float64 array, shape (n_days, n_pairs)
        ``return_1d`` and ``roi_1d`` as in the panel; ``return_Nd`` is the sum of the returns
        observed in the N calendar days up to and including t (N = 2, 7, 14, 30), ``return_all``
        that of all days up to t; ``roi_*`` is 365 times their mean per observation. All are
        fractions of notional known at the close of t, and NaN where day t has no observation.
    """
    observed = ~np.isnan(panel.returns)
    values = np.where(observed, panel.returns, 0.0)
    columns = {"return_1d": panel.returns, "roi_1d": panel.factor_input("roi_1d")}
    for name, horizon in [*((f"{n}d", n) for n in HORIZONS), ("all", panel.n_days)]:
        if name == "all":
            total, count = np.cumsum(values, axis=0), np.cumsum(observed, axis=0)
        else:
            # Added up afresh: a difference of running sums would lose small returns.
            total, count = np.zeros_like(values), np.zeros(values.shape, dtype=np.int64)
            for lag in range(min(horizon, panel.n_days)):
                stop = panel.n_days - lag
                total[lag:] += values[:stop]
                count[lag:] += observed[:stop]
        total = np.where(observed, total, np.nan)
        columns[f"return_{name}"] = total
        columns[f"roi_{name}"] = total / np.maximum(count, 1) * DAYS_PER_YEAR
    return columns


class _ReturnRows:
    """The rows of ``return_metrics``, made a slice at a time."""

    def __init__(
        self,
        panel: ReturnPanel,
        origin: int,
        only: NDArray[np.bool_] | None = None,
        theirs: NDArray[np.bool_] | None = None,
    ) -> None:
        self._panel = panel
        wanted = ~np.isnan(panel.returns)
        if only is not None:
            wanted &= only
        # By pair and then date, the order of the key: neighbours share pages of the index.
        self._pair, self._day = np.nonzero(wanted.T)
        self._columns = {
            name: grid[self._day, self._pair] for name, grid in return_columns(panel).items()
        }
        self._dates = [stamp.date() for stamp in panel.dates]
        ours = (
            np.ones(len(self._pair), np.bool_) if theirs is None else theirs[self._day, self._pair]
        )
        self._origin = [origin if own else None for own in ours.tolist()]

    def __len__(self) -> int:
        return len(self._pair)

    def __getitem__(self, rows: slice) -> list[dict[str, Any]]:
        names = ("trading_pair", "date", *self._columns, "source_id")
        pairs = [self._panel.pairs[k] for k in self._pair[rows]]
        dates = [self._dates[k] for k in self._day[rows]]
        cells = [column[rows].tolist() for column in self._columns.values()]
        return [
            dict(zip(names, row, strict=True))
            for row in zip(pairs, dates, *cells, self._origin[rows], strict=True)
        ]


class _PacedWriter:
    """Upserts in short transactions, with a pause as long as each."""

    def __init__(
        self,
        engine: Engine,
        batch_rows: int | None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
        *,
        pause: bool = True,
    ) -> None:
        self.n_transactions = 0
        self._pause = pause
        self._engine = engine
        self._adapt = batch_rows is None
        self._batch_rows = max(1, batch_rows or 1_000)
        self._paced = engine.dialect.name == "sqlite"
        self._clock = clock
        self._sleep = sleep

    def write(
        self, table: MarketTable, rows: Sequence[Mapping[str, Any]] | _ReturnRows
    ) -> Iterator[int]:
        """Upsert all rows; yield the number written after each transaction."""
        statement = table.upsert()
        start = 0
        while start < len(rows):
            batch = [table.bound(row) for row in rows[start : start + self._batch_rows]]
            held = self._transaction(statement, batch)
            start += len(batch)
            yield len(batch)
            if self._adapt:
                wanted = int(len(batch) * min(_LOCK_SECONDS / max(held, 1e-6), 2.0))
                self._batch_rows = min(max(wanted, _SMALLEST_BATCH), _LARGEST_BATCH)
            if self._paced and self._pause:
                self._sleep(held)

    def _transaction(self, statement: sa.Insert, batch: list[dict[str, Any]]) -> float:
        with self._engine.connect() as connection:
            with connection.begin():
                # The lock is taken by itself, so that the time waited for it is not counted. An
                # engine may do so already when a transaction begins.
                driver: Any = connection.connection.dbapi_connection
                if self._paced and not driver.in_transaction:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                started = self._clock()
                connection.execute(statement, batch)
            held = self._clock() - started
        self.n_transactions += 1
        return held


def _symbol_columns(panel: ReturnPanel) -> dict[str, int]:
    """Return the first column of each symbol; pairs of one symbol share their caps."""
    columns: dict[str, int] = {}
    for k, symbol in enumerate(panel.symbols):
        columns.setdefault(symbol, k)
    return columns


def _current_caps(panel: ReturnPanel, origin: int) -> list[dict[str, Any]]:
    if len(panel.market_caps) == 0:
        return []
    latest = panel.market_caps[-1]
    return [
        {"symbol": symbol, "market_cap": float(latest[k]), "source_id": origin}
        for symbol, k in _symbol_columns(panel).items()
        if np.isfinite(latest[k])
    ]


def _cap_history(panel: ReturnPanel, origin: int) -> list[dict[str, Any]]:
    if panel.market_cap_dates is None:
        return []
    dates = [stamp.date() for stamp in pd.DatetimeIndex(panel.market_cap_dates)]
    return [
        {"symbol": symbol, "date": date, "market_cap": cap, "source_id": origin}
        for symbol, k in _symbol_columns(panel).items()
        for date, cap in zip(dates, panel.market_caps[:, k].tolist(), strict=True)
        if np.isfinite(cap)
    ]


def _without_carried(history: list[dict[str, Any]], engine: Engine) -> list[dict[str, Any]]:
    """Leave out caps that only repeat the one before: a panel carries them forward.

    Written, they would hide what another source knows of a day between. One that is there already
    is written all the same, because it may be a correction.
    """
    if not history:
        return history
    table = sa.table(CAP_HISTORY, sa.column("symbol"), sa.column("date"))
    with engine.connect() as connection:
        rows = connection.execute(sa.select(table.c.symbol, table.c.date))
        there = {(symbol, str(date)[:10]) for symbol, date in rows}
    kept, before = [], ("", 0.0)
    for row in history:
        value = (row["symbol"], row["market_cap"])
        if value != before or (row["symbol"], row["date"].isoformat()) in there:
            kept.append(row)
        before = value
    return kept
