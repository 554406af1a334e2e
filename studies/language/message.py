"""A text that is written in English in the code and translated when it is shown."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

__all__ = ["ENGLISH", "LANGUAGES", "TRADITIONAL_CHINESE", "Message", "catalogue", "message"]

ENGLISH = "en"
TRADITIONAL_CHINESE = "zh-Hant"
LANGUAGES = (ENGLISH, TRADITIONAL_CHINESE)
"""Tags as of HTML's ``lang``."""

_FILES = {TRADITIONAL_CHINESE: Path(__file__).parent / "zh_TW.json"}


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
        text = self.text if language == ENGLISH else catalogue(language).get(self.text, self.text)
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


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return the translations of a language by English text."""
    translations: dict[str, str] = json.loads(_FILES[language].read_text(encoding="utf-8"))
    return translations
