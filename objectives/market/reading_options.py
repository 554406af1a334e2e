"""What a person says about files that do not say it themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ReadingOptions"]


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How funding events are to be read.

    Attributes
    ----------
    form : str or None
        Insist on a form, by its name; None: each file is recognised by its columns.
    columns : mapping of str to str, or None
        Names of the columns ``timestamp``, ``rate`` and perhaps ``symbol`` and ``exchange``.
    timezone : str or None
        Zone of times that have none; None: UTC.
    exchange, symbol : str or None
        For files that do not say theirs.
    aliases : mapping of str to str
        Symbols to use for names of contracts; keys are ``NAME`` or ``exchange:NAME``.
    """

    form: str | None = None
    columns: Mapping[str, str] | None = None
    timezone: str | None = None
    exchange: str | None = None
    symbol: str | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
