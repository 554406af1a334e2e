"""The worlds: their kinds with seeds fixed beforehand, how one is drawn, what is measured in it."""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from objectives.market.synthetic import synthetic_market
from objectives.validation import sharpe_ratio, verify
from search_spaces import FactorSpace

__all__ = ["FIXED_ON", "KINDS", "Kind", "Sizes", "draw_market", "measure_world", "world_space"]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What the worlds of one kind have in common.

    Attributes
    ----------
    what : str
        For people.
    first_seed, n_worlds : int
        The worlds are those of `n_worlds` consecutive seeds.
    fee_rate : float
        Fraction of the traded amount paid per side.
    edge : float
        Of `objectives.market.synthetic`: persistent differences between the pairs. At edge 1 the
        mean of a pair has a standard deviation of 1.6e-4 a day and a half-life of 60 days.
    premium : float
        Earned by every pair on every day, fraction of notional.
    swings : float
        Standard deviation of a daily mean that all pairs have in common, an autoregression with
        a half-life of 60 days.
    n_measured : int
        Days with a return, after 91 days of warm-up.
    """

    what: str
    first_seed: int
    n_worlds: int
    fee_rate: float = 0.0
    edge: float = 0.0
    premium: float = 0.0
    swings: float = 0.0
    n_measured: int = 329

    @property
    def seeds(self) -> range:
        """Seeds of the worlds."""
        return range(self.first_seed, self.first_seed + self.n_worlds)

    @property
    def has_skill(self) -> bool:
        """Pairs differ in a way that the past predicts."""
        return self.edge > 0


FIXED_ON = "2026-11-28"
"""The day on which kinds and seeds were fixed, before any of these worlds was looked at."""

FEE = 0.001
CARRY = 1.6e-4  # 5.8 % a year; the spread of the pairs' means at edge 1

KINDS = {
    "noise": Kind(what="noise, no fee", first_seed=110_000, n_worlds=200),
    "noise_fees": Kind(what="noise, fee 0.001", first_seed=120_000, n_worlds=200, fee_rate=FEE),
    "premium": Kind(
        what="a carry that every pair earns, no fee",
        first_seed=130_000,
        n_worlds=100,
        premium=CARRY,
    ),
    "premium_fees": Kind(
        what="a carry that every pair earns, fee 0.001",
        first_seed=140_000,
        n_worlds=100,
        premium=CARRY,
        fee_rate=FEE,
    ),
    "swings": Kind(
        what="slow swings that all pairs share, no fee",
        first_seed=150_000,
        n_worlds=100,
        swings=CARRY,
    ),
    "edge_0.25": Kind(
        what="edge 0.25, fee 0.001", first_seed=160_000, n_worlds=100, edge=0.25, fee_rate=FEE
    ),
    "edge_0.5": Kind(
        what="edge 0.5, fee 0.001", first_seed=170_000, n_worlds=100, edge=0.5, fee_rate=FEE
    ),
    "edge_1": Kind(
        what="edge 1, fee 0.001", first_seed=180_000, n_worlds=100, edge=1.0, fee_rate=FEE
    ),
    "noise_119_days": Kind(
        what="noise, no fee, 119 days", first_seed=190_000, n_worlds=50, n_measured=119
    ),
    "noise_59_days": Kind(
        what="noise, no fee, 59 days", first_seed=200_000, n_worlds=50, n_measured=59
    ),
    "edge_1_119_days": Kind(
        what="edge 1, fee 0.001, 119 days",
        first_seed=210_000,
        n_worlds=50,
        edge=1.0,
        fee_rate=FEE,
        n_measured=119,
    ),
}

N_WARM_UP = 90  # days before the first one of the backtest: the longest window and data period
HALF_LIFE = 60.0  # days, of the swings
HOLD_OUT_SHARE = 0.3  # of the measured days, for the rule of thumb that is compared
_FRESH = 10**9  # seeds of new draws are beyond all seeds of worlds
_SWINGS = 7  # marks the stream of the swings


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large a world is; the defaults are what the page reports, tests take smaller ones.

    Attributes
    ----------
    n_pairs : int
    n_draws : int
        New draws of a world with skill, to learn what the strategy truly earns.
    factors, windows : sequence of str, optional
        Values of the space; the defaults give 5,376 strategies.
    """

    n_pairs: int = 60
    n_draws: int = 20
    factors: tuple[str, ...] | None = None
    windows: tuple[str, ...] = ("10", "30", "60", "90")


@cache
def world_space(sizes: Sizes) -> FactorSpace:
    """Return the space that is searched: with the default sizes 5,376 strategies.

    56 subsets of the factors, 4 windows, 3 rebalance frequencies, 2 data periods, 2 selection
    counts and 2 weight methods.
    """
    values = {
        "window_size": sizes.windows,
        "rebalance_frequency": ("1", "7", "30"),
        "data_period": ("45", "90"),
        "selection_count": ("5", "10"),
        "weight_method": ("EQ", "FS"),
    }
    if sizes.factors is not None:
        values["factors"] = sizes.factors
    return FactorSpace.default().restrict(values)


