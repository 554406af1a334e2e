"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import datetime
import json
import math
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

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
    click.echo(json.dumps(_plain(value), indent=indent, ensure_ascii=False, allow_nan=False))


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


def figure(value: float | None, unit: str) -> str:
    """Write a figure of a unit of `objectives.Metric`; a dash where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if unit == "fraction":
        return f"{100 * value:,.2f} %"
    if unit == "money":
        return f"{value:,.2f}"
    if unit == "ratio":
        return f"{value:,.3f}"
    return f"{value:,.1f}" if unit == "days" else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Write a length of time: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02d} min"


def size(n_bytes: float) -> str:
    """Write a number of bytes."""
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:,.0f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.1f} GB"


def local_time(moment: datetime.datetime | None) -> str:
    """Write a stored time (naive UTC) as the local one."""
    if moment is None:
        return "–"
    return f"{moment.replace(tzinfo=datetime.UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def _fit(text: str, column: Column) -> str:
    return text.rjust(column.width) if column.right else text.ljust(column.width)


def _color(stream: Any) -> bool | None:
    return False if os.environ.get("NO_COLOR") or not stream.isatty() else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="seconds") + ("Z" if value.tzinfo is None else "")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if hasattr(value, "item"):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)
