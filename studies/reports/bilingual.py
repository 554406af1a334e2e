"""Texts of a page in both languages at once, of which its style sheet and script show one."""

from studies.language import ENGLISH, TRADITIONAL_CHINESE, Message
from studies.reports.html_text import Html, element, escaped, joined

__all__ = ["both", "in_both", "switched"]


def both(text: Message | Html | str) -> Html:
    """Write a text in both languages, each in an element of its language; once if it is the same.

    Parameters
    ----------
    text : Message, Html or str
        What is no message is the same in both.
    """
    if not isinstance(text, Message):
        return escaped(text)
    english, chinese = in_both(text)
    if english == chinese:
        return escaped(english)
    return joined(
        element("span", english, class_="lang-en", lang=ENGLISH),
        element("span", chinese, class_="lang-zh", lang=TRADITIONAL_CHINESE),
    )


def in_both(text: Message | str) -> tuple[str, str]:
    """Return a text in English and in Traditional Chinese."""
    if isinstance(text, Message):
        return text.in_language(ENGLISH), text.in_language(TRADITIONAL_CHINESE)
    return text, text


def switched(kind: str, text: Message | str) -> dict[str, str]:
    """Return attributes that hold a text in both languages, for the script to put in its place.

    Parameters
    ----------
    kind : {"text", "label", "hint"}
        What becomes of it: the content, the name for screen readers, the placeholder.
    text : Message or str
    """
    english, chinese = in_both(text)
    return {f"data_{kind}_en": english, f"data_{kind}_zh": chinese}
