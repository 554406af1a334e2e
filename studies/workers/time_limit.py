"""Time limits of an evaluation, wherever it runs."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from search_spaces.errors import MassTuningError

__all__ = ["TimeLimitError", "time_limit"]


class TimeLimitError(MassTuningError, TimeoutError):
    """An evaluation took longer than it may."""


@contextlib.contextmanager
def time_limit(seconds: float, on_limit: Callable[[], None] | None = None) -> Iterator[None]:
    """Limit the time of a block.

    Python code in the main thread is interrupted. Compiled code and other threads cannot be:
    there `on_limit`, if given, is called from a timer thread; a worker process ends itself with
    it, and what it worked on is given to another.

    Parameters
    ----------
    seconds : float
    on_limit : callable, optional

    Raises
    ------
    TimeLimitError
        If the block was interrupted.
    """
    if on_limit is not None:
        timer = threading.Timer(seconds, on_limit)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        return
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise TimeLimitError(f"longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
