"""One process that serves our pages and optuna-dashboard."""

import errno
import logging
import socket
import socketserver
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from sqlalchemy.engine import Engine

from search_spaces.errors import ConfigError, StorageError
from studies.web.documents import Documents, refuse_missing_file
from studies.web.guard import Guard, KnownHosts, is_loopback
from studies.web.layout import ROOT
from studies.web.pages import NOT_THERE, make_pages
from studies.web.stock_dashboard import stock_dashboard

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

__all__ = ["LEAST_TOKEN", "DashboardServer", "dashboard_server"]

LEAST_TOKEN = 16
"""Characters of a token at least."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'"
)
_logger = logging.getLogger(__name__)


def dashboard_server(
    engine: Engine,
    host: str,
    port: int,
    command: Callable[[str], str],
    *,
    token: str | None = None,
    allow_control: bool = False,
) -> "DashboardServer":
    """Make a server that listens; it answers while its `serve_forever` runs.

    Parameters
    ----------
    engine : Engine
        From `studies.sessions.open_existing`.
    host : str
        A name or an address of this machine.
    port : int
        0 for a free one.
    command : callable
        Writes a command line for the same database, to be shown.
    token : str, optional
        Asked for if given; needed unless only this machine can reach the host.
    allow_control : bool
        Whether notes, and what optuna-dashboard can change, may be changed from its pages.

    Raises
    ------
    ConfigError
        If a token is missing or short, or the host and port cannot be listened on.
    """
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"other machines can reach {host}, so a token is needed: add --token auto; to look "
            "from elsewhere without one, leave --host out and use ssh -L"
        )
    if token is not None and (len(token) < LEAST_TOKEN or not token.isascii()):
        raise ConfigError(
            f"a token has at least {LEAST_TOKEN} characters, all of them ASCII; "
            "--token auto makes one"
        )
    server = _listening(host, port)
    try:
        server.set_app(_application(engine, server, command, token, allow_control))
    except BaseException:
        server.server_close()
        raise
    return server


class DashboardServer(socketserver.ThreadingMixIn, WSGIServer):
    """A server of the standard library with a thread for each request, which ends with it.

    Parameters
    ----------
    host : str
    port : int
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str, port: int) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.host = host
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind, without asking a name server what this machine is called."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.host, self.server_address[1]
        self.setup_environ()

    @property
    def address(self) -> str:
        """Where our pages are."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}{ROOT}/"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Note an error of a connection, mostly that a browser has gone."""
        _logger.debug("a request of %s failed", client_address, exc_info=True)


class _Handler(WSGIRequestHandler):
    """Handles one request; an idle connection is closed after half a minute."""

    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the first address of a visit holds the token."""

    def get_stderr(self) -> Any:
        """Return where applications write errors."""
        return _ErrorLog()


class _ErrorLog:
    """A stream into the log."""

    def write(self, text: str) -> int:
        if text.strip():
            _logger.debug("%s", text.rstrip())
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing is held back."""


def _listening(host: str, port: int) -> DashboardServer:
    try:
        return DashboardServer(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} of {host} is in use; choose another one with --port, or let "
            reason += "--port 0 find a free one"
        elif error.errno in (errno.EACCES, errno.EPERM):
            reason = f"port {port} needs the rights of an administrator; choose one above 1023"
        else:
            reason = f"cannot listen on {host}: {error.strerror}; name an address of this machine"
        raise ConfigError(reason) from None


def _application(
    engine: Engine,
    server: DashboardServer,
    command: Callable[[str], str],
    token: str | None,
    allow_control: bool,
) -> Guard:
    stock, storage_engine = stock_dashboard(engine)
    pages = make_pages(Documents(engine), command, allow_control=allow_control)

    def route(environ: "WSGIEnvironment", respond: "StartResponse") -> Iterable[bytes]:
        path, is_gone = environ["PATH_INFO"], False
        try:
            refuse_missing_file(storage_engine)
        except StorageError:
            is_gone = True
        if path == ROOT or path.startswith(f"{ROOT}/"):
            return pages(environ, _with_policy(respond))
        if is_gone:
            kind = [("Content-Type", "text/plain; charset=utf-8"), ("Retry-After", "2")]
            respond("503 Service Unavailable", kind)
            return [NOT_THERE.encode()]
        return stock(environ, respond)

    hosts = KnownHosts(server.host, server.server_port)
    cookie = f"mass_tuning_{server.server_port}"
    return Guard(route, hosts, token, allow_control=allow_control, cookie=cookie)


def _with_policy(respond: "StartResponse") -> "StartResponse":
    """Let a page load nothing but what this server sends, unless it brings its own policy.

    No script runs that stands in a page, but for those whose hashes its own policy names.
    """

    def responding(status, headers, exc_info=None):  # type: ignore[no-untyped-def]
        kept = [header for header in headers if header[0].lower() != "cache-control"]
        kept.append(("Cache-Control", "no-cache"))
        if all(name.lower() != "content-security-policy" for name, _ in kept):
            kept.append(("Content-Security-Policy", _POLICY))
        return respond(status, kept, exc_info)

    return responding
