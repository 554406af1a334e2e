"""The figures of ``docs/trust.md``: one for each idea, from fixed seeds or from the worlds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FIGURES", "draw_all"]

FloatArray = npt.NDArray[np.float64]
Worlds = Mapping[str, Sequence[Mapping[str, Any]]]

SEED = 20_261_128
N_DAYS = 329
YEAR = np.sqrt(365.0)
_INK, _GRID = "#222222", "#dddddd"
# Okabe and Ito's palette, which colour-blind readers can tell apart
BLUE, ORANGE, GREEN, SKY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#56b4e9",
)
_WORDS = {"strong": GREEN, "weak": "#e69f00", "no evidence": ORANGE, "cannot tell": "#bbbbbb"}


def draw_all(folder: Path, worlds: Worlds) -> None:
    """Draw every figure.

    Parameters
    ----------
    folder : Path
        Gets a NAME.svg for every name of `FIGURES`; the same bytes for the same worlds and
        release of matplotlib.
    worlds : mapping of str to sequence of mappings
        Records by kind.
    """
    for name, draw in FIGURES.items():
        with _figure(folder / f"{name}.svg") as axis:
            draw(axis, worlds)


@contextmanager
def _figure(path: Path) -> Iterator[Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    style = {
        "svg.hashsalt": "trust",
        "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same
        "font.size": 10,
        "axes.edgecolor": _INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": _INK,
        "legend.frameon": False,
    }
    with mpl.rc_context(style):
        figure, axis = plt.subplots(figsize=(7.2, 3.6), layout="constrained")
        yield axis
        # a date would make every drawing a different file
        figure.savefig(path, facecolor="white", metadata={"Date": None})
        plt.close(figure)


def _rng(name: str) -> np.random.Generator:
    """Return a generator of the figure's own: a change of one leaves the others as they are."""
    return np.random.default_rng([SEED, *name.encode()])


def _noise(name: str, n_series: int, n_days: int = N_DAYS) -> FloatArray:
    """Daily returns without any skill, shape (n_series, n_days)."""
    return _rng(name).standard_normal((n_series, n_days)) * 3e-4


def _sharpe(daily: FloatArray) -> FloatArray:
    ratio: FloatArray = daily.mean(axis=-1) / daily.std(axis=-1, ddof=1) * YEAR
    return ratio


def _thinned(daily: FloatArray, step: int = 4) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """What was earned by every fourth day, in %: a thin line needs no more, and files are small."""
    earned: FloatArray = 100 * np.cumsum(daily)
    return np.arange(len(daily))[::step], earned[::step]


def best_of_many(axis: Any, worlds: Worlds) -> None:
    """How good the best of N lucky strategies looks."""
    del worlds
    n = np.array([1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000])
    drawn = _rng("best_of_many").standard_normal((200, n[-1])) / np.sqrt(N_DAYS) * YEAR
    best = np.array([drawn[:, :each].max(axis=1) for each in n])
    low, middle, high = np.quantile(best, [0.05, 0.5, 0.95], axis=1)
    axis.fill_between(n, low, high, color=BLUE, alpha=0.18, linewidth=0, label="9 of 10 searches")
    axis.plot(n, middle, color=BLUE, linewidth=2.2, marker="o", markersize=4, label="median search")
    axis.axhline(0, color=ORANGE, linewidth=1.5)
    axis.annotate(
        "what every one of them is truly worth", (1.1, 0), (0, 4), textcoords="offset points"
    )
    axis.set_xscale("log")
    axis.set_xticks(n, [f"{each:,}" for each in n])
    axis.set_xticks([], minor=True)
    axis.set_xlabel("strategies tried, none with any skill")
    axis.set_ylabel("Sharpe ratio of the best")
    axis.legend(loc="upper left")


def resampled_days(axis: Any, worlds: Worlds) -> None:
    """A history and three resamples of it, in blocks of days."""
    del worlds
    rng, n_days = _rng("resampled_days"), 60
    rows = [np.arange(n_days)]
    for _ in range(3):
        row = [int(rng.integers(n_days))]
        while len(row) < n_days:
            stays = rng.random() > 1 / 10
            row.append((row[-1] + 1) % n_days if stays else int(rng.integers(n_days)))
        rows.append(np.array(row))
    axis.imshow(np.array(rows), aspect="auto", cmap="cividis", extent=(0, n_days, 4, 0))
    for k, row in enumerate(rows):
        axis.axhline(k, color="white", linewidth=7)
        for day, (before, after) in enumerate(pairwise(row.tolist()), 1):
            if after != (before + 1) % n_days:
                axis.plot([day, day], [k, k + 1], color="white", linewidth=1.5)
    axis.set_yticks(np.arange(4) + 0.5, ["the history", *(f"resample {k}" for k in (1, 2, 3))])
    axis.set_xlabel("day; the colour is the day of the history it was copied from")
    axis.spines[:].set_visible(False)
    axis.tick_params(left=False)


