"""A figure as Plotly draws it, for optuna-dashboard and notebooks."""

import math
from typing import Any

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
from studies.reports.svg_scale import range_of
from studies.reports.ticks import value_text

__all__ = ["plotly_figure"]

_GAP = 0.12  # between panels, of the height
_FORMATS = {"fraction": ".2%", "count": ",.0f", "money": ",.2f", "days": ",.1f", "ratio": ",.3~f"}


def plotly_figure(figure: Figure) -> dict[str, Any]:
    """Turn a figure into what ``plotly.graph_objects.Figure`` takes, in English.

    Returns
    -------
    dict
        ``data`` and ``layout``, which JSON holds: NaN and infinities are null.
    """
    layout: dict[str, Any] = {
        "title": {"text": _text(figure.title)},
        "template": "plotly_white",
        "shapes": [],
        "annotations": [],
        "showlegend": sum(
            isinstance(layer, (Line, Columns, Points))
            for panel in figure.panels[:1]
            for layer in panel.layers
        )
        > 1,
        "barmode": "overlay",
    }
    data: list[dict[str, Any]] = []
    total = sum(panel.height for panel in figure.panels)
    top, room = 1.0, 1.0 - _GAP * max(len(figure.panels) - 1, 0)
    for place, panel in enumerate(figure.panels):
        bottom = max(top - room * panel.height / total, 0.0)
        suffix = "" if place == 0 else str(place + 1)
        layout[f"xaxis{suffix}"] = {**_axis(panel.x, is_down=False), "anchor": f"y{suffix}"}
        layout[f"yaxis{suffix}"] = {
            **_axis(panel.y, is_down=True),
            "domain": [bottom, top],
            "anchor": f"x{suffix}",
        }
        _add_panel(panel, suffix, place == 0, data, layout)
        top = bottom - _GAP
    if not figure.panels:
        note = {"text": _text(figure.note), "showarrow": False, "xref": "paper", "yref": "paper"}
        layout["annotations"].append(note)
    return {"data": data, "layout": layout}


def _text(value: object) -> str:
    """Write a text that Plotly does not take for HTML."""
    return str(value).replace("&", "&amp;").replace("<", "&lt;")


def _axis(axis: Axis, *, is_down: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"title": {"text": "" if axis.label is None else _text(axis.label)}}
    if axis.kind == "category":
        made |= {
            "tickvals": list(range(len(axis.categories))),
            "ticktext": [_text(name) for name in axis.categories],
            "automargin": True,
        }
        if is_down:  # the first one stands above
            made["range"] = [len(axis.categories) - 0.5, -0.5]
        return made
    made["type"] = axis.kind
    if axis.kind != "date":
        made["tickformat"] = _FORMATS[axis.unit]
    return made


def _add_panel(
    panel: Panel, suffix: str, is_first: bool, data: list[dict[str, Any]], layout: dict[str, Any]
) -> None:
    for layer in panel.layers:
        at = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        if isinstance(layer, Rule) and layer.is_diagonal:
            data.append({**_diagonal(layer, panel), **at})
        elif isinstance(layer, Rule):
            _add_rule(layer, suffix, layout)
        else:
            data.append({**_trace(layer, panel), **at})
            if not is_first:  # named once, above
                data[-1]["showlegend"] = False


