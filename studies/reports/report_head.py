"""The top of the report: what session it is, the verdict, the numbers."""

import datetime
import math

import numpy as np

from studies.analysis import StoredVerdict, is_drawdown, shown
from studies.analysis import figure as figure_text
from studies.language import Message, message
from studies.reports.bilingual import both
from studies.reports.figures.words import figure_name, unit_of
from studies.reports.html_text import Html, element, joined
from studies.reports.session_data import SessionData
from studies.reports.state_words import STATE_WORDS
from studies.reports.verdict_lines import verdict_lines
from studies.sessions import SessionState

__all__ = ["number_cards", "title_lines", "value_of", "verdict_card"]


def value_of(name: str, value: float | None) -> str:
    """Write a figure as people see it: a drawdown is negative."""
    return shown(name, value, {name: unit_of(name)})


def title_lines(data: SessionData) -> Html:
    """Say which session it is, how far, and which strategies of it the report is about."""
    row, chosen = data.session.row, data.chosen
    parts: list[Message | str] = [
        message("{n:,} strategies", n=row.total),
        message("method {method}", method=row.method)
        if row.method == row.mode
        else message("method {method}, mode {mode}", method=row.method, mode=row.mode),
        message("seed {seed}", seed=row.seed),
        message("created {time}", time=_utc(row.created_at)),
    ]
    line = joined(*(joined(" · " if place else None, both(p)) for place, p in enumerate(parts)))
    status = row.status
    state = None if status == SessionState.COMPLETED else STATE_WORDS.get(str(status))
    done = row.completed + row.failed
    unfinished = (
        element(
            "p",
            both(
                message(
                    "{state}: {done:,} of {total:,} strategies are done, and the report is about "
                    "these; the rest may change what it says.",
                    state=state,
                    done=done,
                    total=row.total,
                )
            ),
            class_="warned",
        )
        if state is not None
        else None
    )
    about = (
        element(
            "p",
            both(
                message(
                    "Only the strategies of the filter: {n:,} of {all:,} that were recorded.",
                    n=len(data.table),
                    all=len(data.whole),
                )
            ),
            " ",
            element("code", chosen.text),
            class_="warned",
        )
        if chosen is not None
        else None
    )
    notes = element("p", row.notes, class_="notes", id="notes") if row.notes else None
    return joined(element("p", line, class_="dim"), notes, unfinished, about, _of_several(data))


def _of_several(data: SessionData) -> Html | None:
    names = list(data.session.directions)
    if len(names) < 2:
        return None
    text = message(
        "The session has {n} objectives; “best” on this page is by the first one, {figure}. The "
        "Pareto front is not shown.",
        n=len(names),
        figure=figure_name(names[0]),
    )
    return element("p", both(text), class_="warned")


def verdict_card(data: SessionData, verify_command: str) -> Html:
    """Say the verdict on luck with its reasons; plainly where there is none."""
    stored = data.verdict
    heading = element("h2", both(message("Is it luck?")))
    if stored is None:
        measured = bool((~data.whole.failed).any())
        text = (
            message(
                "No verdict has been given on this session: nothing on this page says that its "
                "best strategy is more than luck. Ask for one with:"
            )
            if measured
            else message("No strategy was measured, so there is nothing to judge.")
        )
        command = element("code", verify_command) if measured else None
        return joined(heading, element("p", both(text), " ", command, id="verdict"))
    return joined(
        heading,
        verdict_lines(stored, "verdict"),
        element("p", both(_against(stored)), class_="dim"),
    )


def _against(stored: StoredVerdict) -> Message:
    settings = stored.settings
    if settings.get("population") == "space":
        text = message(
            "Judged against all {n:,} strategies of the space. What holds of the best by luck "
            "holds of every strategy below it.",
            n=settings["n_population"],
        )
    else:
        text = message(
            "Judged against the {n:,} strategies that were tried.", n=settings["n_population"]
        )
    if not stored.n_before:
        return text
    return message(
        "{judged} Verdicts given on this market before: {n:,}.", judged=text, n=stored.n_before
    )


def number_cards(data: SessionData) -> Html:
    """Write the numbers of the whole report, and those of the selection."""
    table = data.table
    objective = table.objective
    known = table.figure()[~np.isnan(table.figure())]
    middle, best_value = None, None
    if known.size:
        with np.errstate(invalid="ignore"):  # both infinities in the middle have no median
            middle = float(np.median(known))
        best_value = float(known.max() if table.direction() == "maximize" else known.min())
    n_failed = int(table.failed.sum())
    best = message("best {figure}", figure=figure_name(objective))
    whole: list[tuple[Message, object, str]] = [
        (message("measured"), f"{len(table) - n_failed:,}", "n-measured"),
        (message("failed"), f"{n_failed:,}", "n-failed"),
        (best, value_of(objective, best_value), "best"),
        (message("different results"), f"{len(data.groups):,}", "n-different"),
        _days(data),
    ]  # fmt: skip
    above = "–"
    if known.size and not is_drawdown(objective):
        above = f"{100 * float((known > 0).mean()):,.1f} %"
    selected: list[tuple[Message, object, str]] = [
        (message("in the selection"), f"{len(table):,}", "n-selected"),
        (message("best in the selection"), value_of(objective, best_value), "selected-best"),
        (message("median in the selection"), value_of(objective, middle), "selected-median"),
        (message("above 0 in the selection"), above, "selected-above"),
    ]
    return joined(_numbers(whole), _numbers(selected, "selected"))


def _numbers(rows: list[tuple[Message, object, str]], kind: str | None = None) -> Html:
    pairs = [
        element("div", element("dt", both(name)), element("dd", value, id=place))
        for name, value, place in rows
    ]
    return element("dl", *pairs, class_=f"numbers {kind or ''}".strip())


def _days(data: SessionData) -> tuple[Message, object, str]:
    backtest = data.session.config.backtest
    try:
        first, last, split = (
            None if backtest.get(name) is None else datetime.date.fromisoformat(str(backtest[name]))
            for name in ("start_date", "end_date", "split_date")
        )
    except ValueError:  # "auto", of an objective that does not look at the dates
        first = last = split = None
    if first is None or last is None:
        return message("days of the backtest: not said"), "–", "days"
    n_days = (last - first).days + 1
    if split is not None and first < split <= last:
        name = message(
            "days, {first} to {last}; the search saw those before {split}",
            first=first,
            last=last,
            split=split,
        )
    else:
        name = message("days, {first} to {last}; the search saw all", first=first, last=last)
    return name, f"{n_days:,}", "days"


def _utc(moment: datetime.datetime | None) -> str:
    return "–" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def number_text(value: float | None, unit: str, *, is_negative: bool = False) -> str:
    """Write a number of a unit."""
    if value is not None and is_negative and value and not math.isnan(value):
        value = -value
    return figure_text(value, unit)
