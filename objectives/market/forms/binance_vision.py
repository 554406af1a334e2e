"""Monthly files of Binance's public data."""

from __future__ import annotations

import re
from pathlib import PurePath

from objectives.market.forms.form import Form, Layout

__all__ = ["BINANCE_VISION"]

_NAME = re.compile(r"([^\W_]+(?:_PERP)?)-fundingRate-\d{4}-\d{2}", re.IGNORECASE)


def _symbol(path: PurePath) -> str | None:
    """Find the symbol in ``BTCUSDT-fundingRate-2024-01.csv``."""
    found = _NAME.search(path.name)
    return None if found is None else found[1]


BINANCE_VISION = Form(
    name="binance-vision",
    published="Binance, page Historical Market Data (Binance Vision), monthly fundingRate",
    layouts=(Layout("calc_time", "last_funding_rate", signs=("funding_interval_hours",)),),
    exchange="binance",
    symbol_of=_symbol,
)
