"""Tables with a row a settlement, whoever made them."""

from __future__ import annotations

from collections.abc import Mapping

from objectives.market.forms.form import Form, Layout
from objectives.market.sheets import Sheet, column_key
from search_spaces.errors import DataError

__all__ = ["GENERAL", "named_layout"]

_TIMES = ("timestamp", "funding_time", "datetime", "time", "date")
_SYMBOLS = ("symbol", "contract", "instrument", "instrument_name", "inst_id", "coin")
_EXCHANGES = ("exchange", "venue", None)
_RATES = ("funding_rate", "rate")
_REALISED = frozenset(
    column_key(name)
    for name in (
        "real_funding_rate",
        "realized_rate",
        "realised_rate",
        "realized_funding_rate",
        "settled_rate",
        "settled_funding_rate",
        "actual_funding_rate",
        "relative_funding_rate",  # Kraken's fraction, beside its rate in money a contract
    )
)
_ROLES = ("timestamp", "symbol", "exchange", "rate")


def _one_rate(sheet: Sheet) -> bool:
    realised = sorted(sheet.keys & _REALISED)
    if realised and any(column_key(name) in sheet.keys for name in _RATES):
        name = next(one for one in sheet.columns if column_key(one) in realised)
        raise DataError(
            f"{sheet.label}: has two rates, the settled one seems to be {name!r}; say which with "
            f"--columns timestamp=NAME,symbol=NAME,rate={name}; the columns are {sheet.names()}"
        )
    return True


GENERAL = Form(
    name="general",
    published="any table: timestamp, symbol, exchange and funding_rate, or --columns",
    layouts=tuple(
        Layout(time, rate, symbol, exchange)
        for rate in _RATES
        for exchange in _EXCHANGES
        for symbol in (*_SYMBOLS, None)
        for time in _TIMES
    ),
    applies=_one_rate,
)


def named_layout(sheet: Sheet, columns: Mapping[str, str]) -> Layout:
    """Return the layout a person named.

    Raises
    ------
    DataError
        If a name is none of a column, or timestamp or rate are not named.
    """
    unknown = [role for role in columns if role not in _ROLES]
    if unknown or "timestamp" not in columns or "rate" not in columns:
        raise DataError(
            "columns must be named as timestamp=NAME,symbol=NAME,rate=NAME[,exchange=NAME], got "
            f"{', '.join(f'{role}={name}' for role, name in columns.items()) or 'nothing'}"
        )
    for role, name in columns.items():
        if sheet.find(name) is None:
            raise DataError(
                f"{sheet.label}: {role}={name}, but there is no column {name!r}; the columns are "
                f"{sheet.names()}"
            )
    named = dict(columns)
    for role in ("symbol", "exchange"):  # not named, but called what they are
        if role not in named and sheet.find(role) is not None:
            named[role] = role
    return Layout(named["timestamp"], named["rate"], named.get("symbol"), named.get("exchange"))
