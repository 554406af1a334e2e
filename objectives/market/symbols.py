"""Names of contracts and exchanges: one spelling, whichever an exchange or a tool writes."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["ContractName", "contract_name", "exchange_name", "is_bare", "split_dex"]

_QUOTES = (
    "FDUSD",
    "USDT",
    "USDC",
    "BUSD",
    "TUSD",
    "USDE",
    "USD1",
    "USDD",
    "USDS",
    "USDH",
    "USD",
    "EUR",
    "GBP",
    "JPY",
    "KRW",
    "TRY",
    "BRL",
    "AUD",
)
_OTHER_TICKERS = {"XBT": "BTC", "XDG": "DOGE"}
"""Old tickers of Kraken and BitMEX."""

_PERPETUAL = re.compile(
    r"(?:[-_/ ](?:SWAP|PERPETUAL|PERP)(?:[-_]UM|[-_]CM)?|\s*永续(?:合约)?)$", re.IGNORECASE
)
_KRAKEN = re.compile(r"^(P[FI]|F[FI])_(?=[A-Z0-9]+USD)")
_DELIVERY = re.compile(
    r"""[-_:]?(?:
        [-_]\d{6}(?:\d{2})?(?:-\d+(?:\.\d+)?-[CP])?           # BTCUSDT_240329, -240329-50000-C
      | [-_]\d{1,2}(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\d{2}.*  # BTC-29MAR24
    )$""",
    re.VERBOSE,
)
_UNIFIED = re.compile(r"^([^/:\s]+)/([A-Z0-9]+)(?::([A-Z0-9]+))?(-\d{6}.*)?$", re.IGNORECASE)
_THOUSANDS = re.compile(r"^(10{3,8}|1M)(?=[A-Z])(.{2,})$")
_THOUSANDS_BEHIND = re.compile(r"^([A-Z]{2,})(1000)$")
_KILO = re.compile(r"^k(?=[A-Z])([A-Z0-9]+)")

_EXCHANGES = {
    "binance-delivery": "binance",
    "binancecoinm": "binance",
    "binanceusdm": "binance",
    "cryptofacilities": "kraken",
    "gate-io": "gate",
    "gate.io": "gate",
    "gateio": "gate",
    "huobi": "htx",
    "huobi-dm": "htx",
    "krakenfutures": "kraken",
    "kucoinfutures": "kucoin",
    "okex": "okx",
    "okex5": "okx",
}
_MARKET = re.compile(
    r"-(?:futures?|swaps?|perps?|perpetuals?|linear|inverse|usd-?m|coin-?m|usdt|um|cm)$"
)


@dataclass(frozen=True)
class ContractName:
    """What a contract's name says.

    Attributes
    ----------
    name : str
        Base and quote, such as ``BTCUSDT``; ``""`` if nothing is left of it.
    factor : int
        How many coins a unit of the base stands for, such as 1,000 in ``1000PEPEUSDT``. A rate
        is a fraction of notional and needs no conversion.
    delivery : bool
        Whether it is a contract with a delivery date, which has no funding.
    """

    name: str
    factor: int = 1
    delivery: bool = False


def contract_name(written: str, quote: str = "") -> ContractName:
    """Read the name of a perpetual contract.

    Known are ``BTCUSDT`` in any case, ``BTC/USDT:USDT``, ``BTC-USDT-SWAP``, ``BTC_USDT``,
    ``BTCUSDT Perpetual``, ``BTCUSD_PERP``, ``PF_XBTUSD``, and the thousands of cheap coins:
    ``1000PEPEUSDT``, ``1MBABYDOGEUSDT``, ``kPEPE``, ``SHIB1000USDT``.

    Parameters
    ----------
    written : str
        The name as published.
    quote : str
        Quote of a name that has none.
    """
    text = written.strip()
    unified = _UNIFIED.match(text)
    if unified is not None:
        base, counter, _, date = unified.groups()
        factor, base = _coins(base)
        return ContractName(_other_ticker(base) + counter.upper(), factor, date is not None)
    text = _PERPETUAL.sub("", text)
    kraken = _KRAKEN.match(text)
    if kraken is not None:
        text = text[kraken.end() :]
    if _DELIVERY.search(text.upper()) or (kraken is not None and kraken[1].startswith("F")):
        return ContractName(_joined(_DELIVERY.sub("", text.upper())), delivery=True)
    parts = [part for part in re.split(r"[-_/\s:]+", text) if part]
    if len(parts) > 1:
        factor, base = _coins(parts[0])
        return ContractName(_other_ticker(base) + "".join(parts[1:]).upper(), factor)
    text = "".join(parts)
    for ticker, other in _OTHER_TICKERS.items():
        if text.upper().startswith(ticker) and text[len(ticker) :].upper() in (*_QUOTES, ""):
            return ContractName(other + (text[len(ticker) :].upper() or quote))
    found = _quote_of(text.upper())
    base = text[: len(text) - len(found)] if found else text
    factor, base = _coins(base)
    return ContractName(_other_ticker(base) + (found or quote), factor)


def is_bare(written: str) -> bool:
    """Tell whether a name is that of a coin, without a quote."""
    name = _PERPETUAL.sub("", written.strip())
    return not re.search(r"[-_/:\s]", name) and not _quote_of(name.upper())


def split_dex(written: str) -> tuple[str, str]:
    """Split Hyperliquid's names of markets others run, ``xyz:AAPL``, into ``xyz`` and ``AAPL``."""
    dex, colon, coin = written.partition(":")
    return (dex, coin) if colon and "/" not in dex else ("", written)


def exchange_name(written: str) -> str:
    """Read the name of an exchange: lower case, hyphens, without the kind of market.

    ``binance_futures``, ``Binance`` and ``binanceusdm`` are ``binance``; ``okex-swap`` is
    ``okx``. A part that is not a kind of market stays: ``hyperliquid-xyz`` is a market of its
    own.
    """
    name = re.sub(r"[\s_]+", "-", written.strip().lower())
    while name not in _EXCHANGES and (shorter := _MARKET.sub("", name)) != name:
        name = shorter
    return _EXCHANGES.get(name, name)


def _quote_of(name: str) -> str:
    return next((q for q in _QUOTES if name.endswith(q) and len(name) > len(q)), "")


def _joined(text: str) -> str:
    return re.sub(r"[-_/:\s]+", "", text)


def _other_ticker(base: str) -> str:
    return _OTHER_TICKERS.get(base, base)


def _coins(base: str) -> tuple[int, str]:
    """Split a base such as ``1000PEPE`` into its factor and coin, in capitals."""
    kilo = _KILO.match(base)
    if kilo is not None and base[1:] == base[1:].upper():
        return 1000, base[1:]
    base = base.upper()
    before = _THOUSANDS.match(base)
    if before is not None:
        digits, coin = before.groups()
        if digits != "1M":
            return int(digits), coin
        if len(coin) > 3:  # 1MIL and the like are coins
            return 1_000_000, coin
    behind = _THOUSANDS_BEHIND.match(base)
    if behind is not None:
        return 1000, behind[1]
    return 1, base
