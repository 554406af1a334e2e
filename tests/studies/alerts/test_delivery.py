"""Messages reach programs and addresses, and what does not reach them is named without secrets."""

import base64
import json
import sys
import time

import psutil
import pytest

from studies.alerts import delivery
from studies.alerts.action import Action
from studies.alerts.delivery import DeliveryError, deliver
from tests.helpers.hooks import black_hole, hook, refused

MESSAGE = {"session": "s", "rule": "finished", "value": "completed", "text": "fünf", "host": "h"}


def webhook(url):
    return Action.model_validate({"webhook": url})


def command(*words):
    return Action.model_validate({"command": list(words)})


def python(code):
    return command(sys.executable, "-c", code)


def test_an_address_gets_the_message():
    with hook(204) as server:
        deliver(webhook(server.url), MESSAGE)
    ((path, headers, message),) = server.heard
    assert (path, message) == ("/hook", MESSAGE)
    assert headers["Content-Type"] == "application/json"


def test_a_user_in_the_address_goes_into_a_header():
    with hook() as server:
        deliver(webhook(server.url.replace("//", "//me:p%40ss@") + "?a=1#part"), MESSAGE)
    ((path, headers, _),) = server.heard
    assert path == "/hook?a=1"
    assert headers["Host"] == f"127.0.0.1:{server.server_port}"
    assert base64.b64decode(headers["Authorization"].split()[1]) == b"me:p@ss"


@pytest.mark.parametrize(("code", "again"), [(500, True), (503, True), (429, True), (404, False)])
def test_a_refusal_is_an_error(code, again):
    with hook(code) as server, pytest.raises(DeliveryError, match=f"^it answered {code}$") as found:
        deliver(webhook(server.url), MESSAGE)
    assert found.value.again is again


@pytest.mark.parametrize("code", [301, 302, 307])
def test_nobody_is_followed_elsewhere(code):
    with hook(code) as server, pytest.raises(DeliveryError, match=f"it answered {code}"):
        deliver(webhook(server.url), MESSAGE)
    assert [path for path, _, _ in server.heard] == ["/hook"]


def test_nobody_there():
    with pytest.raises(DeliveryError, match=r"^no connection \(Connection refused\)$"):
        deliver(webhook(refused()), MESSAGE)


def test_no_answer(monkeypatch):
    monkeypatch.setattr(delivery, "WEBHOOK_SECONDS", 0.05)
    with black_hole() as url, pytest.raises(DeliveryError, match=r"^no answer within"):
        deliver(webhook(url), MESSAGE)


def test_a_program_gets_the_message(tmp_path):
    seen = tmp_path / "seen $(touch no).json"
    code = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    deliver(command(sys.executable, "-c", code, str(seen)), MESSAGE)
    assert json.loads(seen.read_text()) == MESSAGE
    assert [path.name for path in tmp_path.iterdir()] == [seen.name]  # no shell


def test_a_program_need_not_read():
    deliver(command("true"), MESSAGE)


def test_a_program_that_fails_is_not_started_again():
    with pytest.raises(DeliveryError, match=r"^it ended with 3$") as found:
        deliver(python("raise SystemExit(3)"), MESSAGE)
    assert not found.value.again


@pytest.mark.parametrize("name", ["no-such-program", "/etc/hostname"])
def test_a_program_that_cannot_be_started(name):
    with pytest.raises(DeliveryError, match=r"^it could not be started") as found:
        deliver(command(name, "argument"), MESSAGE)
    assert not found.value.again
    assert "argument" not in str(found.value)


def assert_gone(pid_file):
    """The process of a file has ended, or is ending."""
    pid = int(pid_file.read_text())
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.01)
    pytest.fail(f"{pid} is alive")


SLOW = "sleep 60 & echo $! > child; sleep 60"


def test_a_slow_program_ends_with_its_group(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(delivery, "COMMAND_SECONDS", 0.3)
    with pytest.raises(DeliveryError, match=r"^it was ended after 0 s$"):
        deliver(command("sh", "-c", SLOW), MESSAGE)
    assert_gone(tmp_path / "child")


@pytest.mark.parametrize("streams", ["", " >&- 2>&-"], ids=["open", "closed"])
def test_a_program_in_hand_is_ended_when_the_run_has(tmp_path, monkeypatch, streams):
    monkeypatch.chdir(tmp_path)
    child = tmp_path / "child"
    with pytest.raises(DeliveryError, match="it was ended"):
        deliver(
            command("sh", "-c", f"sleep 60 & echo $! > child; exec sleep 60 {streams}"),
            MESSAGE,
            stopped=lambda: child.exists() and child.stat().st_size > 0,
        )
    assert_gone(tmp_path / "child")
