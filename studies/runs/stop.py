"""Asking a run to stop."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

__all__ = ["Stop"]


class Stop:
    """Ask a run to stop: first after the chunks in hand, the second time at once."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Stop after the chunks in hand."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether a stop was asked for."""
        return self._event.is_set()

    @contextlib.contextmanager
    def on_signals(
        self, at_once: Callable[[], BaseException] = KeyboardInterrupt
    ) -> Iterator["Stop"]:
        """Let SIGINT and SIGTERM ask for the stop while the block runs in the main thread.

        Parameters
        ----------
        at_once : callable
            Makes what the second signal raises.
        """
        if threading.current_thread() is not threading.main_thread():
            yield self
            return

        def handle(number: int, frame: FrameType | None) -> None:
            if self.is_set():
                raise at_once()
            self.set()

        before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
