"""``dashboard``: a process that serves until it is interrupted."""

import http.client
import json
import signal
import socket
import subprocess
from urllib.parse import urlsplit

import pytest

from studies.web import DashboardServer
from tests.studies.cli.conftest import command, environment


@pytest.fixture
def start(project):
    """Start dashboards as processes of their own."""
    running = []

    def begin(*args):
        process = subprocess.Popen(
            command("dashboard", "--port", 0, *args),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def read(address):
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def interrupt(process):
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_it_prints_the_address_once_and_ends_with_an_interrupt(start):
    process = start()
    address = process.stdout.readline().strip()
    assert urlsplit(address).path == "/mass-tuning/"
    status, page = read(address)
    assert status == 200
    assert "Sessions" in page
    assert "mass-tuning" in page
    assert interrupt(process) == (0, "", "Ctrl-C ends it\n")


def test_a_token_and_json(start):
    process = start("--token", "auto", "--json")
    lines = [process.stdout.readline()]
    while lines[-1] != "}\n":
        lines.append(process.stdout.readline())
    document = json.loads("".join(lines))
    assert document["allow_control"] is False
    assert len(document["token"]) >= 32
    assert document["address"].endswith(f"?token={document['token']}")
    assert read(document["address"])[0] == 303
    assert read(document["address"].split("?")[0])[0] == 401
    assert interrupt(process) == (0, "", "")


@pytest.fixture
def served(monkeypatch):
    """Serve nothing; note what would have been served."""
    servers = []
    monkeypatch.setattr(DashboardServer, "serve_forever", lambda server: servers.append(server))
    return servers


def test_open(cli, project, served, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert cli("dashboard", "--port", 0).code == 0
    assert opened == []
    told = cli("dashboard", "--port", 0, "--open", "--token", "a/b?c&d=e+f ghijklmn")
    assert told.code == 0, told.err
    assert opened == told.out.split()
    assert opened[0].endswith("/mass-tuning/?token=a%2Fb%3Fc%26d%3De%2Bf%20ghijklmn")
    assert len(served) == 2


def test_allow_control(cli, project, served):
    assert cli("dashboard", "--port", 0, "--allow-control", "--json").json["allow_control"] is True


def test_a_host_that_others_reach(cli, project, served):
    refused = cli("dashboard", "--port", 0, "--host", "0.0.0.0")
    assert refused.code == 2
    assert "add --token auto" in refused.error
    told = cli("dashboard", "--port", 0, "--host", "0.0.0.0", "--token", "auto")
    assert told.code == 0
    assert "not encrypted" in told.err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--token", "short"), "at least 16 characters"),
        (("--token", ""), "--token is empty"),
        (("--host", ""), "--host is empty"),
        (("--port", "65536"), "65536 is not in the range"),
        (("--host", "no.such.host.invalid", "--token", "auto"), "name an address of this machine"),
    ],
)
def test_what_is_refused(cli, project, served, options, text):
    refused = cli("dashboard", *options)
    assert refused.code == 2
    assert text in refused.error
    assert served == []


def test_a_port_in_use(cli, project, served):
    with socket.create_server(("127.0.0.1", 0)) as other:
        refused = cli("dashboard", "--port", other.getsockname()[1])
    assert refused.code == 2
    assert "is in use; choose another one with --port" in refused.error


def test_no_database(cli, empty, served):
    refused = cli("dashboard")
    assert refused.code == 2
    assert "there is no database" in refused.error
    assert list(empty.iterdir()) == []