def p_value(axis: Any, worlds: Worlds) -> None:
    """The best of each resample without skill, and two strategies beside them."""
    from objectives.validation import RealityCheck, StationaryBootstrap

    del worlds
    daily = _noise("p_value", 300).astype(np.float32)
    check = RealityCheck(StationaryBootstrap(n_days=N_DAYS, block=10.0, seed=1))
    check.add(daily, np.ones(len(daily), dtype=np.int64))
    largest = check.maxima().largest
    axis.hist(largest, bins=40, color=SKY, edgecolor="white", linewidth=0.4)
    top = axis.get_ylim()[1]
    for t, colour in ((2.4, ORANGE), (4.6, GREEN)):
        share = float(np.mean(largest >= t))
        text = f"p = {share:.2f}" if share else "p < 0.001"
        axis.axvline(t, color=colour, linewidth=2)
        axis.annotate(
            f"a strategy with t = {t}:\n{text}",
            (t, 1.24 * top),
            (6, 0),
            textcoords="offset points",
            va="top",
            color=colour,
            fontweight="bold",
        )
    axis.set_xlim(1.5, 6.2)
    axis.set_ylim(0, 1.25 * top)
    axis.set_xlabel("t of the best of 300 strategies that earn nothing")
    axis.set_ylabel("resamples, of 1,000")


def carry(axis: Any, worlds: Worlds) -> None:
    """A carry lifts every strategy, the skilled and the others."""
    del worlds
    market = _rng("carry").standard_normal(N_DAYS) * 1.5e-4 + 1.6e-4
    own = _noise("carry", 12) * 0.4
    for k, each in enumerate(own):
        label = "12 strategies that choose at random" if k == 0 else None
        axis.plot(*_thinned(market + each), color=ORANGE, linewidth=0.8, alpha=0.7, label=label)
    axis.plot(100 * np.cumsum(market), color=BLUE, linewidth=2.4, label="the basket: every pair")
    axis.axhline(0, color=_INK, linewidth=1.4, label="cash")
    axis.set_xlabel("day")
    axis.set_ylabel("earned, %")
    axis.legend(loc="upper left")


def exposure(axis: Any, worlds: Worlds) -> None:
    """A strategy that holds two thirds, against the whole basket and against two thirds of it."""
    del worlds
    market = _rng("exposure").standard_normal(N_DAYS) * 1.5e-4 + 1.6e-4
    strategy = market * 2 / 3 + _noise("exposure", 1)[0] * 0.1
    axis.plot(100 * np.cumsum(market), color=BLUE, linewidth=2, label="the basket, all money in it")
    axis.plot(
        100 * np.cumsum(market * 2 / 3),
        color=BLUE,
        linewidth=2,
        linestyle="--",
        label="two thirds of the money in it",
    )
    axis.plot(
        100 * np.cumsum(strategy),
        color=ORANGE,
        linewidth=1.4,
        label="a strategy without skill, two thirds in the market",
    )
    axis.set_xlabel("day")
    axis.set_ylabel("earned, %")
    axis.legend(loc="upper left")


def walk_forward(axis: Any, worlds: Worlds) -> None:
    """The windows: chosen on the days before, traded on the days after."""
    from objectives.validation import walk_forward_windows

    del worlds
    windows = walk_forward_windows(N_DAYS).tolist()
    for k, (first, stop) in enumerate(windows):
        axis.barh(
            k, first, color=SKY, height=0.62, label="chosen on these days" if k == 0 else None
        )
        axis.barh(
            k,
            stop - first,
            left=first,
            color=ORANGE,
            height=0.62,
            label="traded on these" if k == 0 else None,
        )
    n = len(windows)
    axis.barh(
        [n + 0.4] * n,
        [stop - first for first, stop in windows],
        left=[first for first, _ in windows],
        color=ORANGE,
        edgecolor="white",
        height=0.62,
    )
    axis.set_yticks([*range(n), n + 0.4], [*(f"window {k + 1}" for k in range(n)), "counted"])
    axis.invert_yaxis()
    axis.set_xlabel("day")
    axis.legend(loc="upper right")


def hold_out(axis: Any, worlds: Worlds) -> None:
    """The best of a thousand lucky strategies, before and after the split, in 200 searches."""
    del worlds
    rng, split, n_searches = _rng("hold_out"), 230, 200
    best = np.empty((n_searches, N_DAYS))
    for k in range(n_searches):
        daily = rng.standard_normal((1_000, N_DAYS)) * 3e-4
        best[k] = daily[_sharpe(daily[:, :split]).argmax()]
    low, middle, high = np.quantile(100 * np.cumsum(best, axis=1), [0.05, 0.5, 0.95], axis=0)
    days = np.arange(N_DAYS)
    for stretch, colour, label in (
        (days < split, BLUE, "the best of 1,000, on the days it was chosen on"),
        (days >= split - 1, ORANGE, "the same, on days that the search had not seen"),
    ):
        axis.fill_between(
            days[stretch], low[stretch], high[stretch], color=colour, alpha=0.18, linewidth=0
        )
        axis.plot(days[stretch], middle[stretch], color=colour, linewidth=2.2, label=label)
    axis.axvline(split, color=_INK, linewidth=1, linestyle=":")
    axis.set_xlabel("day; median and 9 of 10 of 200 searches")
    axis.set_ylabel("earned, %")
    axis.legend(loc="upper left")


