"""One thread that delivers messages, so that nobody else waits for a program or an address."""

import heapq
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studies.alerts.action import Action
from studies.alerts.delivery import DeliveryError, deliver

__all__ = ["Sender"]

TRIES = 3
PAUSES = (1.0, 4.0)
"""Seconds before the second and the third try."""
LAST_PAUSE = 0.5
"""Instead of them once the run has ended."""
END_SECONDS = 0.25
"""That a program in hand has to be ended."""
MOST_WAITING = 100

_logger = logging.getLogger(__name__)


@dataclass(order=True)
class _Waiting:
    due: float
    number: int
    action: Action = field(compare=False)
    message: Mapping[str, Any] = field(compare=False)
    tried: int = field(default=0, compare=False)


class Sender:
    """Delivers messages in a thread of its own, each tried three times with growing pauses.

    :meth:`put` returns at once whatever becomes of a message. While one waits for its next try,
    others are sent. Once :meth:`close` was called pauses are short, and what has let a message
    down before is tried once.

    Parameters
    ----------
    on_failure : callable
        Called with the action and the reason when a message is given up, mostly in the thread.
    """

    def __init__(self, on_failure: Callable[[Action, str], object]) -> None:
        self.n_sent = 0
        self.n_failed = 0
        self._on_failure = on_failure
        self._waiting: list[_Waiting] = []
        self._n_put = 0
        self._changed = threading.Condition()
        self._in_hand = 0
        self._let_down: set[Action] = set()
        self._closing = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alert-sender", daemon=True)
        self._thread.start()

    def put(self, action: Action, message: Mapping[str, Any]) -> None:
        """Deliver a message soon; when 100 wait already it is given up."""
        with self._changed:
            is_full = len(self._waiting) >= MOST_WAITING
            if not is_full:
                self._n_put += 1
                one = _Waiting(time.monotonic(), self._n_put, action, message)
                heapq.heappush(self._waiting, one)
                self._changed.notify()
        if is_full:
            self.n_failed += 1
            self._on_failure(action, f"{MOST_WAITING} alerts wait already")

    def close(self, seconds: float) -> int:
        """Deliver what waits, for `seconds` at most; return the number of messages dropped."""
        with self._changed:
            self._closing = True
            for one in self._waiting:
                one.due = min(one.due, time.monotonic() + LAST_PAUSE)
            heapq.heapify(self._waiting)
            self._changed.notify()
        self._thread.join(seconds)
        if not self._thread.is_alive():
            return 0
        self._stopped.set()  # ends a program in hand; an answer waited for is left behind
        with self._changed:
            n_dropped = len(self._waiting) + self._in_hand
            self._waiting.clear()
            self._changed.notify()
        self._thread.join(END_SECONDS)
        _logger.info("%d alerts were dropped at the end of the run", n_dropped)
        return n_dropped

    def _run(self) -> None:
        while (one := self._next()) is not None:
            try:
                deliver(one.action, one.message, stopped=self._stopped.is_set)
                self.n_sent += 1
            except DeliveryError as error:
                self._failed(one, error)
            except Exception as error:
                _logger.debug("an alert could not be sent", exc_info=True)
                self._failed(one, DeliveryError(type(error).__name__, again=False))

    def _next(self) -> _Waiting | None:
        """Take the message that is due next; None when the thread is to end."""
        with self._changed:
            self._in_hand = 0
            while not self._stopped.is_set():
                if not self._waiting:
                    if self._closing:
                        return None
                    self._changed.wait()
                    continue
                pause = self._waiting[0].due - time.monotonic()
                if pause <= 0:
                    self._in_hand = 1
                    return heapq.heappop(self._waiting)
                self._changed.wait(pause)
        return None

    def _failed(self, one: _Waiting, error: DeliveryError) -> None:
        if self._stopped.is_set():
            return
        one.tried += 1
        known = self._closing and one.action in self._let_down
        if error.again and one.tried < TRIES and not known:
            _logger.info("alert to %s: %s; trying again", one.action.name, error)
            pause = LAST_PAUSE if self._closing else PAUSES[one.tried - 1]
            one.due = time.monotonic() + pause
            with self._changed:
                heapq.heappush(self._waiting, one)
            return
        self._let_down.add(one.action)
        self.n_failed += 1
        _logger.info("alert to %s is given up: %s", one.action.name, error)
        self._on_failure(one.action, str(error))
