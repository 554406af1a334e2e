"""What was read before is handed out at once, also while something else is being read."""

import threading

import pytest

from studies.web.seldom import BusyError, Seldom


@pytest.fixture
def reading():
    """A store in which one thread reads until it is let go."""
    seldom, begun, let_go = Seldom(most_waiting=16), threading.Event(), threading.Event()

    def read():
        begun.set()
        assert let_go.wait(60)
        return "slow"

    found = []
    thread = threading.Thread(target=lambda: found.append(seldom.get(("slow",), 1, read)))
    seldom.get(("known",), 1, lambda: "known")
    thread.start()
    assert begun.wait(60)
    yield seldom, found, let_go, thread
    let_go.set()
    thread.join(60)


def unread():
    raise AssertionError("it is known")


def test_what_is_known_waits_for_nobody(reading):
    seldom, found, let_go, thread = reading
    assert seldom.get(("known",), 1, unread) == "known"
    assert found == []
    let_go.set()
    thread.join(60)
    assert found == ["slow"]
    assert seldom.get(("slow",), 1, unread) == "slow"


def test_too_many_who_wait_are_sent_away(reading):
    seldom, _, let_go, _ = reading
    waiting = [
        threading.Thread(target=lambda k=k: seldom.get((k,), 1, lambda: k)) for k in range(16)
    ]
    for each in waiting:
        each.start()
    for _ in range(6_000):
        if seldom._n_waiting == 16:
            break
        threading.Event().wait(0.01)
    with pytest.raises(BusyError, match="trying again"):
        seldom.get(("another",), 1, lambda: "never")
    let_go.set()
    for each in waiting:
        each.join(60)
    assert seldom.get(("another",), 1, lambda: "now") == "now"
