"""What a run says of itself while it waits."""

import logging
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

from studies.cli import progress as shown
from studies.database import transient_errors
from studies.database.transactions import WritePacer
from studies.runs import progress as module
from studies.runs.progress import Progress, show_waiting
from studies.runs.stop import Stop
from tests.helpers.sessions import check_completed

LOCKED = OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when the test says so."""
    now = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def test_waiting_is_counted_until_it_is_over(clock):
    progress = Progress(total=100, completed=10, failed=5)
    assert progress.waiting_seconds == 0.0
    seen = []
    on_wait = show_waiting(progress, lambda now: seen.append(now.waiting_seconds))
    on_wait(0.5)
    clock[0] += 11.5
    assert progress.waiting_seconds == 12.0
    on_wait(14.0)
    on_wait(None)
    assert progress.waiting_seconds == 0.0
    assert seen == [0.5, 14.0]


def test_the_line_says_that_the_database_is_waited_for(clock, capsys):
    line = shown._PlainRun("net_sharpe_ratio")
    progress = Progress(total=100, completed=10, failed=5)
    for seconds, expected in ((12.2, True), (None, False)):
        progress.wait(seconds)
        line.last -= 60
        line(progress)
        assert ("waiting for the database, 12 s" in capsys.readouterr().err) is expected


def test_what_goes_wrong_in_showing_does_not_end_the_waiting(caplog):
    caplog.set_level(logging.DEBUG, logger="studies.runs.progress")

    def broken(progress):
        raise ValueError("no terminal")

    show_waiting(Progress(100, 10, 5), broken)(1.0)
    assert "could not show that the database is waited for" in caplog.text


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_run_says_that_it_waits_and_goes_on(
    make_session, undisturbed_results, monkeypatch, capfd
):
    """Three transactions that find the database locked; nothing on stderr but what is shown."""
    session = make_session()
    monkeypatch.setitem(
        transient_errors.retry_transient.__kwdefaults__, "sleep", lambda seconds: None
    )
    original, n_calls = WritePacer.transaction, [0]

    def locked_for_a_while(self):
        n_calls[0] += 1
        if n_calls[0] in (4, 5, 6):
            raise LOCKED
        return original(self)

    monkeypatch.setattr(WritePacer, "transaction", locked_for_a_while)
    waits = []
    progress = session.run(on_progress=lambda now: waits.append(now.waiting_seconds > 0))
    check_completed(session, undisturbed_results)
    assert waits.count(True) == 3
    assert waits[-1] is False
    assert (progress.done_here, progress.waiting_seconds) == (432, 0.0)
    assert capfd.readouterr().err == ""


def test_a_stop_is_asked_for_its_state():
    stop = Stop()
    assert not stop.is_set()
    stop.set()
    assert stop.is_set()
    assert bool(Stop())  # an object like any other: nothing is to be read from its truth
