"""Who may ask for a page, and what may be asked of it.

The stock optuna-dashboard answers every request that reaches it, and its API deletes studies. A
web page that a user visits can reach a server on 127.0.0.1: by a form, or by a name of its own that
it lets point to 127.0.0.1 after it was loaded (DNS rebinding). Such requests carry the foreign name
in their headers ``Host`` and ``Origin``; the guard refuses them before anything else is done.
"""

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Guard", "KnownHosts", "is_loopback"]

_WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 (recognised, not listened on)
_READING = ("GET", "HEAD")
_WRITING = ("POST", "PUT", "DELETE")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on a host."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


class KnownHosts:
    """The names under which the server may be asked, each with its port.

    Those are 127.0.0.1, localhost, [::1] and the host that it listens on. A server that listens
    on every address (0.0.0.0 or ::) also knows the name of its machine, and every address
    that is written in figures: a browser sends such a one only where it stands in its address
    line, so that no name can have been made to point there.

    Parameters
    ----------
    host : str
        What the server listens on.
    port : int
    """

    def __init__(self, host: str, port: int) -> None:
        self._port = port
        self._any_address = host in _WILDCARDS
        own = socket.gethostname() if self._any_address else host
        written = f"[{own}]" if ":" in own else own
        names = {"127.0.0.1", "localhost", "[::1]", written.lower()}
        self._known = {f"{name}:{port}" for name in names} | (names if port == 80 else set())

    def knows(self, host: str) -> bool:
        """Whether a header ``Host`` names the server."""
        if host.lower() in self._known:
            return True
        if not self._any_address:
            return False
        try:
            parts = urlsplit(f"//{host}")
            port = parts.port or 80
        except ValueError:
            return False
        is_figures = _address(parts.hostname or "") is not None
        return is_figures and port == self._port and "@" not in host

    def knows_origin(self, origin: str) -> bool:
        """Whether a header ``Origin`` names a page of the server."""
        return origin.startswith("http://") and self.knows(origin.removeprefix("http://"))


class Guard:
    """Passes on what a known browser may ask, and refuses the rest with a sentence.

    In this order: an unknown ``Host``, a foreign ``Origin`` and what the page of another site wants
    to load (``Sec-Fetch-Site``), unless it is a link to here, are 403; a missing or wrong token is
    401; a method other than GET and HEAD is 403, unless `allow_control` is set and the request
    comes from a page of the server itself (``Origin`` must be sent and known).

    Parameters
    ----------
    app : WSGI application
    hosts : KnownHosts
    token : str, optional
        Needed by every request if given: as ``Authorization: Bearer TOKEN``, or once as
        ``?token=TOKEN``, which is answered with a cookie and the same address without it.
    allow_control : bool
    cookie : str
        Name of the cookie; servers on other ports of the host see the same cookies.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        hosts: KnownHosts,
        token: str | None = None,
        *,
        allow_control: bool = False,
        cookie: str = "mass_tuning",
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._token = None if token is None else token.encode()
        self._allow_control = allow_control
        self._cookie = cookie
        # the cookie is no token: who reads it cannot write it into another header or address
        self._session = hashlib.sha256(b"cookie " + (self._token or b"")).hexdigest()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        for name in ("HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PROTO"):
            environ.pop(name, None)  # no proxy stands before it: redirects would follow them
        respond = self._with_headers(environ, start_response)
        refusal = self._foreign(environ)
        if refusal is None and self._token is not None:
            if self._gives_token(environ):
                return self._hand_cookie(environ, respond)
            if not self._has_token(environ):
                refusal = (
                    "401 Unauthorized",
                    "this dashboard asks for its token: open the address that `mass-tuning "
                    "dashboard` printed, or send it as Authorization: Bearer TOKEN",
                )
        refusal = refusal or self._forbidden(environ)
        if refusal is not None:
            return _refuse(environ, respond, *refusal)
        return self._app(environ, respond)

    def _foreign(self, environ: "WSGIEnvironment") -> tuple[str, str] | None:
        if not self._hosts.knows(environ.get("HTTP_HOST", "")):
            return (
                "403 Forbidden",
                "this dashboard does not answer under the name it was asked by; open the "
                "address that `mass-tuning dashboard` printed",
            )
        origin = environ.get("HTTP_ORIGIN")
        # an image or a script of this server that stands in another site's page has no Origin
        site = environ.get("HTTP_SEC_FETCH_SITE", "none")
        is_part = environ.get("HTTP_SEC_FETCH_MODE") != "navigate"
        is_elsewhere = is_part and site not in ("none", "same-origin")
        if is_elsewhere or (origin is not None and not self._hosts.knows_origin(origin)):
            return "403 Forbidden", "pages of other sites may not ask this dashboard"
        return None

    def _forbidden(self, environ: "WSGIEnvironment") -> tuple[str, str] | None:
        method = environ["REQUEST_METHOD"]
        if method in _READING:
            return None
        if not self._allow_control:
            return (
                "403 Forbidden",
                "this dashboard only shows; start it with --allow-control to change something",
            )
        if method not in _WRITING or "HTTP_ORIGIN" not in environ:
            return "403 Forbidden", "only a page of this dashboard may change something"
        return None

    def _gives_token(self, environ: "WSGIEnvironment") -> bool:
        if environ["REQUEST_METHOD"] not in _READING:
            return False
        given = parse_qs(environ.get("QUERY_STRING", "")).get("token", [])
        return len(given) == 1 and self._is_token(given[0].encode())

    def _has_token(self, environ: "WSGIEnvironment") -> bool:
        kind, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(value.strip().encode("latin-1")):
            return True
        for part in environ.get("HTTP_COOKIE", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == self._cookie and hmac.compare_digest(
                value.encode("latin-1"), self._session.encode()
            ):
                return True
        return False

    def _is_token(self, given: bytes) -> bool:
        return hmac.compare_digest(given, self._token or b"")

    def _hand_cookie(self, environ: "WSGIEnvironment", respond: "StartResponse") -> Iterable[bytes]:
        """Let the browser keep a cookie and ask again, so that the token leaves its address."""
        rest = [pair for pair in parse_qsl(environ["QUERY_STRING"]) if pair[0] != "token"]
        path = quote(environ.get("PATH_INFO", "").encode("latin-1")).lstrip("/")
        cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
        headers = [
            ("Location", f"/{path}" + (f"?{urlencode(rest)}" if rest else "")),
            ("Set-Cookie", cookie),
            ("Cache-Control", "no-store"),
            ("Content-Length", "0"),
        ]
        respond("303 See Other", headers)
        return [b""]

    def _with_headers(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> "StartResponse":
        # With no-referrer a browser sends a form with the Origin "null"; same-origin tells
        # other sites as little.
        policy = "same-origin" if self._allow_control else "no-referrer"
        added = (
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", policy),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Content-Security-Policy", "frame-ancestors 'none'"),
            ("X-Frame-Options", "DENY"),
        )

        def respond(status, headers, exc_info=None):  # type: ignore[no-untyped-def]
            return start_response(status, [*headers, *added], exc_info)

        return respond


def _refuse(
    environ: "WSGIEnvironment", respond: "StartResponse", status: str, sentence: str
) -> Iterable[bytes]:
    body = f"{sentence}\n".encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
    if status.startswith("401"):
        headers.append(("WWW-Authenticate", "Bearer"))
    respond(status, headers)
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
