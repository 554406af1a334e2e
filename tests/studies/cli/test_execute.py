"""``execute``: running, pausing, going on."""

import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import time

import pytest

from tests.helpers import forks
from tests.studies.cli.conftest import (
    N_STRATEGIES,
    SMALL_SPACE,
    command,
    environment,
    forked,
    process,
)

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
LONG_SPACE = ("--set", "data_period=10")  # 54,600 strategies, a second or two


def counts(session_id):
    with sqlite3.connect("funding_rate.db") as connection:
        query = (
            "SELECT count(*), count(DISTINCT strategy_id) FROM hyperparameter_tuning_results "
            "WHERE session_id = ?"
        )
        return connection.execute(query, [session_id]).fetchone()


def test_the_newest_unfinished_session_is_run(cli, project):
    planned = cli("generate", *SMALL_SPACE, "--json").json
    done = cli("execute", "--json")
    assert done.code == 0, done.err
    told = done.json
    assert told["session_id"] == planned["session_id"]
    assert (told["status"], told["total"], told["pending"]) == ("completed", N_STRATEGIES, 0)
    assert told["completed"] + told["failed"] == told["done_here"] == N_STRATEGIES
    assert told["failed"] == N_STRATEGIES // 2  # data_period=150 leaves too few days
    assert [row["rank"] for row in told["top"]] == [1, 2, 3]
    assert told["top"][0]["parameters"]["factors"] in (["SR"], ["SR", "DD"])
    assert counts(told["session_id"]) == (N_STRATEGIES, N_STRATEGIES)


def test_the_summary_for_people(cli, project):
    cli("generate", *SMALL_SPACE)
    done = cli("execute", "--parallel", 1)
    assert done.code == 0
    assert re.search(
        r"session_\S+  completed, 240 strategies in .* s \([\d,]+/s\), 120 failed", done.out
    )
    assert "net sharpe" in done.out
    assert "more: mass-tuning top --session session_" in done.out
    assert "240 of 240 strategies to go" in done.err


def test_a_named_session_that_is_completed_stays_as_it_is(cli, project):
    (row,) = cli("sessions", "--json").json
    again = cli("execute", "--session", row["session_id"], "--json").json
    assert (again["status"], again["done_here"]) == ("completed", 0)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--parallel", "0"],
            "--parallel is a number of processes from 1 to 1,000, or auto, got '0'",
        ),
        (["--parallel", "-2"], "from 1 to 1,000, or auto, got '-2'"),
        (["--parallel", "many"], "from 1 to 1,000, or auto, got 'many'"),
        (["--parallel", "2.5"], "from 1 to 1,000, or auto, got '2.5'"),
        (["--scheduler", "tcp://h:1"], "accept the risk with --insecure-scheduler"),
        (["--scheduler", "h:1"], "a scheduler address is tls://HOST:PORT, got 'h:1'"),
        (["--scheduler", "tls://h:1"], "which cannot share a SQLite file; use PostgreSQL"),
        (["--scheduler", "tcp://h:1", "--insecure-scheduler"], "cannot share a SQLite file"),
        (["--scheduler", "tls://h:1", "--parallel", "2"], "give one of them"),
        (["--insecure-scheduler"], "--insecure-scheduler is about --scheduler ADDRESS"),
        ([], "no session has work left"),
        (["--resume"], "no session has work left"),
        (["--session", "session_x"], "there is no session 'session_x'"),
    ],
)
def test_refusals(cli, project, args, message):
    done = cli("execute", *args)
    assert (done.code, done.out) == (2, "")
    assert message in done.error


class Run:
    """Stands in for `Session.run`: remembers its options and runs in this process."""

    def __init__(self, monkeypatch):
        from studies import Session

        self.options = {}
        original = Session.run

        def run(session, *, parallel=None, scheduler=None, **options):
            self.options = {"parallel": parallel, "scheduler": scheduler, **options}
            return original(session, parallel=1, **options)

        monkeypatch.setattr(Session, "run", run)


def test_the_number_of_workers(cli, project, monkeypatch):
    run = Run(monkeypatch)
    for text, args, expected in (
        ("", [], 1),
        ("execution: {parallel: 3}", [], 3),
        ("execution: {parallel: 3}", ["--parallel", "2"], 2),
        ("execution: {parallel: 3}", ["--parallel", "auto"], "auto"),
        ("execution: {parallel: auto}", [], "auto"),
    ):
        (project / "mass_tuning_config.yaml").write_text(f"{text}\n")
        cli("generate", *SMALL_SPACE, "--size", 5)
        assert cli("execute", *args).code == 0
        assert run.options["parallel"] == expected


