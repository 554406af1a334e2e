"""The frame of a page that needs nothing but a browser, and runs nothing but its own script."""

import base64
import hashlib
import html

from studies.language import LANGUAGES, message
from studies.reports.bilingual import both
from studies.reports.html_text import Html, element, joined

__all__ = ["offline_page", "own_policy", "raw_element", "source_hash", "title_row"]


def offline_page(language: str, title: str, style: str, policy: str, *body: Html) -> str:
    """Write a whole page.

    Parameters
    ----------
    language : {"en", "zh-Hant"}
        In which it opens.
    title : str
    style : str
        Its style sheet.
    policy : str
        See :func:`own_policy`.
    *body
        What it shows, and its scripts.
    """
    if language not in LANGUAGES:
        raise ValueError(f"the language is one of {', '.join(LANGUAGES)}, got {language!r}")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{title} – mass-tuning"),
        raw_element("style", style),
    )
    page = element("html", head, element("body", *body), lang=language, class_="static")
    return f"<!doctype html>\n{page}\n"


def own_policy(script: str, style: str) -> str:
    """Return the content security policy of a page: its own script and style, nothing else."""
    return (
        f"default-src 'none'; script-src '{source_hash(script)}'; "
        f"style-src '{source_hash(style)}'; base-uri 'none'; form-action 'none'"
    )


def source_hash(text: str) -> str:
    """Return how a policy names a script or a style sheet."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def raw_element(tag: str, text: str, **attributes: str) -> Html:
    """Make an element whose content is no text of the page: a script, a style, data."""
    if f"</{tag}" in text.lower():
        raise ValueError(f"the content would end the element {tag}")
    written = "".join(f' {name}="{html.escape(value)}"' for name, value in attributes.items())
    return Html(f"<{tag}{written}>{text}</{tag}>")


def title_row(title: Html, language: Html, theme: Html) -> Html:
    """Write the way to the content, the title, and the buttons of language and theme."""
    return joined(
        element("a", both(message("Skip to the content")), href="#content", class_="skip"),
        element(
            "div",
            title,
            element("div", language, theme, class_="buttons needs-script"),
            class_="title",
        ),
    )
