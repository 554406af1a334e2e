"""The page on which sessions are chosen to be compared."""

from collections.abc import Mapping, Sequence
from typing import Any

from studies.reports import Html, element, joined, table
from studies.web.asked_filter import AskedFilter
from studies.web.best_results import filter_fields
from studies.web.layout import COMPARE, link_to_session, time_of

__all__ = ["compare_choice"]


def compare_choice(
    sessions: Sequence[Mapping[str, Any]], chosen: Sequence[str], asked: AskedFilter
) -> Html:
    """Let sessions be chosen.

    Parameters
    ----------
    sessions : sequence of mapping
        From `Documents.sessions`.
    chosen : sequence of str
        Sessions chosen so far: fewer than two.
    asked : AskedFilter
    """
    heading = element("h1", "Compare sessions")
    if len(sessions) < 2:
        return joined(heading, element("p", "There are not two sessions yet."))
    rows = [
        (
            element(
                "input",
                type="checkbox",
                name="session",
                value=each["session_id"],
                checked=each["session_id"] in chosen,
                aria_label=f"compare {each['session_id']}",
            ),
            link_to_session(each["session_id"]),
            each["status"],
            each["method"],
            time_of(each["created_at"]),
            each["notes"] or "",
        )
        for each in sessions
    ]
    heads = ("", "session", "status", "method", "created", "notes")
    return joined(
        heading,
        element("p", "Choose two or more; the first one of the list is the first column."),
        element(
            "form",
            table("Sessions of the database, newest first", heads, rows, left=len(heads)),
            filter_fields(asked),
            element("p", element("button", "Compare", type="submit")),
            method="get",
            action=COMPARE,
            accept_charset="utf-8",
        ),
    )