def _trace(layer: Layer, panel: Panel) -> dict[str, Any]:
    if isinstance(layer, Line):
        colour = {"color": ROLES[layer.role], "dash": "dash" if layer.role == "basket" else "solid"}
        shape = "hv" if layer.is_step else "linear"
        line = {"line": {**colour, "shape": shape}, "mode": "lines", "type": "scatter"}
        return {"x": _values(layer.x), "y": _values(layer.y), "name": _text(layer.name), **line}
    if isinstance(layer, Points):
        symbol = "diamond" if layer.role == "bad" else "circle"
        return {
            "type": "scatter",
            "mode": "markers",
            "x": _values(layer.x),
            "y": _values(layer.y),
            "text": [_text(name) for name in layer.names],
            "name": _text(layer.name),
            "marker": {"color": ROLES[layer.role], "symbol": symbol},
        }
    if isinstance(layer, Columns):
        edges = np.asarray(layer.edges, dtype=np.float64)
        return {
            "type": "bar",
            "x": _values((edges[:-1] + edges[1:]) / 2),
            "width": _values(np.diff(edges)),
            "y": _values(layer.heights),
            "name": _text(layer.name),
            "marker": {"color": ROLES[layer.role]},
        }
    if isinstance(layer, Bars):
        return {
            "type": "bar",
            "orientation": "h",
            "x": _values(layer.values),
            "y": list(range(len(layer.values))),
            "text": [value_text(float(value), panel.x.unit) for value in layer.values],
            "marker": {"color": [ROLES[role] for role in layer.roles]},
        }
    assert isinstance(layer, Cells)
    return _heat_map(layer)


def _heat_map(cells: Cells) -> dict[str, Any]:
    n_y, n_x = cells.values.shape
    made: dict[str, Any] = {
        "type": "heatmap",
        "x": _values(np.arange(n_x) if cells.edges_x is None else cells.edges_x),
        "y": _values(np.arange(n_y) if cells.edges_y is None else cells.edges_y),
        "z": _values(cells.values),
    }
    if cells.is_written:
        made["text"] = [[value_text(float(v), cells.unit) for v in row] for row in cells.values]
        made["texttemplate"] = "%{text}"
    if cells.scale == "count":
        with np.errstate(divide="ignore", invalid="ignore"):
            made["z"] = _values(np.log10(np.asarray(cells.values, dtype=np.float64)))
        made |= {"customdata": _values(cells.values), "hovertemplate": "%{customdata:,.0f}"}
        made |= {"colorscale": _scale(COUNTS), "showscale": False}
    else:
        largest = largest_of(cells)
        made |= {"zmin": -largest, "zmax": largest, "colorscale": _scale(DIVERGING)}
    return made


def _scale(colours: tuple[str, ...]) -> list[list[Any]]:
    return [[place / (len(colours) - 1), colour] for place, colour in enumerate(colours)]


def _diagonal(rule: Rule, panel: Panel) -> dict[str, Any]:
    """Draw y = x where both axes have values."""
    (x_low, x_high), (y_low, y_high) = range_of([panel], "x"), range_of([panel], "y")
    ends = [max(x_low, y_low), min(x_high, y_high)]
    ends = ends if ends[0] < ends[1] else []
    line = {"dash": "dot", "width": 1, "color": ROLES["basket"]}
    name = _text(rule.name)
    return {"type": "scatter", "mode": "lines", "x": ends, "y": ends, "name": name, "line": line}


def _add_rule(rule: Rule, suffix: str, layout: dict[str, Any]) -> None:
    x, y = f"x{suffix}", f"y{suffix}"
    shape: dict[str, Any] = {"type": "line", "line": {"dash": "dot", "width": 1}}
    where: dict[str, Any]
    if rule.y is not None:
        value = _value(rule.y)
        shape |= {"xref": f"{x} domain", "yref": y, "x0": 0, "x1": 1, "y0": value, "y1": value}
        where = {"xref": f"{x} domain", "yref": y, "x": 1, "y": value, "yanchor": "bottom"}
    else:
        value = _value(rule.x)
        shape |= {"xref": x, "yref": f"{y} domain", "x0": value, "x1": value, "y0": 0, "y1": 1}
        where = {"xref": x, "yref": f"{y} domain", "x": value, "y": 1, "yanchor": "bottom"}
    layout["shapes"].append(shape)
    if str(rule.name):
        layout["annotations"].append({"text": _text(rule.name), "showarrow": False, **where})


def _values(values: Any) -> list[Any]:
    array = np.asarray(values)
    if array.dtype.kind == "M":
        return [str(day) for day in array.astype("datetime64[D]").tolist()]
    return [_values(row) for row in array] if array.ndim > 1 else [_value(v) for v in array]


def _value(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[D]"))
    number = float(value)
    return number if math.isfinite(number) else None
