"""Whether what was good in sample is good out of sample."""

import math

import numpy as np

from studies.analysis import rank_correlation, robust_range
from studies.language import message
from studies.reports.drawing import Axis, Cells, Figure, Panel
from studies.reports.figures.words import empty_figure, figure_name, unit_of
from studies.reports.session_data import SessionData

__all__ = ["in_against_out_figure"]

_N_BINS = 40


def in_against_out_figure(data: SessionData) -> Figure:
    """Draw how many strategies have which first objective in sample and out of sample."""
    title = message("In sample and out of sample")
    name = data.table.objective
    outside_name = f"oos_{name}"
    if outside_name not in data.table.figures:
        note = message("The session has no out-of-sample days: all were seen by the search.")
        return empty_figure("in_against_out", title, note)
    inside, outside = data.table.figure(), data.table.figure(outside_name)
    has_both = np.isfinite(inside) & np.isfinite(outside)
    if not has_both.any():
        return empty_figure("in_against_out", title, message("No strategy was measured."))
    inside, outside = inside[has_both], outside[has_both]
    correlation = rank_correlation(inside, outside)
    edges_in, edges_out = (
        np.linspace(*robust_range(values), _N_BINS + 1) for values in (inside, outside)
    )
    counts, _, _ = np.histogram2d(
        np.clip(inside, edges_in[0], edges_in[-1]),
        np.clip(outside, edges_out[0], edges_out[-1]),
        bins=[edges_in, edges_out],
    )
    if math.isnan(correlation):
        says = message("One side does not vary, so that there is no rank correlation.")
    else:
        says = message("Rank correlation: {value:.2f}.", value=correlation)
    note = message(
        "Number of strategies by the value in sample and out of sample; the outermost cells also "
        "hold what lies farther out. {says}",
        says=says,
    )
    summary = message("{n:,} strategies. {says}", n=len(inside), says=says)
    unit = unit_of(name)
    cells = np.where(counts.T > 0, counts.T, np.nan)
    panel = Panel(
        Axis(figure_name(name), unit=unit),
        Axis(figure_name(outside_name), unit=unit),
        (Cells(cells, "count", "count", False, edges_in, edges_out),),
        height=1.3,
    )
    return Figure("in_against_out", title, note, summary, (panel,))
