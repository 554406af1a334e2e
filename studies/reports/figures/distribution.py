"""Where the strategies lie: a histogram of the first objective."""

import numpy as np
import numpy.typing as npt

from studies.analysis import BEST_SHARE, histogram_of, robust_range
from studies.language import Message, message
from studies.reports.drawing import Axis, Columns, Figure, Panel, Rule
from studies.reports.figures.words import empty_figure, figure_name, unit_of
from studies.reports.session_data import SessionData
from studies.reports.ticks import value_text

__all__ = ["distribution"]

_N_BINS = 80


def distribution(data: SessionData) -> Figure:
    """Draw how the first objective is distributed; a filter's strategies before all others."""
    title = message("Where the strategies lie")
    name = data.whole.objective
    everything = data.whole.figure()
    everything = everything[~np.isnan(everything)]
    chosen = data.table.figure()
    chosen = chosen[~np.isnan(chosen)]
    if not chosen.size:
        return empty_figure("distribution", title, message("No strategy was measured."))
    low, high = robust_range(everything)
    of_all, of_chosen = (histogram_of(v, _N_BINS, (low, high)) for v in (everything, chosen))
    layers: list[Columns | Rule] = []
    if data.chosen is not None:
        layers.append(Columns(of_all.edges, of_all.counts, message("all strategies"), "muted"))
    layers.append(Columns(of_chosen.edges, of_chosen.counts, message("strategies"), "first"))
    threshold = data.best_threshold
    assert threshold is not None
    unit = unit_of(name)
    layers.append(
        Rule(message("best 1 %: {value}", value=value_text(threshold, unit)), x=threshold)
    )
    note = _note(everything, low, high, unit)
    summary = message(
        "{n:,} strategies, {figure} from {low} to {high}, median {median}; the best {share} % "
        "reach {threshold}.",
        n=chosen.size,
        figure=figure_name(name),
        low=value_text(float(chosen.min()), unit),
        high=value_text(float(chosen.max()), unit),
        median=value_text(float(np.median(chosen)), unit),
        share=f"{100 * BEST_SHARE:g}",
        threshold=value_text(threshold, unit),
    )
    panel = Panel(
        Axis(figure_name(name), unit=unit),
        Axis(message("strategies"), unit="count"),
        tuple(layers),
    )
    return Figure("distribution", title, note, summary, (panel,))


def _note(values: npt.NDArray[np.float64], low: float, high: float, unit: str) -> Message:
    n_low, n_high = int((values < low).sum()), int((values > high).sum())
    if not n_low and not n_high:
        return message("Number of strategies by the value of the objective.")
    return message(
        "Number of strategies by the value of the objective. The outermost columns also hold "
        "{n_low:,} strategies below {low} and {n_high:,} above {high}.",
        n_low=n_low,
        low=value_text(low, unit),
        n_high=n_high,
        high=value_text(high, unit),
    )
