"""What the Optuna studies of a completed session say of it: attributes, note, figures.

optuna-dashboard computes importances from the trials of a study, a sample at best. The figures
here are of all results.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from objectives import Objective
from search_spaces.errors import MassTuningError
from studies.analysis import latest_verdict, metric_units, objectives_text, shown, top
from studies.database import WritePacer, database_errors
from studies.planning import study_contents
from studies.reports.figures import figure_of
from studies.reports.markdown import code_block, markdown_table, markdown_text
from studies.reports.plotly_json import plotly_figure
from studies.reports.session_data import SessionData
from studies.sessions import StoredSession
from studies.trials import SHOWN_FIGURES, describe_study, existing_studies

__all__ = ["StudyFigures", "describe_studies", "draw_study_figures"]

N_BEST = 10
"""Distinct results that a study names."""

_ROUGH = (
    'The figure "What decides the result" is of all strategies. The importances that '
    "optuna-dashboard computes itself (PED-ANOVA) ask what sets the best tenth of the trials "
    "apart; they are rough, and favour parameters with many values."
)
_OF_ALL, _OF_BEST = ("importance", "heat_map"), ("equity",)
_COMMANDS = ("top --session {id}", "verify {id}", "stats --session {id}", "dashboard")


@dataclass(frozen=True)
class StudyFigures:
    """Figures of a session for optuna-dashboard.

    Attributes
    ----------
    drawn : dict of str to str
        Plotly figures as JSON by name.
    missing : dict of str to str
        Why a figure could not be drawn, by name.
    """

    drawn: dict[str, str]
    missing: dict[str, str]


def describe_studies(
    session: StoredSession, command: Callable[[str], str], figures: StudyFigures | None = None
) -> list[str]:
    """Write what the studies of a session say of it; repeated, it replaces what it wrote.

    Parameters
    ----------
    session : StoredSession
        Completed: its best, its verdict and its figures are read from the database.
    command : callable
        Writes a command line for the same database.
    figures : StudyFigures, optional
        From :func:`draw_study_figures`; drawn here if left out.

    Returns
    -------
    list of str
        Names of the studies whose notes were left alone, because somebody has edited them.
    """
    studies = existing_studies(session.engine, session.row.session_id)
    if not studies:
        return []
    best = top(session, N_BEST)
    attributes = _attributes(session, best)
    figures = figures or draw_study_figures(session)
    drawn, missing = figures.drawn, figures.missing
    edited = []
    with database_errors(session.engine), WritePacer(session.engine) as pacer:
        for name, text in study_contents(session).items():
            if name not in studies:
                continue
            chosen = {key: drawn[key] for key in _wanted(session, name) if key in drawn}
            absent = [missing[key] for key in _wanted(session, name) if key in missing]
            sentences = [text, *([_ROUGH] if "importance" in chosen else []), *absent]
            note = _note(session, sentences, best, command)
            with pacer.transaction() as connection:
                if not describe_study(connection, studies[name], attributes, note, chosen):
                    edited.append(name)
    return edited


def draw_study_figures(session: StoredSession, objective: Objective | None = None) -> StudyFigures:
    """Draw the figures of a session's studies; none if ``study.figures`` says so.

    Parameters
    ----------
    session : StoredSession
    objective : Objective, optional
        From `studies.sessions.build_objective`, if it is there already.
    """
    if not session.config.study.figures:
        return StudyFigures({}, {})
    data, drawn, missing = SessionData(session, objective=objective), {}, {}
    for name in (*_OF_ALL, *_OF_BEST):
        try:
            figure = figure_of(data, name)
        except MassTuningError as error:
            missing[name] = f"There is no figure {name.replace('_', ' ')}: {error}."
            continue
        if figure.panels:
            drawn[name] = json.dumps(plotly_figure(figure), separators=(",", ":"))
        else:
            missing[name] = f"There is no figure {name.replace('_', ' ')}: {figure.note}"
    return StudyFigures(drawn, missing)


def _wanted(session: StoredSession, study_name: str) -> tuple[str, ...]:
    """Names of the figures of a study: what decides, or what won."""
    if session.studies.sample is None:
        return (*_OF_ALL, *_OF_BEST)
    return _OF_ALL if study_name == session.studies.sample else _OF_BEST


def _attributes(session: StoredSession, best: pd.DataFrame) -> dict[str, Any]:
    """User attributes of a study: few, and of one line each."""
    row = session.row
    written: dict[str, Any] = {
        "session": row.session_id,
        "strategies": f"{row.total:,} tried, {row.completed:,} measured, {row.failed:,} failed",
        "objectives": objectives_text(session.directions),
        "data": (row.data_fingerprint or "")[:12],
        "dates": _dates(session),
        "verdict": _verdict(session)[0],
    }
    if len(best):
        written["best"] = best["strategy_id"].iloc[0]
    return written


def _note(
    session: StoredSession, sentences: list[str], best: pd.DataFrame, command: Callable[[str], str]
) -> str:
    """Write the note of a study as Markdown."""
    row = session.row
    word, reasons = _verdict(session)
    facts: list[tuple[str, object]] = [
        ("strategies", f"{row.total:,} tried, {row.completed:,} measured, {row.failed:,} failed"),
        ("search", f"{row.method}, seed {row.seed}"),
        ("objectives", objectives_text(session.directions)),
        ("dates", _dates(session)),
        ("data fingerprint", (row.data_fingerprint or "–")[:12]),
    ]
    if row.notes:
        facts.append(("notes", row.notes))
    commands = [command(each.format(id=row.session_id)) for each in _COMMANDS]
    parts = [
        *map(markdown_text, sentences),
        markdown_table(("session", row.session_id), facts, n_left=2),
        f"**Verdict on the best: {markdown_text(word)}**",
        "\n".join(f"- {markdown_text(reason)}" for reason in reasons),
        f"**The best {len(best)} distinct results of all {row.completed:,}**",
        _best_table(session, best),
        "**More**",
        code_block(commands),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _best_table(session: StoredSession, best: pd.DataFrame) -> str:
    units = metric_units()
    names = [*session.directions, *[n for n in SHOWN_FIGURES if n not in session.directions]]
    names = [name for name in names if name in best and best[name].notna().any()]
    rows = [
        [rank, row["strategy_id"], *[shown(name, _figure(row[name]), units) for name in names]]
        for rank, row in best.iterrows()
    ]
    heads = ["rank", "strategy", *[name.replace("_", " ") for name in names]]
    return markdown_table(heads, rows, n_left=2) if rows else ""


def _figure(value: Any) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


def _dates(session: StoredSession) -> str:
    settings = session.config.backtest
    split = settings.get("split_date")
    unseen = f", unseen by the search from {split}" if split else ""
    return f"{settings.get('start_date')} to {settings.get('end_date')}{unseen}"


def _verdict(session: StoredSession) -> tuple[str, tuple[str, ...]]:
    stored = latest_verdict(session.engine, session.row.session_id)
    if stored is None:
        return "none yet", ()
    return stored.short, tuple(stored.verdict.reasons)
