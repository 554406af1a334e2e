"""The market that a database holds, as one that is about to join it meets it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection, Engine

from objectives import ReturnPanel
from objectives.market.database import RETURN_METRICS
from objectives.market.funding_events import MarketNote
from objectives.market.returns import MAX_HISTORY_DAYS
from search_spaces.errors import DataError
from studies.database import WritePacer, display_url
from studies.market.event_store import EVENTS_KIND
from studies.market.project_database import is_missing
from studies.market.tables import FUNDING_EVENTS, MARKET_SOURCES, names_sources

__all__ = ["StoredMarket", "delete_returns_of_events", "observed_in"]

_SAME = 1e-9
"""Returns that differ by less are the same number, written by another program."""

_ANOTHER_MARKET = 0.01
"""Share of common returns that differ above which two markets are different ones."""

_ROWS_DELETED = 5_000


_EventRows = tuple[NDArray[np.int64], NDArray[np.int64], list[tuple[str, Any]]]
_NO_ROWS: _EventRows = (np.empty(0, np.int64), np.empty(0, np.int64), [])


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredMarket:
    """Returns of a database.

    Attributes
    ----------
    engine : Engine
    is_new : bool
        The database has no table at all, so nobody uses it yet.
    panel : ReturnPanel or None
        None: no returns.
    complete : bool
        The table has all our columns.
    event_rows : tuple of (int64 array, int64 array, list)
        Pair and day on the panel of the returns that were made of funding events, and their keys
        as stored.
    """

    engine: Engine
    is_new: bool
    panel: ReturnPanel | None
    complete: bool
    event_rows: _EventRows = _NO_ROWS

    @classmethod
    def read(cls, engine: Engine) -> StoredMarket:
        """Read it.

        Raises
        ------
        DataError
            If the returns cannot be read: nothing can join them.
        """
        inspector = None if is_missing(engine) else sa.inspect(engine)
        tables = set() if inspector is None else set(inspector.get_table_names())
        if inspector is None or RETURN_METRICS not in tables:
            return cls(engine=engine, is_new=not tables, panel=None, complete=False)
        columns = {column["name"] for column in inspector.get_columns(RETURN_METRICS)}
        table = sa.table(RETURN_METRICS)
        with engine.connect() as connection:
            some = connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
        if some is None:
            return cls(engine=engine, is_new=False, panel=None, complete=False)
        try:
            panel = ReturnPanel.from_database(engine)
        except DataError as error:
            raise DataError(
                f"the returns that are there cannot be read, so nothing can join them: {error}; "
                "mass-tuning market remove deletes rows"
            ) from None
        rows = _NO_ROWS
        if "source_id" in columns and MARKET_SOURCES in tables:
            rows = _event_rows(engine, panel)
        complete = {"return_all", "roi_all", "source_id"} <= columns
        return cls(engine=engine, is_new=False, panel=panel, complete=complete, event_rows=rows)

    def without_events(self) -> StoredMarket:
        """Return what did not come from funding events, which are put together anew."""
        if self.panel is None or not self.has_returns_of_events:
            return self
        pair, day, _ = self.event_rows
        returns = self.panel.returns.copy()
        returns[day, pair] = np.nan
        seen = ~np.isnan(returns)
        if not seen.any():
            return replace(self, panel=None, event_rows=_NO_ROWS)
        pairs, days = seen.any(axis=0), np.flatnonzero(seen.any(axis=1))
        span = slice(int(days[0]), int(days[-1]) + 1)
        panel = replace(
            self.panel,
            dates=self.panel.dates[span],
            pairs=tuple(np.array(self.panel.pairs, dtype=object)[pairs]),
            returns=returns[span][:, pairs],
            roi=None if self.panel.roi is None else self.panel.roi[span][:, pairs],
            market_caps=np.empty((0, 0)),
            market_cap_dates=None,
            notes=(),
            warnings=(),
        )
        return replace(self, panel=panel, event_rows=_NO_ROWS)

    def check_same(self, panel: ReturnPanel, mix: bool) -> None:
        """Refuse a market that is not the one of the database, unless both are wanted.

        Raises
        ------
        DataError
            If no pair is common, or more than one in a hundred common returns differ.
        """
        if self.panel is None or mix:
            return
        name = display_url(self.engine)
        there = (
            f"{name} holds {self.panel.n_pairs:,} pairs from {self.panel.dates[0]:%Y-%m-%d} to "
            f"{self.panel.dates[-1]:%Y-%m-%d}"
        )
        way_out = (
            "add --yes to have both in one table, choose another --database, or delete what is "
            "there (mass-tuning market remove)"
        )
        common = set(self.panel.pairs) & set(panel.pairs)
        if not common:
            raise DataError(
                f"{panel.source} is another market: {there}, and none of them is among its "
                f"{panel.n_pairs:,}; {way_out}"
            )
        old, new = _on_grid_of(self.panel.returns, self.panel, panel), panel.returns
        both = ~np.isnan(old) & ~np.isnan(new)
        differ = both & (np.abs(np.where(both, old - new, 0.0)) > _SAME)
        if differ.sum() > _ANOTHER_MARKET * both.sum():
            t, k = (int(each[0]) for each in np.nonzero(differ))
            raise DataError(
                f"{panel.source} is another market: {there}, and {int(differ.sum()):,} of "
                f"{int(both.sum()):,} common returns differ (such as {panel.pairs[k]} on "
                f"{panel.dates[t]:%Y-%m-%d}, {old[t, k]:.6g} there and {new[t, k]:.6g} here); "
                f"{way_out}"
            )

    def merged(self, panel: ReturnPanel) -> ReturnPanel:
        """Return the market of the table when this one is written: what generate will read.

        Raises
        ------
        DataError
            If the two cannot be one market.
        """
        if self.panel is None:
            return panel
        first = min(self.panel.dates[0], panel.dates[0])
        last = max(self.panel.dates[-1], panel.dates[-1])
        n_days = (last - first).days + 1
        if n_days > MAX_HISTORY_DAYS:
            raise DataError(
                f"{panel.source}: with the returns of {display_url(self.engine)} the history "
                f"would go from {first:%Y-%m-%d} to {last:%Y-%m-%d}, longer than "
                f"{MAX_HISTORY_DAYS:,} days; is a date a slip? (mass-tuning market remove deletes "
                "days)"
            )
        pairs = tuple(sorted({*self.panel.pairs, *panel.pairs}))
        dates = pd.date_range(first, last, freq="D", unit="us")
        frame = ReturnPanel(dates=dates, pairs=pairs, returns=np.full((n_days, len(pairs)), np.nan))
        returns, roi = (
            np.where(
                np.isnan(new := _on_grid_of(of(panel), panel, frame)),
                _on_grid_of(of(self.panel), self.panel, frame),
                new,
            )
            for of in (lambda p: p.returns, lambda p: p.factor_input("roi_1d"))
        )
        caps = panel.market_caps
        if len(caps):
            caps = _columns_of(panel, caps, pairs)
        return replace(
            panel,
            dates=dates,
            pairs=pairs,
            returns=returns,
            roi=roi,
            market_caps=caps,
        )

    def changed(self, merged: ReturnPanel) -> NDArray[np.bool_]:
        """Say which rows of the merged market have to be written, shape (n_days, n_pairs).

        A row holds returns of the days before it, too, so whatever follows a new or different
        return of its pair changes with it.
        """
        observed: NDArray[np.bool_] = ~np.isnan(merged.returns)
        if self.panel is None or not self.complete:
            return observed
        same = np.ones(merged.returns.shape, dtype=np.bool_)
        for of in (lambda p: p.returns, lambda p: p.factor_input("roi_1d")):
            old, new = _on_grid_of(of(self.panel), self.panel, merged), of(merged)
            same &= (old == new) | (np.isnan(old) & np.isnan(new))
        return observed & np.maximum.accumulate(~same, axis=0)

    def notes_of_rows_that_stay(self, panel: ReturnPanel) -> tuple[MarketNote, ...]:
        """Note returns of the panel's pairs that come from elsewhere and are not replaced."""
        if self.panel is None:
            return ()
        there = ~np.isnan(_on_grid_of(self.panel.returns, self.panel, panel))
        stay = there & np.isnan(panel.returns)
        if not stay.any():
            return ()
        t, k = (int(each[0]) for each in np.nonzero(stay))
        example = f"{panel.pairs[k]} on {panel.dates[t]:%Y-%m-%d}"
        n_rows = int(stay.sum())
        text = (
            f"{n_rows:,} returns of an earlier import stay on days for which the events give none "
            f"(such as {example}); mass-tuning market remove deletes them"
        )
        return (MarketNote("rows_of_other_sources", text, n_rows, example),)

    @property
    def has_returns_of_events(self) -> bool:
        """Whether some returns were made of funding events."""
        return len(self.event_rows[2]) > 0

    def remove_stale(self, panel: ReturnPanel | None) -> int:
        """Delete returns made of events that the events no longer give; return their number."""
        if self.panel is None or not self.has_returns_of_events:
            return 0
        pair, day, raw = self.event_rows
        given = np.zeros(self.panel.returns.shape, dtype=np.bool_)
        if panel is not None:
            given = ~np.isnan(_on_grid_of(panel.returns, panel, self.panel))
        stale = [key for key, keep in zip(raw, given[day, pair], strict=True) if not keep]
        table = sa.table(RETURN_METRICS, sa.column("trading_pair"), sa.column("date"))
        statement = table.delete().where(
            table.c.trading_pair == sa.bindparam("pair"), table.c.date == sa.bindparam("day")
        )
        with WritePacer(self.engine) as pacer:
            for begin in range(0, len(stale), _ROWS_DELETED):
                batch = stale[begin : begin + _ROWS_DELETED]
                with pacer.transaction() as connection:
                    rows = [{"pair": name, "day": date} for name, date in batch]
                    connection.execute(statement, rows)
        return len(stale)


