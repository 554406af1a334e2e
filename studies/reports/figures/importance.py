"""What decides the result: the share of its variance that parameters and pairs explain."""

import numpy as np

from studies.analysis import ESTIMATED, EXACT, Importance
from studies.language import Message, message
from studies.reports.drawing import Axis, Bars, Figure, Panel, Role
from studies.reports.figures.words import empty_figure, parameter_name
from studies.reports.session_data import SessionData
from studies.reports.ticks import value_text

__all__ = ["importance"]

_MOST_BARS = 12
_Bar = tuple[Message | str, float, Role]


def importance(data: SessionData) -> Figure:
    """Draw what decides the first objective among the chosen strategies."""
    title = message("What decides the result")
    found = data.importance
    if found is None:
        return empty_figure(
            "importance",
            title,
            message("The objective does not vary, or too few strategies have it."),
        )
    bars = _bars(found)
    if found.method == EXACT:
        note = message(
            "Share of the variance of the objective, exact (functional ANOVA): all combinations "
            "of the values were measured. Two parameters: what they explain together beyond each "
            "alone."
        )
    elif found.method == ESTIMATED:
        note = message(
            "Share of the variance of the objective, estimated on {n:,} strategies that were "
            "planned beforehand. Two parameters: what they explain together beyond each alone.",
            n=found.n,
        )
    else:
        note = message(
            "Share of the importance for being among the best 10 %, estimated on {n:,} strategies "
            "(PED-ANOVA).",
            n=found.n,
        )
    (first, share, _), *_ = bars
    summary = message(
        "{name} decides most, with {share}.", name=first, share=value_text(share, "fraction")
    )
    panel = Panel(
        Axis(unit="fraction"),
        Axis(kind="category", categories=tuple(name for name, _, _ in bars)),
        (Bars(np.array([share for _, share, _ in bars]), tuple(role for _, _, role in bars)),),
    )
    return Figure("importance", title, note, summary, (panel,))


def _bars(found: Importance) -> list[_Bar]:
    """Return the largest shares, and what is left of the whole."""
    bars: list[_Bar] = [
        (parameter_name(n), share, "first") for n, share in found.parameters.items()
    ]
    for (one, other), share in found.pairs.items():
        name = message("{one} × {other}", one=parameter_name(one), other=parameter_name(other))
        bars.append((name, share, "second"))
    bars = sorted((bar for bar in bars if bar[1] > 0), key=lambda bar: -bar[1])
    shown, left_out = bars[:_MOST_BARS], sum(share for _, share, _ in bars[_MOST_BARS:])
    if left_out > 0:
        shown.append((message("smaller ones"), left_out, "muted"))
    if found.method == EXACT:
        rest = 1.0 - sum(share for _, share, _ in bars)
        shown.append((message("three parameters and more"), max(rest, 0.0), "muted"))
    if found.method == ESTIMATED:
        rest = 1.0 - sum(share for _, share, _ in bars)
        shown.append((message("everything else"), max(rest, 0.0), "muted"))
    return shown or [(parameter_name(n), share, "first") for n, share in found.parameters.items()]
