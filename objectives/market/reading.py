"""Funding events from files of any form, or from a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike

import pandas as pd

from objectives.market.forms.registry import form_of_sheet
from objectives.market.forms.rows import rows_of
from objectives.market.funding_events import FundingEvents
from objectives.market.instants import check_timezone
from objectives.market.naming import with_one_name
from objectives.market.reading_options import ReadingOptions
from objectives.market.sheets import Sheet, open_sheets, sheet_of_frame
from search_spaces.errors import DataError

__all__ = ["ReadingOptions", "form_of", "read_events"]

_DEFAULT = ReadingOptions()


def read_events(
    sources: str | PathLike[str] | Sequence[str | PathLike[str]] | pd.DataFrame,
    options: ReadingOptions = _DEFAULT,
) -> FundingEvents:
    """Read funding events: files, folders and zips of any form together, or a frame.

    Parameters
    ----------
    sources : path, sequence of paths, or pandas.DataFrame
        A folder stands for its files, a zip for its members.
    options : ReadingOptions
        What the files do not say.

    Returns
    -------
    FundingEvents
        In the order of the sources; symbols are BASEQUOTE, exchanges lower case, rates
        fractions. Nothing is summed, and no row left out without a note.

    Raises
    ------
    DataError
        If a source cannot be read, is in no form, or does not say its exchange or symbol.
    DataError
        If a cell is missing, ambiguous or not of its kind, naming file, row and column.
    """
    check_timezone(options.timezone)
    parts = [_events_of(sheet, options) for sheet in _sheets(sources)]
    return with_one_name(FundingEvents.concat(parts), options.aliases)


def form_of(source: str | PathLike[str], options: ReadingOptions = _DEFAULT) -> str:
    """Return the name of the form of a file, or of the first file of a folder or zip.

    Raises
    ------
    DataError
        If it cannot be read or is in no form.
    """
    form, _ = form_of_sheet(next(iter(open_sheets(source))), options)
    return form.name


def _sheets(
    sources: str | PathLike[str] | Sequence[str | PathLike[str]] | pd.DataFrame,
) -> Iterator[Sheet]:
    if isinstance(sources, pd.DataFrame):
        yield sheet_of_frame(sources)
        return
    paths = [sources] if isinstance(sources, (str, PathLike)) else list(sources)
    if not paths:
        raise DataError("no source of funding events; give at least one file or folder")
    for path in paths:
        yield from open_sheets(path)


def _events_of(sheet: Sheet, options: ReadingOptions) -> FundingEvents:
    form, layout = form_of_sheet(sheet, options)
    return (form.read or rows_of)(sheet, form, layout, options)
