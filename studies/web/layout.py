"""What all pages have in common: their frame, addresses, and how a verdict stands on them."""

import datetime
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from studies.analysis import local_time, metric_units, shown
from studies.reports import FIGURE_CSS, Html, element, joined, table

__all__ = [
    "COMPARE",
    "LOSES",
    "ROOT",
    "figure_names",
    "figure_of",
    "link_to_session",
    "link_to_strategy",
    "page",
    "part",
    "progress_bar",
    "session_path",
    "time_of",
    "verdict_section",
    "word_of",
]

ROOT = "/mass-tuning"
"""Where our pages begin; the rest is optuna-dashboard's."""

COMPARE = f"{ROOT}/compare"
"""Where sessions are compared."""

LOSES = "!"
"""Beside a result that loses out of sample."""


def page(title: str, *content: object, api: str | None = None, etag: str | None = None) -> str:
    """Make a whole page.

    Parameters
    ----------
    title : str
    *content
    api, etag : str, optional
        Address and version of the document that the page shows; it is kept up to date then.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} – mass-tuning"),
        element("link", rel="stylesheet", href=f"{ROOT}/static/{FIGURE_CSS.name}"),
        element("link", rel="stylesheet", href=f"{ROOT}/static/style.css"),
        element("script", src=f"{ROOT}/static/live.js", defer=True) if api else None,
    )
    top = element(
        "header",
        element("a", "Skip to the content", href="#content", class_="skip"),
        element(
            "nav",
            element("a", "Sessions", href=f"{ROOT}/"),
            " ",
            element("a", "Compare", href=COMPARE),
            " ",
            element("a", "Optuna dashboard", href="/dashboard"),
            aria_label="Pages",
        ),
        element("p", "", id="live", role="status") if api else None,
    )
    main = element("main", *content, id="content", tabindex="-1", data_api=api, data_etag=etag)
    body = element("body", top, main)
    return "<!doctype html>\n" + element("html", head, body, lang="en")


def part(name: str, *content: object) -> Html:
    """Mark what is replaced by itself when it changes."""
    return element("div", *content, data_part=name)


def session_path(session_id: str) -> str:
    """Spell the path of a session, after :data:`ROOT` or the root of the documents."""
    return f"/session/{quote(session_id, safe='')}"


def link_to_session(session_id: str) -> Html:
    """Link to the page of a session."""
    return element("a", session_id, href=f"{ROOT}{session_path(session_id)}")


def link_to_strategy(session_id: str, strategy_id: str) -> Html:
    """Link to the page of a strategy."""
    path = f"{session_path(session_id)}/strategy/{quote(strategy_id, safe='')}"
    return element("a", strategy_id, href=f"{ROOT}{path}")


def progress_bar(document: Mapping[str, Any]) -> Html:
    """Draw how many strategies of a session are done."""
    done, total = document["completed"] + document["failed"], document["total"]
    share = done / total if total else 1.0
    bar = element(
        "progress", max=max(1, total), value=done, aria_label=f"{done:,} of {total:,} done"
    )
    return joined(bar, f" {100 * share:.1f} %")


def time_of(moment: str | None) -> str:
    """Write a time of a document as the local one of this machine."""
    if moment is None:
        return "–"
    return local_time(datetime.datetime.fromisoformat(moment).replace(tzinfo=None))


def word_of(word: str, text: str) -> Html:
    """Colour the word of a verdict."""
    return element("span", text, class_=word.replace(" ", "-"))


def figure_names(figures: Mapping[str, Any], wanted: tuple[str, ...]) -> list[str]:
    """Return which of the wanted figures are there, each once."""
    return [name for name in dict.fromkeys(wanted) if figures.get(name) is not None]


def verdict_section(verdict: Mapping[str, Any] | None, missing: object) -> Html:
    """Say a verdict with its reasons and figures.

    Parameters
    ----------
    verdict : mapping or None
        Of `studies.web.documents.Documents`.
    missing : str or Html
        What stands there without one.
    """
    heading = element("h2", "Verdict")
    if verdict is None:
        return joined(heading, element("p", missing))
    before = verdict["n_before"]
    return joined(
        heading,
        element("p", word_of(verdict["word"], verdict["short"]), f", of {verdict['strategy_id']}"),
        element("ul", *(element("li", reason) for reason in verdict["reasons"])),
        element(
            "p",
            f"Judged {verdict['against']}.",
            f" Verdicts given on this market before: {before:,}." if before else None,
            class_="dim",
        ),
        table(
            "Figures of the verdict",
            ("figure", "value", "meaning"),
            [(name.strip(), value, meaning) for name, value, meaning in verdict["figures"]],
            left=3,
        )
        if verdict["figures"]
        else None,
    )


def figure_of(name: str, value: Any) -> str:
    """Write a figure as people see it."""
    return shown(name, value, metric_units())
