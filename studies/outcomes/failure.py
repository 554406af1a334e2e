"""Why a strategy failed: its kind, and a text; recorded as one line."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

__all__ = ["Failure", "FailureKind"]


class FailureKind(StrEnum):
    """What went wrong; the value is what the recorded reason begins with.

    Attributes
    ----------
    TIMEOUT
        The evaluation took longer than it may.
    ERROR
        It raised.
    CRASHED
        Workers died with it.
    CONSTRAINT
        The proposal breaks a constraint of the space.
    RELEASED
        The run ended before the strategy was evaluated.
    INSUFFICIENT_DATA, NO_MARKET_CAPS, UNDEFINED_METRIC
        What the factor backtest says of a strategy; they carry no text.
    OTHER
        A reason of the user's own objective; the text is all of it.
    """

    TIMEOUT = "timeout"
    ERROR = "error"
    CRASHED = "crashed"
    CONSTRAINT = "constraint"
    RELEASED = "released"
    INSUFFICIENT_DATA = "insufficient_data"
    NO_MARKET_CAPS = "no_market_caps"
    UNDEFINED_METRIC = "undefined_metric"
    OTHER = ""


_KINDS = {kind.value: kind for kind in FailureKind if kind is not FailureKind.OTHER}


@dataclass(frozen=True)
class Failure:
    """Why a strategy failed.

    ``str(failure)`` is what is recorded, and ``Failure.parse`` reads that back:
    ``str(Failure.parse(reason)) == reason`` for every reason.

    Attributes
    ----------
    kind : FailureKind
    text : str or None
        What follows the kind and a colon; None: nothing does.

    Examples
    --------
    >>> str(Failure(FailureKind.TIMEOUT, "longer than 60 s"))
    'timeout: longer than 60 s'
    >>> Failure.parse("error: ValueError: no such column").kind.name
    'ERROR'
    """

    kind: FailureKind
    text: str | None = None

    @classmethod
    def raised(cls, error: BaseException) -> Self:
        """Return the failure of a strategy whose evaluation raised."""
        return cls(FailureKind.ERROR, f"{type(error).__name__}: {error}")

    @classmethod
    def parse(cls, reason: str) -> Self:
        """Read a recorded reason.

        Parameters
        ----------
        reason : str
            Of any release and any objective; what begins with no known kind is an ``OTHER``.
        """
        name, colon, text = reason.partition(": ")
        kind = _KINDS.get(name)
        if kind is None:
            return cls(FailureKind.OTHER, reason)
        return cls(kind, text if colon else None)

    def __str__(self) -> str:
        if self.kind is FailureKind.OTHER:
            return self.text or ""
        return str(self.kind) if self.text is None else f"{self.kind}: {self.text}"
