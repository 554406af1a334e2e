"""Funding events read from frames and files of any form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike

import numpy as np
import pandas as pd

from objectives.market.funding_events import EventSource, FundingEvents
from objectives.market.tables import instant_column, number_column, open_table, text_column

__all__ = ["ReadingOptions", "read_events"]


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    form: str | None = None
    columns: Mapping[str, str] | None = None
    timezone: str | None = None
    exchange: str | None = None
    symbol: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)


def read_events(
    sources: Sequence[str | PathLike[str]] | pd.DataFrame,
    options: ReadingOptions = ReadingOptions(),
) -> FundingEvents:
    parts = []
    for one in [sources] if isinstance(sources, pd.DataFrame) else sources:
        table = open_table(one, ("timestamp", "symbol", "exchange", "funding_rate"))
        symbol, symbols = text_column(table, "symbol")
        exchange, exchanges = text_column(table, "exchange")
        parts.append(
            FundingEvents(
                symbols=tuple(symbols),
                exchanges=tuple(exchanges),
                sources=(EventSource(table.label, "general", table.locate),),
                symbol=symbol.astype(np.int32),
                exchange=exchange.astype(np.int32),
                source=np.zeros(len(symbol), dtype=np.int32),
                row=table.frame.index.to_numpy(dtype=np.int64),
                micros=instant_column(table, "timestamp"),
                rate=number_column(table, "funding_rate", missing_ok=False),
            )
        )
    return FundingEvents.concat(parts)
