"""A dashboard on a free port, and a browser that follows nothing."""

import http.client
import json
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from studies.web import dashboard_server


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Site:
    """A running dashboard, asked over HTTP."""

    def __init__(self, engine, **options):
        self.engine = engine
        command = options.pop("command", lambda rest: f"mass-tuning {rest}")
        self.server = dashboard_server(engine, "127.0.0.1", 0, command, **options)
        self.port = self.server.server_port
        self._thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self._thread.start()

    def ask(self, path, method="GET", body=None, **headers) -> Answer:
        """Send one request; headers by names with underscores, None leaves one out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        given = {"Host": f"127.0.0.1:{self.port}"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.putrequest(method, path, skip_host=True)
            for name, value in given.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Type", "application/x-www-form-urlencoded")
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.port}"

    def session(self, session_id, what="session") -> Answer:
        return self.ask(f"/mass-tuning/{what}/{quote(session_id, safe='')}")

    def close(self):
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def serve():
    """Start dashboards; arguments as of `dashboard_server`."""
    sites = []

    def start(engine, **options):
        sites.append(Site(engine, **options))
        return sites[-1]

    yield start
    for site in sites:
        site.close()


@pytest.fixture
def site(serve, completed):
    """A dashboard on a database with a completed session."""
    return serve(completed.engine)
