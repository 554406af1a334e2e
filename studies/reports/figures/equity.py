"""Wealth and drawdown, day by day."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from studies.language import Message, message
from studies.reports.drawing import Axis, Figure, Line, Panel, Role, Rule
from studies.reports.figures.words import empty_figure
from studies.reports.session_data import SessionData, StrategyCurve
from studies.reports.ticks import value_text

__all__ = ["equity", "wealth_figure"]

_ROLES: tuple[Role, ...] = ("first", "second", "third", "fourth", "fifth")


def equity(data: SessionData) -> Figure:
    """Draw the wealth of the best distinct results and of the basket, and below it drawdowns."""
    title = message("Wealth of the best")
    if data.curves_missing is not None:
        note = message("No curves: {reason}", reason=data.curves_missing)
        return empty_figure("equity", title, note)
    return wealth_figure(
        data.curves, data.session.config.backtest.get("split_date"), "equity", title
    )


def wealth_figure(
    curves: Sequence[StrategyCurve],
    split: object = None,
    name: str = "wealth",
    title: Message | None = None,
) -> Figure:
    """Draw strategies over the same days, each in its colour, and the basket of the first.

    Parameters
    ----------
    curves : sequence of StrategyCurve
        One to five.
    split : date or str, optional
        The first day that the search did not see.
    name : str
    title : Message, optional
    """
    days = curves[0].equity.index.to_numpy().astype("datetime64[D]")
    basket = message("basket: every pair alike, without fees")
    wealth: list[Line | Rule] = [Line(days, curves[0].basket.to_numpy(), basket, "basket")]
    falls: list[Line | Rule] = [Line(days, _drawdown(curves[0].basket), basket, "basket")]
    for curve, role in zip(curves, _ROLES, strict=False):
        own = curve.equity.index.to_numpy().astype("datetime64[D]")
        wealth.append(Line(own, curve.equity.to_numpy(), curve.strategy_id, role))
        falls.append(Line(own, _drawdown(curve.equity), curve.strategy_id, role))
    split_day = None if split in (None, "auto") else np.datetime64(str(split), "D")
    if split_day is not None and days[0] < split_day <= days[-1]:
        unseen = message("unseen from {date}", date=str(split_day))
        wealth.append(Rule(unseen, x=split_day))
        falls.append(Rule("", x=split_day))
    below = float(np.nanmin(_drawdown(curves[0].equity)))
    summary = message(
        "{strategy} goes from {first} to {last}, the basket to {basket}, from {start} to {end}; "
        "it is at most {below} below its peak.",
        strategy=curves[0].strategy_id,
        first=value_text(float(curves[0].equity.iloc[0]), "money"),
        last=value_text(float(curves[0].equity.iloc[-1]), "money"),
        basket=value_text(float(curves[0].basket.iloc[-1]), "money"),
        start=str(days[0]),
        end=str(days[-1]),
        below=value_text(-below + 0.0, "fraction"),
    )
    note = message(
        "Wealth at the close of each day, fees included, and how far below its peak so far it is."
    )
    date = Axis(kind="date")
    panels = (
        Panel(date, Axis(message("wealth"), unit="money"), tuple(wealth)),
        Panel(date, Axis(message("drawdown"), unit="fraction"), tuple(falls), height=0.45),
    )
    return Figure(name, title or message("Wealth"), note, summary, panels)


def _drawdown(wealth: pd.Series) -> npt.NDArray[np.float64]:
    """Return how far below its highest value so far each value is, 0 or negative."""
    values = wealth.to_numpy(dtype=np.float64)
    peak = np.fmax.accumulate(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(peak > 0, values / peak - 1.0, 0.0)