def halves(axis: Any, worlds: Worlds) -> None:
    """Where the best of one half comes in the other, with and without skill."""
    from objectives.validation import block_sums, cscv

    del worlds
    noise = _noise("halves", 200)
    skilled = noise.copy()
    skilled[:10] += 0.6e-4
    edges = np.linspace(0, 1, 21)
    for daily, colour, label in (
        (noise, ORANGE, "no strategy has skill"),
        (skilled, GREEN, "10 of 200 have skill"),
    ):
        sums = block_sums(daily)
        each_once = np.ones(len(daily), dtype=np.int64)
        found = cscv(sums.sums, sums.squares, sums.n_days, each_once, n_threads=1)
        counts, _ = np.histogram(found.relative_ranks, edges)
        text = f"{label}: below the middle in {100 * found.pbo:.0f} %"
        axis.stairs(100 * counts / counts.sum(), edges, color=colour, linewidth=2.2, label=text)
    axis.axvline(0.5, color=_INK, linewidth=1, linestyle=":")
    axis.set_xlabel("place in the other half: 0 is the last of all strategies, 1 the first")
    axis.set_ylabel("splits, %")
    axis.legend(loc="upper center")


def deflation(axis: Any, worlds: Worlds) -> None:
    """Sharpe ratio as found, and in new histories of the same world."""
    most = 1.0
    for kind, colour, marker in (
        ("edge_0.25", ORANGE, "o"),
        ("edge_0.5", BLUE, "s"),
        ("edge_1", GREEN, "^"),
    ):
        records = worlds.get(kind, ())
        found = [record["net_sharpe"] for record in records]
        true = [record["true_net_sharpe"] for record in records]
        most = max([most, *found])
        axis.scatter(
            found, true, s=16, color=colour, marker=marker, alpha=0.75, label=kind.replace("_", " ")
        )
    axis.plot([0, most], [0, most], color=_INK, linewidth=1, linestyle=":")
    axis.annotate("as good as found", (most, most), (-4, 0), textcoords="offset points", ha="right")
    axis.axhline(0, color=_INK, linewidth=0.8)
    axis.set_xlabel("Sharpe ratio of the best strategy, as found")
    axis.set_ylabel("in 20 new histories")
    axis.legend(loc="upper left")


def independent_tries(axis: Any, worlds: Worlds) -> None:
    """How the best luck of strategies that resemble each other is read as a number of tries."""
    from objectives.validation import expected_maximum

    del worlds
    rng = _rng("independent_tries")
    n, alike = 1_000, 0.95
    drawn = rng.standard_normal((400, n))
    groups = rng.standard_normal((400, 10)).repeat(n // 10, axis=1)
    related = np.sqrt(1 - alike) * drawn + np.sqrt(alike) * groups
    best = float(related.max(axis=1).mean())
    counts = np.geomspace(5, 10_000, 200)
    curve = np.array([expected_maximum(float(np.log(each))) for each in counts])
    tries = float(np.interp(best, curve, counts))
    axis.plot(counts, curve, color=BLUE, linewidth=2.2)
    axis.annotate(
        "best of N independent tries", (300, 2.88), (-6, 8), textcoords="offset points", ha="right"
    )
    axis.plot([5, tries, tries], [best, best, curve[0]], color=ORANGE, linewidth=1.8)
    axis.annotate(
        "1,000 strategies, in 10 groups of near twins:\n"
        f"their best is as good as that of {tries:.0f}",
        (tries, curve[0]),
        (8, 10),
        textcoords="offset points",
        color=ORANGE,
        fontweight="bold",
    )
    axis.set_xscale("log")
    axis.set_xticks([10, 100, 1_000, 10_000], ["10", "100", "1,000", "10,000"])
    axis.set_xlabel("independent tries")
    axis.set_ylabel("largest t by luck, on average")


def words(axis: Any, worlds: Worlds) -> None:
    """What was said, by kind of world."""
    from trust.worlds import KINDS

    names = [name for name in KINDS if worlds.get(name)]
    left = np.zeros(len(names))
    for word, colour in _WORDS.items():
        shares = np.array(
            [100 * np.mean([r["word"] == word for r in worlds[name]]) for name in names]
        )
        axis.barh(range(len(names)), shares, left=left, color=colour, height=0.7, label=word)
        left += shares
    axis.set_yticks(range(len(names)), [KINDS[name].what for name in names])
    axis.invert_yaxis()
    axis.set_xlim(0, 100)
    axis.set_xlabel("worlds, %")
    axis.legend(loc="lower center", bbox_to_anchor=(0.35, 1.0), ncols=4)


FIGURES: dict[str, Callable[[Any, Worlds], None]] = {
    "best-of-many": best_of_many,
    "resampled-days": resampled_days,
    "p-value": p_value,
    "carry": carry,
    "exposure": exposure,
    "walk-forward": walk_forward,
    "hold-out": hold_out,
    "halves": halves,
    "deflation": deflation,
    "independent-tries": independent_tries,
    "words": words,
}
