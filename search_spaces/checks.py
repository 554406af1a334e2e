"""What command line, configuration and Python ask of a number or a name, and how they say it."""

import difflib
from collections.abc import Iterable
from typing import Any

from search_spaces.errors import ConfigError

__all__ = ["LARGEST_SEED", "LARGEST_WHOLE", "check_text", "check_whole", "likely", "shown"]

LARGEST_WHOLE = 1_000_000_000
"""Of counts, sizes and seconds: what is larger is a slip, and would not fit the database."""

LARGEST_SEED = 2**63 - 1
"""What a column of the database holds."""

_SHOWN = 80


def shown(value: Any) -> str:
    """Write a wrong value for a message, the middle of a long one left out."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits, which Python does not write
        return "a number of thousands of digits"
    if len(text) <= _SHOWN:
        return text
    half = _SHOWN // 2
    return f"{text[:half]}...{text[-half:]}"


def likely(name: object, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the one that was meant, or all.

    Examples
    --------
    >>> likely("executon", ["market", "execution"])
    'did you mean execution?'
    >>> likely("x", ["market", "execution"])
    'known are market, execution'
    """
    names = list(known)
    near = difflib.get_close_matches(str(name), names, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"


def check_whole(name: str, value: Any, least: int, most: int = LARGEST_WHOLE) -> None:
    """Refuse what is no whole number from `least` to `most`; True is none.

    Raises
    ------
    ConfigError
        Naming the rule and the value.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConfigError(f"{name} is a whole number of at least {least:,}, got {shown(value)}")
    if value > most:
        raise ConfigError(f"{name} is at most {most:,}, got {shown(value)}")


def check_text(name: str, value: Any) -> None:
    """Refuse what is no text, or an empty one.

    Raises
    ------
    ConfigError
        Naming the value.
    """
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{name} is a text, got {shown(value)}")
