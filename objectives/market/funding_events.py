"""Funding settlements as columns, whatever form they were published in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["EventSource", "FundingEvents", "MarketNote"]


@dataclass(frozen=True)
class MarketNote:
    """Something a person should know about a market before believing what a search finds in it.

    Attributes
    ----------
    kind : str
        Short name, such as ``repeated_settlements``; docs/data.md explains each.
    text : str
        One sentence, with the number and an example in it.
    n : int
        How many rows, days, sides or symbols it is about.
    example : str
        One of them.
    """

    kind: str
    text: str
    n: int
    example: str = ""


@dataclass(frozen=True)
class EventSource:
    """Where rows of funding events came from.

    Attributes
    ----------
    label : str
        The file, exchange or table as a person knows it.
    form : str
        Name of the form it is written in, such as ``binance-vision``.
    locate : callable
        Turns a row number into words, such as ``"row 7"``.
    """

    label: str
    form: str
    locate: Callable[[int], str]


@dataclass(frozen=True, kw_only=True, eq=False)
class FundingEvents:
    """Funding settlements of any number of symbols, exchanges and sources, in any order.

    Attributes
    ----------
    symbols, exchanges : tuple of str
        Ascending distinct names; symbols are BASEQUOTE, exchanges are lower case.
    sources : tuple of EventSource
        Where the rows came from.
    symbol, exchange, source : int32 array, shape (n_events,)
        Positions in the three.
    row : int64 array, shape (n_events,)
        Row number within the source, for messages.
    micros : int64 array, shape (n_events,)
        Instant of the settlement as published, microseconds since 1970 UTC.
    rate : float64 array, shape (n_events,)
        Fraction of notional paid by longs to shorts at that instant; finite.
    notes : tuple of MarketNote
        What the readers found.
    multiples : mapping of (str, str) to int
        By exchange and symbol, how many coins a contract is on by its published name: 1,000 of
        ``1000PEPEUSDT``, read as PEPEUSDT. A side that is missing is not known.
    """

    symbols: tuple[str, ...]
    exchanges: tuple[str, ...]
    sources: tuple[EventSource, ...]
    symbol: NDArray[np.int32]
    exchange: NDArray[np.int32]
    source: NDArray[np.int32]
    row: NDArray[np.int64]
    micros: NDArray[np.int64]
    rate: NDArray[np.float64]
    notes: tuple[MarketNote, ...] = ()
    multiples: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.micros)

    @property
    def label(self) -> str:
        """The sources in a few words."""
        first = self.sources[0].label
        return first if len(self.sources) == 1 else f"{first} and {len(self.sources) - 1} more"

    def place(self, position: int) -> str:
        """Name the source and row of an event."""
        source = self.sources[int(self.source[position])]
        return f"{source.label}, {source.locate(int(self.row[position]))}"

    def select(self, keep: NDArray[np.bool_]) -> FundingEvents:
        """Return the events where `keep`, shape (n_events,), is true; names without one go."""
        symbol, symbols = _used(self.symbol[keep], self.symbols)
        exchange, exchanges = _used(self.exchange[keep], self.exchanges)
        return FundingEvents(
            symbols=symbols,
            exchanges=exchanges,
            sources=self.sources,
            symbol=symbol,
            exchange=exchange,
            source=self.source[keep],
            row=self.row[keep],
            micros=self.micros[keep],
            rate=self.rate[keep],
            notes=self.notes,
            multiples=self.multiples,
        )

    @classmethod
    def concat(cls, parts: Sequence[FundingEvents]) -> FundingEvents:
        """Put events of several sources together; their notes follow each other."""
        if len(parts) == 1:
            return parts[0]
        symbols = tuple(sorted({name for part in parts for name in part.symbols}))
        exchanges = tuple(sorted({name for part in parts for name in part.exchanges}))
        offsets = np.cumsum([0, *(len(part.sources) for part in parts)])
        return cls(
            symbols=symbols,
            exchanges=exchanges,
            sources=tuple(source for part in parts for source in part.sources),
            symbol=np.concatenate([_recoded(p.symbol, p.symbols, symbols) for p in parts]),
            exchange=np.concatenate([_recoded(p.exchange, p.exchanges, exchanges) for p in parts]),
            source=np.concatenate(
                [p.source + np.int32(k) for p, k in zip(parts, offsets, strict=False)]
            ),
            row=np.concatenate([part.row for part in parts]),
            micros=np.concatenate([part.micros for part in parts]),
            rate=np.concatenate([part.rate for part in parts]),
            notes=tuple(note for part in parts for note in part.notes),
            multiples={side: n for part in parts for side, n in part.multiples.items()},
        )


def _used(
    codes: NDArray[np.int32], names: tuple[str, ...]
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    used = np.bincount(codes, minlength=len(names)) > 0
    position = (np.cumsum(used) - 1).astype(np.int32)
    return position[codes], tuple(name for name, kept in zip(names, used, strict=True) if kept)


def _recoded(
    codes: NDArray[np.int32], names: tuple[str, ...], into: tuple[str, ...]
) -> NDArray[np.int32]:
    position = {name: k for k, name in enumerate(into)}
    return np.array([position[name] for name in names], dtype=np.int32)[codes]
