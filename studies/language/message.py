"""A text that is written in English in the code and translated when it is shown."""

import gettext
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "TRADITIONAL_CHINESE",
    "Message",
    "language_of_locale",
    "message",
    "translate",
]

ENGLISH = "en"
TRADITIONAL_CHINESE = "zh-Hant"
LANGUAGES = (ENGLISH, TRADITIONAL_CHINESE)
"""Tags as of HTML's ``lang``."""

DOMAIN = "mass_tuning"
LOCALE_FOLDER = Path(__file__).parent / "locale"
"""``LANGUAGE/LC_MESSAGES/mass_tuning.po`` is written by people, ``.mo`` beside it is read here."""


@dataclass(frozen=True)
class Message:
    """A text with the values that belong into it.

    Attributes
    ----------
    text : str
        In English, values as ``{name}`` or ``{name:format}`` (`str.format`).
    values : mapping of str to object
        A value may be a `Message` too.

    Examples
    --------
    >>> text = message("best {n} of {total:,}", n=5, total=61284)
    >>> text.in_language("en"), str(text)
    ('best 5 of 61,284', 'best 5 of 61,284')
    """

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def in_language(self, language: str) -> str:
        """Return the text in one of :data:`LANGUAGES`; in English where no translation exists."""
        text = translate(self.text, language)
        if not self.values:
            return text
        return text.format(
            **{
                name: value.in_language(language) if isinstance(value, Message) else value
                for name, value in self.values.items()
            }
        )

    def __str__(self) -> str:
        return self.in_language(ENGLISH)


def message(text: str, **values: object) -> Message:
    """Make a `Message` of a text in English and its values."""
    return Message(text, values)


def translate(text: str, language: str) -> str:
    """Return a text of the catalogue in a language; as it is where no translation exists."""
    if language == ENGLISH or not text:  # the catalogue keeps its own header under no text
        return text
    return _catalogue(language).gettext(text)


def language_of_locale(environment: Mapping[str, str] = os.environ) -> str:
    """Return the language of a terminal, by the variables that gettext looks at.

    Parameters
    ----------
    environment : mapping of str to str
        ``LC_ALL``, else ``LC_MESSAGES``, else ``LANG``: the first that is not empty.

    Returns
    -------
    str
        Traditional Chinese for every locale of Chinese, else English.
    """
    names = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((name for name in names if name), "")
    return TRADITIONAL_CHINESE if locale.lower().startswith("zh") else ENGLISH


def texts_of(language: str) -> Mapping[str, str]:
    """Return all translations of a language by English text."""
    return _catalogue(language).texts


class _Catalogue(gettext.GNUTranslations):
    """A catalogue that can be listed."""

    texts: Mapping[str, str]

    def _parse(self, fp: Any) -> None:
        super()._parse(fp)
        self.texts = {text: found for text, found in self._catalog.items() if text}  # type: ignore[attr-defined]


@cache
def _catalogue(language: str) -> _Catalogue:
    found = gettext.translation(
        DOMAIN, LOCALE_FOLDER, languages=[language.replace("-", "_")], class_=_Catalogue
    )
    assert isinstance(found, _Catalogue)
    return found
