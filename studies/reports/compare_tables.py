"""The tables of a page that compares sessions."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from studies.analysis import ComparedSession, Comparison, duration, session_letters, shown
from studies.analysis import figure as figure_text
from studies.language import Message, message
from studies.reports.bilingual import both, switched
from studies.reports.figures.words import figure_name, unit_of
from studies.reports.html_text import Html, element, joined
from studies.reports.state_words import STATE_WORDS
from studies.reports.verdict_texts import word_text

__all__ = [
    "best_table",
    "distribution_table",
    "overlap_table",
    "sessions_table",
    "settings_table",
    "so_far_table",
    "titled_table",
]

_BESIDE = ("total_return", "max_drawdown", "trade_count")
_LONGEST = 400
Cell = Message | Html | str


def sessions_table(comparison: Comparison) -> Html:
    """Say which sessions are compared, by their letters."""
    letters = session_letters(comparison)
    rows: list[Sequence[Cell]] = [
        (
            letters[each.session_id],
            element("code", each.session_id),
            STATE_WORDS.get(each.status, each.status),
            each.method,
            str(each.seed),
            f"{each.completed + each.failed:,}",
            f"{each.total:,}",
            f"{each.failed:,}",
            f"{len(each.history.values):,}",
            "–" if each.history.duration is None else duration(each.history.duration),
            element("bdi", each.notes),
        )
        for each in comparison.sessions
    ]
    heads = (
        message("session"),
        message("id"),
        message("status"),
        message("method"),
        message("seed"),
        message("done"),
        message("planned"),
        message("failed"),
        message("different strategies"),
        message("time"),
        message("notes"),
    )
    return titled_table(message("The sessions"), heads, rows, texts=(0, 1, 2, 3, 10))


def settings_table(comparison: Comparison, names: Sequence[str], caption: Message) -> Html:
    """Write settings that differ, a column for each session."""
    letters = list(session_letters(comparison).values())
    rows: list[Sequence[Cell]] = [
        (element("code", name), *map(_setting, comparison.settings[name])) for name in names
    ]
    heads: list[Message | str] = [message("setting"), *letters]
    return titled_table(caption, heads, rows, texts=range(len(heads)))


def best_table(comparison: Comparison) -> Html:
    """Write the best distinct result of every session with its verdict."""
    letters = session_letters(comparison)
    metrics = dict.fromkeys(each.metric for each in comparison.sessions)
    columns = list(dict.fromkeys([*metrics, *(f"oos_{name}" for name in metrics), *_BESIDE]))
    columns = [
        name for name in columns if any(_of_best(each, name) for each in comparison.sessions)
    ]
    rows: list[Sequence[Cell]] = []
    for each in comparison.sessions:
        best = each.best[0] if each.best else None
        rows.append(
            (
                letters[each.session_id],
                "–" if best is None else element("code", element("bdi", best.strategy_id)),
                "–" if best is None else f"{best.n_strategies:,}",
                *(shown(name, _of_best(each, name), {name: unit_of(name)}) for name in columns),
                _verdict(each),
            )
        )
    heads = (
        message("session"),
        message("strategy"),
        message("names of the same result"),
        *map(figure_name, columns),
        message("verdict"),
    )
    caption = message("The best distinct result of each session")
    return titled_table(caption, heads, rows, texts=(0, 1, len(heads) - 1))


def distribution_table(comparison: Comparison) -> Html:
    """Write how the objective of every session is distributed."""
    letters = session_letters(comparison)
    rows: list[Sequence[Cell]] = []
    for each in comparison.sessions:
        spread = each.distribution
        unit: dict[str, str] = {each.metric: unit_of(each.metric)}
        values = (
            *(spread.lower_quartile, spread.median, spread.upper_quartile, spread.mean),
            spread.best,
        )
        rows.append(
            (
                letters[each.session_id],
                figure_name(each.metric),
                f"{spread.n:,}",
                figure_text(spread.share_above_zero, "fraction"),
                *(shown(each.metric, value, unit) for value in values),
            )
        )
    heads = (
        message("session"),
        message("objective"),
        message("strategies with a value"),
        message("above 0"),
        message("first quartile"),
        message("median"),
        message("third quartile"),
        message("mean"),
        message("best"),
    )
    caption = message("How the objective of each session is distributed")
    return titled_table(caption, heads, rows, texts=(0, 1))


def overlap_table(comparison: Comparison) -> Html:
    """Count what every two sessions share of their best distinct results."""
    letters = session_letters(comparison)
    rows: list[Sequence[Cell]] = [
        (
            " – ".join(letters[session_id] for session_id in overlap.session_ids),
            f"{overlap.n[0]:,}",
            f"{overlap.n[1]:,}",
            "–" if overlap.same_strategies is None else f"{overlap.same_strategies:,}",
            f"{overlap.same_figures:,}",
        )
        for overlap in comparison.overlaps
    ]
    heads = (
        message("sessions"),
        message("best of the one"),
        message("best of the other"),
        message("same strategy"),
        message("same figures"),
    )
    return titled_table(message("What the best distinct results share"), heads, rows)


def so_far_table(comparison: Comparison) -> Html | None:
    """Write the best value so far by strategies tried and by time; None if nothing was tried."""
    sessions = comparison.sessions
    rows: list[Sequence[Cell]] = []
    for count in sorted({count for each in sessions for count in each.by_evaluations}):
        name = message("{n:,} strategies", n=count)
        rows.append((both(name), *_values(sessions, lambda each: each.by_evaluations, count)))
    for limit in sorted({limit for each in sessions for limit in each.by_seconds}):
        rows.append((duration(limit), *_values(sessions, lambda each: each.by_seconds, limit)))
    if not rows:
        return None
    heads: list[Message | str] = [message("after"), *session_letters(comparison).values()]
    return titled_table(message("The best value so far"), heads, rows)


def titled_table(
    caption: Message,
    heads: Sequence[Message | str],
    rows: Sequence[Sequence[Cell]],
    texts: Sequence[int] = (0,),
) -> Html:
    """Make a table in both languages.

    Parameters
    ----------
    caption : Message
    heads : sequence of Message or str
    rows : sequence of sequence of (Message, Html or str)
        The first cell of each names the row.
    texts : sequence of int
        Columns that hold texts; the others are numbers, aligned to the right.
    """
    kinds = [None if place in texts else "number" for place in range(len(heads))]
    top = [
        element("th", both(head), scope="col", class_=kind)
        for head, kind in zip(heads, kinds, strict=True)
    ]
    body = [
        element(
            "tr",
            *(
                element("td", both(cell), class_=kind)
                if place
                else element("th", both(cell), scope="row", class_=kind)
                for place, (cell, kind) in enumerate(zip(row, kinds, strict=True))
            ),
        )
        for row in rows
    ]
    made = element(
        "table",
        element("caption", both(caption)),
        element("thead", element("tr", *top)),
        element("tbody", *body),
    )
    # a table that is wider than the page moves sideways, by the keyboard too
    return element(
        "div",
        made,
        class_="wide",
        tabindex="0",
        role="region",
        aria_label=str(caption),
        **switched("label", caption),
    )


def _of_best(each: ComparedSession, name: str) -> Any:
    return each.best[0].figures.get(name) if each.best else None


def _verdict(each: ComparedSession) -> Cell:
    if each.verdict is None:
        return message("not given yet")
    word = word_text(each.verdict.verdict.word)
    if each.best and each.verdict.strategy_id == each.best[0].strategy_id:
        return word
    return joined(both(word), " (", element("bdi", each.verdict.strategy_id), ")")


def _values(
    sessions: Sequence[ComparedSession],
    of: Callable[[ComparedSession], Any],
    place: int,
) -> list[str]:
    return [
        shown(each.metric, of(each).get(place), {each.metric: unit_of(each.metric)})
        for each in sessions
    ]


def _setting(value: Any) -> Html:
    if value is None:
        return element("span", "–")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return element("bdi", text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")
