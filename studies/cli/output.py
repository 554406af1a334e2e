"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import click

from studies.analysis import byte_size as size
from studies.analysis import duration, figure, local_time, plain
from studies.cli.language import shown, worded
from studies.language import columns_of

__all__ = [
    "Column",
    "duration",
    "error",
    "figure",
    "local_time",
    "note",
    "pairs",
    "print_json",
    "say",
    "say_as_it_stands",
    "size",
    "style",
    "table",
    "warn",
    "width",
]


def say(text: str = "") -> None:
    """Print a line of the result."""
    say_as_it_stands(shown(text))


def note(text: str) -> None:
    """Print a remark beside the result."""
    _note(shown(text))


def warn(text: str) -> None:
    """Print what a reader should know before believing the result."""
    _note(f"{style(worded('note:'), fg='yellow')} {shown(text)}")


def error(message: str) -> None:
    """Print an error as one line."""
    _note(f"{style(worded('error:'), fg='red')} {shown(' '.join(message.split()))}")


def print_json(value: Any, *, lines: bool = False) -> None:
    """Print one JSON document.

    Parameters
    ----------
    value : Any
        Mappings, sequences, scalars, dates; NaN and infinities become null, times are UTC.
    lines : bool
        On a single line, one of several documents.
    """
    indent = None if lines else 2
    click.echo(json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False))


def style(text: str, **how: Any) -> str:
    """Colour a text; a stream that is no terminal gets it plain."""
    return click.style(text, **how)


def width() -> int | None:
    """Columns of the terminal; None where the output is no terminal and may be as wide as it is."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    title : str
    cells : sequence of str
    right : bool
        Aligned to the right, as numbers are.
    words : bool
        Whether cells are texts of ours, to be translated, and no names or values.
    """

    title: str
    cells: Sequence[str]
    right: bool = True
    words: bool = False

    @cached_property
    def width(self) -> int:
        """Characters of the longest cell."""
        return max(map(columns_of, self.texts))

    @cached_property
    def texts(self) -> list[str]:
        """Title and cells in the language spoken."""
        cells = map(_printable, map(shown, self.cells) if self.words else self.cells)
        return [shown(self.title), *cells]


def table(columns: Sequence[Column], *, indent: int = 0) -> None:
    """Print columns side by side, never a cell cut.

    Parameters
    ----------
    columns : sequence of Column
        Most important first: what does not fit the terminal is left out from the right.
    indent : int
    """
    room = width()
    fitting: list[Column] = []
    used = indent
    for column in columns:
        used += column.width + 2 * bool(fitting)
        if room is not None and used > room and fitting:
            break
        fitting.append(column)
    lead = " " * indent
    lines = [
        (lead + "  ".join(cells)).rstrip() for cells in zip(*map(_fitted, fitting), strict=True)
    ]
    say_as_it_stands(style(lines[0], dim=True))
    for line in lines[1:]:
        say_as_it_stands(line)


def pairs(rows: Iterable[tuple[str, str]], *, indent: int = 2) -> None:
    """Print names and values in two columns."""
    # notes are the user's own
    listed = [(shown(n), value if n == "notes" else shown(value)) for n, value in rows]
    longest = max((columns_of(name) for name, _ in listed), default=0)
    for name, value in listed:
        gap = " " * (longest - columns_of(name))
        say_as_it_stands(f"{' ' * indent}{style(name + gap, dim=True)}  {value}")


def _fitted(column: Column) -> list[str]:
    """Title and cells, all as wide as the widest on a terminal."""
    width = column.width
    gaps = [" " * (width - columns_of(text)) for text in column.texts]
    pairs = zip(column.texts, gaps, strict=True)
    return [gap + text if column.right else text + gap for text, gap in pairs]


def _printable(text: str) -> str:
    """Show a name without what would steer the terminal: names come from files of others."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def _note(line: str) -> None:
    click.echo(line, err=True, color=_color(sys.stderr))


def say_as_it_stands(line: str) -> None:
    """Print a line that is translated already, or holds nothing to be translated."""
    click.echo(line, color=_color(sys.stdout))


def _color(stream: Any) -> bool | None:
    return False if os.environ.get("NO_COLOR") or not stream.isatty() else None
