"""Hyperliquid's funding history."""

from __future__ import annotations

from objectives.market.forms.form import Form, Layout

__all__ = ["HYPERLIQUID"]

HYPERLIQUID = Form(
    name="hyperliquid",
    published="Hyperliquid, info endpoint, fundingHistory, as JSON or made a table",
    layouts=(Layout("time", "fundingRate", "coin"),),
    exchange="hyperliquid",
)
