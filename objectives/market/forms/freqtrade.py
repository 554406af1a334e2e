"""Files of freqtrade's ``download-data``: candles whose ``open`` is the rate."""

from __future__ import annotations

from pathlib import PurePath

from objectives.market.forms.form import Form, Layout
from objectives.market.sheets import Sheet, column_key

__all__ = ["FREQTRADE", "is_candles"]


def _symbol(path: PurePath) -> str | None:
    """Find the symbol in ``BTC_USDT_USDT-8h-funding_rate.feather``."""
    parts = path.name.split("-")[0].split("_")[-3:]
    if len(parts) < 2 or not all(parts):
        return None
    return f"{parts[0]}/{parts[1]}" + (f":{parts[2]}" if len(parts) == 3 else "")


def _is_funding(sheet: Sheet) -> bool:
    return "fundingrate" in column_key(sheet.path.name)


def is_candles(sheet: Sheet) -> bool:
    """Tell whether a sheet holds prices, which freqtrade keeps in the same folder."""
    return {"open", "high", "low", "close", "volume"} <= sheet.keys and not _is_funding(sheet)


FREQTRADE = Form(
    name="freqtrade",
    published="freqtrade, command download-data, files *-funding_rate.feather, .json or .parquet",
    layouts=(Layout("date", "open", signs=("high", "low", "close")),),
    symbol_of=_symbol,
    applies=_is_funding,
)
