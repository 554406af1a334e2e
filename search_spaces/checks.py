"""What command line, configuration and Python ask of a number or a name, and how they say it."""

import difflib
from collections.abc import Iterable
from typing import Any

from search_spaces.errors import ConfigError

__all__ = ["LARGEST_SEED", "LARGEST_WHOLE", "check_kind", "check_whole", "likely", "shown"]

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


def check_kind(name: str, value: Any, kind: type | tuple[type, ...], expected: str) -> None:
    """Refuse an argument of another type.

    Parameters
    ----------
    name : str
        Of the argument.
    value : Any
    kind : type or tuple of type
    expected : str
        What it is, in words.

    Raises
    ------
    ConfigError
        Naming the argument and the value.
    """
    if not isinstance(value, kind):
        raise ConfigError(f"{name} is {expected}, got {shown(value)}")
