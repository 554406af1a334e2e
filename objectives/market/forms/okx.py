"""OKX: archives of its page of historical data, and answers of its REST interface.

Its ``funding_rate`` is the forecast made before the settlement; what was paid is the realised
rate beside it.
"""

from __future__ import annotations

from objectives.market.forms.form import Form, Layout

__all__ = ["OKX"]

OKX = Form(
    name="okx",
    published="OKX, page Historical data, funding rates; or V5 API, Get funding rate history",
    layouts=(
        Layout("funding_time", "real_funding_rate", "instrument_name"),
        Layout("fundingTime", "realizedRate", "instId"),
    ),
    exchange="okx",
)
