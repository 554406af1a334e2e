"""Colours of figures that are files of their own; pages have the same in ``page/figures.css``."""

from collections.abc import Mapping

from studies.reports.drawing import Role

__all__ = ["COUNTS", "DIVERGING", "ROLES"]

ROLES: Mapping[Role, str] = {
    "first": "#0072b2",
    "second": "#d55e00",
    "third": "#00805c",
    "fourth": "#a8508a",
    "fifth": "#a87000",
    "muted": "#a9b2bd",
    "bad": "#c44e00",
    "basket": "#6e7781",
}

DIVERGING = (
    *("#8f4700", "#d47415", "#eb943c", "#f6b672", "#fbd4aa", "#fdebd8", "#f3f3f1"),
    *("#dbe9f6", "#b5d3ed", "#86b8e2", "#5599d3", "#1f6fb0", "#004b80"),
)
"""From far below 0 to far above; the one in the middle is that of 0."""

COUNTS = ("#e6eef6", "#c3d9ec", "#95bde0", "#5f9bd0", "#2471b1", "#06457a")
"""From few to many."""
