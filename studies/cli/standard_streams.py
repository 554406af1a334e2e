"""Standard streams as they may be found: closed, full, or read by somebody who has gone."""

import os
import re
import sys

__all__ = ["open_standard_streams", "shortened"]

_LONGEST_WORD = 200
_LONGEST_MESSAGE = 2_000


def open_standard_streams() -> None:
    """Let streams that are closed lead nowhere, so that no file or database takes their number."""
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8")  # noqa: SIM115 (as long as the process lives)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8")  # noqa: SIM115


def shortened(message: str) -> str:
    """Leave out the middle of words, and of a message, that somebody typed much too long."""
    words = re.sub(
        rf"\S{{{_LONGEST_WORD},}}", lambda word: f"{word[0][:60]}...{word[0][-20:]}", message
    )
    if len(words) <= _LONGEST_MESSAGE:
        return words
    return f"{words[: _LONGEST_MESSAGE // 2]} ... {words[-_LONGEST_MESSAGE // 2 :]}"