def test_two_workers(cli, project):
    session_id = cli("generate", *LONG_SPACE, "--size", 9_000, "--json").json["session_id"]
    done = forked("execute", "--parallel", 2, "--json", timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["status"], told["done_here"]) == ("completed", 9_000)
    assert counts(session_id) == (9_000, 9_000)
    assert "9,000 of 9,000" not in done.stdout
    with sqlite3.connect("funding_rate.db") as connection:
        query = "SELECT count(DISTINCT worker) FROM work_chunks WHERE session_id = ?"
        assert connection.execute(query, [session_id]).fetchone()[0] >= 2


def test_progress_tells_the_workers(cli, project, monkeypatch):
    from studies.cli import progress

    Run(monkeypatch)
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    cli("generate", *SMALL_SPACE)
    done = cli("execute", "--parallel", 3)
    assert ", 3 workers, best SR_" in done.err


def test_a_scheduler_is_checked_and_named(cli, project, monkeypatch):
    from studies import runs
    from studies.cli import progress

    run, checked = Run(monkeypatch), []

    def check(address, url, *, insecure):
        checked.append((address, url, insecure))

    monkeypatch.setattr(runs, "check_scheduler", check)
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    cli("generate", *SMALL_SPACE)
    done = cli("execute", "--scheduler", "tcp://h:1", "--insecure-scheduler")
    assert done.code == 0, done.err
    assert checked == [("tcp://h:1", "sqlite:///funding_rate.db", True)]
    assert run.options["scheduler"] == "tcp://h:1"
    assert ", workers of tcp://h:1, best SR_" in done.err


