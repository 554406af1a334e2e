"""Bybit's funding history."""

from __future__ import annotations

from objectives.market.forms.form import Form, Layout

__all__ = ["BYBIT"]

BYBIT = Form(
    name="bybit",
    published="Bybit, V5 API, Get Funding Rate History, as JSON or made a table",
    layouts=(
        Layout("fundingRateTimestamp", "fundingRate", "symbol"),
        Layout("fundingRateTimestamp", "fundingRate"),
    ),
    exchange="bybit",
)
