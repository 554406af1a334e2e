"""All forms of funding events, and which of them a sheet is in."""

from __future__ import annotations

from objectives.market.forms.binance_rest import BINANCE_REST
from objectives.market.forms.binance_vision import BINANCE_VISION
from objectives.market.forms.binance_website import BINANCE_WEBSITE
from objectives.market.forms.bitmex import BITMEX
from objectives.market.forms.bybit import BYBIT
from objectives.market.forms.ccxt import CCXT
from objectives.market.forms.form import Form, Layout
from objectives.market.forms.freqtrade import FREQTRADE
from objectives.market.forms.gate import GATE
from objectives.market.forms.general import GENERAL, named_layout
from objectives.market.forms.hyperliquid import HYPERLIQUID
from objectives.market.forms.okx import OKX
from objectives.market.forms.tardis import TARDIS
from objectives.market.forms.venue import VENUE
from objectives.market.reading_options import ReadingOptions
from objectives.market.sheets import Sheet
from search_spaces.errors import DataError

__all__ = ["FORMS", "form_of_sheet", "is_events"]

FORMS: tuple[Form, ...] = (
    BINANCE_VISION,
    BINANCE_REST,
    BINANCE_WEBSITE,
    BYBIT,
    OKX,
    HYPERLIQUID,
    GATE,
    BITMEX,
    TARDIS,
    CCXT,
    FREQTRADE,
    VENUE,
    GENERAL,
)
"""In the order they are tried: what only one form has comes before what many have."""


def is_events(sheet: Sheet) -> bool:
    """Tell whether a sheet is in one of the forms."""
    return any(form.layout_of(sheet) is not None for form in FORMS)


def form_of_sheet(sheet: Sheet, options: ReadingOptions) -> tuple[Form, Layout]:
    """Recognise the form of a sheet by its columns, or take the one a person insists on.

    Raises
    ------
    DataError
        If it is none of the forms, or not the one insisted on.
    """
    if options.form is not None:
        form = _form(options.form)
        if form is GENERAL and options.columns is not None:
            return form, named_layout(sheet, options.columns)
        insisted = next((one for one in form.layouts if one.fits(sheet)), None)
        if insisted is None:
            needed = " or ".join(", ".join(layout.columns) for layout in form.layouts[:2])
            raise DataError(
                f"{sheet.label}: is not in the form {form.name}, which has the columns {needed}; "
                f"the columns are {sheet.names()}"
            )
        return form, insisted
    if options.columns is not None:
        return GENERAL, named_layout(sheet, options.columns)
    for form in FORMS:
        layout = form.layout_of(sheet)
        if layout is not None:
            return form, layout
    raise DataError(
        f"{sheet.label}: is in none of the forms of funding events ({_names()}); its columns are "
        f"{sheet.names()}; say which are which with "
        "--columns timestamp=NAME,symbol=NAME,rate=NAME[,exchange=NAME]"
    )


def _form(name: str) -> Form:
    found = next((form for form in FORMS if form.name == name.strip().lower()), None)
    if found is None:
        raise DataError(f"there is no form {name!r}; the forms are {_names()}")
    return found


def _names() -> str:
    return ", ".join(form.name for form in FORMS)