def delete_returns_of_events(connection: Connection) -> None:
    """Delete every return that was made of funding events: there are none any more."""
    if names_sources(connection, RETURN_METRICS):
        returns = sa.table(RETURN_METRICS, sa.column("source_id"))
        connection.execute(sa.delete(returns).where(returns.c.source_id.in_(_ids_of_events())))


def observed_in(panel: ReturnPanel, merged: ReturnPanel) -> NDArray[np.bool_]:
    """Say which returns of a merged market a panel has, shape (n_days, n_pairs) of the merged."""
    return ~np.isnan(_on_grid_of(panel.returns, panel, merged))


def _event_rows(engine: Engine, panel: ReturnPanel) -> _EventRows:
    """Pair and day on the panel of the rows made of events, and their keys as stored."""
    rows = sa.table(
        RETURN_METRICS, sa.column("trading_pair"), sa.column("date"), sa.column("source_id")
    )
    query = sa.select(rows.c.trading_pair, rows.c.date).where(
        rows.c.source_id.in_(_ids_of_events())
    )
    with engine.connect() as connection:
        keys = [(pair, date) for pair, date in connection.execute(query)]
    place = {pair: k for k, pair in enumerate(panel.pairs)}
    keys = [key for key in keys if key[0] in place]
    pair = np.array([place[name] for name, _ in keys], dtype=np.int64)
    days = np.array([str(date)[:10] for _, date in keys], dtype="datetime64[D]")
    first = panel.dates[0].to_datetime64().astype("datetime64[D]")
    day = (days - first).astype(np.int64)
    inside = (day >= 0) & (day < panel.n_days)
    kept = [key for key, fits in zip(keys, inside, strict=True) if fits]
    return pair[inside], day[inside], kept


