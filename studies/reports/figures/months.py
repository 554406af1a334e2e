"""What the best strategy earned month by month."""

import numpy as np
import pandas as pd

from studies.language import message
from studies.reports.drawing import Axis, Bars, Figure, Panel
from studies.reports.figures.words import empty_figure
from studies.reports.session_data import SessionData
from studies.reports.ticks import value_text

__all__ = ["months", "returns_by_period"]

_MOST_BARS = 36
_FREQUENCIES = ("M", "Q", "Y")


def months(data: SessionData) -> Figure:
    """Draw the return of the best distinct result for every month, or longer periods if many."""
    title = message("Months of the best")
    if data.curves_missing is not None:
        note = message("No curves: {reason}", reason=data.curves_missing)
        return empty_figure("months", title, note)
    curve = data.curves[0]
    found = returns_by_period(curve.equity)
    names, values = tuple(map(str, found.index)), found.to_numpy(dtype=np.float64)
    n_good = int((values > 0).sum())
    worst = int(np.nanargmin(values)) if np.isfinite(values).any() else 0
    note = message(
        "Return of {strategy} by period, fees included; the first and the last may be incomplete.",
        strategy=curve.strategy_id,
    )
    summary = message(
        "{n_good} of {n} periods are above 0; the worst is {worst} with {value}.",
        n_good=n_good,
        n=len(values),
        worst=names[worst],
        value=value_text(float(values[worst]), "fraction"),
    )
    panel = Panel(
        Axis(unit="fraction"),
        Axis(kind="category", categories=names),
        (Bars(values, tuple("bad" if value < 0 else "first" for value in values)),),
    )
    return Figure("months", title, note, summary, (panel,))


def returns_by_period(wealth: pd.Series) -> pd.Series:
    """Return the change of wealth in every month; in quarters or years where those are many.

    Parameters
    ----------
    wealth : pandas.Series of float64, by date
        Ascending, at least one day; the first one is what the first period begins with.

    Returns
    -------
    pandas.Series of float64, by period
    """
    for frequency in _FREQUENCIES:
        periods = pd.DatetimeIndex(wealth.index).to_period(frequency)
        if periods.nunique() <= _MOST_BARS:
            break
    last = wealth.groupby(periods).last()
    before = last.shift(1)
    before.iloc[0] = wealth.iloc[0]
    return last / before - 1.0
