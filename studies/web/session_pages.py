"""The page that lists sessions, and the page of one."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from studies.analysis import duration
from studies.reports import Html, definitions, element, joined, table
from studies.sessions import SessionState
from studies.web.asked_filter import AskedFilter
from studies.web.best_results import best_table, filter_fields, losing_mark
from studies.web.layout import (
    COMPARE,
    ROOT,
    figure_names,
    figure_of,
    link_to_session,
    link_to_strategy,
    part,
    progress_bar,
    session_path,
    time_of,
    verdict_section,
    word_of,
)

__all__ = ["NOTES_LIMIT", "list_content", "session_content"]

NOTES_LIMIT = 10_000
"""Characters of a note at most."""

_GO_ON = {
    SessionState.GENERATING: ("execute --session {id}",),
    SessionState.CREATED: ("execute --session {id}",),
    SessionState.RUNNING: ("status --session {id} --watch", "worker {id}"),
    SessionState.PAUSED: ("execute --session {id} --resume",),
    SessionState.FAILED: (
        "status --session {id} --detailed",
        "execute --session {id} --resume",
    ),
    SessionState.COMPLETED: (
        "top --session {id}",
        "show best --session {id}",
        "verify {id}",
        "export --session {id} -o results.csv",
    ),
    SessionState.DELETING: ("clean",),
}


def list_content(sessions: Sequence[Mapping[str, Any]], command: Callable[[str], str]) -> Html:
    """List sessions, newest first.

    Parameters
    ----------
    sessions : sequence of mapping
        From `Documents.sessions`.
    command : callable
        Writes a command line for the same database.
    """
    heading = element("h1", "Sessions")
    if not sessions:
        way = element("p", "No session yet; create one with ", element("code", command("generate")))
        return joined(heading, part("sessions", way))
    rows = [
        (
            link_to_session(each["session_id"]),
            each["status"],
            progress_bar(each),
            _best_text(each),
            "–" if each["verdict"] is None else word_of(each["word"], each["verdict"]),
            each["method"],
            time_of(each["created_at"]),
            each["notes"] or "",
        )
        for each in sessions
    ]
    heads = ("session", "status", "done", "best", "verdict", "method", "created", "notes")
    listed = table("Sessions of the database, newest first", heads, rows, left=len(heads))
    ways = element("p", element("a", "Compare sessions", href=COMPARE)) if len(rows) > 1 else None
    return joined(heading, part("sessions", listed, ways))


def session_content(
    document: Mapping[str, Any],
    command: Callable[[str], str],
    allow_control: bool,
    asked: AskedFilter | None = None,
) -> Html:
    """Show one session.

    Parameters
    ----------
    document : mapping
        From `Documents.session`.
    command : callable
        Writes a command line for the same database.
    allow_control : bool
        Whether the notes can be changed here.
    asked : AskedFilter, optional
        Of which strategies the best are listed.
    """
    asked = asked or AskedFilter()
    return joined(
        element("h1", document["session_id"]),
        _links_to_studies(document["studies"]),
        part("progress", _progress(document)),
        _notes_form(document) if allow_control else None,
        element("h2", "Best results"),
        _filter_form(document, asked),
        part("best", best_table(document, asked, command)),
        part("verdict", verdict_section(document["verdict"], _unjudged(document, command))),
        part("failures", _failures(document)),
        part("ways", _ways_on(document, command)),
        element("h2", "Settings"),
        table(
            "Settings that the session was created with",
            ("setting", "value"),
            [(name, _setting(value)) for name, value in document["settings"].items()],
            left=2,
        ),
    )


def _links_to_studies(studies: Sequence[Mapping[str, Any]]) -> Html | None:
    """Lead to what optuna-dashboard shows of the session."""
    if not studies:
        return None
    links = [
        joined(
            "" if number == 0 else ", ",
            element("a", study["holds"], href=f"/dashboard/studies/{study['study_id']}"),
        )
        for number, study in enumerate(studies)
    ]
    title = "Its Optuna study: " if len(studies) == 1 else "Its Optuna studies: "
    return element("p", title, *links)


def _progress(document: Mapping[str, Any]) -> Html:
    done = document["completed"] + document["failed"]
    rows: list[tuple[str, object]] = [
        ("status", document["status"]),
        ("done", joined(f"{done:,} of {document['total']:,}", " ", progress_bar(document))),
        ("failed", f"{document['failed']:,}"),
    ]
    if document["status"] == SessionState.RUNNING and document["rate"]:
        rows.append(("rate", f"{document['rate']:,.0f} strategies a second"))
        if document["eta_seconds"] is not None:
            rows.append(("left", duration(document["eta_seconds"])))
        rows.append(("chunks in hand", f"{document['workers']:,}"))
    directions = document["directions"].items()
    rows += [
        ("method", f"{document['method']}, seed {document['seed']}"),
        ("objective", ", ".join(f"{way} {name}" for name, way in directions)),
        ("created", time_of(document["created_at"])),
    ]
    if document["completed_at"] is not None:
        rows.append(("finished", time_of(document["completed_at"])))
    benchmark = document["benchmark"]
    if benchmark:
        texts = [
            f"{name.replace('_', ' ')} {figure_of(name, benchmark[name])}"
            for name in figure_names(benchmark, ("total_return", "net_sharpe_ratio"))
        ]
        rows.append(("every pair alike", ", ".join(texts)))
    if document["notes"]:
        rows.append(("notes", document["notes"]))
    rows += [("note", text) for text in document["warnings"]]
    return joined(element("h2", "Progress"), definitions(rows))


def _best_text(listed: Mapping[str, Any]) -> object:
    best = listed["best"]
    if best is None:
        return "–"
    value = figure_of(best["metric"], best["figures"][best["metric"]])
    name = link_to_strategy(listed["session_id"], best["strategy_id"])
    return joined(name, f" {best['metric'].replace('_', ' ')} {value}", losing_mark(best))


def _unjudged(document: Mapping[str, Any], command: Callable[[str], str]) -> object:
    if not document["completed"]:
        return "Nothing to judge yet."
    way = element("code", command(f"verify {shlex.quote(document['session_id'])}"))
    return joined("Not given yet: ", way)


def _failures(document: Mapping[str, Any]) -> Html | None:
    if not document["failures"]:
        return None
    rows = [(reason, f"{n:,}") for reason, n in document["failures"].items()]
    return joined(
        element("h2", "Failures"), table("Failed strategies by reason", ("reason", "number"), rows)
    )


def _ways_on(document: Mapping[str, Any], command: Callable[[str], str]) -> Html:
    ways = _GO_ON.get(document["status"], ())
    listed = [
        element("li", element("code", command(way.format(id=shlex.quote(document["session_id"])))))
        for way in ways
    ]
    running = document["status"] == SessionState.RUNNING
    return joined(
        element("h2", "To go on"),
        element("ul", *listed),
        element(
            "p",
            "A run is paused where it was started: Ctrl-C in its terminal, or SIGTERM to its "
            "process. It ends after the chunks in hand. No page can pause it.",
        )
        if running
        else None,
    )


def _filter_form(document: Mapping[str, Any], asked: AskedFilter) -> Html:
    """Choose among the results; the report is about the same strategies."""
    path = f"{ROOT}{session_path(document['session_id'])}"
    which = "these" if asked else "all"
    return element(
        "form",
        filter_fields(asked),
        element(
            "p",
            element("button", "Choose", type="submit"),
            *((" ", element("a", "All strategies", href=path)) if asked else ()),
            " ",
            element("a", f"Report of {which} strategies", href=f"{path}/report{asked.query}"),
        ),
        method="get",
        action=path,
        accept_charset="utf-8",
    )


def _notes_form(document: Mapping[str, Any]) -> Html:
    text = document["notes"] or ""
    return element(
        "form",
        element("input", type="hidden", name="session", value=document["session_id"]),
        element("label", "Notes", for_="notes"),
        # HTML leaves out the first line break of a text area
        element("textarea", f"\n{text}", id="notes", name="notes", rows=3, maxlength=NOTES_LIMIT),
        element("p", element("button", "Save the notes", type="submit")),
        method="post",
        action=f"{ROOT}/notes",
        accept_charset="utf-8",
    )


def _setting(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return str(value)
