"""All figures by name."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from search_spaces.errors import ConfigError
from studies.reports.drawing import Figure
from studies.reports.figures.best_so_far import best_so_far_figure
from studies.reports.figures.distribution import distribution
from studies.reports.figures.equity import equity
from studies.reports.figures.failures import failures
from studies.reports.figures.heat_map import heat_map
from studies.reports.figures.importance import importance
from studies.reports.figures.in_against_out import in_against_out_figure
from studies.reports.figures.lift import lift
from studies.reports.figures.months import months
from studies.reports.figures.plateau import plateau
from studies.reports.session_data import SessionData

__all__ = ["FIGURES", "figure_of"]

FIGURES: Mapping[str, Callable[..., Figure]] = {
    "distribution": distribution,
    "importance": importance,
    "heat_map": heat_map,
    "plateau": plateau,
    "equity": equity,
    "months": months,
    "in_against_out": in_against_out_figure,
    "best_so_far": best_so_far_figure,
    "failures": failures,
    "lift": lift,
}
"""Builders by name: functions of `SessionData`, and options by keyword, that return a `Figure`."""


def figure_of(data: SessionData, name: str, **options: Any) -> Figure:
    """Make a figure of a session.

    Parameters
    ----------
    data : SessionData
    name : str
        A key of :data:`FIGURES`.
    **options
        Of `heat_map`: `x`, `y`, `statistic`; the others have none.

    Raises
    ------
    ConfigError
        If there is no such figure, or it has no such option or value of it.
    """
    builder = FIGURES.get(name)
    if builder is None:
        raise ConfigError(f"there is no figure {name!r}; there are {', '.join(FIGURES)}")
    known = list(inspect.signature(builder).parameters)[1:]
    for option in options:
        if option not in known:
            has = f"has {', '.join(known)}" if known else "has no options"
            raise ConfigError(f"the figure {name} has no option {option!r}; it {has}")
    return builder(data, **options)
