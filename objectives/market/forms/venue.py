"""Parquet files with one folder a venue, as collectors of funding rates keep them."""

from __future__ import annotations

from objectives.market.forms.form import Form, Layout

__all__ = ["VENUE"]

VENUE = Form(
    name="venue",
    published="collections in Parquet, folders venue=NAME, columns settlement_ts and rate_raw",
    layouts=tuple(
        Layout("settlement_ts", "rate_raw", symbol, venue, predicted=predicted)
        for predicted in ("is_predicted", None)
        for venue in ("venue", "exchange", None)
        for symbol in ("venue_symbol", "symbol", "canonical_symbol")
    ),
)
