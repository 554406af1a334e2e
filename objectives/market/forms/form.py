"""What a form of funding events is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from objectives.market.funding_events import FundingEvents
from objectives.market.reading_options import ReadingOptions
from objectives.market.sheets import Sheet, column_key

__all__ = ["Form", "Layout"]


@dataclass(frozen=True)
class Layout:
    """Which columns of a form hold what.

    Attributes
    ----------
    timestamp, rate : str
        Columns with the instant of settlement and the rate that was settled.
    symbol, exchange : str or None
        Columns with the names; None: the form has none.
    signs : tuple of str
        Further columns by which the form is recognised.
    predicted : str or None
        Column that is true in rows with a forecast, which are left out.
    """

    timestamp: str
    rate: str
    symbol: str | None = None
    exchange: str | None = None
    signs: tuple[str, ...] = ()
    predicted: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that must be there."""
        named = (self.timestamp, self.symbol, self.exchange, self.rate, self.predicted)
        return tuple(name for name in (*named, *self.signs) if name is not None)

    def fits(self, sheet: Sheet) -> bool:
        """Tell whether a sheet has the columns."""
        return {column_key(name) for name in self.columns} <= sheet.keys


@dataclass(frozen=True)
class Form:
    """A form in which funding events are published.

    Attributes
    ----------
    name : str
        What ``--form`` calls it.
    published : str
        Where files of this form come from, in words.
    layouts : tuple of Layout
        Its tables; the first that fits is read.
    exchange : str or None
        The exchange, where only one publishes this form.
    symbol_of : callable or None
        Finds the symbol in the name of the file; None where there is none.
    applies : callable or None
        What else must be true of a sheet.
    read : callable or None
        Reads a sheet where a row is not a settlement.
    """

    name: str
    published: str
    layouts: tuple[Layout, ...]
    exchange: str | None = None
    symbol_of: Callable[[PurePath], str | None] | None = None
    applies: Callable[[Sheet], bool] | None = None
    read: Callable[[Sheet, Form, Layout, ReadingOptions], FundingEvents] | None = None

    def layout_of(self, sheet: Sheet) -> Layout | None:
        """Return the layout of a sheet; None: it is not of this form."""
        if self.applies is not None and not self.applies(sheet):
            return None
        return next((layout for layout in self.layouts if layout.fits(sheet)), None)
