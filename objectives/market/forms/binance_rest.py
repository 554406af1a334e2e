"""Answers of Binance's futures REST interface."""

from __future__ import annotations

from objectives.market.forms.form import Form, Layout

__all__ = ["BINANCE_REST"]

# Bitget and Aster answer with the same names, but without markPrice.
BINANCE_REST = Form(
    name="binance-rest",
    published="Binance, USD-M Futures API, Get Funding Rate History, as JSON or made a table",
    layouts=(Layout("fundingTime", "fundingRate", "symbol", signs=("markPrice",)),),
    exchange="binance",
)
