"""Small files that people write, read whole: nothing that never ends, nobody who never writes."""

import errno
import os
import select
import stat
import time
from os import PathLike

__all__ = ["read_short_file"]

LARGEST = 16_000_000
_WAIT_S = 5.0


def read_short_file(path: str | PathLike[str], encoding: str = "utf-8") -> str:
    """Read a text file; a pipe as well, if somebody writes into it.

    Raises
    ------
    OSError
        If it cannot be read, has more than 16 MB, or is a pipe into which nobody writes for 5 s.
    UnicodeDecodeError
        If it is no such text.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        return b"".join(_parts(descriptor)).decode(encoding)
    finally:
        os.close(descriptor)


def _parts(descriptor: int) -> list[bytes]:
    parts: list[bytes] = []
    size, deadline = 0, time.monotonic() + _WAIT_S
    while True:
        try:
            part = os.read(descriptor, 1 << 20)
        except BlockingIOError:  # a pipe whose writer has not written yet
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise OSError(errno.ETIMEDOUT, "nobody writes into this pipe") from None
            continue
        if not part and not parts and stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            if time.monotonic() > deadline:  # read before anybody opened it, a pipe is at its end
                raise OSError(errno.ETIMEDOUT, "nobody writes into this pipe")
            time.sleep(0.05)
            continue
        if not part:
            return parts
        parts.append(part)
        size, deadline = size + len(part), time.monotonic() + _WAIT_S
        if size > LARGEST:
            raise OSError(errno.EFBIG, f"larger than {LARGEST // 1_000_000} MB")
