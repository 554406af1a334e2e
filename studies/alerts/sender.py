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
LEAVE_SECONDS = 5.0
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
    others are sent.

    Parameters
    ----------
    on_failure : callable
        Called in the thread with the action and the reason when a message is given up.
    """

    def __init__(self, on_failure: Callable[[Action, str], object]) -> None:
        self.n_sent = 0
        self.n_failed = 0
        self._on_failure = on_failure
        self._waiting: list[_Waiting] = []
        self._n_put = 0
        self._changed = threading.Condition()
        self._in_hand = 0
        self._closing = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alert-sender", daemon=True)
        self._thread.start()

    def put(self, action: Action, message: Mapping[str, Any]) -> None:
        """Deliver a message soon; one too many (100 wait already) is dropped with a log line."""
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                self.n_failed += 1
                _logger.warning("%d alerts wait already, one is dropped", MOST_WAITING)
                return
            self._n_put += 1
            heapq.heappush(self._waiting, _Waiting(time.monotonic(), self._n_put, action, message))
            self._changed.notify()

    def close(self, seconds: float = LEAVE_SECONDS) -> int:
        """Deliver what waits, for `seconds` at most; return the number of messages dropped."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)
        if not self._thread.is_alive():
            return 0
        self._stopped.set()  # ends a program in hand; an answer waited for is left behind
        with self._changed:
            n_dropped = len(self._waiting) + self._in_hand
            self._waiting.clear()
            self._changed.notify()
        self._thread.join(1.0)
        _logger.warning("%d alerts were dropped at the end of the run", n_dropped)
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
        if error.again and one.tried < TRIES:
            _logger.info("alert to %s: %s; trying again", one.action.name, error)
            one.due = time.monotonic() + PAUSES[one.tried - 1]
            with self._changed:
                heapq.heappush(self._waiting, one)
            return
        self.n_failed += 1
        _logger.info("alert to %s is given up: %s", one.action.name, error)
        self._on_failure(one.action, str(error))
