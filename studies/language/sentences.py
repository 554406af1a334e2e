"""Sentences that are translated where they are printed, by what they look like.

Errors and results are written in English where they arise, as f-strings. A catalogue holds each of
them as a template, ``{0} of {1} strategies failed``; a printed text is matched against the
templates, and the translation is filled with the same values. So code that knows nothing of
languages needs to know nothing, and an English terminal gets every text as it was written.
"""

import re
import string
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TypeAlias

from studies.language.message import ENGLISH, texts_of, translate

__all__ = ["translate_sentence"]

_MOST_NESTED = 4
"""Values of values of values: a sentence in a sentence is translated, too."""
_WRAPPED = re.compile(r"((?:\s|\x1b\[[0-9;]*m)*)(.*?)((?:\s|\x1b\[[0-9;]*m)*)", re.DOTALL)
"""Spaces and colours around a text."""
Marks: TypeAlias = tuple[tuple[str, str], ...]
_MARKS: Marks = (("  ", "  "), ("; ", "；"), (": ", "："), (", ", "，"), (" (", " ("))
"""Between sentences that were joined; in Chinese they are wide."""


def translate_sentence(text: str, language: str) -> str:
    """Translate a printed text.

    Parameters
    ----------
    text : str
        In English; spaces and ends of lines around it are kept.
    language : str
        One of `studies.language.LANGUAGES`.

    Returns
    -------
    str
        The text itself where the catalogue has none that looks like it.
    """
    if language == ENGLISH:
        return text
    return _translated(text, language, _MOST_NESTED)


def _translated(text: str, language: str, depth: int, marks: Marks = _MARKS) -> str:
    lead, core, tail = _WRAPPED.fullmatch(text).groups()  # type: ignore[union-attr]
    if not re.search("[A-Za-z]{2}", core):
        return text
    found = translate(core, language)
    if found == core and depth:
        filled = _filled(core, language, depth)
        found = _piece_by_piece(core, language, depth, marks) if filled is None else filled
    return f"{lead}{found}{tail}"


def _filled(text: str, language: str, depth: int) -> str | None:
    """Translate a text by the template that it looks like; None where there is none."""
    for template in _templates(language):
        values = template.values_in(text)
        if values is not None:
            inner = [_translated(value, language, depth - 1) for value in values]
            return template.translation.format(*inner)
    return None


def _piece_by_piece(text: str, language: str, depth: int, marks: Marks) -> str:
    """Translate what several sentences were joined to, at the first mark that helps."""
    for number, (mark, wide) in enumerate(marks, start=1):
        if mark in text:
            pieces = text.split(mark)
            found = [_translated(piece, language, depth - 1, marks[number:]) for piece in pieces]
            if found != pieces:
                return wide.join(found)
    return text


@dataclass(frozen=True)
class _Template:
    """A text with numbered places, and its translation."""

    text: str
    translation: str

    @cached_property
    def pieces(self) -> list[str]:
        """What stands between the places, as it is printed."""
        pieces = [""]
        for literal, name, _, _ in string.Formatter().parse(self.text):
            pieces[-1] += literal
            if name is not None:
                pieces.append("")
        return pieces

    @cached_property
    def weight(self) -> int:
        """Letters that a text must have to look like this, those it begins or ends with twice."""
        pieces = [*self.pieces, self.pieces[0], self.pieces[-1]]
        return sum(letter.isalpha() for piece in pieces for letter in piece)

    def values_in(self, text: str) -> list[str] | None:
        """Return what stands in the places of a text that looks like this; None of another.

        Each place is as short as it can be, and not empty.
        """
        first, *between, last = self.pieces
        if not (text.startswith(first) and text.endswith(last)):
            return None
        values, start, stop = [], len(first), len(text) - len(last)
        for piece in between:
            at = text.find(piece, start + 1, stop)
            if at < 0:
                return None
            values.append(text[start:at])
            start = at + len(piece)
        return [*values, text[start:stop]] if start < stop else None


@cache
def _templates(language: str) -> list[_Template]:
    """Templates of a catalogue, those that say most first."""
    found = [
        _Template(text, translation)
        for text, translation in texts_of(language).items()
        if "{0}" in text
    ]
    return sorted(found, key=lambda each: (-each.weight, -sum(map(len, each.pieces))))
