"""The sender: nobody waits for it, and it gives up in time."""

import threading

import pytest

from studies.alerts import sender as module
from studies.alerts.action import Action
from studies.alerts.delivery import DeliveryError
from studies.alerts.sender import Sender

HOOK = Action.model_validate({"webhook": "http://h/1"})
OTHER = Action.model_validate({"webhook": "http://h/2"})


@pytest.fixture
def world(monkeypatch):
    """Deliveries that do what a test says; what was tried, and what was given up."""

    class World:
        def __init__(self):
            self.tried, self.failed, self.answers = [], [], {}
            self.tried_once, self.go_on = threading.Event(), threading.Event()

        def deliver(self, action, message, *, stopped):
            self.tried.append((action.webhook, message["n"]))
            self.tried_once.set()
            answer = self.answers.get(action.webhook)
            if answer == "hangs":
                self.go_on.wait(20)
            elif answer is not None:
                raise answer

        def sender(self):
            return Sender(lambda action, reason: self.failed.append((action.webhook, reason)))

    world = World()
    monkeypatch.setattr(module, "deliver", world.deliver)
    monkeypatch.setattr(module, "PAUSES", (0.02, 0.04))
    monkeypatch.setattr(module, "LAST_PAUSE", 0.01)
    yield world
    world.go_on.set()


def test_messages_arrive_in_order(world):
    sender = world.sender()
    for n in range(5):
        sender.put(HOOK, {"n": n})
    assert sender.close(5.0) == 0
    assert world.tried == [("http://h/1", n) for n in range(5)]
    assert (sender.n_sent, sender.n_failed, world.failed) == (5, 0, [])


def test_a_message_is_tried_three_times_and_others_do_not_wait(world, monkeypatch):
    world.answers["http://h/1"] = DeliveryError("down")
    monkeypatch.setattr(module, "PAUSES", (5.0, 5.0))
    sender = world.sender()
    sender.put(HOOK, {"n": 1})
    assert world.tried_once.wait(5)
    sender.put(OTHER, {"n": 2})
    assert sender.close(5.0) == 0
    assert world.tried[:2] == [("http://h/1", 1), ("http://h/2", 2)]
    assert world.tried.count(("http://h/1", 1)) == 3
    assert world.failed == [("http://h/1", "down")]


def test_what_cannot_help_is_not_tried_again(world):
    world.answers["http://h/1"] = DeliveryError("404", again=False)
    sender = world.sender()
    sender.put(HOOK, {"n": 1})
    assert sender.close(5.0) == 0
    assert (len(world.tried), sender.n_failed) == (1, 1)


def test_a_surprise_is_a_failure_and_the_next_one_is_sent(world):
    world.answers["http://h/1"] = RuntimeError("secret")
    sender = world.sender()
    sender.put(HOOK, {"n": 1})
    sender.put(OTHER, {"n": 2})
    assert sender.close(5.0) == 0
    assert world.failed == [("http://h/1", "RuntimeError")]
    assert sender.n_sent == 1


def test_at_the_end_an_address_that_was_down_is_tried_once(world):
    world.answers["http://h/1"] = DeliveryError("down")
    sender = world.sender()
    sender.put(HOOK, {"n": 1})
    for _ in range(500):
        if world.failed:
            break
        threading.Event().wait(0.01)
    assert len(world.tried) == 3
    with sender._changed:  # the second is put and the end asked for before the thread looks
        sender._closing = True
    sender.put(HOOK, {"n": 2})
    assert sender.close(5.0) == 0
    assert world.tried.count(("http://h/1", 2)) == 1


def test_what_hangs_is_left_behind_and_the_rest_dropped(world):
    world.answers["http://h/1"] = "hangs"
    sender = world.sender()
    for n in range(3):
        sender.put(HOOK, {"n": n})
    assert world.tried_once.wait(5)
    world.answers["http://h/1"] = None
    threading.Timer(0.2, world.go_on.set).start()
    assert sender.close(0.05) == 3
    assert world.tried == [("http://h/1", 0)]
    assert world.failed == []


def test_no_more_than_a_hundred_wait(world):
    world.answers["http://h/1"] = "hangs"
    sender = world.sender()
    sender.put(HOOK, {"n": 0})
    assert world.tried_once.wait(5)
    for n in range(module.MOST_WAITING + 2):
        sender.put(HOOK, {"n": n})
    assert world.failed == [("http://h/1", "100 alerts wait already")] * 2
    world.answers["http://h/1"] = None
    world.go_on.set()
    assert sender.close(5.0) == 0
    assert sender.n_sent == 101
