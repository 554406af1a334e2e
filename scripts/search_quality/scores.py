"""How good searches were, and whether one method is better than another."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from search_quality.runs import Run

__all__ = ["REFERENCE", "Truth", "compare", "quartiles", "ranks", "score"]

REFERENCE = "genetic"
TOP_SHARE = 1e-4
QUARTILES = (0.25, 0.5, 0.75)
N_RESAMPLES = 10_000
_CURVE_POINTS = 60

Runs = Mapping[str, Mapping[int, Run]]
"""By method and seed."""


def ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Rank strategies: 1 + number of strictly better ones; NaN ranks last.

    Parameters
    ----------
    values : ndarray of float64, shape (n_strategies,)
        The higher the better; NaN: failed.

    Returns
    -------
    ndarray of int64, shape (n_strategies,)
        Equal strategies share the best rank; failed ones have rank n_strategies.
    """
    measured = ~np.isnan(values)
    ordered = np.sort(values[measured])
    result = np.full(len(values), len(values), dtype=np.int64)
    not_better = np.searchsorted(ordered, values[measured], side="right")
    result[measured] = 1 + len(ordered) - not_better
    return result


@dataclass(frozen=True)
class Truth:
    """Every strategy's worth.

    Parameters
    ----------
    values : ndarray of float64, shape (n_strategies,)
        The higher the better; NaN: failed. At least one is a number.
    """

    values: npt.NDArray[np.float64]

    @cached_property
    def ranks(self) -> npt.NDArray[np.int64]:
        """See `ranks`."""
        return ranks(self.values)

    @property
    def n_top(self) -> int:
        """How many ranks are the best 0.01 %; at least one."""
        return max(1, math.floor(TOP_SHARE * len(self.values)))

    def percentile(self, run: Run) -> npt.NDArray[np.float64]:
        """Rank of the best found after each evaluation, in % of all strategies."""
        best = np.minimum.accumulate(self.ranks[run.points])
        return 100.0 * best / len(self.values)

    def regret(self, run: Run) -> npt.NDArray[np.float64]:
        """Best of all minus best found after each evaluation; a failure counts as the worst."""
        worth = np.nan_to_num(self.values[run.points], nan=float(np.nanmin(self.values)))
        return float(np.nanmax(self.values)) - np.maximum.accumulate(worth)

    def evaluations_to_top(self, run: Run) -> float:
        """Distinct strategies until one of the best 0.01 %; infinite if there was none."""
        hits = np.flatnonzero(self.ranks[run.points] <= self.n_top)
        return float(hits[0] + 1) if len(hits) else math.inf


def quartiles(values: Sequence[float]) -> list[float]:
    """Return the 25, 50 and 75 % quantiles (linear between values)."""
    return [_short(q) for q in np.quantile(np.asarray(values, dtype=np.float64), QUARTILES)]


def compare(
    reference: Sequence[float], other: Sequence[float], rng: np.random.Generator
) -> dict[str, Any]:
    """Say whether a method is ahead of another one, by a paired bootstrap over the seeds.

    The figure is the mean over the seeds of log10(other) - log10(reference): 1 means that the
    best strategy of the other has ten times the rank.

    Parameters
    ----------
    reference, other : sequence of float, length n_seeds
        Percentiles above 0; the same place in both is the same seed.
    rng : numpy.random.Generator
        Draws 10,000 resamples.

    Returns
    -------
    dict
        ``mean_log10``, ``interval`` (2.5 and 97.5 % of the resampled means), ``n_seeds`` and
        ``verdict``: the reference is ``ahead`` if the interval is above 0, ``behind`` if it is
        below, else ``even``.
    """
    difference = np.log10(other) - np.log10(reference)
    n_seeds = len(difference)
    means = difference[rng.integers(n_seeds, size=(N_RESAMPLES, n_seeds))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975)).tolist()
    verdict = "ahead" if low > 0 else "behind" if high < 0 else "even"
    return {
        "n_seeds": n_seeds,
        "mean_log10": _short(difference.mean()),
        "interval": [_short(low), _short(high)],
        "verdict": verdict,
    }


def score(runs: Runs, truth: Truth, budgets: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Compute every figure of every method.

    Parameters
    ----------
    runs : mapping
        By method and seed.
    truth : Truth
    budgets : mapping of str to sequence of int
        Of every method, ascending.

    Returns
    -------
    dict
        ``methods`` and ``comparisons``, as they are written to the file.
    """
    methods = {
        name: _method(list(by_seed.values()), truth, budgets[name])
        for name, by_seed in runs.items()
    }
    return {"methods": methods, "comparisons": _comparisons(runs, truth, budgets)}


def _method(runs: Sequence[Run], truth: Truth, budgets: Sequence[int]) -> dict[str, Any]:
    to_top = [truth.evaluations_to_top(run) for run in runs]
    median = float(np.median(to_top))
    percentiles = [truth.percentile(run) for run in runs]
    regrets = [truth.regret(run) for run in runs]
    at_budget = {}
    for budget in budgets:
        costs = [_cost(run, budget) for run in runs]
        at_budget[str(budget)] = {
            "percentile": quartiles([_at(each, budget) for each in percentiles]),
            "regret": quartiles([_at(each, budget) for each in regrets]),
            "repeats": quartiles([repeats for repeats, _ in costs]),
            "overhead_ms": quartiles([overhead for _, overhead in costs]),
        }
    counts = _curve_counts(budgets[-1])
    bands = [quartiles([_at(each, count) for each in percentiles]) for count in counts]
    return {
        "n_seeds": len(runs),
        "evaluations_to_top": None if math.isinf(median) else median,
        "n_reached_top": sum(not math.isinf(each) for each in to_top),
        "n_ended_early": sum(len(run.points) < min(budgets[-1], len(truth.values)) for run in runs),
        "budgets": at_budget,
        "curve": {"evaluations": counts, "percentile": bands},
    }


def _comparisons(
    runs: Runs, truth: Truth, budgets: Mapping[str, Sequence[int]]
) -> list[dict[str, Any]]:
    if REFERENCE not in runs:
        return []
    found = []
    for name in runs:
        if name == REFERENCE:
            continue
        seeds = [seed for seed in runs[name] if seed in runs[REFERENCE]]
        for budget in budgets[name]:
            ours, theirs = (
                [_at(truth.percentile(runs[method][seed]), budget) for seed in seeds]
                for method in (REFERENCE, name)
            )
            # drawn anew for every comparison: none depends on which others are made
            outcome = compare(ours, theirs, np.random.default_rng(budget))
            found.append({"method": name, "budget": budget, **outcome})
    return found


def _at(course: npt.NDArray[np.float64], budget: int) -> float:
    """Return the figure at a budget; of a run that ended before, the last one."""
    return float(course[min(budget, len(course)) - 1])


def _cost(run: Run, budget: int) -> tuple[float, float]:
    """Share of trials that repeat a strategy, and milliseconds per trial, up to a budget."""
    reached = len(run.points) >= budget
    n_trials = int(run.trials[budget - 1]) if reached else run.n_trials
    seconds = float(run.seconds[budget - 1]) if reached else run.total_seconds
    return 1.0 - min(budget, len(run.points)) / n_trials, 1e3 * seconds / n_trials


def _curve_counts(budget: int) -> list[int]:
    spread = np.geomspace(1, budget, _CURVE_POINTS).round().astype(int)
    return sorted(set(spread.tolist()))


def _short(value: float) -> float:
    """Four significant digits, which is more than twenty seeds can tell."""
    return float(f"{value:.4g}")
