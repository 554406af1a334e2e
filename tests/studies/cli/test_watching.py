"""Alerts and metrics of `execute` and `worker`."""

import json
import socket
import sqlite3
import urllib.request
from pathlib import Path

import pytest

from studies.watching import alert_watch, metrics
from tests.helpers.hooks import hook, refused
from tests.studies.cli.conftest import N_STRATEGIES, SMALL_SPACE

SECRET = "hunter2-of-the-tests"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(alert_watch, "LOOK_SECONDS", 0.02)


@pytest.fixture
def planned(cli, project):
    """Id of a session that nobody has worked on."""
    return cli("generate", *SMALL_SPACE, "--json").json["session_id"]


def configure(url):
    rule = {"when": "finished", "action": {"webhook": url}}
    Path("mass_tuning_config.yaml").write_text(json.dumps({"alerts": [rule]}))


def of(command, session_id):
    """The words of a command, its session named."""
    return [session_id if word == "SESSION" else word for word in command]


@pytest.mark.parametrize(
    ("command", "n_messages"),
    [(["execute"], 1), (["worker", "SESSION"], 0), (["worker", "SESSION", "--alerts"], 1)],
)
def test_who_sends_alerts(cli, planned, command, n_messages):
    with hook() as server:
        configure(server.url)
        done = cli(*of(command, planned), "--json")
    assert done.code == 0, done.err
    assert [message["value"] for _, _, message in server.heard] == ["completed"] * n_messages


def test_what_did_not_arrive_is_one_line(cli, planned):
    url = refused().replace("//", f"//me:{SECRET}@") + f"?token={SECRET}"
    configure(url)
    done = cli("execute")
    assert done.code == 0
    assert "alert to http://127.0.0.1/*** did not arrive: no connection (Connection ref" in done.err
    shown = cli("config").out
    assert "webhook: 'http://127.0.0.1/***'" in shown
    logged = cli("status", "--session", planned, "--detailed")
    assert "did not arrive" in logged.out
    with sqlite3.connect("funding_rate.db") as connection:
        everything = "\n".join(connection.iterdump())
    assert planned in everything
    for text in (done.out, done.err, shown, logged.out, everything):
        assert SECRET not in text


@pytest.mark.parametrize("command", [["execute"], ["worker", "SESSION"]])
def test_metrics_are_served_while_it_runs(cli, planned, command, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    pages = []
    follow = metrics.RunMetrics.follow

    def read(self, progress):
        follow(self, progress)
        if not pages:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
                pages.append(page.read().decode())

    monkeypatch.setattr(metrics.RunMetrics, "follow", read)
    assert cli(*of(command, planned), "--metrics-port", port).code == 0
    assert f'mass_tuning_strategies{{session="{planned}"}} {N_STRATEGIES}.0' in pages[0]
    assert "mass_tuning_best_value{" in pages[0]


@pytest.mark.parametrize(
    "command", [["execute", "--retry-failed"], ["execute"], ["worker", "SESSION"]]
)
def test_a_port_that_is_taken_ends_it_before_anything_starts(cli, planned, command):
    before = Path("funding_rate.db").stat().st_mtime_ns
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        done = cli(*of(command, planned), "--metrics-port", port)
    assert (done.code, done.out) == (2, "")
    assert done.error.startswith(f"--metrics-port {port} of 127.0.0.1 cannot be used (Address alr")
    assert cli("status", "--session", planned, "--json").json["pending"] == N_STRATEGIES
    assert Path("funding_rate.db").stat().st_mtime_ns == before


@pytest.mark.parametrize("port", ["0", "65536", "many"])
def test_a_port_that_cannot_be(cli, planned, port):
    done = cli("execute", "--metrics-port", port)
    assert done.code == 2
    assert "--metrics-port" in done.err
