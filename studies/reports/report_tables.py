"""The tables of the report: the best results, failures, settings, how to do it again."""

import shlex
from collections.abc import Callable
from typing import Any

from studies.analysis import count_failures, flat_settings
from studies.language import Message, message
from studies.reports.bilingual import both, switched
from studies.reports.figures.words import reason_name
from studies.reports.html_text import Html, element, joined
from studies.reports.leaders import beating_cash
from studies.reports.report_document import LeaderColumn, ReportDocument
from studies.reports.report_head import number_text
from studies.reports.session_data import SessionData

__all__ = ["again_card", "leaders_card", "reasons_table"]

_WITHOUT_SCRIPT = 25
"""Rows that are written into the page; the script brings the others."""


def leaders_card(document: ReportDocument) -> Html:
    """Write the table of the best distinct results."""
    heading = element("h2", both(message("Best different results")))
    if not document.leaders:
        return joined(heading, element("p", both(message("No strategy was measured."))))
    columns = document.columns
    heads = [
        element(
            "th",
            element("button", both(column.head), type="button", data_sort=str(place)),
            scope="col",
            class_=None if column.kind == "text" else "number",
            aria_sort="ascending" if not place else "none",
        )
        for place, column in enumerate(columns)
    ]
    rows = [
        element("tr", *(_cell(column, place) for column in columns))
        for place in range(min(_WITHOUT_SCRIPT, len(document.leaders)))
    ]
    name = message("The best different results, sortable by every column")
    filtered = element(
        "p",
        element(
            "label",
            element("span", both(message("Find a strategy:"))),
            element(
                "input",
                type="search",
                id="filter",
                autocomplete="off",
                spellcheck="false",
                **switched("hint", message("part of its name")),
            ),
        ),
        element("span", "", id="n-leaders", role="status"),
        element("button", "", type="button", id="all-rows", hidden=True),
        class_="controls needs-script",
    )
    table = element(
        "table",
        element("thead", element("tr", *heads)),
        element("tbody", *rows),
        id="leaders",
    )
    region = element(
        "div",
        table,
        class_="wide scrolled",
        tabindex="0",
        role="region",
        aria_label=str(name),
        **switched("label", name),
    )
    return joined(heading, *_how_to_read(document), filtered, region)


def _how_to_read(document: ReportDocument) -> list[Html]:
    texts = [
        message(
            "Strategies whose figures are all equal are one result, under the name of the "
            "simplest; twins are how many share it. Neighbours: median of the strategies one step "
            "away in one parameter. Lonely: the gap to them is larger than the standard deviation "
            "of the session, which is typical of luck."
        ),
        message(
            "Beats luck: what a stored verdict says; “–” where none was given on a strategy, or it "
            "cannot tell."
        ),
    ]
    beating = beating_cash(document.data)
    if beating is not None:
        texts.append(
            message(
                "Of {n:,} strategies that the verdict compared, {k:,} earn more than cash by more "
                "than luck.",
                k=beating[0],
                n=beating[1],
            )
        )
    if not any(column.kind == "oos" for column in document.columns):
        texts.append(message("Nothing was measured out of sample: the session has no split date."))
    return [element("p", both(text), class_="dim") for text in texts]


def _cell(column: LeaderColumn, place: int) -> Html:
    value = column.values[place]
    if column.kind == "text":
        return element("th", value, scope="row")
    if column.kind == "twins":
        text: object = f"× {value:,}" if value > 1 else ""
    elif column.kind == "luck":
        text = "–" if value is None else both(message("yes") if value else message("no"))
    else:
        text = number_text(value, column.unit, is_negative=column.is_negative)
    return element("td", text, class_="number")


def reasons_table(data: SessionData) -> Html | None:
    """Count failures by reason."""
    found = count_failures(data.table)
    if not found.n_failed:
        return None
    rows = [
        element(
            "tr",
            element("th", element("code", reason), " ", both(reason_name(reason)), scope="row"),
            element("td", f"{n:,}", class_="number"),
        )
        for reason, n in found.reasons.items()
    ]
    heads = [
        element("th", both(message("reason")), scope="col"),
        element("th", both(message("number")), scope="col", class_="number"),
    ]
    return element(
        "table", element("thead", element("tr", *heads)), element("tbody", *rows), class_="reasons"
    )


def again_card(document: ReportDocument, command: Callable[[str], str]) -> Html:
    """Write settings, fingerprints and commands."""
    data = document.data
    row, snapshot = data.session.row, data.session.row.snapshot
    prints = [
        (message("data fingerprint"), row.data_fingerprint),
        (message("space fingerprint"), row.space_fingerprint),
        (message("measurement fingerprint"), snapshot.measurement),
        (message("version of the strategy definition"), snapshot.semantics),
    ]
    config = data.session.config.without_passwords().model_dump(mode="json", exclude={"database"})
    settings = [
        element(
            "tr",
            element("th", element("code", name), scope="row"),
            element("td", element("code", _setting(value))),
        )
        for name, value in flat_settings(config).items()
    ]
    warnings = [element("li", text, lang="en") for text in snapshot.warnings]
    return joined(
        element("h2", both(message("Settings, and how to do it again"))),
        element(
            "p",
            both(
                message(
                    "The same fingerprints mean the same market, settings and space: figures of "
                    "two sessions compare only then."
                )
            ),
            class_="dim",
        ),
        element(
            "dl",
            *(
                joined(element("dt", both(name)), element("dd", element("code", command(text))))
                for name, text in _commands(document)
            ),
            *(
                joined(
                    element("dt", both(name)),
                    element("dd", element("code", "–" if value is None else value)),
                )
                for name, value in prints
            ),
            class_="pairs",
        ),
        joined(
            element("p", both(message("Noted when the session was created, in English:"))),
            element("ul", *warnings),
        )
        if warnings
        else None,
        element(
            "details",
            element("summary", both(message("All settings"))),
            element("div", element("table", element("tbody", *settings)), class_="wide"),
        ),
    )


def _commands(document: ReportDocument) -> list[tuple[Message, str]]:
    session_id = shlex.quote(document.data.session.row.session_id)
    commands: list[tuple[Message, str]] = []
    if document.leaders:
        best = shlex.quote(document.leaders[0].strategy_id)
        commands += [
            (message("the best strategy, computed anew"), f"show {best} --session {session_id}"),
            (message("is it luck"), f"verify {session_id} {best}"),
            (message("the best results"), f"top --session {session_id}"),
        ]
    commands.append((message("this report"), f"report {session_id} -o report.html"))
    return commands


def _setting(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "–" if value is None else str(value)
