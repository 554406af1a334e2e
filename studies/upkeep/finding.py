"""What one check of `mass-tuning doctor` found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "guarded", "ok", "problem", "warning"]

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of an examination.

    Attributes
    ----------
    check : str
        Its name; several findings may bear the same.
    level : {"ok", "warning", "problem"}
    message : str
        One line.
    way_out : str or None
        What to do; None where all is well.
    """

    check: str
    level: Level
    message: str
    way_out: str | None = None


def ok(check: str, message: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", message)


def warning(check: str, message: str, way_out: str) -> Finding:
    """Work goes on, but somebody should know."""
    return Finding(check, "warning", message, way_out)


def problem(check: str, message: str, way_out: str) -> Finding:
    """Something does not work."""
    return Finding(check, "problem", message, way_out)


def guarded(check: str, find: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Run one check; whatever it raises is a problem of that check alone."""
    try:
        return list(find())
    except Exception as error:  # an examination goes on where something is broken
        text = " ".join(str(error).split()) or "no message"
        reason, _, rest = text.partition("; ")
        if rest:
            return [problem(check, reason, rest)]
        return [problem(check, f"{type(error).__name__}: {text}", "put that right, and try again")]
