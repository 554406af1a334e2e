"""Alerts of real runs: what arrives, what is logged, and that no run waits for any of it."""

import json
import threading
import time

import pytest

from studies.alerts import delivery, sender
from studies.alerts.rule import AlertRule
from studies.database.tables import execution_log
from studies.runs.progress import Progress
from studies.watching import alert_watch
from studies.watching.alert_watch import AlertWatch
from tests.helpers.hooks import black_hole, hook, refused
from tests.helpers.sessions import check_completed, table_rows

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Looks and pauses of hundredths of a second."""
    monkeypatch.setattr(alert_watch, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(alert_watch, "LEAVE_SECONDS", 0.2)
    monkeypatch.setattr(sender, "PAUSES", (0.01, 0.02))
    monkeypatch.setattr(sender, "LAST_PAUSE", 0.01)
    monkeypatch.setattr(delivery, "WEBHOOK_SECONDS", 0.1)


def rule(when, action="log", **threshold):
    return AlertRule(when=when, action=action, **threshold)


def log_of(session):
    entries = table_rows(session, execution_log)
    return [entry for entry in entries if "alert" in entry["message"]]


def run(session, *rules, before_end=None, **options):
    """Run a session under a watch; `before_end` is called while the watch still looks."""
    watch = AlertWatch(session, rules)
    with watch.over_run():
        session.run(on_progress=watch.follow, **options)
        if before_end is not None:
            before_end(watch)
    return watch


def test_the_end_and_the_best_are_messages(make_session, undisturbed_results):
    session = make_session()
    with hook() as server:
        to = {"webhook": server.url}
        watch = run(session, rule("finished", to), rule("new_best", to, seconds=0.001))
    check_completed(session, undisturbed_results)
    messages = [message for _, _, message in server.heard]
    assert {*messages[-1]} == {"session", "rule", "value", "text", "time", "host"}
    end = next(message for message in messages if message["rule"] == "finished")
    assert (end["session"], end["value"]) == (session.row.session_id, "completed")
    assert end["text"] == "the run has ended, completed: 432 of 432 strategies"
    best = [message["value"] for message in messages if message["rule"] == "new_best"]
    assert best == sorted(set(best))
    assert best[-1] == session.top(1).iloc[0]["net_sharpe_ratio"]
    # every one of them is in the log too, as programs read it
    details = [json.loads(entry["details"]) for entry in log_of(session)]
    assert sorted(details, key=str) == sorted(messages, key=str)
    assert watch.undelivered == []


def test_every_condition_of_a_run_is_seen(make_session, monkeypatch):
    session = make_session(restrictions={"data_period": ["10"]})
    monkeypatch.setattr(alert_watch, "free_disk", lambda engine: 10**9)
    monkeypatch.setattr(alert_watch, "available_memory", lambda: 10**9)
    seen = threading.Event()
    original = AlertWatch._log

    def log(self, alerts):
        original(self, alerts)
        if any(rule.when == "stalled" for rule, _ in alerts):
            seen.set()

    monkeypatch.setattr(AlertWatch, "_log", log)
    rules = [
        rule("failure_rate", above=0.0),
        rule("stalled", seconds=0.1),
        rule("disk", gigabytes=1.5),
        rule("memory", gigabytes=2.0),
        rule("disk", gigabytes=0.5),
        rule("finished"),
    ]
    run(session, *rules, before_end=lambda watch: seen.wait(10))
    kinds = [entry["message"].split(":")[0] for entry in log_of(session)]
    failing = ["alert failure_rate"] if session.row.failed else []
    assert sorted(kinds) == sorted(
        [*failing, "alert disk", "alert finished", "alert memory", "alert stalled"]
    )
    levels = {entry["message"].split(":")[0]: entry["log_level"] for entry in log_of(session)}
    assert (levels["alert disk"], levels["alert finished"]) == ("WARNING", "INFO")


def test_a_long_rest_is_seen_while_it_is_long(make_session):
    session = make_session(size=40, execution={"chunk_size": 20})
    watch = AlertWatch(session, [rule("eta", seconds=1e-6)])

    def look(progress):
        for _ in range(1000):
            if progress.done == progress.total or log_of(session):
                return
            time.sleep(0.01)

    with watch.over_run():
        session.run(on_progress=look)
    (entry,) = log_of(session)
    assert entry["message"].startswith("alert eta: the rest takes 0 s")


def test_a_best_that_is_no_better_than_the_recorded_one_is_no_news(completed):
    watch = AlertWatch(completed, [rule("new_best", seconds=0.001)])
    with watch.over_run():
        best = completed.top(1).iloc[0]
        progress = Progress(432, 432, 0)
        progress.best_id, progress.best_value = "X", float(best["net_sharpe_ratio"])
        watch.follow(progress)
    assert log_of(completed) == []


def test_without_rules_nothing_is_started(completed):
    before = threading.active_count()
    with AlertWatch(completed, []).over_run():
        assert threading.active_count() == before


@pytest.mark.parametrize("trouble", ["refused", "black hole", "500", "slow program", "no program"])
def test_no_trouble_of_messages_touches_the_run(
    make_session, undisturbed_results, trouble, monkeypatch
):
    """The same rows; the thread of the run delivers nothing, and writes nothing for an alert."""
    session = make_session()
    worked, wrote = set(), set()
    deliver, write = sender.deliver, AlertWatch._write

    def noting_deliver(*args, **options):
        worked.add(threading.current_thread().name)
        return deliver(*args, **options)

    def noting_write(self, entries):
        wrote.update((threading.current_thread().name, text[:12]) for _, text, _ in entries)
        return write(self, entries)

    monkeypatch.setattr(sender, "deliver", noting_deliver)
    monkeypatch.setattr(AlertWatch, "_write", noting_write)
    monkeypatch.setattr(delivery, "COMMAND_SECONDS", 0.1)
    with black_hole() as hole, hook(500) as failing:
        action = {
            "refused": {"webhook": refused()},
            "black hole": {"webhook": hole},
            "500": {"webhook": failing.url},
            "slow program": {"command": ["sleep", "60"]},
            "no program": {"command": ["no-such-program"]},
        }[trouble]
        watch = run(session, rule("new_best", action, seconds=0.01), rule("finished", action))
        tries = len(failing.heard)
    check_completed(session, undisturbed_results)
    assert worked == {"alert-sender"}
    assert {thread for thread, text in wrote if text != "alerts dropp"} <= {
        "alert-watch",
        "alert-sender",
    }
    assert watch.undelivered
    assert all("alert" in line for line in watch.undelivered)
    assert (tries >= 3) is (trouble == "500")
    logged = [entry["message"] for entry in log_of(session)]
    assert set(watch.undelivered) <= set(logged)
    assert "hook" not in "".join(watch.undelivered)  # the path of the address


def test_a_run_that_fails_ends_with_its_status(make_session):
    session = make_session()

    def broken(progress):
        raise RuntimeError("broken")

    watch = AlertWatch(session, [rule("finished")])
    with pytest.raises(RuntimeError), watch.over_run():
        session.run(on_progress=broken)
    (entry,) = log_of(session)
    assert json.loads(entry["details"])["value"] == "failed"


def test_a_session_that_cannot_be_read_is_said(make_session, monkeypatch):
    session = make_session(size=5)
    looks = threading.Event()
    n_looks = []

    def broken(*_):
        n_looks.append(1)
        if len(n_looks) >= alert_watch.MOST_FAILED_LOOKS:
            looks.set()
        raise OSError("gone")

    monkeypatch.setattr(alert_watch, "read_status", broken)
    watch = run(session, rule("finished"), before_end=lambda watch: looks.wait(10))
    assert watch.undelivered == ["no alerts: the session could not be read (OSError)"]
    assert session.row.status == "completed"
