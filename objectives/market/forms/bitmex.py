"""BitMEX's funding history."""

from __future__ import annotations

from objectives.market.forms.form import Form, Layout

__all__ = ["BITMEX"]

BITMEX = Form(
    name="bitmex",
    published="BitMEX, page Funding History, or API explorer, funding, as JSON or CSV",
    layouts=(Layout("timestamp", "fundingRate", "symbol", signs=("fundingInterval",)),),
    exchange="bitmex",
)
