"""The benchmarks ``verify`` and ``verify-real``: what a verdict costs, beside the backtests."""

import argparse
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from objectives import FactorBacktest

__all__ = ["verify_real", "verify_standard"]

_N_SAMPLE = 6_000
_REPEATS = 7


def verify_standard(arguments: argparse.Namespace, market: dict[str, Any]) -> dict[str, Any]:
    """Judge the best of the default space on 539 days of 200 pairs.

    Also the ratio of a simulation that keeps its days to one that does not, in turns.
    """
    from objectives import BacktestSettings, FactorBacktest, ReturnPanel

    panel = ReturnPanel.synthetic(**market)
    objective = FactorBacktest(panel, BacktestSettings(split_date=None))
    objective.evaluate([0])  # loads or compiles the kernels, and computes the factor cube
    return _judged(objective, arguments) | {"kernel_ratio": _daily_ratio(objective)}


def verify_real(arguments: argparse.Namespace) -> dict[str, Any]:
    """Judge the best of 291,200 strategies on a year of 34 pairs without caps."""
    from real_market import market_of

    from objectives import BacktestSettings, FactorBacktest
    from search_spaces import FactorSpace

    panel = market_of(arguments)
    space = FactorSpace.default().restrict({"weight_method": ["EQ", "FS"]})
    objective = FactorBacktest(panel, BacktestSettings(split_date=None), space=space)
    objective.evaluate([0])
    return _judged(objective, arguments)


def _judged(objective: "FactorBacktest", arguments: argparse.Namespace) -> dict[str, Any]:
    """Verify a strategy of the first `size` ones; the factor cube is there already."""
    from objectives.validation import verify

    population = np.arange(min(arguments.size, objective.space.size))
    strategy = _active(objective, population)
    began, processor = time.perf_counter(), time.process_time()
    verdict = verify(objective, strategy, population)
    wall_s, processor_s = time.perf_counter() - began, time.process_time() - processor
    figures = verdict.figures
    if "population" not in figures:
        raise SystemExit(f"nothing was compared: {'; '.join(verdict.reasons)}")
    return {
        "n_strategies": len(population),
        "n_series": figures["population"]["n_series"],
        "n_days": figures["n_days"],
        "n_pairs": objective.panel.n_pairs,
        "wall_s": wall_s,
        "processor_s": processor_s,
        "strategies_per_s": len(population) / wall_s,
    }


def _active(objective: "FactorBacktest", population: np.ndarray) -> int:
    """Find a strategy that trades: the best of an even sample with 10 closed trades and more."""
    sample = population[:: max(1, len(population) // _N_SAMPLE)]
    metrics = objective.evaluate(sample).metrics
    trades = metrics["trade_count"] >= 10
    return int(sample[np.where(trades, metrics["net_sharpe_ratio"], -np.inf).argmax()])


def _daily_ratio(objective: "FactorBacktest") -> float:
    """Processor time of simulations that keep their days, over that of simulations that do not."""
    from objectives.factor_backtest.point_table import PointTable

    simulator = objective._simulator
    points = np.arange(600 * (objective.space.size // 1200), objective.space.size)[:600]
    table = PointTable.build(points, objective.space, objective.settings)
    blocks = list(table.blocks(np.arange(len(points)), simulator.classes(table.data_period)))
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(_REPEATS):
        for keeps in (False, True):
            began = time.process_time()
            for rows in blocks:
                simulator.simulate(table, rows, keep_daily=keeps)
            seconds[keeps].append(time.process_time() - began)
    return min(seconds[True]) / min(seconds[False])
