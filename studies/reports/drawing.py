"""What a figure shows, without how it is drawn: panels of layers between two axes.

A builder of `studies.reports.figures` makes a `Figure`; `studies.reports.svg` draws it for pages,
`studies.reports.matplotlib_file` for files, `studies.reports.plotly_json` for optuna-dashboard.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from studies.language import Message

__all__ = [
    "Axis",
    "Bars",
    "Cells",
    "Columns",
    "Figure",
    "Layer",
    "Line",
    "Panel",
    "Points",
    "Role",
    "Rule",
    "Unit",
]

Array: TypeAlias = npt.NDArray[Any]
Role: TypeAlias = Literal["first", "second", "third", "fourth", "fifth", "muted", "bad", "basket"]
"""Which colour something has: up to five series, what stands behind, what is bad, the basket."""

Unit: TypeAlias = Literal["ratio", "fraction", "money", "count", "days"]
"""How numbers are written; a fraction in percent."""


@dataclass(frozen=True)
class Axis:
    """A direction of a panel.

    Attributes
    ----------
    label : Message or None
    kind : {"linear", "log", "date", "category"}
        Values of "date" are datetime64[D]; of "category" places 0 .. n_categories - 1.
    unit : Unit
    categories : tuple of Message or str
        Names of the places of a "category" axis, from the left or from above.
    """

    label: Message | None = None
    kind: Literal["linear", "log", "date", "category"] = "linear"
    unit: Unit = "ratio"
    categories: tuple[Message | str, ...] = ()


@dataclass(frozen=True)
class Line:
    """Values joined by a line; as steps where `is_step`."""

    x: Array
    y: Array
    name: Message | str
    role: Role = "first"
    is_step: bool = False


@dataclass(frozen=True)
class Columns:
    """Upright bars, each from ``edges[k]`` to ``edges[k + 1]``: a histogram."""

    edges: Array
    heights: Array
    name: Message | str
    role: Role = "first"


@dataclass(frozen=True)
class Bars:
    """A level bar from 0 for every category of the y axis, its value written beside it.

    Attributes
    ----------
    values : ndarray of float64, shape (n_categories,)
    roles : tuple of Role
        One a category.
    """

    values: Array
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class Points:
    """Dots; `names` are shown when one is pointed at."""

    x: Array
    y: Array
    name: Message | str
    role: Role = "first"
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cells:
    """Coloured cells of a table.

    Attributes
    ----------
    values : ndarray of float64, shape (n_y, n_x)
        NaN where there is nothing.
    unit : Unit
    scale : {"diverging", "count"}
        "diverging" has its neutral colour at 0; "count" grows with the logarithm of a count.
    is_written : bool
        Whether the value stands in the cell.
    edges_x, edges_y : ndarray of float64 or None
        Edges of the cells, where the axes are not categories.
    """

    values: Array
    unit: Unit = "ratio"
    scale: Literal["diverging", "count"] = "diverging"
    is_written: bool = True
    edges_x: Array | None = None
    edges_y: Array | None = None

    def edges(self) -> tuple[Array, Array]:
        """Return the edges across and down, half a place on either side of categories."""
        n_y, n_x = self.values.shape
        across, down = self.edges_x, self.edges_y
        return (
            np.arange(n_x + 1) - 0.5 if across is None else across,
            np.arange(n_y + 1) - 0.5 if down is None else down,
        )


@dataclass(frozen=True)
class Rule:
    """A dashed line: upright at x, level at y, or along y = x."""

    name: Message | str
    x: Any = None
    y: Any = None
    is_diagonal: bool = False


Layer: TypeAlias = Line | Columns | Bars | Points | Cells | Rule


@dataclass(frozen=True)
class Panel:
    """Layers between two axes; `height` is its share beside the other panels."""

    x: Axis
    y: Axis
    layers: tuple[Layer, ...]
    height: float = 1.0


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes
    ----------
    name : str
        As in ``mass-tuning plot NAME``.
    title : Message
    note : Message
        How to read it, in a sentence or two.
    panels : tuple of Panel
        From above; panels over the same days share their x axis. Without one there is nothing to
        draw, and `note` says why.
    summary : Message
        What it shows, in words and numbers: for screen readers, and where nothing can be drawn.
    """

    name: str
    title: Message
    note: Message
    summary: Message
    panels: tuple[Panel, ...] = field(default=())
