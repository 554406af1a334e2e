"""Gate's funding history, whose columns have one letter."""

from __future__ import annotations

import re
from pathlib import PurePath

from objectives.market.forms.form import Form, Layout

__all__ = ["GATE"]

_NAME = re.compile(r"([A-Z0-9]+_(?:USDT|USD|BTC))(?![A-Z0-9])")


def _symbol(path: PurePath) -> str | None:
    """Find the contract in a name such as ``BTC_USDT.json``."""
    found = _NAME.search(path.name)
    return None if found is None else found[1]


GATE = Form(
    name="gate",
    published="Gate, Futures API v4, Funding rate history, as JSON or made a table",
    layouts=(Layout("t", "r", "contract"), Layout("t", "r")),
    exchange="gate",
    symbol_of=_symbol,
)
