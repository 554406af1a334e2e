"""Whether the best results are shared by their neighbours, or stand alone."""

import numpy as np

from studies.language import message
from studies.outcomes import sign_of
from studies.reports.drawing import Axis, Figure, Panel, Points, Rule
from studies.reports.figures.words import empty_figure, figure_name, unit_of
from studies.reports.session_data import N_BEST, SessionData

__all__ = ["plateau"]


def plateau(data: SessionData) -> Figure:
    """Draw the best distinct results against the median of their neighbours."""
    title = message("Plateau or peak")
    rows = data.best(N_BEST).rows
    values, beside = data.table.figure()[rows], data.neighbour_median[rows]
    has_both = np.isfinite(values) & np.isfinite(beside)
    n_without = int((~has_both).sum())
    if not has_both.any():
        note = message("No result has neighbours that were measured.")
        return empty_figure("plateau", title, note)
    rows, values, beside = rows[has_both], values[has_both], beside[has_both]
    is_lonely = (values - beside) * sign_of(data.table.direction()) > data.spread
    names = np.array(data.strategy_ids(rows), dtype=object)
    objective = data.table.objective
    unit = unit_of(objective)
    layers = [
        Points(values[~is_lonely], beside[~is_lonely], message("its neighbours share it"), "first",
               tuple(names[~is_lonely])),
        Points(values[is_lonely], beside[is_lonely], message("lonely"), "bad",
               tuple(names[is_lonely])),
    ]  # fmt: skip
    note = message(
        "Each of the best {n:,} different results against the median of the strategies one step "
        "away in one parameter. Lonely: that median is worse by more than one standard deviation "
        "of the session.",
        n=len(rows),
    )
    if n_without:
        note = message(
            "{note} Left out: {n_without:,} without a finite value or measured neighbours.",
            note=note,
            n_without=n_without,
        )
    summary = message(
        "{n_lonely:,} of the best {n:,} different results are lonely.",
        n_lonely=int(is_lonely.sum()),
        n=len(rows),
    )
    diagonal = Rule(message("as good as its neighbours"), is_diagonal=True)
    panel = Panel(
        Axis(figure_name(objective), unit=unit),
        Axis(message("median of its neighbours"), unit=unit),
        (*(layer for layer in layers if len(layer.x)), diagonal),
    )
    return Figure("plateau", title, note, summary, (panel,))
