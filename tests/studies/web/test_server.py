"""The server: its threads, its port, and optuna-dashboard at the root."""

import http.client
import socket
import threading
import time

import pytest

from search_spaces.errors import ConfigError
from studies.trials import attach_artifact
from studies.web import dashboard_server


def test_the_stock_dashboard_is_at_the_root(site, completed):
    assert "<title>Optuna Dashboard</title>" in site.ask("/dashboard").text
    (study,) = site.ask("/api/studies").json["study_summaries"]
    assert study["study_name"] == completed.row.session_id
    bundle = site.ask("/static/bundle.js", Accept_Encoding="identity")
    assert bundle.status == 200
    assert len(bundle.body) > 100_000


def test_a_page_attached_to_a_study_is_served(site, completed):
    page = "<p>報告</p>".encode()
    attached = (completed.engine, completed.row.session_id, "report.html", page, "text/html")
    if completed.engine.dialect.name != "sqlite":
        with pytest.raises(ConfigError, match="SQLite file only"):
            attach_artifact(*attached)
        return
    attach_artifact(*attached)
    (study,) = site.ask("/api/studies").json["study_summaries"]
    (listed,) = site.ask(f"/api/studies/{study['study_id']}?after=0").json["artifacts"]
    assert listed["filename"] == "report.html"
    served = site.ask(f"/artifacts/{study['study_id']}/{listed['artifact_id']}")
    assert (served.status, served.body) == (200, page)


def test_twenty_tabs_leave_no_thread(site, completed):
    before = set(threading.enumerate())
    path = f"/mass-tuning/session/{completed.row.session_id}"
    tabs = []
    for _ in range(20):
        tab = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        tab.request("GET", path)
        tabs.append(tab)
    for tab in tabs[:15]:
        assert tab.getresponse().status == 200
    for tab in tabs:  # five of them before they were answered
        tab.close()
    silent = [socket.create_connection(("127.0.0.1", site.port)) for _ in range(20)]
    for connection in silent:
        connection.close()
    assert site.ask(path).status == 200  # so that all before it were accepted
    end = time.monotonic() + 60  # how long a broken test may hang
    while not set(threading.enumerate()) <= before:
        assert time.monotonic() < end, set(threading.enumerate()) - before
        time.sleep(0.02)


def test_a_connection_that_says_nothing_is_given_up(site, monkeypatch):
    monkeypatch.setattr(site.server.RequestHandlerClass, "timeout", 0.05)
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as connection:
        assert connection.recv(1) == b""


def test_a_port_in_use(site, completed):
    with pytest.raises(ConfigError, match=r"is in use; choose another one with --port"):
        dashboard_server(completed.engine, "127.0.0.1", site.port, str)


def test_a_host_that_is_not_of_this_machine(completed):
    with pytest.raises(ConfigError, match="name an address of this machine"):
        dashboard_server(completed.engine, "192.0.2.1", 0, str, token="x" * 16)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "tuning.example"])
def test_a_host_that_others_reach_needs_a_token(completed, host):
    with pytest.raises(ConfigError, match="add --token auto"):
        dashboard_server(completed.engine, host, 0, str)


@pytest.mark.parametrize("token", ["", "x" * 15, "ä" * 20])
def test_a_token_is_long_and_ascii(completed, token):
    with pytest.raises(ConfigError, match="at least 16 characters"):
        dashboard_server(completed.engine, "127.0.0.1", 0, str, token=token)


def test_addresses(completed):
    with dashboard_server(completed.engine, "127.0.0.1", 0, str) as server:
        assert server.address == f"http://127.0.0.1:{server.server_port}/mass-tuning/"
        assert server.is_local
    with dashboard_server(completed.engine, "0.0.0.0", 0, str, token="x" * 16) as server:
        assert server.address == f"http://127.0.0.1:{server.server_port}/mass-tuning/"
        assert not server.is_local


def test_it_listens_on_the_sixth_protocol_too(serve, completed):
    try:
        server = dashboard_server(completed.engine, "::1", 0, str)
    except ConfigError:
        pytest.skip("this machine has no IPv6")
    with server:
        assert server.address == f"http://[::1]:{server.server_port}/mass-tuning/"


def test_errors_of_requests_go_to_the_log(site, caplog, capfd):
    with caplog.at_level("DEBUG"):
        with socket.create_connection(("127.0.0.1", site.port)) as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            assert b"400" in connection.recv(1000)
        assert site.ask("/api/studies/12345").status == 404
    out, err = capfd.readouterr()
    assert out + err == ""


def test_choices_stand_beside_the_trials_not_in_each(site, completed):
    study_id = completed.study_writer.study_id
    study = site.ask(f"/api/studies/{study_id}?after=0").json
    assert len(study["trials"]) == 432
    for trial in study["trials"]:
        for param in trial["params"]:
            assert param["distribution"]["choices"] == []
            assert param["param_external_value"]
    for name in ("union_search_space", "intersection_search_space"):
        choices = {each["name"]: each["distribution"]["choices"] for each in study[name]}
        for parameter, distribution in completed.space.distributions.items():
            told = sorted(choice["value"] for choice in choices[parameter])
            assert told == sorted(str(choice) for choice in distribution.choices)
    assert site.ask(f"/api/studies/{study_id}/param_importances").status == 200


def test_two_thousand_trials_are_four_megabytes(serve, make_session):
    """A trial costs the same whatever the number of choices; the rest is paid once."""
    session = make_session(size=100)
    session.run()
    site = serve(session.engine)
    path = f"/api/studies/{session.study_writer.study_id}?after="
    whole, nothing = site.ask(f"{path}0"), site.ask(f"{path}100")
    assert len(nothing.json["trials"]) == 0
    assert len(nothing.body) + 20 * (len(whole.body) - len(nothing.body)) < 4e6
