"""Exchanges asked for their funding rates, and CoinGecko for market caps; no database."""

from objectives.market.exchanges.client import ExchangeClient, check_exchanges
from objectives.market.exchanges.coingecko import COINGECKO_URL, CoinCaps, fetch_coin_caps
from objectives.market.exchanges.history import ExchangeHistory, HistoryChunk
from objectives.market.exchanges.perpetuals import Perpetual, coin_of_symbol, perpetuals

__all__ = [
    "COINGECKO_URL",
    "CoinCaps",
    "ExchangeClient",
    "ExchangeHistory",
    "HistoryChunk",
    "Perpetual",
    "check_exchanges",
    "coin_of_symbol",
    "fetch_coin_caps",
    "perpetuals",
]
