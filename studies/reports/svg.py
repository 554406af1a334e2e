"""A figure as SVG for pages: no script, no colours or styles of its own, only CSS classes.

The style sheet is ``studies/reports/page/figures.css``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studies.language import Message
from studies.reports.drawing import (
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
from studies.reports.html_text import Html, element
from studies.reports.svg_layers import N_COUNT_STEPS, SvgLayers, largest_of
from studies.reports.svg_scale import Scale, range_of
from studies.reports.svg_text import SvgTexts
from studies.reports.ticks import value_text

__all__ = ["FIGURE_CSS", "draw_svg"]

FIGURE_CSS = Path(__file__).parent / "page" / "figures.css"
"""What the classes of :func:`draw_svg` look like, in light and dark, in both languages."""

_HEIGHT = 230.0  # of a panel of height 1
_ROW = 24.0  # of a category of an upright axis
_TEXT_ROW = 17.0  # from one line of text to the next
_GAP = 8.0
_LARGEST_MARGIN = 0.42  # of the width, for names beside an upright axis
_TURNED = 0.7  # sine and cosine of names that are written slantwise
_LEGEND_ROW = 20.0


@dataclass(frozen=True)
class _Place:
    """Where a panel stands: the frame of its scales."""

    left: float
    right: float
    top: float
    bottom: float


def draw_svg(figure: Figure, *, width: int = 760, bilingual: bool = True) -> Html:
    """Draw a figure.

    Parameters
    ----------
    figure : Figure
        Without panels its note is written instead.
    width : int
        In the unit of the picture; it grows and shrinks with its place on the page.
    bilingual : bool
        Whether texts are there in English and in Traditional Chinese; the style sheet shows those
        of ``html[lang]``. Else in English.

    Returns
    -------
    Html
        ``<svg role="img">`` with title and description for screen readers.
    """
    texts = SvgTexts(bilingual)
    drawn: list[Html] = []
    if figure.panels:
        bottom = _draw_panels(figure.panels, float(width), texts, drawn)
        bottom = _draw_legend(figure.panels, float(width), bottom, texts, drawn)
    else:
        bottom = _TEXT_ROW * 3
        note = figure.note
        drawn.append(texts.text(note, width / 2, bottom / 2, anchor="middle", most=width - 8.0))
    return element(
        "svg",
        texts.described("title", figure.title),
        texts.described("desc", figure.summary),
        *drawn,
        viewBox=f"0 0 {width} {bottom:.0f}",
        role="img",
        class_=f"figure figure-{figure.name.replace('_', '-')}",
    )


def _draw_panels(
    panels: Sequence[Panel], width: float, texts: SvgTexts, drawn: list[Html]
) -> float:
    """Draw panels from above; return where they end."""
    shared = all(panel.x.kind == "date" for panel in panels)
    top = 0.0
    ranges = [range_of([panel], "y") for panel in panels]
    left = max(
        _left_margin(panel, span, width, texts) for panel, span in zip(panels, ranges, strict=True)
    )
    for place, (panel, (low, high)) in enumerate(zip(panels, ranges, strict=True)):
        has_ticks = not (shared and place < len(panels) - 1)
        at = _place_of(panel, top, left, width, texts)
        x_low, x_high = range_of(panels if shared else [panel], "x")
        before, behind = _beside_bars(panel)
        x = Scale(panel.x, x_low, x_high, at.left + before, at.right - behind)
        upright = (at.top, at.bottom) if panel.y.kind == "category" else (at.bottom, at.top)
        y = Scale(panel.y, low, high, *upright)
        _draw_y_axis(panel, y, at, texts, drawn)
        bottom = _draw_x_axis(panel, x, at, texts, drawn, has_ticks)
        layers = SvgLayers(x, y, texts)
        # a rule covers what is drawn, but not the values beside bars
        has_bars = any(isinstance(layer, Bars) for layer in panel.layers)
        ordered = sorted(panel.layers, key=lambda each: isinstance(each, Rule) != has_bars)
        drawn += [layers.draw(layer) for layer in ordered]
        top = bottom + _GAP
    return top


def _place_of(panel: Panel, top: float, left: float, width: float, texts: SvgTexts) -> _Place:
    """Leave room above for the name of the upright axis and for names of rules."""
    top += _GAP
    if panel.y.label is not None:
        top += _TEXT_ROW
    if _has_named_rule(panel):
        top += _TEXT_ROW
    height = _HEIGHT * panel.height
    if panel.y.kind == "category":
        height = _ROW * max(len(panel.y.categories), 1)
    right = 10.0
    if panel.x.kind == "date":
        right = 22.0  # half of the last day's name
    elif panel.x.kind != "category":
        right = 14.0
    return _Place(left, width - right, top, top + height)


def _has_named_rule(panel: Panel) -> bool:
    """Whether the name of an upright rule stands above a panel."""
    rules = [layer for layer in panel.layers if isinstance(layer, Rule)]
    return any(rule.x is not None and str(rule.name) for rule in rules)


def _left_margin(panel: Panel, span: tuple[float, float], width: float, texts: SvgTexts) -> float:
    """Return how much room the names of the upright axis take."""
    if panel.y.kind == "category":
        widest = max((texts.width(name) for name in panel.y.categories), default=0.0)
        return min(widest + 2 * _GAP, _LARGEST_MARGIN * width)
    ticks = Scale(panel.y, *span, 0.0, 1.0).ticks(6)
    return max((texts.width(text) for _, text in ticks), default=0.0) + 2 * _GAP


def _beside_bars(panel: Panel) -> tuple[float, float]:
    """Leave room for the values that stand beside bars, to the left where some are negative."""
    bars = [layer for layer in panel.layers if isinstance(layer, Bars)]
    room, is_negative = 0.0, False
    for layer in bars:
        for value in layer.values.tolist():
            room = max(room, 7.0 * len(value_text(value, panel.x.unit)) + 8.0)
            is_negative |= value < 0
    return (room if is_negative else 0.0), room


def _draw_y_axis(panel: Panel, y: Scale, at: _Place, texts: SvgTexts, drawn: list[Html]) -> None:
    if panel.y.label is not None:
        has_rule = _has_named_rule(panel)
        above = at.top - (_TEXT_ROW if has_rule else 0.0) - 8
        most = at.right - 4
        drawn.append(texts.text(panel.y.label, 4, above, kind="axis-name", most=most))
    for place, name in enumerate(panel.y.categories):
        middle = y.place(place) + 4
        most = at.left - _GAP - 2
        drawn.append(texts.text(name, at.left - _GAP, middle, anchor="end", most=most))
    for value, text in y.ticks(6):
        level = y.place(value)
        line = f"M{at.left:.1f} {level:.1f}H{at.right:.1f}"
        drawn.append(element("path", d=line, class_="zero" if value == 0 else "grid"))
        drawn.append(texts.text(text, at.left - _GAP, level + 4, anchor="end"))


def _draw_x_axis(
    panel: Panel,
    x: Scale,
    at: _Place,
    texts: SvgTexts,
    drawn: list[Html],
    has_ticks: bool,
) -> float:
    """Draw the level axis; return where it ends."""
    bottom: float = at.bottom
    if panel.x.kind == "category":
        bottom += _draw_names(panel.x.categories, x, at, texts, drawn)
    elif not any(isinstance(layer, Bars) for layer in panel.layers):
        n_ticks = max(3, int((at.right - at.left) / 95))
        for value, text in x.ticks(n_ticks) if has_ticks else ():
            place = x.place(value)
            line = f"M{place:.1f} {at.bottom:.1f}v4"
            drawn.append(element("path", d=line, class_="axis"))
            anchor = "end" if place + texts.width(text) / 2 > at.right + 20 else "middle"
            drawn.append(texts.text(text, place, bottom + _TEXT_ROW, anchor=anchor))
        if not any(isinstance(layer, Cells) for layer in panel.layers):
            line = f"M{at.left:.1f} {at.bottom:.1f}H{at.right:.1f}"
            drawn.append(element("path", d=line, class_="axis"))
        bottom += _TEXT_ROW if has_ticks else 0.0
    if panel.x.label is not None and has_ticks:
        bottom += _TEXT_ROW
        name = panel.x.label
        most = at.right - 4
        drawn.append(texts.text(name, at.right, bottom, anchor="end", kind="axis-name", most=most))
    return bottom


def _draw_names(
    names: Sequence[Message | str], x: Scale, at: _Place, texts: SvgTexts, drawn: list[Html]
) -> float:
    """Write the names of a level axis, slantwise where they are wider than a place."""
    room = abs(x.place(1) - x.place(0))
    widest = max((texts.width(name) for name in names), default=0.0)
    if widest <= room:
        for place, name in enumerate(names):
            drawn.append(texts.text(name, x.place(place), at.bottom + _TEXT_ROW, anchor="middle"))
        return _TEXT_ROW
    most = min(widest, 180.0)
    for place, name in enumerate(names):
        across, down = x.place(place) + 4, at.bottom + 14
        turned = f"rotate(-45 {across:.1f} {down:.1f})"
        drawn.append(texts.text(name, across, down, anchor="end", most=most, transform=turned))
    return _TURNED * most + 14


def _draw_legend(
    panels: Sequence[Panel], width: float, top: float, texts: SvgTexts, drawn: list[Html]
) -> float:
    """Name the series below the panels, if there is more than one; return where that ends."""
    named: dict[str, tuple[Message | str, Layer]] = {}
    for panel in panels:
        for layer in panel.layers:
            # other rules bear their names where they are; a diagonal may end anywhere
            if isinstance(layer, Rule) and not layer.is_diagonal:
                continue
            if isinstance(layer, (Line, Columns, Points, Rule)):
                named[str(layer.name)] = layer.name, layer
    counts = [
        layer
        for panel in panels
        for layer in panel.layers
        if isinstance(layer, Cells) and layer.scale == "count"
    ]
    for cells in counts:
        top = _draw_count_key(cells, top, texts, drawn)
    if len(named) < 2:
        return top
    left, baseline = 4.0, top + _TEXT_ROW
    for name, layer in named.values():
        wide = min(texts.width(name) + 44.0, width - 8.0)
        if left + wide > width and left > 4.0:
            left, baseline = 4.0, baseline + _LEGEND_ROW
        drawn.append(_sample(layer, left, baseline - 4))
        drawn.append(texts.text(name, left + 26, baseline, most=wide - 30))
        left += wide
    return baseline + _GAP


def _sample(layer: Layer, x: float, y: float) -> Html:
    """Draw what stands before a name of the legend."""
    if isinstance(layer, Rule):
        return element("path", d=f"M{x:.1f} {y:.1f}h20", class_="rule")
    if isinstance(layer, Line):
        return element("path", d=f"M{x:.1f} {y:.1f}h20", class_=f"line role-{layer.role}")
    if isinstance(layer, Columns):
        return _box(x + 4, y - 5, 12, f"bar role-{layer.role}")
    role = layer.role if isinstance(layer, Points) else "first"
    kind = f"point role-{role}"
    if role == "bad":
        return element("path", d=f"M{x + 10:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z", class_=kind)
    return element("circle", cx=f"{x + 10:.1f}", cy=f"{y:.1f}", r="4", class_=kind)


def _draw_count_key(cells: Cells, top: float, texts: SvgTexts, drawn: list[Html]) -> float:
    """Show the colours of counts from the smallest to the largest."""
    baseline = top + _TEXT_ROW
    drawn.append(texts.text("1", 4, baseline))
    for step in range(N_COUNT_STEPS):
        drawn.append(_box(18 + 18 * step, baseline - 11, 18, f"cell count-{step + 1}"))
    largest = value_text(largest_of(cells), "count")
    drawn.append(texts.text(largest, 18 * N_COUNT_STEPS + 24, baseline))
    return baseline + _GAP


def _box(x: float, y: float, width: float, kind: str) -> Html:
    return element(
        "rect", x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width:.0f}", height="12", class_=kind
    )
