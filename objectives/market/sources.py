"""Where a market may come from, and how it is read: databases, files, an invented one."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from objectives.market.days import utc_day
from objectives.market.events import of_exchanges_and_days
from objectives.market.forms.registry import FORMS, is_events
from objectives.market.funding_events import FundingEvents
from objectives.market.panel import ReturnPanel
from objectives.market.reading import ReadingOptions, read_events
from objectives.market.sheets import column_key, open_sheets
from objectives.sqlite_url import sqlite_url
from search_spaces.errors import ConfigError, DataError

__all__ = ["SOURCES", "SourceKind", "SourceRequest", "source_kind"]

SOURCES = (
    "a database URL or .db file, files or folders of returns or of funding events (CSV, JSON, "
    "Parquet or Feather, also compressed), or the word synthetic"
)
"""What a source is, in words."""

_EVENT_COLUMNS = ("timestamp", "symbol", "exchange", "funding_rate")
_RETURN_COLUMNS = ("trading_pair", "date", "return_1d")
_SYNTHETIC = {"n_pairs": 200, "n_days": 840, "seed": 0, "edge": 1.0}


class SourceKind(enum.StrEnum):
    """What a source holds."""

    DATABASE = "database"
    RETURNS = "returns"
    EVENTS = "events"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, kw_only=True)
class SourceRequest:
    """A market that is asked for.

    Attributes
    ----------
    sources : tuple of str
        A database URL, paths of files or folders, or ``synthetic``; see :data:`SOURCES`. Several
        only of funding events.
    name : str
        The source in messages, without a password; empty: the sources as they are.
    market_caps : str or None
        File with symbol, market_cap [, date].
    exchanges : tuple of str or None
        Funding events: use these exchanges only.
    start_date, end_date : str or None
        First and last day, ``YYYY-MM-DD``.
    event_options : tuple of str
        Options of ``mass-tuning import`` that were given and are for funding events.
    reading : ReadingOptions
        Funding events: what the files do not say.
    synthetic : mapping of str to number
        ``n_pairs``, ``n_days``, ``seed`` and ``edge`` of an invented market, as far as they are
        not the defaults (200, 840, 0, 1).
    """

    sources: tuple[str, ...]
    name: str = ""
    market_caps: str | None = None
    exchanges: tuple[str, ...] | None = None
    start_date: str | None = None
    end_date: str | None = None
    event_options: tuple[str, ...] = ()
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    synthetic: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def kind(self) -> SourceKind:
        """What the sources hold; see :func:`source_kind` for errors."""
        kinds = {source: source_kind(source, self.reading) for source in self.sources}
        others = [source for source, kind in kinds.items() if kind != SourceKind.EVENTS]
        if len(kinds) > 1 and others:
            raise DataError(
                f"{others[0]}: several sources at once are for funding events; import it alone"
            )
        return kinds[self.sources[0]]

    def check(self) -> None:
        """Refuse options that do not go with the kind of the source.

        Raises
        ------
        ConfigError
            Naming the option of ``mass-tuning import``.
        DataError
            If the source is none.
        """
        name = self.name or self.sources[0]
        if self.kind != SourceKind.EVENTS:
            for option in self.event_options:
                raise ConfigError(f"{option} is for funding events, and {name} is not such a file")
        if self.synthetic and self.kind != SourceKind.SYNTHETIC:
            option = "--" + next(iter(self.synthetic)).replace("_", "-")
            raise ConfigError(f"{option} is for the source synthetic, not {name}")
        if self.market_caps is not None and self.kind == SourceKind.SYNTHETIC:
            raise ConfigError("a synthetic market brings its own caps; leave out --market-caps")

    def read_events(self) -> FundingEvents:
        """Read the funding events of the exchanges and days asked for.

        Raises
        ------
        DataError
            If a file cannot be read, or has no event of those asked for.
        """
        events = read_events(self.sources, self.reading)
        return of_exchanges_and_days(events, self.exchanges, self.start_date, self.end_date)

    def read_panel(self) -> ReturnPanel:
        """Read returns: of a file, a database or an invented market.

        Raises
        ------
        DataError
            If the file cannot be read or is none of a market, or has no day of those asked for.
        StorageError
            If the database cannot be read.
        """
        return _cut(_read(self), self)


def source_kind(source: str, options: ReadingOptions | None = None) -> SourceKind:
    """Tell what a source holds: by its name, of files by their columns.

    Of a folder or a zip the first file that is either counts.

    Parameters
    ----------
    source : str
        See :data:`SOURCES`.
    options : ReadingOptions, optional
        A file whose form or columns a person names holds funding events.

    Raises
    ------
    DataError
        If it is none of :data:`SOURCES`.
    """
    name = source.lower()
    if name == "synthetic":
        return SourceKind.SYNTHETIC
    if "://" in source or name.endswith((".db", ".sqlite", ".sqlite3")):
        return SourceKind.DATABASE
    if not Path(source).exists():
        problem = "cannot be read (No such file or directory)"
        raise DataError(f"{source}: {problem}; a market comes from {SOURCES}")
    if options is not None and (options.form is not None or options.columns is not None):
        return SourceKind.EVENTS
    first = None
    for sheet in open_sheets(source):
        if {column_key(column) for column in _RETURN_COLUMNS} <= sheet.keys:
            return SourceKind.RETURNS
        if is_events(sheet):
            return SourceKind.EVENTS
        first = first or sheet
    label, names = (source, "none") if first is None else (first.label, first.names())
    raise DataError(
        f"{label}: has neither the columns of returns ({', '.join(_RETURN_COLUMNS)}) nor of "
        f"funding events ({', '.join(_EVENT_COLUMNS)}, or one of the forms "
        f"{', '.join(form.name for form in FORMS)}); it has {names}; say which are which "
        "with --columns timestamp=NAME,symbol=NAME,rate=NAME[,exchange=NAME]"
    )


def _read(request: SourceRequest) -> ReturnPanel:
    source, kind = request.sources[0], request.kind
    if kind == SourceKind.SYNTHETIC:
        return ReturnPanel.synthetic(**{**_SYNTHETIC, **request.synthetic})
    if kind == SourceKind.RETURNS:
        return ReturnPanel.from_returns(source, market_caps=request.market_caps)
    panel = ReturnPanel.from_database(source if "://" in source else sqlite_url(source))
    if request.market_caps is None:
        return panel
    with_caps = ReturnPanel.from_returns(panel.to_frame(), market_caps=request.market_caps)
    return replace(with_caps, source=panel.source)


def _cut(panel: ReturnPanel, request: SourceRequest) -> ReturnPanel:
    """Leave out the days before and after those asked for; caps known before stay."""
    if not (request.start_date or request.end_date):
        return panel
    keep = np.ones(panel.n_days, dtype=np.bool_)
    if request.start_date:
        keep &= panel.dates >= utc_day(request.start_date)
    if request.end_date:
        keep &= panel.dates <= utc_day(request.end_date)
    if not keep.any():
        raise DataError(
            f"{panel.source}: no day from {request.start_date or 'the first'} to "
            f"{request.end_date or 'the last'}; the returns go from {panel.dates[0]:%Y-%m-%d} to "
            f"{panel.dates[-1]:%Y-%m-%d}"
        )
    return replace(
        panel,
        dates=panel.dates[keep],
        returns=panel.returns[keep],
        roi=None if panel.roi is None else panel.roi[keep],
    )
