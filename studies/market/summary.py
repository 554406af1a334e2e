"""What a database's market consists of, as a person wants to see it before a search."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection, Engine

from objectives import ReturnPanel
from objectives.constants import DAYS_PER_YEAR
from objectives.market.database import CAP_HISTORY, MARKET_CAPS, RETURN_METRICS
from objectives.market.funding_events import MarketNote
from objectives.market.plausibility import notes_of_panel, today
from studies.database import display_url
from studies.market.event_store import EVENTS_KIND
from studies.market.tables import FUNDING_EVENTS, FUNDING_SERIES, MARKET_SOURCES, names_sources

__all__ = ["MarketSummary", "PairSummary", "SourceSummary", "pair_summary", "summarise_market"]


@dataclass(frozen=True)
class SourceSummary:
    """Where rows came from.

    Attributes
    ----------
    label : str
        File, exchange or database; empty: rows written before sources were noted.
    kind : str
        ``events``, ``returns``, ``database``, ``synthetic`` or ``caps``.
    form : str or None
        Form of a file of funding events.
    imported_at : datetime.datetime or None
        UTC, the last time.
    n_events, n_returns, n_caps : int
        Rows in ``funding_events``, ``return_metrics`` and the tables of caps.
    """

    label: str
    kind: str
    form: str | None
    imported_at: dt.datetime | None
    n_events: int = 0
    n_returns: int = 0
    n_caps: int = 0


@dataclass(frozen=True, eq=False)
class MarketSummary:
    """A whole market.

    Attributes
    ----------
    database : str
        Without a password.
    panel : ReturnPanel
    exchanges : dict of str to int
        Number of pairs with the exchange on one of their sides.
    coverage : float64 array, shape (n_months,)
        Share of the pair-days of each calendar month that have a return.
    months : tuple of str
        ``YYYY-MM``.
    n_with_cap : int
        Pairs with a known market cap.
    sources : tuple of SourceSummary
    notes : tuple of MarketNote
    """

    database: str
    panel: ReturnPanel
    exchanges: dict[str, int]
    coverage: NDArray[np.float64]
    months: tuple[str, ...]
    n_with_cap: int
    sources: tuple[SourceSummary, ...]
    notes: tuple[MarketNote, ...]


@dataclass(frozen=True, eq=False)
class PairSummary:
    """One pair.

    Attributes
    ----------
    pair : str
    returns : pandas.Series
        By date, from the first to the last day with one; NaN: none that day.
    mean, std : float
        Of the daily returns, fractions of notional.
    annual : float
        365 times the mean.
    best, worst : (str, float)
        Day and return.
    n_zero : int
        Days on which both sides paid the same.
    longest_gap : int
        Most days in a row without a return.
    market_cap : float or None
        The latest known, money.
    sources : tuple of str
        Where the rows came from.
    """

    pair: str
    returns: pd.Series
    mean: float
    std: float
    annual: float
    best: tuple[str, float]
    worst: tuple[str, float]
    n_zero: int
    longest_gap: int
    market_cap: float | None
    sources: tuple[str, ...]


def summarise_market(engine: Engine) -> MarketSummary:
    """Summarise the market of a database.

    Raises
    ------
    DataError
        If there is none, or it cannot be read.
    """
    panel = ReturnPanel.from_database(engine)
    observed = ~np.isnan(panel.returns)
    month = panel.dates.to_period("M")
    by_day = pd.Series(observed.mean(axis=1), index=month).groupby(level=0).mean()
    known = len(panel.market_caps) > 0
    caps = np.isfinite(panel.market_caps).any(axis=0) if known else np.zeros(panel.n_pairs, bool)
    return MarketSummary(
        database=display_url(engine),
        panel=panel,
        exchanges=_exchanges(panel.pairs),
        coverage=by_day.to_numpy(),
        months=tuple(str(each) for each in by_day.index),
        n_with_cap=int(caps.sum()),
        sources=_sources(engine),
        notes=(
            *panel.notes,
            *notes_of_panel(panel.dates, panel.pairs, panel.returns, today()),
        ),
    )


def pair_summary(engine: Engine, pair: str) -> PairSummary:
    """Summarise one pair of the market of a database.

    Raises
    ------
    DataError
        If the database has no returns of it.
    """
    panel = ReturnPanel.from_database(engine, [pair])
    series = pd.Series(panel.returns[:, 0], index=panel.dates, name=pair)
    known = series.dropna()
    days = np.flatnonzero(series.notna().to_numpy())
    values = known.to_numpy()
    best, worst = int(values.argmax()), int(values.argmin())
    caps = panel.market_caps[:, 0] if len(panel.market_caps) else np.empty(0)
    caps = caps[np.isfinite(caps)]
    mean = float(known.mean())
    return PairSummary(
        pair=pair,
        returns=series,
        mean=mean,
        std=float(known.std()) if len(known) > 1 else 0.0,
        annual=mean * DAYS_PER_YEAR,
        best=(f"{known.index[best]:%Y-%m-%d}", float(values[best])),
        worst=(f"{known.index[worst]:%Y-%m-%d}", float(values[worst])),
        n_zero=int((known == 0.0).sum()),
        longest_gap=int(np.diff(days).max(initial=1)) - 1,
        market_cap=float(caps[-1]) if len(caps) else None,
        sources=_sources_of_pair(engine, pair),
    )


def _exchanges(pairs: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for pair in pairs:
        for exchange in pair.split("_")[1:]:
            counts[exchange] = counts.get(exchange, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _sources(engine: Engine) -> tuple[SourceSummary, ...]:
    with engine.connect() as connection:
        events = _counts(connection, FUNDING_EVENTS)
        returns = _counts(connection, RETURN_METRICS)
        caps = _counts(connection, MARKET_CAPS)
        for key, n_rows in _counts(connection, CAP_HISTORY).items():
            caps[key] = caps.get(key, 0) + n_rows
        rows: list[Any] = []
        if sa.inspect(connection).has_table(MARKET_SOURCES):
            table = sa.table(
                MARKET_SOURCES,
                *(sa.column(name) for name in ("id", "label", "kind", "form")),
                sa.column("imported_at", sa.DateTime),
            )
            rows = list(connection.execute(sa.select(table).order_by(table.c.id)))
    found = [
        SourceSummary(
            row.label,
            row.kind,
            row.form,
            row.imported_at,
            events.get(row.id, 0),
            returns.get(row.id, 0),
            caps.get(row.id, 0),
        )
        for row in rows
    ]
    unknown = SourceSummary("", "", None, None, 0, returns.get(None, 0), caps.get(None, 0))
    kept = [each for each in found if each.n_events or each.n_returns or each.n_caps]
    return (*kept, *([unknown] if unknown.n_returns or unknown.n_caps else []))


def _counts(connection: Connection, table_name: str) -> dict[int | None, int]:
    """Rows of a table by their source; None: not noted."""
    if not sa.inspect(connection).has_table(table_name):
        return {}
    table = sa.table(table_name, sa.column("source_id"))
    if not names_sources(connection, table_name):
        count = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        return {None: count}
    query = sa.select(table.c.source_id, sa.func.count()).group_by(table.c.source_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def _sources_of_pair(engine: Engine, pair: str) -> tuple[str, ...]:
    with engine.connect() as connection:
        if not names_sources(connection, RETURN_METRICS):
            return ()
        returns = sa.table(RETURN_METRICS, sa.column("trading_pair"), sa.column("source_id"))
        sources = sa.table(MARKET_SOURCES, *map(sa.column, ("id", "label", "kind")))
        query = (
            sa.select(sources.c.label, sources.c.kind)
            .join_from(returns, sources, returns.c.source_id == sources.c.id)
            .where(returns.c.trading_pair == pair)
            .distinct()
        )
        labels: list[str] = []
        for label, kind in connection.execute(query).fetchall():
            labels += _labels_of_events(connection, pair) if kind == EVENTS_KIND else [label]
    return tuple(labels)


def _labels_of_events(connection: Connection, pair: str) -> list[str]:
    """Files and exchanges that the settlements of a pair's sides came from."""
    symbol, *exchanges = pair.split("_")
    series = sa.table(FUNDING_SERIES, *map(sa.column, ("id", "exchange", "symbol")))
    events = sa.table(FUNDING_EVENTS, *map(sa.column, ("series_id", "source_id")))
    sources = sa.table(MARKET_SOURCES, *map(sa.column, ("id", "label")))
    query = (
        sa.select(sources.c.label)
        .join_from(events, series, events.c.series_id == series.c.id)
        .join(sources, sources.c.id == events.c.source_id)
        .where(series.c.symbol == symbol, series.c.exchange.in_(exchanges))
        .distinct()
        .order_by(sources.c.label)
    )
    return [label for (label,) in connection.execute(query)]
