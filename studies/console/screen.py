"""What the console prints: texts in the language of the screen, tables, errors, progress."""

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from studies.analysis import duration
from studies.language import TRADITIONAL_CHINESE, Message, message, translate_sentence

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Screen", "Text"]

Text: TypeAlias = Message | str
"""A `Message` is shown in the language of the screen, a plain text as it is."""

_UNITS = {"h": "小時", "min": "分", "s": "秒"}


class Screen:
    """A terminal in one language.

    Parameters
    ----------
    language : str
        One of `studies.language.LANGUAGES`; it may be changed.
    console : rich.console.Console, optional
        Replaced in tests.
    """

    def __init__(self, language: str, console: "Console | None" = None) -> None:
        from rich.console import Console

        self.language = language
        self.console = console or Console(highlight=False, markup=False, emoji=False)

    def text(self, text: Text) -> str:
        """Return a text as it is shown here."""
        return text.in_language(self.language) if isinstance(text, Message) else text

    def sentence(self, text: Text) -> str:
        """Return a text that arose in English elsewhere, such as an error, as it is shown here."""
        if isinstance(text, Message):
            return self.text(text)
        return translate_sentence(text, self.language)

    def duration(self, seconds: float) -> str:
        """Write a length of time."""
        written = duration(seconds)
        if self.language != TRADITIONAL_CHINESE:
            return written
        return re.sub("h|min|s", lambda unit: _UNITS[unit[0]], written)

    def clear(self) -> None:
        """Begin at the top again."""
        self.console.clear()

    def say(self, text: Text = "", style: str = "", *, indent: int = 0) -> None:
        """Print a line, behind some spaces."""
        self.console.print(" " * indent + self.text(text), style=style)

    def warn(self, text: Text) -> None:
        """Print what a reader should know before going on."""
        self.say(message("note: {said}", said=self.sentence(text)), style="yellow")

    def error(self, text: Text) -> None:
        """Print what went wrong, in a line."""
        one_line = " ".join(self.sentence(text).split())
        self.say(message("error: {said}", said=one_line), style="red")

    def pairs(self, rows: Sequence[tuple[Text, Text]]) -> None:
        """Print names and values, the values one below the other."""
        from rich.table import Table

        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(self.text(name), self.text(value))
        self.console.print(table)

    def table(self, titles: Sequence[Text], rows: Sequence[Sequence[Text]], left: int = 1) -> None:
        """Print a table; the first `left` columns are texts, the others numbers."""
        from rich.table import Table

        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for number, title in enumerate(titles):
            if number < left:
                table.add_column(self.text(title), no_wrap=True, overflow="fold")
            else:
                table.add_column(self.text(title), justify="right", overflow="fold")
        for row in rows:
            table.add_row(*map(self.text, row))
        self.console.print(table)

    @contextlib.contextmanager
    def working(self, what: Text) -> Iterator[None]:
        """Show that something is going on."""
        with self.console.status(self.text(what)):
            yield
        _forget_keys()

    @contextlib.contextmanager
    def counting(self, what: Text) -> Iterator[Callable[[int, int], None]]:
        """Show how many of how many are done; yields what is to be called with both."""
        with self.phases() as advance:
            yield lambda done, total: advance(what, done, total)

    @contextlib.contextmanager
    def phases(self) -> Iterator[Callable[[Text, int, int], None]]:
        """Show work of several phases.

        Yields
        ------
        callable
            To be called with the name of the phase, the number done and the number of all.
        """
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}"),
            BarColumn(28),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
        )
        tasks: dict[str, Any] = {}
        with Progress(*columns, console=self.console, transient=True) as bar:

            def advance(what: Text, done: int, total: int) -> None:
                name = self.text(what)
                if name not in tasks:
                    tasks[name] = bar.add_task(name, total=total)
                bar.update(tasks[name], completed=done, total=total)

            yield advance
        _forget_keys()


def _forget_keys() -> None:
    """Drop what was typed while something was going on: it was not meant for what comes next."""
    if sys.stdin.isatty():
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)
