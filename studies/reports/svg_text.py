"""Texts of an SVG: once for each language where they differ, and how wide they are."""

import unicodedata

from studies.language import ENGLISH, TRADITIONAL_CHINESE, Message
from studies.reports.html_text import Html, element, joined

__all__ = ["CHARACTER", "SvgTexts"]

CHARACTER = 7.0
"""Width of a letter of the 12 px texts, rather too wide than too narrow; Chinese takes two."""

_CLASSES = {ENGLISH: "lang-en", TRADITIONAL_CHINESE: "lang-zh"}
_ELLIPSIS = "…"


class SvgTexts:
    """Writes texts in one language or in both.

    Parameters
    ----------
    bilingual : bool
        Whether a `Message` is written in every language, each with the class ``lang-en`` or
        ``lang-zh`` of which a style sheet shows one; else in English.
    """

    def __init__(self, bilingual: bool) -> None:
        self._languages = (ENGLISH, TRADITIONAL_CHINESE) if bilingual else (ENGLISH,)

    def width(self, text: Message | str) -> float:
        """Return how wide a text is, in the language in which it is widest."""
        return max(map(_width, self._spelled(text).values()))

    def text(
        self,
        text: Message | str,
        x: float,
        y: float,
        *,
        anchor: str | None = None,
        kind: str | None = None,
        most: float | None = None,
        transform: str | None = None,
    ) -> Html:
        """Write a text at a place.

        Parameters
        ----------
        text : Message or str
        x, y : float
            Where it begins, or as `anchor` says; `y` is its base line.
        anchor : {"middle", "end"}, optional
        kind : str, optional
            CSS classes.
        most : float, optional
            What is wider is cut, and is whole in a tooltip.
        transform : str, optional
        """
        spelled = self._spelled(text)
        drawn = []
        for language, each in spelled.items():
            shown = each if most is None else _cut(each, most)
            classes = [kind] if kind else []
            if len(spelled) > 1:
                classes.append(_CLASSES[language])
            drawn.append(
                element(
                    "text",
                    shown,
                    element("title", each) if shown != each else None,
                    x=f"{x:.1f}",
                    y=f"{y:.1f}",
                    text_anchor=anchor,
                    class_=" ".join(classes) or None,
                    transform=transform,
                )
            )
        return joined(*drawn)

    def tooltip(self, *parts: Message | str) -> Html:
        """Say something when an element is pointed at; in two languages one behind the other."""
        whole = [
            " ".join(
                part if isinstance(part, str) else part.in_language(language) for part in parts
            )
            for language in self._languages
        ]
        return element("title", " / ".join(dict.fromkeys(whole)))

    def described(self, tag: str, text: Message) -> Html:
        """Write ``title`` or ``desc`` of a whole figure, once for each language."""
        spelled = self._spelled(text)
        return joined(
            *(
                element(tag, each, lang=language if len(spelled) > 1 else None)
                for language, each in spelled.items()
            )
        )

    def _spelled(self, text: Message | str) -> dict[str, str]:
        """Spell a text by language; one entry where all are the same."""
        if isinstance(text, str):
            return {ENGLISH: text}
        spelled = {language: text.in_language(language) for language in self._languages}
        return spelled if len(set(spelled.values())) > 1 else {ENGLISH: spelled[ENGLISH]}


def _width(text: str) -> float:
    """How wide a text is."""
    return CHARACTER * sum(map(_share, text))


def _share(character: str) -> float:
    """How wide a character is beside a small letter."""
    if unicodedata.east_asian_width(character) in "WF":
        return 2.0
    return 1.25 if character.isupper() or character in "_…%<>{}+=@#" else 1.0


def _cut(text: str, most: float) -> str:
    """Shorten a text to a width."""
    if _width(text) <= most:
        return text
    while text and _width(text + _ELLIPSIS) > most:
        text = text[:-1]
    return text + _ELLIPSIS
