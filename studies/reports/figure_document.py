"""A figure as a document for programs: what is drawn, as numbers and texts in English."""

from typing import Any

import numpy as np

from studies.language import Message
from studies.reports.drawing import Axis, Figure, Layer

__all__ = ["figure_values"]


def figure_values(figure: Figure) -> dict[str, Any]:
    """Return what a figure draws.

    Returns
    -------
    dict
        Texts, and panels of axes and layers as in `studies.reports.drawing`; a layer has a `kind`
        (``line``, ``columns``, ``bars``, ``points``, ``cells`` or ``rule``). Arrays are lists,
        dates texts as 2024-01-31; NaN and infinities are left as they are.
    """
    return {
        "name": figure.name,
        "title": str(figure.title),
        "note": str(figure.note),
        "summary": str(figure.summary),
        "panels": [
            {"x": _axis(panel.x), "y": _axis(panel.y), "layers": list(map(_layer, panel.layers))}
            for panel in figure.panels
        ],
    }


def _axis(axis: Axis) -> dict[str, Any]:
    return {
        "label": None if axis.label is None else str(axis.label),
        "kind": axis.kind,
        "unit": axis.unit,
        "categories": [str(name) for name in axis.categories],
    }


def _layer(layer: Layer) -> dict[str, Any]:
    values = {name: _plain(value) for name, value in vars(layer).items()}
    return {"kind": type(layer).__name__.lower(), **values}


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return str(value)
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[D]"))
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "M":
            return value.astype("datetime64[D]").astype(str).tolist()
        return value.tolist()
    if isinstance(value, tuple):
        return list(value)
    return value
