"""Columns of the results: parameters, figures, and which way each figure is better."""

from collections.abc import Mapping

from objectives.metrics import METRICS
from search_spaces import PARAMETER_NAMES
from search_spaces.checks import likely, shown
from search_spaces.errors import ConfigError
from studies.database import METRIC_COLUMNS, OOS_METRIC_COLUMNS

__all__ = [
    "LATER_FIGURES",
    "NATURAL_DIRECTIONS",
    "PARAMETER_COLUMNS",
    "direction_of",
    "figure_columns",
]

PARAMETER_COLUMNS = PARAMETER_NAMES
"""Columns of the six parameters of a factor strategy; null for other spaces."""

LATER_FIGURES = frozenset({"excess_sharpe_ratio", "excess_return"})
"""Figures whose columns came with schema 0003: results recorded before lack them."""

_NATURAL = {metric.name: metric.direction for metric in METRICS}
NATURAL_DIRECTIONS: Mapping[str, str] = {
    **_NATURAL,
    **{f"oos_{name}": direction for name, direction in _NATURAL.items()},
}
"""Which way each figure is better unless a session says otherwise."""


def figure_columns(*, split: bool) -> tuple[str, ...]:
    """Return the columns of figures; with a split date those out of sample follow."""
    return METRIC_COLUMNS + (OOS_METRIC_COLUMNS if split else ())


def direction_of(metric: str, directions: Mapping[str, str], direction: str | None = None) -> str:
    """Return which way a figure is sorted: as asked, as optimised, or as is natural.

    Raises
    ------
    ConfigError
        If the figure or the direction is unknown.
    """
    if metric not in NATURAL_DIRECTIONS:
        raise ConfigError(f"unknown metric {shown(metric)}; {likely(metric, NATURAL_DIRECTIONS)}")
    if direction is None:
        direction = directions.get(metric, NATURAL_DIRECTIONS[metric])
    if direction not in ("maximize", "minimize"):
        raise ConfigError(f"the direction is maximize or minimize, got {direction!r}")
    return direction
