"""Help in the language of the reader; in English exactly as click writes it."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Iterable
from typing import Any, cast

import click

from studies.cli.language import is_english, worded
from studies.language import columns_of

__all__ = ["SpokenCommand", "SpokenGroup", "in_words", "paragraphs", "wrapped"]

_PIECE = re.compile(r"(?:[（「『《]*(?:[!-~]+|[^\s])[，。；：、！？）」』》…]*)|\s+")
"""A word or a Chinese character, with the marks that stay with it."""


class _Formatter(click.HelpFormatter):
    """Measures columns as a terminal does: a Chinese character takes two."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or f"{worded('Usage:')} ")

    def write_heading(self, heading: str) -> None:
        if is_english():
            super().write_heading(heading)
        else:
            self.write(f"{' ' * self.current_indent}{worded(heading)}：\n")

    def write_text(self, text: str) -> None:
        if is_english():
            super().write_text(text)
            return
        room = self.width - self.current_indent
        lead = " " * self.current_indent
        paragraphs = [wrapped(part, room) for part in text.split("\n\n")]
        self.write("\n\n".join("\n".join(lead + line for line in part) for part in paragraphs))
        self.write("\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        if is_english():
            super().write_dl(rows, col_max, col_spacing)
            return
        rows = list(rows)
        lead = " " * self.current_indent
        first = min(max((columns_of(name) for name, _ in rows), default=0), col_max)
        room = max(self.width - self.current_indent - first - col_spacing, 20)
        for name, text in rows:
            lines = wrapped(text, room) or [""]
            gap = " " * (first - columns_of(name) + col_spacing)
            if columns_of(name) > first:  # its text begins on the next line
                self.write(f"{lead}{name}\n")
                gap = " " * (first + col_spacing)
                name = ""
            self.write(f"{lead}{name}{gap}{lines[0]}\n")
            for line in lines[1:]:
                self.write(f"{lead}{' ' * (first + col_spacing)}{line}\n")


def wrapped(text: str, room: int) -> list[str]:
    """Break a text into lines; Chinese between any two characters, but before no closing mark.

    Parameters
    ----------
    text : str
    room : int
        Columns of a line.
    """
    lines, line = [], ""
    for piece in _PIECE.findall(" ".join(text.split())):
        if columns_of(line) + columns_of(piece.rstrip()) > room and line:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    return [*lines, line.rstrip()] if line else lines


class _Context(click.Context):
    formatter_class = _Formatter


class _Spoken(click.Command):
    """Writes its help in the language of the reader."""

    context_class = _Context

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if is_english():
            super().format_help_text(ctx, formatter)
            return
        text = "\n\n".join(worded(part) for part in paragraphs(self.help))
        if text:
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(text)

    def get_short_help_str(self, limit: int = 45) -> str:
        if is_english():
            return super().get_short_help_str(limit)
        return worded(self.short_help or next(iter(paragraphs(self.help)), ""))

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        params = super().get_params(ctx)
        return params if is_english() else [_in_words(param) for param in params]


class SpokenCommand(_Spoken):
    """A command with help in the language of the reader."""


class SpokenGroup(_Spoken, click.Group):
    """A group of commands with help in the language of the reader."""


def in_words(example: str) -> str:
    """Return a line of examples, the remark behind ``#`` in the language of the reader."""
    command, mark, remark = example.partition("# ")
    return f"{command}{mark}{worded(remark)}"


def paragraphs(text: str | None) -> list[str]:
    """Return the paragraphs of a help, each in a line."""
    parts = inspect.cleandoc(text or "").split("\n\n")
    return [" ".join(part.split()) for part in parts if part.strip()]


def _in_words(param: click.Parameter) -> click.Parameter:
    """Return a copy of a parameter for the help: its text, its default and what it requires."""
    if not isinstance(param, click.Option):
        return param
    described: Any = copy.copy(param)
    described.help = worded(param.help or "")
    record = described.get_help_record

    def get_help_record(ctx: click.Context) -> tuple[str, str] | None:
        found = record(ctx)
        if found is None:
            return None
        name, text = found
        default, required = worded("default:"), worded("required")
        return name, text.replace("[default: ", f"[{default}").replace("required]", f"{required}]")

    described.get_help_record = get_help_record
    return cast(click.Option, described)
