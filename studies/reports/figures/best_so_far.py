"""How the best result improved as strategies were recorded, and by chance alone."""

import numpy as np
import numpy.typing as npt

from studies.analysis import best_so_far
from studies.language import message
from studies.outcomes import sign_of
from studies.reports.drawing import Axis, Figure, Line, Panel
from studies.reports.figures.words import empty_figure, figure_name, unit_of
from studies.reports.session_data import SessionData
from studies.reports.ticks import value_text

__all__ = ["best_so_far_figure", "reached_by_chance"]

_N_POINTS = 60


def best_so_far_figure(data: SessionData) -> Figure:
    """Draw the best first objective so far, beside what half of all random orders would reach."""
    title = message("Best so far")
    found = best_so_far(data.table)
    if not found.improved.size:
        return empty_figure("best_so_far", title, message("No strategy was measured."))
    n, places = len(data.table), found.improved
    # what stays as it is needs no points
    x = np.concatenate([places + 1, [n]]).astype(np.float64)
    y = np.concatenate([found.best[places], [found.best[-1]]])
    unit = unit_of(data.table.objective)
    tried = np.unique(np.geomspace(1, n, _N_POINTS).round())
    by_chance = reached_by_chance(data.table.figure(), data.table.direction(), tried)
    note = message(
        "Best value after each strategy in the order of recording. Dashed: what half of all random "
        "orders of the same strategies have reached by then."
    )
    summary = message(
        "{n_improvements:,} improvements; the best, {value}, was strategy {place:,} of {n:,}.",
        n_improvements=len(places),
        value=value_text(float(y[-1]), unit),
        place=int(places[-1]) + 1,
        n=n,
    )
    panel = Panel(
        Axis(message("strategies"), kind="log", unit="count"),
        Axis(figure_name(data.table.objective), unit=unit),
        (
            Line(tried, by_chance, message("random order"), "basket"),
            Line(x, y, message("as recorded"), "first", is_step=True),
        ),
    )
    return Figure("best_so_far", title, note, summary, (panel,))


def reached_by_chance(
    values: npt.NDArray[np.float64], direction: str, tried: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the median of the best of some strategies drawn at random.

    Parameters
    ----------
    values : ndarray of float64, shape (n_strategies,)
        NaN where a strategy failed; it is drawn like the others.
    direction : {"maximize", "minimize"}
    tried : ndarray of float64, shape (n_points,)
        Numbers of draws.

    Returns
    -------
    ndarray of float64, shape (n_points,)
        NaN where most draws of as many failed altogether.

    Notes
    -----
    Of ``k`` draws with replacement the best is below ``v`` with the probability ``F(v) ** k``; its
    median is the quantile ``0.5 ** (1 / k)``. Without replacement it is reached a little earlier.
    """
    sign = sign_of(direction)
    ordered = np.sort(np.where(np.isnan(values), -np.inf, values * sign))
    places = np.ceil(0.5 ** (1.0 / tried) * len(ordered)).astype(np.int64) - 1
    best = ordered[np.clip(places, 0, len(ordered) - 1)]
    return np.where(np.isneginf(best), np.nan, best * sign)
