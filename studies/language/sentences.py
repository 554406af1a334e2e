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

from studies.language.message import ENGLISH, texts_of, translate

__all__ = ["translate_sentence"]

_MOST_NESTED = 4
"""Values of values of values: a sentence in a sentence is translated, too."""


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


def _translated(text: str, language: str, depth: int) -> str:
    core = text.strip()
    if not re.search("[A-Za-z]{2}", core):
        return text
    lead, _, tail = text.partition(core)
    found = translate(core, language)
    if found == core and depth:
        for template in _templates(language):
            values = template.values_in(core)
            if values is not None:
                inner = [_translated(value, language, depth - 1) for value in values]
                found = template.translation.format(*inner)
                break
    return f"{lead}{found}{tail}"


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
    def n_letters(self) -> int:
        return sum(letter.isalpha() for piece in self.pieces for letter in piece)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("(.+?)".join(map(re.escape, self.pieces)), re.DOTALL)

    def values_in(self, text: str) -> tuple[str, ...] | None:
        """Return what stands in the places of a text that looks like this; None of another."""
        if not (text.startswith(self.pieces[0]) and text.endswith(self.pieces[-1])):
            return None
        if not all(piece in text for piece in self.pieces):
            return None
        found = self._pattern.fullmatch(text)
        return None if found is None else found.groups()


@cache
def _templates(language: str) -> list[_Template]:
    """Templates of a catalogue, those that say most first."""
    found = [
        _Template(text, translation)
        for text, translation in texts_of(language).items()
        if "{0}" in text
    ]
    return sorted(found, key=lambda each: -each.n_letters)
