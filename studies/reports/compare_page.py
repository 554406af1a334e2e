"""Sessions side by side as one HTML page that needs nothing but a browser."""

import shlex
from collections.abc import Callable
from functools import cache
from pathlib import Path

from studies.analysis import ComparedSession, Comparison, remarks_on, session_letters
from studies.language import ENGLISH, Message, message
from studies.reports.bilingual import both
from studies.reports.compare_tables import (
    best_table,
    distribution_table,
    overlap_table,
    sessions_table,
    settings_table,
    so_far_table,
)
from studies.reports.drawing import Figure
from studies.reports.figures.comparison import convergence_comparison, distribution_comparison
from studies.reports.html_text import Html, element, joined
from studies.reports.offline_page import offline_page, own_policy, raw_element, title_row
from studies.reports.svg import FIGURE_CSS, draw_svg
from studies.reports.verdict_lines import verdict_lines

__all__ = ["comparison_content", "comparison_page", "comparison_policy"]

_PAGE = Path(__file__).parent / "page"


def comparison_page(
    comparison: Comparison, command: Callable[[str], str], language: str = ENGLISH
) -> str:
    """Make the page.

    Parameters
    ----------
    comparison : Comparison
    command : callable
        Writes a command line for the same database.
    language : {"en", "zh-Hant"}
        In which it opens; both are in it.

    Returns
    -------
    str
        It names its own policy (:func:`comparison_policy`) and asks for nothing else.
    """
    return offline_page(
        language,
        ", ".join(each.session_id for each in comparison.sessions),
        _style(),
        comparison_policy(),
        _top(),
        element("main", comparison_content(comparison, command), id="content", tabindex="-1"),
        raw_element("script", _script()),
    )


def comparison_policy() -> str:
    """Return the content security policy of the page: its own script and style, nothing else."""
    return own_policy(_script(), _style())


def comparison_content(comparison: Comparison, command: Callable[[str], str]) -> Html:
    """Write what the page says, without head, buttons and script.

    Parameters
    ----------
    comparison : Comparison
    command : callable
        Writes a command line for the same database.
    """
    return joined(
        _warnings(comparison),
        _card(
            message("Which sessions"),
            sessions_table(comparison),
            None
            if comparison.filter_text is None
            else element(
                "p",
                both(message("Compared are only strategies that fulfil:")),
                " ",
                element("code", element("bdi", comparison.filter_text)),
                class_="warned",
            ),
        ),
        _meaning(comparison),
        _settings(comparison),
        _card(message("The best of each"), best_table(comparison)),
        _figure(distribution_comparison(comparison), distribution_table(comparison)),
        _overlap(comparison),
        _figure(convergence_comparison(comparison), so_far_table(comparison)),
        _verdicts(comparison),
        _commands(comparison, command),
    )


@cache
def _script() -> str:
    return (_PAGE / "switches.js").read_text(encoding="utf-8")


@cache
def _style() -> str:
    names = ("figures.css", "report.css", "compare.css")
    assert FIGURE_CSS.name == names[0]
    return "".join((_PAGE / name).read_text(encoding="utf-8") for name in names)


def _top() -> Html:
    language = joined(
        element("span", "中文", class_="lang-en", lang="zh-Hant"),
        element("span", "English", class_="lang-zh", lang="en"),
    )
    themes = (
        ("system", message("Theme: system")),
        ("light", message("Theme: light")),
        ("dark", message("Theme: dark")),
    )
    theme = joined(*(element("span", both(text), class_=f"theme-{name}") for name, text in themes))
    title = element("h1", both(message("Sessions side by side")))
    buttons = [
        element("button", text, type="button", id=name)
        for name, text in (("language", language), ("theme", theme))
    ]
    return element("header", title_row(title, *buttons))


def _warnings(comparison: Comparison) -> Html | None:
    """Say before anything else what limits the comparison, and by which settings."""
    if not comparison.warnings:
        return None
    is_apart = len(comparison.groups) > 1
    title = (
        message("These sessions do not compare")
        if is_apart
        else message("What limits the comparison")
    )
    lines = element("ul", *(element("li", both(text)) for text in comparison.warnings))
    deciding = None
    if is_apart and comparison.deciding:
        caption = message("Under which conditions each was measured, where they differ")
        deciding = settings_table(comparison, comparison.deciding, caption)
    return _card(title, lines, deciding, kind="card warned" if is_apart else "card")


def _meaning(comparison: Comparison) -> Html | None:
    found = remarks_on(comparison, session_letters(comparison))
    if not found:
        return None
    lines = element("ul", *(element("li", both(text)) for text in found))
    return _card(message("What the numbers show, and what they do not"), lines)


def _settings(comparison: Comparison) -> Html:
    title = message("Settings that differ")
    if not comparison.settings:
        return _card(title, element("p", both(message("The settings are the same."))))
    caption = message("By the name in the configuration")
    return _card(title, settings_table(comparison, list(comparison.settings), caption))


def _overlap(comparison: Comparison) -> Html:
    note = message(
        "Of the best hundred distinct results of each session: how many bear the same strategy id, "
        "and of how many all figures are equal. The second number is the larger one where a search "
        "met a result under another name."
    )
    return _card(
        message("What their best share"),
        element("p", both(note), class_="dim"),
        overlap_table(comparison),
    )


def _figure(figure: Figure, table: Html | None) -> Html:
    return _card(
        figure.title,
        element("p", both(figure.note), class_="dim" if figure.panels else None),
        element("div", draw_svg(figure, width=860), class_="drawn") if figure.panels else None,
        table,
    )


def _verdicts(comparison: Comparison) -> Html:
    letters = session_letters(comparison)
    note = message(
        "A verdict says whether a result is more than luck; it says nothing of which search is the "
        "better one."
    )
    return _card(
        message("Verdicts side by side"),
        element("p", both(note), class_="dim"),
        element(
            "div",
            *(_verdict(letters[each.session_id], each) for each in comparison.sessions),
            class_="verdicts",
        ),
    )


def _verdict(letter: str, each: ComparedSession) -> Html:
    stored = each.verdict
    if stored is None:
        return element(
            "div", element("h3", letter), element("p", both(message("No verdict was given yet.")))
        )
    return element("div", element("h3", letter), verdict_lines(stored))


def _commands(comparison: Comparison, command: Callable[[str], str]) -> Html:
    ids = [each.session_id for each in comparison.sessions]
    again = shlex.join(["compare", *ids, *comparison.filter_arguments])
    listed: list[tuple[Message, str]] = [
        (message("this comparison as a table"), again),
        (message("this page"), f"{again} -o compare.html"),
        (message("its figures"), f"{again} -o compare.svg"),
    ]
    for letter, each in zip(session_letters(comparison).values(), comparison.sessions, strict=True):
        one = shlex.join(["report", each.session_id, *comparison.filter_arguments])
        listed.append((message("report of {letter}", letter=letter), f"{one} -o report.html"))
        if each.verdict is None and each.best:
            ask = shlex.join(["verify", each.session_id])
            listed.append((message("verdict on {letter}", letter=letter), ask))
    rows = [
        joined(element("dt", both(name)), element("dd", element("code", command(text))))
        for name, text in listed
    ]
    return _card(message("Commands"), element("dl", *rows, class_="pairs"))


def _card(title: Message, *content: Html | None, kind: str = "card") -> Html:
    return element("section", element("h2", both(title)), *content, class_=kind)
