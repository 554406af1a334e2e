"""A server that answers as binance, bybit, hyperliquid, okx and CoinGecko say they do."""

import json
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

HOUR = 3_600_000
DAY = 24 * HOUR


@dataclass
class Fault:
    """Something that goes wrong on the next request whose path holds a text.

    Attributes
    ----------
    where : str
        Part of the path or the body.
    status : int
    headers : dict
    body : object
    seconds : float
        Sleep before the answer, which may then find nobody.
    """

    where: str
    status: int = 200
    headers: dict = field(default_factory=dict)
    body: object = None
    seconds: float = 0.0


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Say nothing of a client that was killed, all of anything else."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class ExchangeServer:
    """State of the exchanges, and what they were asked.

    Parameters
    ----------
    now : int
        Milliseconds since 1970 by their clock.
    """

    def __init__(self, now):
        self.now = now
        self.histories = {}  # (exchange, id) -> {instant: rate}
        self.markets = {"binance": [], "bybit": [], "hyperliquid": [], "okx": []}
        self.coins = []  # of CoinGecko
        self.faults = deque()
        self.requests = []  # (path, parameters)
        self.overlap = 0  # milliseconds a page begins too early
        self.same_page = False  # whatever is asked for, the same page
        self.before_answer = lambda path, parameters: None
        self._server = _QuietServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, exchange, coin, first, *, hours, quote="USDT", volume=1e6, jitter=0, sign=1):
        """List a perpetual with a settlement every few hours until now."""
        name = {"hyperliquid": coin, "okx": f"{coin}-{quote}-SWAP"}.get(exchange, coin + quote)
        market = {"id": name, "coin": coin}
        market |= {"quote": quote, "listed": first, "volume": volume}
        self.markets[exchange].append(market)
        instants = range(first, self.now + 1, hours * HOUR)
        history = {
            instant + (k * 7) % (jitter + 1): sign * round(1e-5 * (k % 17 - 5), 10)
            for k, instant in enumerate(instants)
        }
        self.histories[exchange, market["id"]] = history
        return history

    def urls(self, exchange):
        """Settings of ccxt that lead here."""
        api = {
            "binance": {"fapiPublic": f"{self.url}/fapi/v1", "fapiPublicV2": f"{self.url}/fapi/v2"},
            "bybit": {"public": self.url},
            "hyperliquid": {"public": self.url},
            "okx": {"rest": self.url},
        }[exchange]
        return {"urls": {"api": api}}

    def asked(self, exchange):
        """Requests for the history of an exchange: their parameters."""
        where = {
            "binance": "/fapi/v1/fundingRate",
            "bybit": "/v5/market/funding/history",
            "hyperliquid": "/info/fundingHistory",
            "okx": "/api/v5/public/funding-rate-history",
        }[exchange]
        return [parameters for path, parameters in self.requests if path == where]

    # What each path answers

    def answer(self, path, q):
        if path.startswith("/fapi"):
            return self.binance(path.removeprefix("/fapi/v1/"), q)
        if path.startswith("/v5"):
            return self.bybit(path.removeprefix("/v5/market/"), q)
        if path.startswith("/api/v5"):
            return {"code": "0", "msg": "", "data": self.okx(path.removeprefix("/api/v5/"), q)}
        if path.startswith("/info"):
            return self.hyperliquid(q["type"], q)
        if path == "/coingecko/coins/markets":
            size, page = int(q["per_page"]), int(q["page"])
            assert size <= 250
            assert (q["vs_currency"], q["order"]) == ("usd", "market_cap_desc")
            return self.coins[(page - 1) * size : page * size]
        raise KeyError(path)

    def history(self, exchange, name, first, last):
        """Instants of a time, ascending."""
        every = sorted(self.histories[exchange, name])
        if self.same_page:
            return every
        return [k for k in every if first - self.overlap <= k <= last]

    def binance(self, path, q):
        if path == "exchangeInfo":
            return {"symbols": [binance_market(market) for market in self.markets["binance"]]}
        if path == "time":
            return {"serverTime": self.now}
        if path == "ticker/24hr":
            return [
                {
                    "symbol": market["id"],
                    "lastPrice": "10",
                    "volume": str(market["volume"] / 10),
                    "quoteVolume": str(market["volume"]),
                    "openTime": self.now - DAY,
                    "closeTime": self.now,
                }
                for market in self.markets["binance"]
            ]
        assert path == "fundingRate"
        symbol, limit = q["symbol"], int(q.get("limit", 100))
        assert limit <= 1000
        # "If the number of data is larger than limit, return as startTime + limit", ascending.
        first, last = int(q.get("startTime", 0)), int(q.get("endTime", self.now))
        return [
            {
                "symbol": symbol,
                "fundingTime": instant,
                "fundingRate": f"{self.histories['binance', symbol][instant]:.8f}",
                "markPrice": "34287.54619963",
            }
            for instant in self.history("binance", symbol, first, last)[:limit]
        ]

    def bybit(self, path, q):
        if path == "time":
            second, nano = str(self.now // 1000), str(self.now * 1_000_000)
            return bybit_document({"timeSecond": second, "timeNano": nano}, self.now)
        assert q["category"] == "linear"
        if path == "instruments-info":
            markets = [] if q.get("status") == "PreLaunch" else self.markets["bybit"]
            listed = [bybit_market(market) for market in markets]
            return bybit_document({"category": "linear", "list": listed}, self.now)
        if path == "tickers":
            listed = [
                {
                    "symbol": market["id"],
                    "lastPrice": "10",
                    "volume24h": str(market["volume"] / 10),
                    "turnover24h": str(market["volume"]),
                }
                for market in self.markets["bybit"]
            ]
            return bybit_document({"category": "linear", "list": listed}, self.now)
        assert path == "funding/history"
        symbol, limit = q["symbol"], int(q.get("limit", 200))
        assert limit <= 200
        if "startTime" in q and "endTime" not in q:  # "passing only startTime returns an error"
            return {"retCode": 10001, "retMsg": "params error", "result": {}, "time": self.now}
        first, last = int(q.get("startTime", 0)), int(q.get("endTime", self.now))
        listed = [
            {
                "symbol": symbol,
                "fundingRate": f"{self.histories['bybit', symbol][instant]:.8f}",
                "fundingRateTimestamp": str(instant),
            }
            for instant in self.history("bybit", symbol, first, last)[-limit:][::-1]
        ]
        return bybit_document({"category": "linear", "list": listed}, self.now)

    def hyperliquid(self, kind, q):
        markets = self.markets["hyperliquid"]
        universe = [{"name": m["coin"], "szDecimals": 2, "maxLeverage": 50} for m in markets]
        if kind == "meta":
            return {"universe": universe}
        if kind == "metaAndAssetCtxs":
            contexts = [
                {
                    "dayNtlVlm": str(market["volume"]),
                    "funding": "0.0000125",
                    "openInterest": "688.11",
                    "prevDayPx": "15.322",
                    "markPx": "14.3161",
                    "midPx": "14.314",
                    "oraclePx": "14.32",
                    "premium": "0.00031774",
                    "impactPxs": ["14.3047", "14.3444"],
                }
                for market in markets
            ]
            return [{"universe": universe}, contexts]
        if kind == "exchangeStatus":
            return {"specialStatuses": None, "time": self.now}
        assert kind == "fundingHistory"
        first, last = q["startTime"], q.get("endTime", self.now)
        return [
            {
                "coin": q["coin"],
                "fundingRate": f"{self.histories['hyperliquid', q['coin']][instant]:.10f}",
                "premium": "0.00031774",
                "time": instant,
            }
            for instant in self.history("hyperliquid", q["coin"], first, last)[:500]
        ]

    def okx(self, path, q):
        if path == "public/time":
            return [{"ts": str(self.now)}]
        if path == "public/instruments":
            assert q["instType"] == "SWAP"
            return [okx_market(market) for market in self.markets["okx"]]
        if path == "market/tickers":
            return [
                {
                    "instType": "SWAP",
                    "instId": market["id"],
                    "last": "10",
                    "vol24h": str(market["volume"] / 10 / 0.01),  # contracts
                    "volCcy24h": str(market["volume"] / 10),
                    "ts": str(self.now),
                }
                for market in self.markets["okx"]
            ]
        assert path == "public/funding-rate-history"
        name, limit = q["instId"], int(q.get("limit", 100))
        assert limit <= 100
        # "before": records newer than this; "after": records earlier than this.
        first, last = int(q.get("before", 0)) + 1, int(q.get("after", self.now + 1)) - 1
        return [
            {
                "instType": "SWAP",
                "instId": name,
                "fundingRate": "0.9",  # a forecast
                "realizedRate": f"{self.histories['okx', name][instant]:.8f}",
                "fundingTime": str(instant),
            }
            for instant in self.history("okx", name, first, last)[-limit:][::-1]
        ]

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                parts = urlsplit(self.path)
                self.reply(parts.path, dict(parse_qsl(parts.query)))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.reply(f"{self.path}/{body['type']}", body)

            def reply(self, path, parameters):
                server.requests.append((path, parameters))
                assert "Authorization" not in self.headers
                server.before_answer(path, parameters)
                fault = Fault("")
                if server.faults and server.faults[0].where in f"{path} {parameters}":
                    fault = server.faults.popleft()
                time.sleep(fault.seconds)
                content = fault.body
                if content is None and fault.status == 200:
                    content = server.answer(path, parameters)
                body = json.dumps(content).encode()
                try:
                    self.send_response(fault.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    for name, value in fault.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # the client did not wait

            def log_message(self, *words):
                pass

        return Handler


def binance_market(market):
    return {
        "symbol": market["id"],
        "pair": market["id"],
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": market["listed"],
        "status": "TRADING",
        "baseAsset": market["coin"],
        "quoteAsset": market["quote"],
        "marginAsset": market["quote"],
        "pricePrecision": 2,
        "quantityPrecision": 3,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "filters": [],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC"],
    }


def bybit_market(market):
    return {
        "symbol": market["id"],
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": market["coin"],
        "quoteCoin": market["quote"],
        "launchTime": str(market["listed"]),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": "2",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
        "priceFilter": {"minPrice": "0.50", "maxPrice": "999999.00", "tickSize": "0.50"},
        "lotSizeFilter": {"maxOrderQty": "100.000", "minOrderQty": "0.001", "qtyStep": "0.001"},
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "settleCoin": market["quote"],
    }


def bybit_document(result, now):
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": now}


def okx_market(market):
    return {
        "instType": "SWAP",
        "instId": market["id"],
        "uly": market["id"].removesuffix("-SWAP"),
        "instFamily": market["id"].removesuffix("-SWAP"),
        "baseCcy": "",
        "quoteCcy": "",
        "settleCcy": market["quote"],
        "ctVal": "0.01",
        "ctMult": "1",
        "ctValCcy": market["coin"],
        "ctType": "linear",
        "listTime": str(market["listed"]),
        "lever": "100",
        "lotSz": "1",
        "minSz": "1",
        "tickSz": "0.1",
        "state": "live",
    }
