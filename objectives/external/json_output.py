"""The result in what a program prints: the last complete JSON object."""

import json
import sys
from typing import Any

__all__ = ["decoded", "last_object"]

_DECODER = json.JSONDecoder()
_EFFORT = 20
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)


def decoded(output: bytes) -> str:
    """Decode what a program printed.

    A byte order mark decides; without one it is UTF-8, and bytes that are not become U+FFFD.
    Half of the bytes being 0, at even or at odd places, is UTF-16 without a mark.
    """
    for mark, encoding in _MARKS:
        if output.startswith(mark):
            return output.decode(encoding, errors="replace")
    start = output[:4_000]
    if len(start) >= 4 and start[1::2].count(0) > 0.4 * len(start[1::2]):
        return output.decode("utf-16-le", errors="replace")
    if len(start) >= 4 and start[0::2].count(0) > 0.4 * len(start[0::2]):
        return output.decode("utf-16-be", errors="replace")
    return output.decode("utf-8", errors="replace")


def last_object(text: str) -> dict[str, Any] | None:
    """Return the last complete JSON object of a text, whatever stands around it.

    Parameters
    ----------
    text : str
        Messages before, between and after objects; an object may go over many lines.

    Returns
    -------
    dict or None
        The last of the outermost objects; None if there is none. ``NaN`` and ``Infinity``, which
        Python's json module writes, are read as numbers.

    Notes
    -----
    From the first opening brace on each one is tried; behind an object the search goes on at its
    end, behind a brace that begins none at the next brace. One that the text breaks off in is no
    result, and neither are objects inside of it. Text made to be slow (braces nested
    and never closed) is given up after twenty times its length; what was found until then counts.
    """
    found: dict[str, Any] | None = None
    left = _EFFORT * len(text)
    end_of_text = len(text.rstrip())
    place = text.find("{")
    while place >= 0 and left > 0:
        try:
            found, end = _DECODER.raw_decode(text, place)
        except json.JSONDecodeError as error:
            if error.pos >= end_of_text or error.msg.startswith("Unterminated string"):
                break
            left -= error.pos - place + 1
            end = place + 1
        except RecursionError:
            left -= sys.getrecursionlimit()
            end = place + 1
        place = text.find("{", end)
    return found
