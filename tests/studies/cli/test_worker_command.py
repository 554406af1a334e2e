"""``worker``: a plain process on a session."""

import json
import signal
import sqlite3
import subprocess

import pytest

from tests.studies.cli.conftest import N_STRATEGIES, SMALL_SPACE, process
from tests.studies.cli.test_execute import LONG_SPACE, counts, start, wait_for_results


def set_status(session_id, status):
    with sqlite3.connect("funding_rate.db") as connection:
        query = "UPDATE tuning_sessions SET status = ? WHERE session_id = ?"
        connection.execute(query, [status, session_id])


@pytest.fixture
def planned(cli, project):
    """Id of a session that nobody has worked on."""
    return cli("generate", *SMALL_SPACE, "--json").json["session_id"]


def test_a_worker_alone_completes_a_session(cli, planned):
    done = cli("worker", planned, "--json")
    assert done.code == 0, done.err
    told = done.json
    assert (told["session_id"], told["status"]) == (planned, "completed")
    assert told["done_here"] == told["total"] == N_STRATEGIES
    assert counts(planned) == (N_STRATEGIES, N_STRATEGIES)
    again = cli("worker", planned)
    assert again.code == 0
    assert f"{planned}  completed" in again.out


def test_workers_share_what_is_left(cli, project):
    session_id = cli("generate", *LONG_SPACE, "--json").json["session_id"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    first = start("worker", session_id, "--json", **pipes)
    wait_for_results(session_id, first)
    second = cli("worker", session_id, "--json")
    out, err = first.communicate(timeout=60)
    assert (first.returncode, second.code) == (0, 0), err + second.err
    told = [json.loads(out), second.json]
    assert {each["status"] for each in told} == {"completed"}
    assert sum(each["done_here"] for each in told) == told[0]["total"]
    assert counts(session_id) == (told[0]["total"],) * 2


def test_a_signal_ends_it_in_good_order(cli, project):
    session_id = cli("generate", *LONG_SPACE, "--json").json["session_id"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    running = start("worker", session_id, "--json", **pipes)
    wait_for_results(session_id, running)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert json.loads(out)["status"] == "paused"
    refused = cli("worker", session_id)
    assert (refused.code, refused.out) == (2, "")
    assert f"is paused; go on with: mass-tuning execute --session {session_id}" in refused.error
    done = cli("worker", session_id, "--resume", "--json")
    assert done.code == 0, done.err
    assert done.json["pending"] == 0
    assert counts(session_id) == (done.json["total"],) * 2


def test_waiting_until_a_paused_session_goes_on(cli, planned, monkeypatch):
    from studies.cli import worker

    set_status(planned, "paused")
    naps = []

    def resumed_meanwhile(seconds):
        naps.append(seconds)
        if len(naps) == 2:
            set_status(planned, "running")

    monkeypatch.setattr(worker.time, "sleep", resumed_meanwhile)
    done = cli("worker", planned, "--wait")
    assert done.code == 0, done.err
    assert done.err.count(f"waiting: {planned} is paused; go on with") == 1
    assert naps[:2] == [2.0, 2.0]
    assert counts(planned) == (N_STRATEGIES, N_STRATEGIES)


def test_stopped_while_it_waits(cli, planned, monkeypatch):
    import os

    from studies.cli import worker

    set_status(planned, "paused")
    monkeypatch.setattr(worker.time, "sleep", lambda s: os.kill(os.getpid(), signal.SIGTERM))
    done = cli("worker", planned, "--wait", "--json")
    assert done.code == 130
    assert (done.json["status"], done.json["done_here"]) == ("paused", 0)


@pytest.mark.parametrize(
    ("status", "args", "message"),
    [
        ("failed", [], "was stopped by an error; when its cause is gone, go on with: mass-tuning"),
        ("generating", [], "is still being planned; wait for it with --wait"),
        ("deleting", ["--wait"], "is deleting"),
    ],
)
def test_sessions_that_are_not_ready(cli, planned, status, args, message):
    set_status(planned, status)
    done = cli("worker", planned, *args)
    assert done.code == 2
    assert message in done.error


def test_an_unknown_session(cli, project):
    done = cli("worker", "session_x")
    assert done.code == 2
    assert "there is no session 'session_x'" in done.error
    assert cli("worker").code == 2


def test_a_chunk_beyond_its_time_limit_ends_the_process(cli, project):
    config = project / "mass_tuning_config.yaml"
    limits = "chunk_seconds: 0.00001, strategy_seconds: 0.00001, reuse: false"
    config.write_text(f"execution: {{{limits}}}\n")
    session_id = cli("generate", *SMALL_SPACE, "--json").json["session_id"]
    done = process("worker", session_id, timeout=60)
    assert done.returncode == 75
    assert done.stdout == ""
    assert "a chunk exceeds its time limit; the worker ends itself" in done.stderr
