"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from studies.analysis import byte_size as size
from studies.analysis import duration, figure, local_time, plain

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
    "size",
    "style",
    "table",
    "warn",
    "width",
]


def say(text: str = "") -> None:
    """Print a line of the result."""
    click.echo(text, color=_color(sys.stdout))


def note(text: str) -> None:
    """Print a remark beside the result."""
    click.echo(text, err=True, color=_color(sys.stderr))


def warn(text: str) -> None:
    """Print what a reader should know before believing the result."""
    note(f"{style('note:', fg='yellow')} {text}")


def error(message: str) -> None:
    """Print an error as one line."""
    note(f"{style('error:', fg='red')} {' '.join(message.split())}")


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
    """

    title: str
    cells: Sequence[str]
    right: bool = True

    @property
    def width(self) -> int:
        """Characters of the longest cell."""
        return max(len(self.title), *(len(cell) for cell in self.cells), 0)


def table(columns: Sequence[Column], *, indent: int = 0) -> None:
    """Print columns side by side, never a cell cut.

    Parameters
    ----------
    columns : sequence of Column
        Most important first: what does not fit the terminal is left out from the right.
    indent : int
    """
    room = width()
    shown: list[Column] = []
    used = indent
    for column in columns:
        used += column.width + 2 * bool(shown)
        if room is not None and used > room and shown:
            break
        shown.append(column)
    lead = " " * indent
    heads = [_fit(column.title, column) for column in shown]
    say(style((lead + "  ".join(heads)).rstrip(), dim=True))
    for row in range(len(shown[0].cells)):
        cells = [_fit(column.cells[row], column) for column in shown]
        say((lead + "  ".join(cells)).rstrip())


def pairs(rows: Iterable[tuple[str, str]], *, indent: int = 2) -> None:
    """Print names and values in two columns."""
    listed = list(rows)
    longest = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        say(f"{' ' * indent}{style(name.ljust(longest), dim=True)}  {value}")


def _fit(text: str, column: Column) -> str:
    return text.rjust(column.width) if column.right else text.ljust(column.width)


def _color(stream: Any) -> bool | None:
    return False if os.environ.get("NO_COLOR") or not stream.isatty() else None
