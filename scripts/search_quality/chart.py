"""The figure: how the rank of the best found falls with the evaluations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from search_quality.scores import REFERENCE

__all__ = ["draw"]

_FIRST_EVALUATION = 10
_INK, _FAINT = "#222222", "#dddddd"
_COLOURS = {  # Okabe and Ito's palette, which colour-blind readers can tell apart
    "genetic": "#000000",
    "deap_sampler": "#d55e00",
    "tpe": "#0072b2",
    "gp": "#009e73",
    "nsga2": "#cc79a7",
    "nsga3": "#e69f00",
    "random": "#777777",
    "qmc": "#56b4e9",
    "sobol": "#009e73",
}
_PANELS = (
    ("genetic search and models", ("genetic", "deap_sampler", "tpe", "gp")),
    ("NSGA, chance and designs", ("genetic", "nsga2", "nsga3", "random", "qmc", "sobol")),
)


def draw(result: Mapping[str, Any], path: Path) -> None:
    """Draw the median and the quartiles of every method.

    Parameters
    ----------
    result : mapping
        As written to NAME.json.
    path : Path
        ``.svg``; the same bytes for the same result and release of matplotlib. Or ``.png``.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    panels = [
        (title, [name for name in names if name in result["methods"]]) for title, names in _PANELS
    ]
    panels = [(title, names) for title, names in panels if set(names) - {REFERENCE}]
    if not panels:
        panels = [("", list(result["methods"]))]
    style = {
        "svg.hashsalt": "search-quality",
        "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
        "font.size": 11,
        "axes.edgecolor": _INK,
        "text.color": _INK,
    }
    with mpl.rc_context(style):
        figure, axes = plt.subplots(
            1, len(panels), figsize=(5.4 * len(panels), 4.8), sharey=True, squeeze=False
        )
        for axis, (title, names) in zip(axes[0], panels, strict=True):
            _panel(axis, result, title, names)
            _best_possible(axis, 100.0 / result["n_strategies"])
        axes[0][0].set_ylabel("rank of the best found, % of all strategies")
        figure.subplots_adjust(left=0.08, right=0.89, top=0.92, bottom=0.12, wspace=0.42)
        for axis, (_, names) in zip(axes[0], panels, strict=True):
            _label(axis, result, names)
        figure.savefig(path, facecolor="white", metadata=_metadata(path))
        plt.close(figure)


def _panel(axis: Any, result: Mapping[str, Any], title: str, names: list[str]) -> None:
    axis.set_title(title, loc="left", fontsize=11)
    axis.set_xscale("log")
    axis.set_yscale("log")
    last = max(result["all_budgets"])
    axis.set_xlim(min(_FIRST_EVALUATION, last / 2), last)
    ticks = sorted({min(_FIRST_EVALUATION, last // 2), *result["all_budgets"]})
    axis.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axis.set_xticks([], minor=True)
    axis.set_xlabel("distinct strategies evaluated")
    axis.yaxis.set_major_formatter(lambda value, _: np.format_float_positional(value, trim="-"))
    axis.grid(axis="y", color=_FAINT, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(colors=_INK)
    for name in names:
        x, (low, median, high) = _course(result, name)
        front = 3 if name == REFERENCE else 2
        axis.fill_between(
            x, low, high, color=_COLOURS[name], alpha=0.13, linewidth=0, zorder=front - 1
        )
        axis.plot(
            x, median, color=_COLOURS[name], linewidth=2.4 if front == 3 else 1.7, zorder=front
        )


def _best_possible(axis: Any, percentile: float) -> None:
    """Draw the floor: the best strategy of all."""
    axis.axhline(percentile, color=_INK, linewidth=0.8, linestyle=(0, (1, 2)))
    axis.annotate(
        "the best strategy of all",
        (axis.get_xlim()[0], percentile),
        (3, 3),
        textcoords="offset points",
        fontsize=9,
    )


def _label(axis: Any, result: Mapping[str, Any], names: list[str]) -> None:
    """Write every name at the end of its line, apart from each other."""
    last = max(result["all_budgets"])
    pixels = axis.transData
    ends = []
    for name in names:
        x, (_, median, _) = _course(result, name)
        if x[-1] < last:
            axis.annotate(
                name,
                (x[-1], median[-1]),
                (5, 0),
                textcoords="offset points",
                va="center",
                color=_COLOURS[name],
                fontsize=10,
                fontweight="bold",
            )
        else:
            ends.append((float(pixels.transform((x[-1], median[-1]))[1]), name))
    right = float(pixels.transform((last, 1.0))[0])
    line = 1.25 * 10 * axis.figure.dpi / 72
    for (end, name), height in zip(sorted(ends), _spread(sorted(ends), line), strict=True):
        axis.annotate(
            name,
            xy=(right + 2, end),
            xytext=(right + 14, height),
            xycoords="figure pixels",
            textcoords="figure pixels",
            va="center",
            annotation_clip=False,
            color=_COLOURS[name],
            fontsize=10,
            fontweight="bold",
            arrowprops={
                "arrowstyle": "-",
                "color": _COLOURS[name],
                "linewidth": 0.8,
                "shrinkA": 1,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )


def _spread(ends: list[tuple[float, str]], apart: float) -> list[float]:
    """Move ascending heights apart, as little as possible: neighbours share a heap's centre."""
    heaps: list[list[float]] = []
    for end, _ in ends:
        heaps.append([end])
        while len(heaps) > 1 and _bottom(heaps[-1], apart) < _top(heaps[-2], apart) + apart:
            upper = heaps.pop()
            heaps[-1] += upper
    return [_bottom(heap, apart) + apart * place for heap in heaps for place in range(len(heap))]


def _bottom(heap: list[float], apart: float) -> float:
    return sum(heap) / len(heap) - apart * (len(heap) - 1) / 2


def _top(heap: list[float], apart: float) -> float:
    return sum(heap) / len(heap) + apart * (len(heap) - 1) / 2


def _course(result: Mapping[str, Any], name: str) -> tuple[Any, Any]:
    curve = result["methods"][name]["curve"]
    x = np.array(curve["evaluations"])
    shown = x >= min(_FIRST_EVALUATION, x[-1] / 2)
    return x[shown], np.array(curve["percentile"])[shown].T


def _metadata(path: Path) -> dict[str, Any]:
    # a date would make every drawing a different file
    return {"Date": None} if path.suffix == ".svg" else {}
