"""Measuring how much of a found strategy is luck: from an objective to its verdict."""

import dataclasses
import datetime
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from objectives.base import DailyReturns, Objective
from objectives.validation.bootstrap import StationaryBootstrap, block_length
from objectives.validation.overfitting import BlockSums, Overfitting, cscv
from objectives.validation.population import PopulationScan, n_threads_of, scan_population
from objectives.validation.sharpe import (
    deflated_sharpe_ratio,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    return_moments,
    sharpe_ratio,
)
from objectives.validation.verdict import (
    CANNOT_TELL,
    Evidence,
    Verdict,
    decide,
    too_few_positions,
    too_short,
)
from objectives.validation.walk_forward import stitch, walk_forward_windows

__all__ = ["Verification", "verify"]

IntArray = npt.NDArray[np.int64]
OnProgress = Callable[[str, int, int], None]

MIN_BLOCK = 10.0
_LEAST_ESTIMABLE = 16  # days, for a block length and for a first window of the walk-forward
_LOGIT_EDGES = np.arange(-6.0, 6.5, 0.5)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How a verdict is computed; equal settings give an equal verdict.

    Attributes
    ----------
    n_resamples : int
        Resamples of the bootstrap.
    seed : int
        Of the resamples.
    by_excess : bool
        The search optimises what is earned beyond the basket: the walk-forward picks by it, and
        the deflation is of it.
    """

    n_resamples: int = 1_000
    seed: int = 0
    by_excess: bool = False


def verify(
    objective: Objective,
    strategy: int,
    population: IntArray,
    settings: Verification | None = None,
    *,
    n_threads: int | None = None,
    on_progress: OnProgress | None = None,
) -> Verdict:
    """Judge one strategy against everything the search could have returned in its place.

    Parameters
    ----------
    objective : Objective
        What measures the strategies. With a split only the days before it are used; those after
        it stand beside them.
    strategy : int
        Lattice index of the strategy.
    population : ndarray of int64, shape (n_strategies,)
        Lattice indices, ascending and distinct: the whole space, or what was visited of one that
        cannot be listed.
    settings : Verification, optional
    n_threads : int, optional
        Default: the processors this process may use. The verdict is the same bit for bit.
    on_progress : callable, optional
        Called with what is being done, how much of it is done, and how much there is.

    Returns
    -------
    Verdict
        ``cannot tell``, at once, where the history is too short; where the strategy takes too few
        positions, the figures are measured all the same.
    """
    settings = settings or Verification()
    shown = _Shown.measure(objective, strategy)
    if not shown.can_be_compared:
        return Verdict(CANNOT_TELL, shown.reasons, shown.figures)
    bootstrap = StationaryBootstrap(
        n_days=shown.n_days, block=shown.block, n_resamples=settings.n_resamples, seed=settings.seed
    )
    tell = on_progress or (lambda what, done, total: None)
    scan = scan_population(
        objective,
        population,
        shown.n_days,
        bootstrap=bootstrap,
        by_excess=settings.by_excess,
        n_threads=n_threads,
        on_progress=lambda done, total: tell("strategies", done, total),
    )
    return _judge(objective, shown, scan, settings, n_threads_of(n_threads), tell)


@dataclass(frozen=True, eq=False)
class _Shown:
    """The strategy to be judged, and what can be said of it before any other is looked at."""

    figures: dict[str, Any]
    reasons: tuple[str, ...]
    can_be_compared: bool = False
    daily: DailyReturns | None = None
    n_days: int = 0
    block: float = MIN_BLOCK

    @classmethod
    def measure(cls, objective: Objective, strategy: int) -> "_Shown":
        point = np.array([strategy], dtype=np.int64)
        batch = objective.evaluate(point)
        metrics = batch.row(0)
        figures: dict[str, Any] = {"metrics": metrics}
        if batch.failure[0] is not None:
            return cls(figures, (f"the strategy failed: {batch.failure[0]}",))
        daily = objective.daily_returns(point)
        if daily is None:
            name = type(objective).__name__
            return cls(figures, (f"{name} does not say what a strategy earned day by day",))
        seen = daily.dates < np.datetime64(_split_of(objective) or "9999-12-31")
        n_days = int(seen.sum())
        block = _block_of(daily, n_days)
        figures |= {
            "n_days": n_days,
            "first_day": str(daily.dates[0]),
            "last_day": str(daily.dates[n_days - 1]),
            "block": block,
        }
        n_windows = len(walk_forward_windows(n_days)) if n_days >= _LEAST_ESTIMABLE else 0
        short = too_short(n_days=n_days, n_windows=n_windows, block=block)
        few = too_few_positions(
            n_active_days=metrics.get("active_days"),
            n_closed=metrics.get("trade_count"),
            n_open=metrics.get("open_positions"),
        )
        return cls(figures, short + few, not short, daily, n_days, block)

    def series(self, *, excess: bool) -> npt.NDArray[np.float32] | None:
        """Daily returns that the search has seen, shape (n_days,); None where nobody knows."""
        assert self.daily is not None
        of_all = self.daily.excess if excess else self.daily.net
        return None if of_all is None else of_all[0, : self.n_days]


def _split_of(objective: Objective) -> datetime.date | None:
    """First day that the search has not seen; None where an objective measures all together."""
    split = objective.settings.split_date
    splits = any(name.startswith("oos_") for name in objective.names)
    return split if splits and isinstance(split, datetime.date) else None


def _block_of(daily: DailyReturns, n_days: int) -> float:
    """Return the block length of the bootstrap: that of strategy and basket, at least 10 days."""
    if n_days < _LEAST_ESTIMABLE:
        return MIN_BLOCK
    series = [daily.net[0, :n_days]]
    if daily.basket is not None:
        series.append(daily.basket[0, :n_days])
    return max(MIN_BLOCK, *(block_length(each.astype(np.float64)) for each in series))


def _judge(
    objective: Objective,
    shown: _Shown,
    scan: PopulationScan,
    settings: Verification,
    n_threads: int,
    tell: OnProgress,
) -> Verdict:
    """Put the strategy beside its population."""
    net, excess = shown.series(excess=False), shown.series(excess=True)
    assert net is not None
    walk = stitch(scan.winners, objective.settings.fee_rate, _holdings_of(objective, scan))
    knows_excess = excess is not None and scan.excess_maxima is not None
    p_basket = None
    if excess is not None and scan.excess_maxima is not None:
        p_basket = scan.excess_maxima.p_value(excess)
    evidence = Evidence(
        n_strategies=scan.n_strategies,
        n_resamples=settings.n_resamples,
        p_cash=scan.net_maxima.p_value(net),
        p_basket=p_basket,
        walk_net=walk.net_sharpe,
        walk_excess=walk.excess_sharpe if knows_excess else None,
    )
    verdict = decide(evidence)
    if shown.reasons:
        verdict = Verdict(CANNOT_TELL, (*shown.reasons, *verdict.reasons))
    figures = {
        **shown.figures,
        **dataclasses.asdict(evidence),
        "population": _population(scan),
        "reality_check_p": scan.net_maxima.white_p_value(net),
        "walk_forward": _walk_forward(objective, walk, shown, knows_excess=knows_excess),
        "hold_out": _hold_out(objective, shown),
        "sharpe": _sharpe(net, scan, shown),
        "overfitting": _overfitting(scan, shown, settings, n_threads, tell),
        "benchmark": dict(objective.benchmark),
    }
    return Verdict(verdict.word, verdict.reasons, figures)


def _holdings_of(
    objective: Objective, scan: PopulationScan
) -> Callable[[int, int], npt.NDArray[np.float64]] | None:
    """Return what says which pairs a strategy holds, None where the objective does not know."""
    first = scan.winners.by_window[0]
    if objective.holdings(first.key, first.first_day) is None:
        return None
    return lambda key, day: np.asarray(objective.holdings(key, day))


def _population(scan: PopulationScan) -> dict[str, Any]:
    net, excess = scan.net_maxima, scan.excess_maxima
    return {
        "n_succeeded": scan.n_strategies,
        "n_failed": scan.n_failed,
        "n_series": len(scan.keys),
        "n_independent": net.n_independent,
        "n_beat_cash": net.step_down().n_rejected,
        "n_beat_basket": None if excess is None else excess.step_down().n_rejected,
    }


def _sharpe(net: npt.NDArray[np.float32], scan: PopulationScan, shown: _Shown) -> dict[str, Any]:
    """Probabilistic and deflated Sharpe ratio of the strategy, and the history it needs."""
    series = net.astype(np.float64)
    moments = return_moments(series)
    omega = float(scan.net_maxima.bootstrap.long_run_std(net[None])[0])
    n_trials = max(1.0, scan.net_maxima.n_independent)
    variance = 1.0 / (shown.n_days - 1)
    return {
        "probabilistic": probabilistic_sharpe_ratio(moments, long_run_std=omega),
        "deflated": deflated_sharpe_ratio(moments, n_trials, variance, long_run_std=omega),
        "min_track_record_days": _finite(minimum_track_record_length(moments, long_run_std=omega)),
        "is_reliable": moments.is_reliable,
    }


def _overfitting(
    scan: PopulationScan, shown: _Shown, settings: Verification, n_threads: int, tell: OnProgress
) -> dict[str, Any]:
    """Cross-validation of both kinds of returns, by name; empty for a single strategy."""
    if scan.n_strategies < 2:
        return {}
    found: dict[str, Any] = {}
    by_kind = {"net": scan.net_sums, "excess": scan.excess_sums}
    for k, (kind, sums) in enumerate(by_kind.items()):
        tell("splits", k, len(by_kind))
        series = shown.series(excess=kind == "excess")
        if sums is not None and series is not None:
            found[kind] = _cross_validation(sums, scan.counts, series, n_threads)
    tell("splits", len(by_kind), len(by_kind))
    found["deflated"] = "excess" if settings.by_excess and "excess" in found else "net"
    return found


def _cross_validation(
    sums: BlockSums, counts: IntArray, series: npt.NDArray[np.float32], n_threads: int
) -> dict[str, Any]:
    result: Overfitting = cscv(sums.sums, sums.squares, sums.n_days, counts, n_threads=n_threads)
    in_sample = float(sharpe_ratio(series.astype(np.float64), annualise=True))
    deflation = result.deflation(in_sample)
    logits = np.clip(result.logits, _LOGIT_EDGES[0], _LOGIT_EDGES[-1])
    return {
        "pbo": result.pbo,
        "median_rank": result.median_rank,
        "logit_edges": _LOGIT_EDGES.tolist(),
        "logit_counts": np.histogram(logits, _LOGIT_EDGES)[0].tolist(),
        "in_sample": in_sample,
        **deflation._asdict(),
    }


def _walk_forward(
    objective: Objective, walk: Any, shown: _Shown, *, knows_excess: bool
) -> dict[str, Any]:
    """Every window with the strategy chosen for it, and how steady the choices were."""
    assert shown.daily is not None
    keys = walk.keys.tolist()
    ids = objective.space.strategy_ids(walk.keys)
    dates = shown.daily.dates
    windows = [
        {"first_day": str(dates[start]), "last_day": str(dates[stop - 1]), "strategy_id": name}
        for (start, stop), name in zip(walk.windows.tolist(), ids, strict=True)
    ]
    return {
        "windows": windows,
        "net_sharpe": walk.net_sharpe,
        "excess_sharpe": walk.excess_sharpe if knows_excess else None,
        "n_winners": len(set(keys)),
        "stability": _stability(objective, walk.keys),
    }


def _stability(objective: Objective, keys: IntArray) -> dict[str, float]:
    """Share of the windows whose winner has the commonest value, by parameter."""
    digits = objective.space.digits(keys)
    return {
        name: Counter(column.tolist()).most_common(1)[0][1] / len(keys)
        for name, column in zip(objective.space.names, digits.T, strict=True)
    }


def _hold_out(objective: Objective, shown: _Shown) -> dict[str, Any] | None:
    """Days after the split, the entry into what is held at its start charged on the first."""
    daily = shown.daily
    assert daily is not None
    if shown.n_days == len(daily.dates):
        return None
    net = daily.net[0, shown.n_days :].astype(np.float64)
    charge = 0.0
    if daily.exposure is not None:
        charge = 2.0 * objective.settings.fee_rate * float(daily.exposure[0, shown.n_days])
    net[0] -= charge
    excess = None
    if daily.excess is not None:
        beyond = daily.excess[0, shown.n_days :].astype(np.float64)
        beyond[0] -= charge
        excess = float(sharpe_ratio(beyond, annualise=True))
    return {
        "first_day": str(daily.dates[shown.n_days]),
        "last_day": str(daily.dates[-1]),
        "n_days": len(net),
        "net_sharpe": float(sharpe_ratio(net, annualise=True)),
        "excess_sharpe": excess,
        "total_return": float(np.prod(1.0 + net) - 1.0),
        "entry_charged": charge,
    }


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
