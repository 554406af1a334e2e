"""What is costly to read of a session, read seldom."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from search_spaces.errors import MassTuningError

__all__ = ["BusyError", "Seldom"]

_SHARE_OF_TIME = 0.1
_T = TypeVar("_T")
_Key = tuple[Hashable, ...]


class BusyError(MassTuningError):
    """Too many wait already for what is being read."""


class Seldom:
    """Hands out what was read before, unless something has changed since.

    What changes all the time, as the results of a session that is running, is read again when ten
    times as long has gone by as reading took: a hundred open pages cost as much as one, and a tenth
    of the time at most. One thread reads; others that need something read wait, and what was read
    before is handed out meanwhile.

    Parameters
    ----------
    clock : callable
        Seconds; replaced in tests.
    n_kept : int, optional
        How many values are kept, those asked for last; by default all.
    most_waiting : int, optional
        How many may wait while another one reads; by default all.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        n_kept: int | None = None,
        most_waiting: int | None = None,
    ) -> None:
        self._clock = clock
        self._n_kept = n_kept
        self._most_waiting = most_waiting
        self._lock = threading.Lock()  # of what is known, held for a moment
        self._reading = threading.Lock()
        self._n_waiting = 0
        self._known: OrderedDict[_Key, _Known] = OrderedDict()

    def get(
        self, key: _Key, version: Hashable, read: Callable[[], _T], *, may_wait: bool = False
    ) -> _T:
        """Return a value, which is read if need be.

        Parameters
        ----------
        key : tuple
            What it is; the last part is the session.
        version : hashable
            Another one: it has changed.
        read : callable
        may_wait : bool
            Whether a value of another version is new enough for a while.

        Raises
        ------
        BusyError
            If it must be read and many others wait already.
        """
        known = self._fresh(key, version, may_wait)
        if known is None:
            known = self._read(key, version, read, may_wait)
        found: _T = known.value
        return found

    def _fresh(self, key: _Key, version: Hashable, may_wait: bool) -> "_Known | None":
        """Return what is known and new enough."""
        with self._lock:
            known = self._known.get(key)
            if known is None:
                return None
            if known.version != version and not (may_wait and self._clock() < known.again_at):
                return None
            self._known.move_to_end(key)
            return known

    def _read(
        self, key: _Key, version: Hashable, read: Callable[[], Any], may_wait: bool
    ) -> "_Known":
        """Read in turn; somebody may have read it while this thread waited."""
        with self._lock:
            if self._most_waiting is not None and self._n_waiting >= self._most_waiting:
                raise BusyError("other pages are being drawn, trying again")
            self._n_waiting += 1
        try:
            self._reading.acquire()
        finally:
            with self._lock:
                self._n_waiting -= 1
        try:
            known = self._fresh(key, version, may_wait)
            if known is not None:
                return known
            began = self._clock()
            value = read()
            ended = self._clock()
            known = _Known(version, value, ended + (ended - began) * (1 / _SHARE_OF_TIME - 1))
            with self._lock:
                self._known[key] = known
                self._known.move_to_end(key)
                if self._n_kept is not None and len(self._known) > self._n_kept:
                    self._known.popitem(last=False)
            return known
        finally:
            self._reading.release()

    def keep_sessions(self, session_ids: Collection[str]) -> None:
        """Forget what was read of other sessions."""
        with self._lock:
            for key in [key for key in self._known if key[-1] not in session_ids]:
                del self._known[key]


@dataclass(frozen=True)
class _Known:
    """What was read, of which version, and from when on another version is read."""

    version: Hashable
    value: Any
    again_at: float
