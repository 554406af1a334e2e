"""The table of Binance's website, with rates as text in percent."""

from __future__ import annotations

from objectives.market.forms.form import Form, Layout

__all__ = ["BINANCE_WEBSITE"]

BINANCE_WEBSITE = Form(
    name="binance-website",
    published="Binance, page Futures - Funding History, button Save as CSV",
    layouts=tuple(
        Layout("Time", "Funding Rate", name, signs=("Funding Interval",))
        for name in ("Contracts", "Contract", "Symbol")
    ),
    exchange="binance",
)
