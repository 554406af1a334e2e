"""Sessions side by side: how their strategies are distributed, and how soon each got how far."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from studies.analysis import (
    ComparedSession,
    Comparison,
    largest_exhaustive,
    session_letters,
)
from studies.language import Message, message
from studies.outcomes import sign_of
from studies.reports.drawing import Axis, Figure, Layer, Line, Panel, Role, Rule
from studies.reports.figures.distribution import robust_range
from studies.reports.figures.words import empty_figure, figure_name, unit_of
from studies.reports.ticks import value_text

__all__ = ["comparison_figure", "convergence_comparison", "distribution_comparison"]

_ROLES: tuple[Role, ...] = ("first", "second", "third", "fourth", "fifth")
_N_BINS = 48
_SOONEST = 0.1  # seconds: where what came earlier stands
_NOTHING = message("No session has a result yet.")
_DISTRIBUTION = message(
    "Share of each session's own strategies by the value of its objective, over the same columns; "
    "what lies beyond them is in the outermost ones."
)
_CONVERGENCE = (
    message(
        "Best value so far, by strategies tried and by seconds, on axes of powers of ten; what "
        "came within a tenth of a second stands there."
    ),
    message("A line begins where it passes the lowest of the sessions' medians."),
)


@dataclass(frozen=True)
class _Drawn:
    """A session in a figure."""

    each: ComparedSession
    name: Message
    letter: str
    role: Role


def comparison_figure(comparison: Comparison) -> Figure:
    """Draw distributions and convergence of sessions as one figure, for files."""
    title = message("Sessions side by side")
    drawn = _drawn(comparison, with_id=True)
    if not drawn:
        return empty_figure("comparison", title, _NOTHING)
    if not _all_compare(comparison, drawn):  # a file has no note beside it
        title = message("Sessions side by side that do not compare")
    panels = (_distribution_panel(comparison, drawn), *_convergence_panels(comparison, drawn))
    note = _sentences(_DISTRIBUTION, *_CONVERGENCE, *_limits(comparison, drawn))
    return Figure("comparison", title, note, _summary(drawn), panels)


def distribution_comparison(comparison: Comparison) -> Figure:
    """Draw how the strategies of sessions are distributed, as shares over common edges."""
    title = message("Where the strategies of each session lie")
    drawn = _drawn(comparison)
    if not drawn:
        return empty_figure("distribution_comparison", title, _NOTHING)
    note = _sentences(_DISTRIBUTION, *_limits(comparison, drawn))
    panel = _distribution_panel(comparison, drawn)
    return Figure("distribution_comparison", title, note, _summary(drawn), (panel,))


def convergence_comparison(comparison: Comparison) -> Figure:
    """Draw the best value so far of sessions, by strategies tried and by seconds."""
    title = message("Best so far of each session")
    drawn = _drawn(comparison)
    if not drawn:
        return empty_figure("convergence_comparison", title, _NOTHING)
    note = _sentences(*_CONVERGENCE, *_limits(comparison, drawn))
    panels = _convergence_panels(comparison, drawn)
    return Figure("convergence_comparison", title, note, _summary(drawn), panels)


def _drawn(comparison: Comparison, *, with_id: bool = False) -> list[_Drawn]:
    """Choose the first five sessions with results that have the objective of the first of them.

    Parameters
    ----------
    comparison : Comparison
    with_id : bool
        Whether their names hold their ids, for figures without a table beside them.
    """
    letters = session_letters(comparison)
    found = [each for each in comparison.sessions if each.distribution.n]
    alike = [each for each in found if _objective(each) == _objective(found[0])]
    return [
        _Drawn(
            each,
            _name(each, letters[each.session_id], with_id=with_id),
            letters[each.session_id],
            role,
        )
        for each, role in zip(alike, _ROLES, strict=False)
    ]


def _name(each: ComparedSession, letter: str, *, with_id: bool) -> Message:
    name = message(
        "{letter}: {method}, {n:,} strategies",
        letter=letter,
        method=each.method,
        n=len(each.history.values),
    )
    if not with_id:
        return name
    return message("{name} ({session})", name=name, session=each.session_id)


def _all_compare(comparison: Comparison, drawn: Sequence[_Drawn]) -> bool:
    return all(comparison.compares(drawn[0].each, one.each) for one in drawn)


def _objective(each: ComparedSession) -> tuple[str, str]:
    return each.metric, each.direction


def _distribution_panel(comparison: Comparison, drawn: Sequence[_Drawn]) -> Panel:
    metric = drawn[0].each.metric
    ranges = [robust_range(_measured(one.each)) for one in drawn]
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    edges = np.linspace(low, high, _N_BINS + 1)
    layers: list[Layer] = []
    for one in drawn:
        values = _measured(one.each)
        counts, _ = np.histogram(np.clip(values, low, high), edges)
        layers.append(
            Line(
                np.concatenate([edges[:1], edges]),
                np.concatenate([[0.0], counts / len(values), [0.0]]),
                one.name,
                one.role,
                is_step=True,
            )
        )
    rule = _best_of_all(comparison, drawn)
    if rule is not None:
        layers.append(Rule(rule[0], x=rule[1]))
    return Panel(
        Axis(figure_name(metric), unit=unit_of(metric)),
        Axis(message("share of the session's strategies"), unit="fraction"),
        tuple(layers),
    )


def _convergence_panels(comparison: Comparison, drawn: Sequence[_Drawn]) -> tuple[Panel, ...]:
    metric = drawn[0].each.metric
    sign = sign_of(drawn[0].each.direction)
    medians = [sign * one.each.distribution.median for one in drawn]
    floor = float(np.nanmin(medians)) if not np.all(np.isnan(medians)) else -np.inf
    by_evaluations: list[Layer] = []
    by_seconds: list[Layer] = []
    for one in drawn:
        history = one.each.history
        found = history.improvements
        kept = np.isfinite(found.best) & (sign * found.best >= floor)
        if not kept.any():
            continue
        best = found.best[kept]
        best = np.append(best, best[-1])
        tried = np.append(found.evaluations[kept], len(history.values)).astype(np.float64)
        by_evaluations.append(Line(tried, best, one.name, one.role, is_step=True))
        seconds = np.append(
            found.seconds[kept], np.nan if history.duration is None else history.duration
        )
        seconds = np.maximum(seconds, _SOONEST)
        timed = ~np.isnan(seconds)
        if timed.any():
            by_seconds.append(Line(seconds[timed], best[timed], one.name, one.role, is_step=True))
    rule = _best_of_all(comparison, drawn)
    y = Axis(figure_name(metric), unit=unit_of(metric))
    panels = []
    for label, layers in (
        (message("strategies tried"), by_evaluations),
        (message("seconds since the start, pauses included"), by_seconds),
    ):
        if layers:
            if rule is not None:
                layers.append(Rule(rule[0], y=rule[1]))
            is_count = layers is by_evaluations
            x = Axis(label, kind="log", unit="count" if is_count else "ratio")
            panels.append(Panel(x, y, tuple(layers)))
    return tuple(panels)


def _measured(each: ComparedSession) -> npt.NDArray[np.float64]:
    return each.history.values[~np.isnan(each.history.values)]


def _best_of_all(comparison: Comparison, drawn: Sequence[_Drawn]) -> tuple[Message, float] | None:
    """Return the best of the largest exhaustive session, if what is drawn compares with it."""
    complete = largest_exhaustive(comparison)
    if complete is None or not all(comparison.compares(complete, one.each) for one in drawn):
        return None
    value = complete.distribution.best
    if not np.isfinite(value):
        return None
    name = message(
        "best of {letter}, which tried everything: {value}",
        letter=session_letters(comparison)[complete.session_id],
        value=value_text(value, unit_of(complete.metric)),
    )
    return name, value


def _limits(comparison: Comparison, drawn: Sequence[_Drawn]) -> list[Message]:
    """Say which sessions are not drawn, and whether those that are compare."""
    said = []
    letters = session_letters(comparison)
    names = {one.letter for one in drawn}
    others = [
        letters[each.session_id]
        for each in comparison.sessions
        if each.distribution.n and _objective(each) != _objective(drawn[0].each)
    ]
    beyond = [
        letters[each.session_id]
        for each in comparison.sessions
        if each.distribution.n and letters[each.session_id] not in (*names, *others)
    ]
    if not _all_compare(comparison, drawn):
        said.append(
            message(
                "These sessions were measured under different conditions: their values do not "
                "compare."
            )
        )
    if beyond:
        said.append(
            message("Drawn are the first five sessions; not {letters}.", letters=", ".join(beyond))
        )
    if others:
        said.append(
            message("Not drawn, of another objective: {letters}.", letters=", ".join(others))
        )
    return said


def _sentences(*parts: Message) -> Message:
    """Put sentences one after another."""
    text, *rest = parts
    for part in rest:
        text = message("{sentences} {sentence}", sentences=text, sentence=part)
    return text


def _summary(drawn: Sequence[_Drawn]) -> Message:
    unit = unit_of(drawn[0].each.metric)
    said = [
        message(
            "{name}: best {best}, median {median}.",
            name=one.name,
            best=value_text(one.each.distribution.best, unit),
            median=value_text(one.each.distribution.median, unit),
        )
        for one in drawn
    ]
    return _sentences(
        message("Compared by {figure}.", figure=figure_name(drawn[0].each.metric)), *said
    )