def _ids_of_events() -> sa.Select[tuple[int]]:
    """Query for the source that returns made of funding events name."""
    sources = sa.table(MARKET_SOURCES, sa.column("id"), sa.column("label"), sa.column("kind"))
    return sa.select(sources.c.id).where(
        sources.c.label == FUNDING_EVENTS, sources.c.kind == EVENTS_KIND
    )


def _on_grid_of(
    values: NDArray[np.float64], of: ReturnPanel, grid: ReturnPanel
) -> NDArray[np.float64]:
    """Lay values, shape of `of`, on the days and pairs of another panel; NaN where it has none."""
    out = np.full((grid.n_days, grid.n_pairs), np.nan)
    shift = (of.dates[0] - grid.dates[0]).days
    begin, end = max(0, shift), min(grid.n_days, shift + of.n_days)
    if begin >= end:
        return out
    place = {pair: k for k, pair in enumerate(of.pairs)}
    common = [(k, place[pair]) for k, pair in enumerate(grid.pairs) if pair in place]
    if common:
        into, origin = map(list, zip(*common, strict=True))
        out[begin:end, into] = values[begin - shift : end - shift, origin]
    return out


def _columns_of(
    panel: ReturnPanel, caps: NDArray[np.float64], pairs: tuple[str, ...]
) -> NDArray[np.float64]:
    out = np.full((len(caps), len(pairs)), np.nan)
    place = {pair: k for k, pair in enumerate(pairs)}
    out[:, [place[pair] for pair in panel.pairs]] = caps
    return out
