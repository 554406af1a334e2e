"""The page that lists sessions, and the page of one."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from studies.analysis import duration
from studies.reports import Html, definitions, element, joined, table
from studies.sessions import SessionState
from studies.web.layout import (
    LOSES,
    ROOT,
    figure_names,
    figure_of,
    link_to_session,
    link_to_strategy,
    part,
    progress_bar,
    time_of,
    verdict_section,
    word_of,
)

__all__ = ["NOTES_LIMIT", "list_content", "session_content"]

NOTES_LIMIT = 10_000
"""Characters of a note at most."""

_FIGURES = (
    *("excess_sharpe_ratio", "oos_excess_sharpe_ratio"),
    *("net_sharpe_ratio", "oos_net_sharpe_ratio"),
    *("total_return", "oos_total_return"),
    *("max_drawdown", "trade_count"),
)
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
    return joined(heading, part("sessions", listed))


def session_content(
    document: Mapping[str, Any], command: Callable[[str], str], allow_control: bool
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
    """
    return joined(
        element("h1", document["session_id"]),
        _links_to_studies(document["studies"]),
        part("progress", _progress(document)),
        _notes_form(document) if allow_control else None,
        part("best", _best_table(document)),
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
    return joined(name, f" {best['metric'].replace('_', ' ')} {value}", _mark(best))


def _best_table(document: Mapping[str, Any]) -> Html:
    heading = element("h2", "Best results")
    best = document["best"]
    if not best:
        return joined(heading, element("p", "No strategy has a result yet."))
    wanted = (*document["directions"], *_FIGURES)
    every = {name: 1 for each in best for name in figure_names(each["figures"], wanted)}
    names = [name for name in dict.fromkeys(wanted) if name in every]
    rows = [
        (
            f"{each['rank']:,}",
            joined(link_to_strategy(document["session_id"], each["strategy_id"]), _mark(each)),
            f"x {each['n_strategies']:,}" if each["n_strategies"] > 1 else "",
            *(figure_of(name, each["figures"].get(name)) for name in names),
        )
        for each in best
    ]
    heads = ("rank", "strategy", "names", *(_head(name) for name in names))
    losing = any(each["loses_out_of_sample"] for each in best)
    return joined(
        heading,
        table(f"The best {len(best)} distinct results", heads, rows, left=3),
        element("p", f"{LOSES} loses money on the days the search did not see", class_="dim")
        if losing
        else None,
    )


def _mark(result: Mapping[str, Any]) -> Html | None:
    if not result["loses_out_of_sample"]:
        return None
    return joined(" ", element("span", f"{LOSES} loses out of sample", class_="loses"))


def _head(name: str) -> str:
    return name.removesuffix("_ratio").replace("_", " ")


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
