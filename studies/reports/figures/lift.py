"""Which values the best strategies have more often than all."""

import math

import numpy as np

from search_spaces import Subsets
from studies.analysis import Lift, lifts
from studies.language import message
from studies.reports.drawing import Axis, Bars, Figure, Panel, Rule
from studies.reports.figures.words import empty_figure, value_name
from studies.reports.session_data import SessionData
from studies.reports.ticks import value_text

__all__ = ["lift"]

_MOST_BARS = 40


def lift(data: SessionData) -> Figure:
    """Draw how much more often the best 1 % have each value than all; of subsets each code."""
    title = message("Values of the best")
    subsets = {each.name for each in data.table.space.parameters if isinstance(each, Subsets)}
    found = [
        each
        for each in lifts(data.table)
        if math.isfinite(each.lift) and (each.group.contains or each.group.parameter not in subsets)
    ]
    if not found:
        return empty_figure("lift", title, message("No strategy was measured."))
    n_left_out = max(len(found) - _MOST_BARS, 0)
    if n_left_out:  # those that say least
        telling = sorted(found, key=_distance, reverse=True)[:_MOST_BARS]
        kept = {id(each) for each in telling}
        found = [each for each in found if id(each) in kept]
    values = np.array([each.lift for each in found])
    best = max(found, key=lambda each: each.lift)
    note = message(
        "How many times as often the best 1 % have a value as all measured strategies: 1 is what "
        "chance gives."
    )
    if n_left_out:
        note = message("{note} Left out: {n:,} values nearest to 1.", note=note, n=n_left_out)
    summary = message(
        "Most telling: {value}, {lift} times as often as by chance.",
        value=value_name(best.group, with_parameter=True),
        lift=value_text(best.lift, "ratio"),
    )
    panel = Panel(
        Axis(unit="ratio"),
        Axis(
            kind="category",
            categories=tuple(value_name(each.group, with_parameter=True) for each in found),
        ),
        (
            Bars(values, tuple("first" if value >= 1 else "muted" for value in values)),
            Rule(message("chance: 1"), x=1.0),
        ),
    )
    return Figure("lift", title, note, summary, (panel,))


def _distance(found: Lift) -> float:
    """How far a lift is from 1, twice and half as often alike."""
    return abs(math.log(found.lift)) if found.lift > 0 else math.inf