def draw_market(kind: Kind, seed: int, sizes: Sizes, draw: int | None = None) -> ReturnPanel:
    """Draw a world, or, with `draw`, another history of the same world.

    Parameters
    ----------
    kind : Kind
    seed : int
        Of the world.
    sizes : Sizes
    draw : int, optional
        Number of the new history: means, volatilities and listings are those of the world, the
        shocks are new.

    Returns
    -------
    ReturnPanel
    """
    n_days = N_WARM_UP + 1 + kind.n_measured
    fields = synthetic_market(
        n_pairs=sizes.n_pairs,
        n_days=n_days,
        seed=seed,
        edge=kind.edge,
        shocks_seed=None if draw is None else _FRESH + 1_000 * seed + draw,
    )
    common = np.full(n_days, kind.premium)
    if kind.swings:
        common += kind.swings * _autoregression(np.random.default_rng((seed, _SWINGS)), n_days)
    # arrays of the fields are the caller's own
    fields.returns[:] += common[:, None]
    return ReturnPanel.of_fields(fields)


def measure_world(
    kind: Kind, seed: int, sizes: Sizes | None = None, *, n_threads: int = 1
) -> dict[str, Any]:
    """Search a world, judge the best strategy, and say what it is truly worth.

    Parameters
    ----------
    kind : Kind
    seed : int
    sizes : Sizes, optional
    n_threads : int
        Of the verdict, which does not depend on it.

    Returns
    -------
    dict
        Plain values: the word, what led to it, and the figures that other rules go by; None
        where there is no such figure (a history that is too short to be compared).
    """
    sizes = sizes or Sizes()
    began = time.perf_counter()
    panel = draw_market(kind, seed, sizes)
    space = world_space(sizes)
    objective = FactorBacktest(panel, _settings(kind, panel), space=space)
    everything = np.arange(len(space), dtype=np.int64)
    best = int(np.nanargmax(objective.evaluate(everything).objective[:, 0]))
    verdict = verify(objective, best, everything, n_threads=n_threads)
    record = {
        "seed": seed,
        "word": verdict.word,
        "strategy": space.strategy_id(space.params(best)),
        **_figures(verdict.figures),
        "hold_out": _hold_out(kind, panel, everything, sizes),
        **_truth(kind, seed, space.strategy_id(space.params(best)), sizes),
    }
    return record | {"seconds": round(time.perf_counter() - began, 3)}


def _settings(kind: Kind, panel: ReturnPanel, split_day: int | None = None) -> BacktestSettings:
    return BacktestSettings(
        fee_rate=kind.fee_rate,
        start_date=panel.dates[N_WARM_UP].date(),
        split_date=None if split_day is None else panel.dates[split_day].date(),
        min_active_days=0,  # half of the days is asked for all the same
    )


def _figures(figures: Any) -> dict[str, float | None]:
    """Of a verdict, what decides and what other rules go by."""
    metrics = figures["metrics"]
    sharpe = figures.get("sharpe", {})
    overfitting = figures.get("overfitting", {}).get("net", {})
    return {
        "net_sharpe": metrics["net_sharpe_ratio"],
        "excess_sharpe": metrics["excess_sharpe_ratio"],
        "n_closed": metrics["trade_count"],
        "n_open": metrics["open_positions"],
        "block": figures["block"],
        "p_cash": figures.get("p_cash"),
        "p_basket": figures.get("p_basket"),
        "walk_net": figures.get("walk_net"),
        "walk_excess": figures.get("walk_excess"),
        "reality_check": figures.get("reality_check_p"),
        "deflated": sharpe.get("deflated"),
        "probabilistic": sharpe.get("probabilistic"),
        "pbo": overfitting.get("pbo"),
        "deflation": overfitting.get("expected"),
        "n_independent": figures.get("population", {}).get("n_independent"),
    }


def _hold_out(
    kind: Kind, panel: ReturnPanel, everything: npt.NDArray[np.int64], sizes: Sizes
) -> float:
    """Net Sharpe ratio in the last days of what was best in the days before."""
    split_day = panel.n_days - round(HOLD_OUT_SHARE * kind.n_measured)
    objective = FactorBacktest(panel, _settings(kind, panel, split_day), space=world_space(sizes))
    batch = objective.evaluate(everything)
    best = int(np.nanargmax(batch.objective[:, 0]))
    return float(batch.row(best)["oos_net_sharpe_ratio"])


def _truth(kind: Kind, seed: int, strategy: str, sizes: Sizes) -> dict[str, float | None]:
    """What the strategy earns in new histories of the same world; nothing where no skill is."""
    if not kind.has_skill:
        return {"true_net": None, "true_excess": None, "true_net_sharpe": None}
    net, excess = [], []
    params = world_space(sizes).parse(strategy)
    # factors and windows of this strategy alone are computed
    space = world_space(sizes).restrict(
        {"factors": ["_".join(params.factors)], "window_size": [str(params.window_size)]}
    )
    for draw in range(sizes.n_draws):
        panel = draw_market(kind, seed, sizes, draw)
        daily = FactorBacktest(panel, _settings(kind, panel), space=space).daily_returns([params])
        assert daily.excess is not None
        net.append(daily.net[0])
        excess.append(daily.excess[0])
    earned = np.concatenate(net).astype(np.float64)
    return {
        "true_net": float(earned.mean()),
        "true_excess": float(np.concatenate(excess).mean(dtype=np.float64)),
        "true_net_sharpe": float(sharpe_ratio(earned, annualise=True)),
    }


def _autoregression(rng: np.random.Generator, n_days: int) -> npt.NDArray[np.float64]:
    """Return a stationary first-order autoregression with standard deviation 1."""
    persistence = 0.5 ** (1.0 / HALF_LIFE)
    values = rng.standard_normal(n_days)
    values[1:] *= np.sqrt(1.0 - persistence**2)
    for day in range(1, n_days):
        values[day] += persistence * values[day - 1]
    return values
