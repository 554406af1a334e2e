"""What ccxt's ``fetchFundingRateHistory`` returns, for any exchange."""

from __future__ import annotations

from objectives.market.forms.form import Form, Layout

__all__ = ["CCXT"]

CCXT = Form(
    name="ccxt",
    published="ccxt, fetchFundingRateHistory, as JSON or a saved frame",
    layouts=tuple(
        Layout("timestamp", "fundingRate", "symbol", exchange, signs=(sign,))
        for exchange in ("exchange", None)
        for sign in ("info", "datetime")
    ),
)