def test_a_running_session_is_joined(cli, project):
    session_id = cli("generate", *LONG_SPACE, "--json").json["session_id"]
    first = start("execute", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_results(session_id, first)
    second = cli("execute", "--session", session_id)
    assert second.code == 0, second.err
    assert "joining: other processes are working on it too" in second.err
    told = json.loads(first.communicate(timeout=60)[0])
    assert first.returncode == 0
    assert told["status"] == "completed"
    assert counts(session_id) == (told["total"],) * 2


def test_retry_failed(cli, project):
    (row,) = cli("sessions", "--json").json
    for _ in range(3):
        done = cli("execute", "--retry-failed", "--json")
        assert done.code == 0, done.err
        told = done.json
        assert (told["session_id"], told["status"]) == (row["session_id"], "completed")
        assert (told["retried"], told["done_here"], told["failed"]) == (120, 120, 120)
    done = cli("execute", "--retry-failed")
    assert done.code == 0
    assert "0 failed strategies are tried again" in done.err
    assert "completed, 120 failed" in done.out
    assert counts(row["session_id"]) == (N_STRATEGIES, N_STRATEGIES)


def test_a_fatal_error_is_one_line_and_the_session_needs_resume(cli, project, monkeypatch):
    from search_spaces.errors import StorageError
    from studies.workers.planned_task import PlannedTask

    def broken(self, *args, **options):
        raise StorageError("the disk is full")

    session_id = cli("generate", *SMALL_SPACE, "--json").json["session_id"]
    for args in (["execute"], ["worker", session_id, "--resume"]):
        with monkeypatch.context() as patch:
            patch.setattr(PlannedTask, "record", broken)
            done = cli(*args)
        assert (done.code, done.out, done.error) == (1, "", "the disk is full")
        assert cli("status", "--json").json["status"] == "failed"
        for again in (["execute"], ["worker", session_id]):
            refused = cli(*again)
            assert refused.code == 2
            assert "was stopped by an error" in refused.error
    assert cli("execute", "--resume", "--json").json["status"] == "completed"


def test_changed_data_is_refused(cli, project):
    cli("generate", *SMALL_SPACE)
    with sqlite3.connect("funding_rate.db") as connection:
        connection.execute("UPDATE return_metrics SET return_1d = return_1d * 2")
    done = cli("execute")
    assert done.code == 2
    assert "changed since" in done.error


def test_a_session_that_fails_as_a_whole_says_how_to_see_why(cli, project):
    # traded once and never closed, so that no strategy has what is optimised
    (project / "closed.yaml").write_text("objective: {metrics: {avg_holding_days: maximize}}\n")
    cli(
        *("--config", "closed.yaml", "generate", *SMALL_SPACE),
        *("--set", "rebalance_frequency=30"),
        *("--start-date", "2024-05-20", "--backtest", "min_active_days=0"),
    )
    done = cli("execute")
    assert done.code == 0
    assert "48 failed" in done.out
    assert "why all failed: mass-tuning status --session session_" in done.out


def start(*args, **options):
    return forks.Popen(command(*args), env=environment(), text=True, **options)


def wait_for_results(session_id, process, at_least=1):
    deadline = time.monotonic() + 60
    while counts(session_id)[0] < at_least:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_pauses_and_resume_completes(cli, project, number):
    session_id = cli("generate", *LONG_SPACE, "--json").json["session_id"]
    running = start("execute", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_results(session_id, running)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    told = json.loads(out)
    assert told["status"] == "paused"
    assert 0 < told["done_here"] < told["total"]
    assert counts(session_id) == (told["done_here"],) * 2
    refused = cli("execute", "--session", session_id)
    assert refused.code == 2
    assert "--resume" in refused.error
    done = cli("execute", "--resume", "--json")
    assert done.code == 0, done.err
    assert done.json["done_here"] == told["total"] - told["done_here"]
    assert done.json["status"] == "completed"
    assert counts(session_id) == (told["total"],) * 2


def test_a_second_ctrl_c_stops_at_once_and_resume_completes(cli, project):
    session_id = cli("generate", *LONG_SPACE, "--json").json["session_id"]
    running = start("execute", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_results(session_id, running)
    running.send_signal(signal.SIGINT)
    time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "Traceback" not in err
    done = cli("execute", "--session", session_id, "--resume", "--json")
    assert done.json["pending"] == 0
    assert counts(session_id) == (done.json["total"],) * 2


def test_what_is_said_when_it_is_stopped_at_once(cli, project, monkeypatch):
    from studies import Session

    def pressed_twice(self, **options):
        raise KeyboardInterrupt

    session_id = cli("generate", *SMALL_SPACE, "--json").json["session_id"]
    monkeypatch.setattr(Session, "run", pressed_twice)
    stopped = cli("execute")
    assert (stopped.code, stopped.out) == (130, "")
    assert stopped.error == (
        f"stopped at once; go on with: mass-tuning execute --session {session_id} --resume"
    )


def test_piped_output_has_no_control_characters(cli, project, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert cli("generate", *SMALL_SPACE).code == 0
    run = process("execute")
    shown = process("show", "best", "--trades")
    assert (run.returncode, shown.returncode) == (0, 0)
    texts = [run.stdout + run.stderr, shown.stdout + shown.stderr]
    for args in (["status", "--detailed"], ["top"], ["sessions"], ["estimate", *SMALL_SPACE]):
        done = cli(*args)
        assert done.code == 0, done.err
        texts.append(done.out + done.err)
    for text in texts:
        assert not CONTROL.search(text)


def test_lines_of_progress_where_there_is_no_terminal(cli, project, monkeypatch):
    from studies.cli import progress

    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    cli("generate", *SMALL_SPACE)
    done = cli("execute")
    lines = [line for line in done.err.splitlines() if "%" in line]
    assert " left" not in lines[0]  # the first chunk waits for what is read and compiled
    line = lines[1]
    assert re.match(r"\d+ of 240 \(\d+\.\d %\), [\d,]+/s, [\d.]+ s left, best SR_\S+ net_sh", line)


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_gets_a_bar_and_whole_ids(project, columns):
    import fcntl
    import struct
    import termios

    session = forked("generate", *LONG_SPACE, "--json")
    assert session.returncode == 0
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environ = {**environment(), "TERM": "xterm-256color"}
    environ.pop("NO_COLOR", None)
    environ.pop("COLUMNS", None)
    running = subprocess.Popen(
        command("execute"), env=environ, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    seen = b""
    pressed = False
    while True:
        ready, _, _ = select.select([master], [], [], 60)
        assert ready
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
        if b"best " in seen and not pressed:
            pressed = True
            running.send_signal(signal.SIGINT)
    os.close(master)
    assert running.wait() == 130
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert "━" in text
    assert re.search(r"\d / 54,600", text)
    assert "go on with: mass-tuning execute --session session_" in text
    table = [line for line in text.splitlines() if re.match(r" +[123]  \S", line)]
    assert len(table) == 3
    for line in table:
        assert len(line.rstrip()) <= columns
        assert re.match(r" +[123]  [A-Z_]+_W\d+_\d+D_D\d+_S\d+_(EQ|IC|FS)\b", line)
