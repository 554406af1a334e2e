"""One exchange through ccxt: asked politely, and again where that may help."""

from __future__ import annotations

import difflib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from objectives.market.exchanges.paging import page_rules
from search_spaces.errors import ConfigError, FetchError

__all__ = ["ExchangeClient", "check_exchanges"]

_T = TypeVar("_T")

_TRIES = 7
_TRIES_AT_FIRST = 4  # nothing is lost yet, and someone waits to learn that there is no network
_LONGEST_WAIT = 60.0
_LONGEST_BAN = 300.0
_TIMEOUT_MS = 20_000
_LIMITS = (418, 429)
_FORBIDDEN = (403, 451)


def check_exchanges(exchanges: Sequence[str]) -> None:
    """Refuse what cannot be asked for funding rates.

    Raises
    ------
    ConfigError
        If ccxt is not installed, knows no such exchange, or not its funding rates.
    """
    ccxt = _ccxt()
    if not exchanges:
        raise ConfigError("name at least one exchange, such as binance")
    for name in exchanges:
        if name not in ccxt.exchanges:
            near = difflib.get_close_matches(name, ccxt.exchanges, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ConfigError(f"ccxt {ccxt.__version__} knows no exchange {name!r}{hint}")
        if not getattr(ccxt, name)().has.get("fetchFundingRateHistory"):
            raise ConfigError(
                f"ccxt {ccxt.__version__} cannot ask {name} for its history of funding rates; "
                "import its files instead"
            )


class ExchangeClient:
    """Requests to one exchange.

    Parameters
    ----------
    exchange : str
        Id of ccxt, such as ``binance``.
    options : mapping, optional
        Settings of ccxt in place of its own, such as ``urls``.
    wait : callable, optional
        Waits for a number of seconds; may raise to end the work.
    clock : callable, optional
        Seconds that pass.
    local_clock : callable, optional
        Milliseconds since 1970, by the clock of this computer.

    Raises
    ------
    ConfigError
        See :func:`check_exchanges`.
    """

    def __init__(
        self,
        exchange: str,
        options: Mapping[str, Any] | None = None,
        *,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        local_clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        check_exchanges([exchange])
        self._ccxt = _ccxt()
        self.exchange = exchange
        self.rules = page_rules(exchange)
        settings = {
            "enableRateLimit": True,
            "timeout": _TIMEOUT_MS,
            "requests_trust_env": True,  # a proxy of the environment is used
            "enableLastJsonResponse": True,
            "enableLastResponseHeaders": True,
            "options": {"adjustForTimeDifference": True, **self.rules.options},
            **(options or {}),
        }
        self.api = getattr(self._ccxt, exchange)(settings)
        self.api.has["fetchCurrencies"] = False  # a request that nothing here needs
        # Otherwise a password for any host in a file .netrc would be sent along.
        self.api.session.auth = lambda request: request
        self.local_clock = local_clock
        self._wait = wait
        self._clock = clock
        self._free_at = clock()
        self._has_answered = False

    def markets(self) -> list[Mapping[str, Any]]:
        """Return the markets of the exchange."""
        return list(self.call("its markets", self.api.load_markets).values())

    def volumes(self) -> dict[str, float]:
        """Return what was traded of each market in the last 24 hours, in units of its quote.

        Raises
        ------
        ConfigError
            If the exchange does not say so.
        """
        if not self.api.has.get("fetchTickers"):
            raise ConfigError(
                f"{self.exchange} does not say what is traded most; name coins in --symbols"
            )
        parameters = {"type": "swap", "subType": "linear"}
        if self.exchange == "hyperliquid":
            del parameters["subType"]
        tickers = self.call("its volumes", self.api.fetch_tickers, None, parameters)
        return {name: self._volume(name, ticker) for name, ticker in tickers.items()}

    def server_time(self) -> int | None:
        """Return the exchange's time, milliseconds since 1970; None where it says none."""
        if not self.api.has.get("fetchTime"):
            return None
        try:
            return int(self.call("its time", self.api.fetch_time))
        except TypeError:
            return None
        except FetchError as error:
            if isinstance(error.__cause__, self._ccxt.ExchangeError):
                return None
            raise

    def funding_page(self, name: str, first: int, last: int) -> tuple[list[Mapping[str, Any]], int]:
        """Ask for settlements of a market between two milliseconds, both included.

        Returns
        -------
        tuple of list and int
            The settlements as ccxt writes them, and how many the exchange gave; ccxt leaves out
            those before the first millisecond.

        Raises
        ------
        LookupError
            If the exchange knows no such market, or refuses to say.
        FetchError
            If it cannot be reached.
        """
        rules = self.rules
        parameters = {rules.until: last + rules.until_offset}
        self._wait_until(self._free_at)
        started = self._clock()
        try:
            page: list[Mapping[str, Any]] = self.call(
                f"the rates of {name}",
                self.api.fetch_funding_rate_history,
                name,
                first,
                rules.limit,
                parameters,
            )
        except FetchError as error:
            if isinstance(error.__cause__, self._ccxt.BadRequest):
                raise LookupError(_first_line(error.__cause__)) from error
            raise
        n_given = max(len(page), _n_rows(self.api.last_json_response))
        self._free_at = started + rules.pause + rules.pause_per_event * n_given
        return page, n_given

    def call(self, what: str, method: Callable[..., _T], *arguments: Any) -> _T:
        """Call a method of ccxt, again after a while where the network or a limit failed it.

        Raises
        ------
        FetchError
            If it fails for good.
        """
        n_tries = _TRIES if self._has_answered else _TRIES_AT_FIRST
        for attempt in range(n_tries):
            try:
                answer = method(*arguments)
            except self._ccxt.BaseError as error:
                self._stop_or_wait(what, error, attempt=attempt, is_last=attempt == n_tries - 1)
            else:
                self._has_answered = True
                return answer
        raise AssertionError("the last attempt raises")

    def _volume(self, name: str, ticker: Mapping[str, Any]) -> float:
        if ticker.get("quoteVolume"):
            return float(ticker["quoteVolume"])
        # Okx gives contracts.
        size = (self.api.markets.get(name) or {}).get("contractSize") or 1.0
        return float(ticker.get("baseVolume") or 0.0) * float(size) * float(ticker.get("last") or 0)

    def _stop_or_wait(self, what: str, error: Exception, *, attempt: int, is_last: bool) -> None:
        problem = _first_line(error)
        status = _status(error)
        # Not every exchange of ccxt says by its error that a limit was meant.
        is_limit = status in _LIMITS or isinstance(
            error, (self._ccxt.RateLimitExceeded, self._ccxt.DDoSProtection)
        )
        may_pass = isinstance(error, (self._ccxt.NetworkError, self._ccxt.BadResponse))
        if not is_limit and not may_pass:
            raise FetchError(f"{self.exchange} refuses {what}: {problem}") from error
        if status in _FORBIDDEN and not is_limit:
            raise FetchError(
                f"{self.exchange} refuses {what}: {problem}; it may not serve this place: "
                "use a proxy (HTTPS_PROXY), or import its files"
            ) from error
        asked = self._retry_after() if is_limit else None
        if asked is not None and asked > _LONGEST_BAN:
            raise FetchError(
                f"{self.exchange} wants no request for {asked / 60:,.0f} minutes; "
                "what is fetched stays, fetch again then"
            ) from error
        if is_last:
            raise FetchError(
                f"{self.exchange} did not answer {what} in {attempt + 1} tries: {problem}; "
                "what is fetched stays, fetch again to go on"
            ) from error
        # Not all at the same moment, if several ask at once.
        pause = min(2.0**attempt, _LONGEST_WAIT) * random.uniform(1.0, 1.25)  # noqa: S311
        self._wait(max(pause, asked or 0.0))

    def _retry_after(self) -> float | None:
        headers = self.api.last_response_headers or {}
        text = str(headers.get("Retry-After", ""))
        return float(text) if text.isdigit() else None

    def _wait_until(self, instant: float) -> None:
        pause = instant - self._clock()
        if pause > 0:
            self._wait(pause)


def _ccxt() -> Any:
    try:
        import ccxt
    except ImportError:
        raise ConfigError(
            "fetching needs ccxt, which is not installed: pip install 'mass-tuning[exchange]'"
        ) from None
    return ccxt


def _status(error: BaseException | None) -> int | None:
    """Return the status of the answer that led to an error of ccxt."""
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
        error = error.__cause__ or error.__context__
    return None


def _n_rows(document: Any) -> int:
    """Return the length of the longest list in an answer: its rows."""
    if isinstance(document, list):
        return len(document)
    if isinstance(document, Mapping):
        return max((_n_rows(value) for value in document.values()), default=0)
    return 0


def _first_line(error: Exception) -> str:
    """Return what ccxt says, as one line that is not too long."""
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else f"{text[:199]}…"
