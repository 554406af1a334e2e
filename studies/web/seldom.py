"""What is costly to read of a session, read seldom."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Seldom"]

_SHARE_OF_TIME = 0.1
_T = TypeVar("_T")
_Key = tuple[Hashable, ...]


class Seldom:
    """Hands out what was read before, unless something has changed since.

    What changes all the time, as the results of a session that is running, is read again when ten
    times as long has gone by as reading took: a hundred open pages cost as much as one, and a tenth
    of the time at most. One thread reads, the others wait and find what it read.

    Parameters
    ----------
    clock : callable
        Seconds; replaced in tests.
    n_kept : int, optional
        How many values are kept, those asked for last; by default all.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, n_kept: int | None = None
    ) -> None:
        self._clock = clock
        self._n_kept = n_kept
        self._lock = threading.Lock()
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
        """
        with self._lock:
            known = self._known.get(key)
            began = self._clock()
            if known is None or not (
                known.version == version or (may_wait and began < known.again_at)
            ):
                value = read()
                ended = self._clock()
                again_at = ended + (ended - began) * (1 / _SHARE_OF_TIME - 1)
                known = self._known[key] = _Known(version, value, again_at)
            self._known.move_to_end(key)
            if self._n_kept is not None and len(self._known) > self._n_kept:
                self._known.popitem(last=False)
            found: _T = known.value
            return found

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
