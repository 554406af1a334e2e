"""Funding events from files of any form, or from a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import PathLike

import pandas as pd

from objectives.market.forms.freqtrade import is_candles
from objectives.market.forms.registry import form_of_sheet
from objectives.market.forms.rows import rows_of
from objectives.market.funding_events import FundingEvents, MarketNote
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
    parts: list[FundingEvents] = []
    candles: list[Sheet] = []
    for sheet in _sheets(sources):
        if options.form is None and options.columns is None and is_candles(sheet):
            candles.append(sheet)
            continue
        form, layout = form_of_sheet(sheet, options)
        parts.append((form.read or rows_of)(sheet, form, layout, options))
    if not parts:
        form_of_sheet(candles[0], options)  # which says that it is in none
    events = FundingEvents.concat(parts)
    notes = [*events.notes, *map(_note_of_candles, candles)]
    return with_one_name(replace(events, notes=_by_kind(notes)), options.aliases)


def form_of(source: str | PathLike[str], options: ReadingOptions = _DEFAULT) -> str:
    """Return the name of the form of a file, or of the first such file of a folder or zip.

    Raises
    ------
    DataError
        If it cannot be read or is in no form.
    """
    sheets = (sheet for sheet in open_sheets(source) if not is_candles(sheet))
    sheet = next(sheets, None) or next(open_sheets(source))
    return form_of_sheet(sheet, options)[0].name


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


def _note_of_candles(sheet: Sheet) -> MarketNote:
    text = f"{sheet.label}: holds prices, not funding rates, and is left out"
    return MarketNote("candles", text, 1, sheet.path.name)


def _by_kind(notes: Sequence[MarketNote]) -> tuple[MarketNote, ...]:
    """Say once what was found in many files."""
    kinds: dict[str, list[MarketNote]] = {}
    for note in notes:
        kinds.setdefault(note.kind, []).append(note)
    return tuple(
        several[0]
        if len(several) == 1
        else replace(
            several[0],
            text=f"{several[0].text}; and {len(several) - 1} more files so",
            n=sum(note.n for note in several),
        )
        for several in kinds.values()
    )
