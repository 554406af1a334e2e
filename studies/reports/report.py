"""The report of a session: one HTML page that needs nothing but a browser."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from studies.analysis import Filter, Target, database_files, refuse_overwriting, replaced_output
from studies.language import ENGLISH, message
from studies.reports.bilingual import both, switched
from studies.reports.figures import figure_of
from studies.reports.html_text import Html, element, joined
from studies.reports.json_in_page import json_in_page
from studies.reports.offline_page import offline_page, own_policy, raw_element, title_row
from studies.reports.report_choices import choices_card, heat_controls
from studies.reports.report_document import ReportDocument
from studies.reports.report_head import number_cards, title_lines, verdict_card
from studies.reports.report_tables import again_card, leaders_card, reasons_table
from studies.reports.session_data import SessionData
from studies.reports.svg import FIGURE_CSS, draw_svg
from studies.sessions import StoredSession
from studies.trials import attach_artifact

__all__ = ["WrittenReport", "report_page", "report_policy", "write_report"]

_PAGE = Path(__file__).parent / "page"
_ARTIFACT = "report.html"
OnProgress = Callable[[str], None]


@dataclass(frozen=True)
class WrittenReport:
    """What was written.

    Attributes
    ----------
    n_strategies : int
        Strategies the report is about, failed ones included.
    n_bytes : int
        Of the page.
    n_data_bytes : int
        Of them the strategies, as text.
    """

    n_strategies: int
    n_bytes: int
    n_data_bytes: int


def write_report(
    session: StoredSession,
    target: Target,
    chosen: Filter | None = None,
    *,
    command: Callable[[str], str],
    language: str = ENGLISH,
    keep: Mapping[Path, str] | None = None,
    attach: bool = False,
    on_progress: OnProgress | None = None,
) -> WrittenReport:
    """Write the report of a session to a file.

    Parameters
    ----------
    session : StoredSession
    target : str, Path or binary file
        As of `studies.analysis.export_results`: complete or not there.
    chosen : Filter, optional
        Which strategies it is about; by default all that were recorded.
    command : callable
        Writes a command line for the same database.
    language : {"en", "zh-Hant"}
        In which it opens; both are in it.
    keep : mapping of Path to str, optional
        Files that are not written over and what they are, besides databases.
    attach : bool
        Offer the page beside the session's Optuna studies too.
    on_progress : callable, optional
        Called with what is being done.

    Raises
    ------
    ConfigError
        If the folder does not exist, or the file is a database or one of `keep`.
        If it is to be attached and the database is no SQLite file.
    SpaceError
        If a parameter is continuous.
    StorageError
        If the database cannot be read.
    OSError
        If the file cannot be written.
    """
    if isinstance(target, (str, Path)):
        refuse_overwriting(target, {**database_files(session), **(keep or {})})
    document = ReportDocument(SessionData(session, chosen))
    encoded = _page(document, command, language, on_progress).encode()
    with replaced_output(target) as file:
        file.write(encoded)
    if attach:
        attach_artifact(
            session.engine, session.row.session_id, _ARTIFACT, encoded, "text/html; charset=utf-8"
        )
    return WrittenReport(len(document.data.table), len(encoded), len(document.packed.data))


def report_page(
    data: SessionData,
    command: Callable[[str], str],
    language: str = ENGLISH,
    on_progress: OnProgress | None = None,
) -> str:
    """Make the page.

    Parameters
    ----------
    data : SessionData
    command : callable
        Writes a command line for the same database.
    language : {"en", "zh-Hant"}
        In which it opens.
    on_progress : callable, optional
        Called with what is being done.

    Returns
    -------
    str
        It names its own policy (:func:`report_policy`) and asks for nothing else.
    """
    return _page(ReportDocument(data), command, language, on_progress)


def _page(
    document: ReportDocument,
    command: Callable[[str], str],
    language: str,
    on_progress: OnProgress | None,
) -> str:
    data = document.data
    say = on_progress or (lambda what: None)
    say("reading the results")
    _ = data.table
    say("drawing")
    main = _main(document, command)
    say("packing")
    session_id = data.session.row.session_id
    where = command(f"report {session_id} --where {{where}} -o report.html")
    scripts = joined(
        raw_element("script", json_in_page(document.document(where)), id="report-document",
                    type="application/json"),
        raw_element("script", document.packed.data, id="report-data",
                    type="application/octet-stream"),
        raw_element("script", _script()),
    )  # fmt: skip
    return offline_page(language, session_id, _style(), report_policy(), _top(data), main, scripts)


def report_policy() -> str:
    """Return the content security policy of the page: its own script and style, nothing else."""
    return own_policy(_script(), _style())


@cache
def _script() -> str:
    return (_PAGE / "report.js").read_text(encoding="utf-8")


@cache
def _style() -> str:
    return FIGURE_CSS.read_text(encoding="utf-8") + (_PAGE / "report.css").read_text("utf-8")


def _top(data: SessionData) -> Html:
    language = element(
        "button", "中文", type="button", id="language", **switched("text", message("中文"))
    )
    theme = element("button", "", type="button", id="theme")
    title = element("h1", data.session.row.session_id)
    return element("header", title_row(title, language, theme), title_lines(data))


def _main(document: ReportDocument, command: Callable[[str], str]) -> Html:
    data = document.data
    session_id = data.session.row.session_id
    without = message(
        "This page draws without JavaScript, but cannot select: that needs a browser with "
        "JavaScript."
    )
    broken = message("The selection does not work in this browser:")
    return element(
        "main",
        element("noscript", element("p", both(without), class_="warned")),
        element("p", both(broken), id="broken", class_="warned", hidden=True),
        element("p", "", id="said", role="status", class_="unseen"),
        _card(verdict_card(data, command(f"verify {session_id}")), "verdict"),
        element("section", number_cards(data), class_="card numbers-card"),
        _figure_card(data, "distribution", "half", place="histogram"),
        _figure_card(data, "importance", "half"),
        _card(choices_card(document), "five", id="selection", tabindex="-1"),
        _heat_card(document),
        _card(leaders_card(document), "whole"),
        _figure_card(data, "plateau", "five", place="scatter"),
        _figure_card(data, "equity", "seven"),
        _figure_card(data, "months", "third"),
        _figure_card(data, "in_against_out", "third"),
        _figure_card(data, "best_so_far", "third"),
        _figure_card(data, "failures", "half", after=reasons_table(data)),
        _card(again_card(document, command), "half"),
        id="content",
        tabindex="-1",
    )


def _card(content: Html, width: str, **attributes: str) -> Html:
    return element("section", content, class_=f"card {width}", **attributes)


def _figure_card(
    data: SessionData,
    name: str,
    width: str,
    place: str | None = None,
    after: Html | None = None,
) -> Html:
    """Write a section around a figure; where the script draws its own, in the place of this."""
    figure = figure_of(data, name)
    drawn = draw_svg(figure, width=_WIDTHS[width]) if figure.panels else None
    note = element("p", both(figure.note), class_="dim" if figure.panels else None)
    content = joined(
        element("h2", both(figure.title)),
        note,
        element("div", drawn, class_="drawn fills", id=place)
        if place is not None and figure.panels
        else element("div", drawn, class_="drawn"),
        after,
    )
    return _card(content, width)


_WIDTHS = {"third": 430, "five": 540, "half": 640, "seven": 760}
"""Of the picture, by the width of its section."""


def _heat_card(document: ReportDocument) -> Html:
    figure = figure_of(document.data, "heat_map", **document.heat_names)
    how = message(
        "Each cell: the strategies with both values among those that all other parameters choose. "
        "Blue is above 0, orange below, the colour of the ground is 0; empty cells have no "
        "measured strategy. A click on a cell selects it, another one lets go."
    )
    heading = element("h2", both(figure.title))
    if document.heat_axes is None:
        why = message("The session has no two parameters of few enough values.")
        return _card(joined(heading, element("p", both(why))), "seven")
    drawn = draw_svg(figure, width=_WIDTHS["seven"]) if figure.panels else None
    return _card(
        joined(
            heading,
            element("p", both(how), class_="dim"),
            heat_controls(document),
            element("div", drawn, class_="drawn fills", id="heat"),
        ),
        "seven",
    )
