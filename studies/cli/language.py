"""In which language this invocation speaks."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from studies.language import (
    ENGLISH,
    LANGUAGES,
    language_of_locale,
    translate,
    translate_sentence,
)

__all__ = ["is_english", "language_of", "shown", "speaking", "spoken", "worded"]

_spoken = ENGLISH


def language_of(args: Sequence[str]) -> str:
    """Return what ``--lang`` says on a command line, wherever it stands; else that of the locale.

    It is wanted before the command line is read, for the help and for what is wrong in it.
    """
    for number, arg in enumerate(args):
        name, _, value = arg.partition("=")
        if name == "--lang":
            wanted = value or "".join(args[number + 1 : number + 2])
            if wanted in LANGUAGES:
                return wanted
    return language_of_locale()


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """Print everything in a language."""
    global _spoken
    before, _spoken = _spoken, language
    try:
        yield
    finally:
        _spoken = before


def spoken() -> str:
    """Return the language that everything is printed in."""
    return _spoken


def is_english() -> bool:
    """Whether texts are printed as they are written."""
    return _spoken == ENGLISH


def worded(text: str) -> str:
    """Return a word or a text of the catalogue in the language spoken."""
    return translate(text, _spoken)


def shown(text: str) -> str:
    """Return a sentence with its values in the language spoken."""
    return translate_sentence(text, _spoken)
