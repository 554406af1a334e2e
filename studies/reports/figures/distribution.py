"""Where the strategies lie: a histogram of the first objective."""

import numpy as np
import numpy.typing as npt

from studies.analysis import BEST_SHARE, best_mask
from studies.language import Message, message
from studies.reports.drawing import Axis, Columns, Figure, Panel, Rule
from studies.reports.figures.words import empty_figure, figure_name, unit_of
from studies.reports.session_data import SessionData
from studies.reports.ticks import value_text

__all__ = ["distribution", "robust_range"]

_N_BINS = 80
_TAIL = 0.005  # of the strategies, on either side
_ROOM = 0.5  # of the range between the tails, beyond each


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
    edges = np.linspace(low, high, _N_BINS + 1)
    layers: list[Columns | Rule] = []
    if data.chosen is not None:
        layers.append(
            Columns(edges, _counts(everything, edges), message("all strategies"), "muted")
        )
    layers.append(Columns(edges, _counts(chosen, edges), message("strategies"), "first"))
    is_best = best_mask(data.table)
    best = data.table.figure()[is_best]
    is_more = data.table.direction() == "maximize"
    threshold = float(best.min() if is_more else best.max())
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


def robust_range(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return the range in which values are drawn: all of them, unless a few lie far out.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        At least one, without NaN; infinities are outside.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return -1.0, 1.0
    inner_low, inner_high = np.quantile(finite, [_TAIL, 1 - _TAIL]).tolist()
    room = _ROOM * (inner_high - inner_low)
    low = max(float(finite.min()), inner_low - room)
    high = min(float(finite.max()), inner_high + room)
    if low == high:
        half = max(0.05 * abs(low), 0.5)
        return low - half, high + half
    return low, high


def _counts(
    values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return counts.astype(np.int64)


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
