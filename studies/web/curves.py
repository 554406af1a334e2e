"""Curves over days as SVG: drawn here, so that a page needs no script for them."""

from collections.abc import Sequence

from studies.reports import Html, element

__all__ = ["drawdowns", "line_figure"]

_WIDTH, _HEIGHT = 760, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 10, 16, 28
_N_LINES = 4


def drawdowns(values: Sequence[float]) -> list[float]:
    """Return how far below its highest value so far each value is, as a fraction, 0 or negative."""
    peak, below = float("-inf"), []
    for value in values:
        peak = max(peak, value)
        below.append(value / peak - 1.0 if peak > 0 else 0.0)
    return below


def line_figure(
    title: str,
    description: str,
    dates: Sequence[str],
    curves: Sequence[tuple[str, Sequence[float]]],
    *,
    split: str | None = None,
    percent: bool = False,
) -> Html:
    """Draw curves over the same days.

    Parameters
    ----------
    title, description : str
        What a screen reader says.
    dates : sequence of str
        Days as YYYY-MM-DD, ascending, at least one.
    curves : sequence of (str, sequence of float)
        CSS class of a curve, and a finite value a day.
    split : str, optional
        The first day that the search did not see; a dashed line stands there.
    percent : bool
        Whether the values are fractions.
    """
    low = min(min(values) for _, values in curves)
    high = max(max(values) for _, values in curves)
    span = (high - low) or 1.0

    def x(day: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * day / max(1, len(dates) - 1)

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (high - value) / span

    drawn: list[Html] = []
    for step in range(_N_LINES + 1):
        value = low + (high - low) * step / _N_LINES
        label = f"{100 * value:.2f} %" if percent else f"{value:,.0f}"
        place = f"{y(value):.1f}"
        drawn.append(
            element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=place, y2=place, class_="grid")
        )
        drawn.append(element("text", label, x=_LEFT - 6, y=place, dy="0.35em", text_anchor="end"))
    if split is not None and dates[0] < split <= dates[-1]:
        day = next(k for k, date in enumerate(dates) if date >= split)
        at, late = f"{x(day):.1f}", day > 0.7 * len(dates)
        bottom = _HEIGHT - _BOTTOM
        drawn.append(element("line", x1=at, x2=at, y1=_TOP, y2=bottom, class_="split"))
        drawn.append(
            element(
                "text",
                f"unseen from {split}",
                x=at,
                y=_TOP - 4,
                text_anchor="end" if late else None,
            )
        )
    for kind, values in curves:
        points = " ".join(f"{x(day):.1f},{y(value):.1f}" for day, value in enumerate(values))
        drawn.append(element("polyline", points=points, class_=f"curve {kind}"))
    foot = _HEIGHT - 8
    drawn.append(element("text", dates[0], x=_LEFT, y=foot))
    drawn.append(element("text", dates[-1], x=_WIDTH - _RIGHT, y=foot, text_anchor="end"))
    return element(
        "svg",
        element("title", title),
        element("desc", description),
        *drawn,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=f"{title}: {description}",
    )
