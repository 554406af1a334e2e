"""A figure as an image file, drawn by Matplotlib in English."""

import math
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from studies.reports.colours import COUNTS, DIVERGING, ROLES
from studies.reports.drawing import (
    Axis,
    Bars,
    Cells,
    Columns,
    Figure,
    Layer,
    Line,
    Panel,
    Points,
    Rule,
)
from studies.reports.svg_layers import largest_of
from studies.reports.svg_scale import Scale, numbers_of, range_of
from studies.reports.ticks import value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

__all__ = ["IMAGE_FORMATS", "write_image"]

IMAGE_FORMATS = ("png", "svg")

_WIDTH = 7.6  # inches
_HEIGHT = 2.8
_ROW = 0.26
_SETTINGS: Any = {
    "text.parse_math": False,  # a dollar in a name is a dollar
    "svg.hashsalt": "mass-tuning",  # the same figure is the same file
    "svg.fonttype": "none",
    "font.size": 9.0,
    "font.sans-serif": ["DejaVu Sans"],
}
_LONGEST = 60  # letters of a name beside an axis


def write_image(figure: Figure, file: IO[bytes], image_format: str) -> None:
    """Draw a figure into a file.

    Parameters
    ----------
    figure : Figure
    file : binary file
    image_format : {"png", "svg"}
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as NewPicture

    heights = [_height_of(panel) for panel in figure.panels] or [1.0]
    with mpl.rc_context(_SETTINGS):
        size = (_WIDTH, sum(heights) + 0.9)
        picture = NewPicture(figsize=size, layout="constrained")
        FigureCanvasAgg(picture)
        picture.suptitle(str(figure.title), x=0.01, ha="left", fontweight="bold")
        drawn = picture.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
        if not figure.panels:
            drawn[0].axis("off")
            drawn[0].text(0.5, 0.5, str(figure.note), ha="center", va="center", wrap=True)
        shared = all(panel.x.kind == "date" for panel in figure.panels)
        for axes, panel in zip(drawn, figure.panels, strict=False):
            for layer in panel.layers:
                _draw(axes, panel, layer)
            _dress(axes, panel, figure.panels if shared else (panel,))
            if shared and panel is not figure.panels[-1]:
                axes.tick_params(labelbottom=False)
        _add_legend(picture)
        metadata = {"Date": None} if image_format == "svg" else {"Software": None}
        picture.savefig(file, format=image_format, dpi=150, metadata=metadata)


def _height_of(panel: Panel) -> float:
    if panel.y.kind == "category":
        return _ROW * max(len(panel.y.categories), 2) + 0.4
    return _HEIGHT * panel.height


def _draw(axes: "Axes", panel: Panel, layer: Layer) -> None:
    style: dict[str, Any]
    if isinstance(layer, Line):
        style = {"color": ROLES[layer.role], "linewidth": 1.4}
        style["linestyle"] = "--" if layer.role == "basket" else "-"
        style["drawstyle"] = "steps-post" if layer.is_step else "default"
        x, y = numbers_of(layer.x, panel.x), numbers_of(layer.y, panel.y)
        axes.plot(x, np.where(np.isfinite(y), y, np.nan), label=str(layer.name), **style)
    elif isinstance(layer, Columns):
        edges = numbers_of(layer.edges, panel.x)
        colour = ROLES[layer.role]
        axes.bar(
            edges[:-1],
            np.asarray(layer.heights, dtype=np.float64),
            np.diff(edges),
            align="edge",
            color=colour,
            label=str(layer.name),
        )
    elif isinstance(layer, Bars):
        _draw_bars(axes, panel, layer)
    elif isinstance(layer, Points):
        x, y = numbers_of(layer.x, panel.x), numbers_of(layer.y, panel.y)
        shown = np.isfinite(x) & np.isfinite(y)
        marker = "D" if layer.role == "bad" else "o"
        colour = ROLES[layer.role]
        style = {"s": 12, "color": colour, "marker": marker, "alpha": 0.75, "linewidths": 0}
        axes.scatter(x[shown], y[shown], label=str(layer.name), **style)
    elif isinstance(layer, Cells):
        _draw_cells(axes, panel, layer)
    else:
        _draw_rule(axes, panel, layer)


def _draw_bars(axes: "Axes", panel: Panel, bars: Bars) -> None:
    values = np.asarray(bars.values, dtype=np.float64)
    finite = np.where(np.isfinite(values), values, 0.0)
    colours = [ROLES[role] for role in bars.roles]
    made = axes.barh(np.arange(len(values)), finite, color=colours)
    texts = [value_text(float(value), panel.x.unit) for value in values]
    axes.bar_label(made, texts, padding=3)
    axes.margins(x=0.12)


def _draw_cells(axes: "Axes", panel: Panel, cells: Cells) -> None:
    from matplotlib.colors import ListedColormap

    x, y = cells.edges()
    values, largest = np.asarray(cells.values, dtype=np.float64), largest_of(cells)
    if cells.scale == "count":
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(values)
        colours: tuple[str, ...] = COUNTS
        low, high = 0.0, max(math.log10(largest), 1e-9)
    else:
        low, high, colours = -largest, largest, DIVERGING
    shown = np.ma.masked_invalid(np.where(np.isinf(values), np.sign(values) * largest, values))
    axes.pcolormesh(x, y, shown, cmap=ListedColormap(list(colours)), vmin=low, vmax=high)
    if cells.is_written:
        for (row, column), value in np.ndenumerate(cells.values):
            if not np.isnan(value):
                is_strong = abs(value) > 0.75 * largest
                axes.text(
                    column,
                    row,
                    value_text(float(value), cells.unit),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if is_strong else "black",
                )


def _draw_rule(axes: "Axes", panel: Panel, rule: Rule) -> None:
    style: dict[str, Any] = {"color": "#1b1f24", "linestyle": ":", "linewidth": 1.0}
    if rule.is_diagonal:
        (x_low, x_high), (y_low, y_high) = range_of([panel], "x"), range_of([panel], "y")
        low, high = max(x_low, y_low), min(x_high, y_high)
        if low < high:
            axes.plot([low, high], [low, high], label=str(rule.name), **style)
        return
    if str(rule.name):
        style["label"] = str(rule.name)
    if rule.y is not None:
        axes.axhline(float(numbers_of(np.array([rule.y]), panel.y)[0]), **style)
    else:
        axes.axvline(float(numbers_of(np.array([rule.x]), panel.x)[0]), **style)


def _dress(axes: "Axes", panel: Panel, sharing: tuple[Panel, ...]) -> None:
    """Set ranges, marks and names."""
    x_range, y_range = range_of(sharing, "x"), range_of([panel], "y")
    has_bars = any(isinstance(layer, Bars) for layer in panel.layers)
    if has_bars:
        axes.xaxis.set_visible(False)
    else:
        if panel.x.kind == "log":
            axes.set_xscale("log")
        axes.set_xlim(*x_range)
        _mark(axes.xaxis, panel.x, x_range, 7)
    axes.set_ylim(*(y_range[::-1] if panel.y.kind == "category" else y_range))
    _mark(axes.yaxis, panel.y, y_range, 6)
    if panel.x.label is not None and not has_bars:
        axes.set_xlabel(str(panel.x.label), loc="right")
    if panel.y.label is not None:
        axes.set_title(str(panel.y.label), loc="left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _add_legend(picture: "Picture") -> None:
    """Name series and rules below all panels, each once."""
    named: dict[str, Any] = {}
    for axes in picture.axes:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(name, handle)
    if len(named) > 1:
        picture.legend(
            list(named.values()), list(named), fontsize=7, frameon=False, ncols=2,
            loc="outside lower left",
        )  # fmt: skip


def _mark(axis: Any, of: Axis, span: tuple[float, float], most: int) -> None:
    if of.kind == "category":
        names = [str(name) for name in of.categories]
        names = [n if len(n) <= _LONGEST else f"{n[:_LONGEST]}…" for n in names]
        axis.set_ticks(range(len(names)), names)
        return
    ticks = Scale(of, *span, 0.0, 1.0).ticks(most)
    axis.set_ticks([value for value, _ in ticks], [text for _, text in ticks])
    axis.set_ticks([], minor=True)
