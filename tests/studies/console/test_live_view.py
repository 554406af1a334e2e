"""What the live view says of a session in every state, and what it asks of a run."""

from dataclasses import replace

import pytest

from studies.console.live_view import LiveSession
from studies.console.screen import Screen
from studies.database import write_transaction
from studies.language import ENGLISH, TRADITIONAL_CHINESE
from studies.sessions import mark_running

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Run:
    """A run in the background, as the view sees it."""

    def __init__(self):
        self.is_alive = True
        self.n_pauses = 0

    def pause(self):
        self.n_pauses += 1


def said(live, language=ENGLISH):
    return "\n".join(live.lines(Screen(language)))


def test_before_anything_was_read(make_session):
    live = LiveSession(make_session(size=4), None)
    assert said(live) == "reading …"


def test_a_session_that_was_not_run(make_session):
    live = LiveSession(make_session(size=4), None)
    live.look()
    text = said(live)
    assert "0 of 4 strategies (0.0 %), 0 failed" in text
    assert "not yet run" in text
    assert not live.is_over
    assert not live.can_be_paused
    assert "Esc: leave, the run goes on" in text
    assert "p: pause" not in text


def test_a_run_that_starts_and_ends(make_session):
    session = make_session(size=4)
    run = Run()
    live = LiveSession(session, run)
    live.look()
    assert "the workers are starting" in said(live)
    assert "p: pause the run" in said(live)
    live.pause()
    assert run.n_pauses == 1
    session.run()
    live.look()
    text = said(live)
    assert "4 of 4 strategies (100.0 %)" in text
    assert "best so far: " in text
    assert f"{session.top(1)['net_sharpe_ratio'].iloc[0]:,.3f}" in text
    assert "the best are judged and kept" in text
    assert not live.is_over
    run.is_alive = False
    assert live.is_over
    assert said(live).endswith("Enter: go on")


def test_a_session_that_others_run(make_session):
    session = make_session(size=432)
    with write_transaction(session.engine) as connection:
        mark_running(connection, session.row.session_id)
    live = LiveSession(session, None)
    live.look()
    assert "running" in said(live)
    assert not live.is_over
    live.status = replace(live.status, rate=1234.5, eta_seconds=75.0)
    assert "1,234 strategies a second, 1 min 15 s left, 0 workers" in said(live)
    assert "每秒 1,234 個策略，剩餘 1 分 15 秒，0 個工作程序" in said(live, TRADITIONAL_CHINESE)


def test_the_best_is_looked_for_a_tenth_of_the_time(completed, monkeypatch):
    now = [0.0]
    live = LiveSession(completed, None, clock=lambda: now[0])
    calls = []
    top = type(completed).top

    def slow_top(session, n):
        calls.append(n)
        now[0] += 2.0
        return top(session, n)

    monkeypatch.setattr(type(completed), "top", slow_top)
    for _ in range(20):
        live.look()
        now[0] += 1.0
    assert len(calls) == 1
    now[0] += 5.0
    live.look()
    assert len(calls) == 2


def test_a_database_that_does_not_answer_is_said(completed, monkeypatch):
    from search_spaces.errors import StorageError

    live = LiveSession(completed, None)
    live.look()

    def gone(session):
        raise StorageError("the server is away")

    with monkeypatch.context() as patch:
        patch.setattr(type(completed), "refresh", gone)
        live.look()
    assert "the database does not answer: the server is away" in said(live)
    assert "432 of 432" in said(live)
    live.look()
    assert "does not answer" not in said(live)
