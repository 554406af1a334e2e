"""Daily returns of many strategies, those that do the same simulated once."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from objectives.factor_backtest.point_table import PointTable
from objectives.factor_backtest.simulator import StrategySimulator
from objectives.metrics import METRICS

__all__ = ["DailySeries", "simulate_days"]


@dataclass(frozen=True, eq=False)
class DailySeries:
    """What strategies did day by day, and their figures.

    Attributes
    ----------
    net, exposure, basket : ndarray of float32, shape (n_strategies, n_days)
        As in `objectives.DailyReturns`; NaN, 0 and 0 where a strategy was in no block.
    metrics : ndarray of float64, shape (n_strategies, n_segments x n_metrics)
        Figures, those out of sample last; NaN where a strategy was in no block.
    """

    net: npt.NDArray[np.float32]
    exposure: npt.NDArray[np.float32]
    basket: npt.NDArray[np.float32]
    metrics: npt.NDArray[np.float64]


def simulate_days(
    simulator: StrategySimulator, table: PointTable, blocks: Iterable[npt.NDArray[np.int64]]
) -> DailySeries:
    """Simulate strategies and keep their days.

    Parameters
    ----------
    simulator : StrategySimulator
    table : PointTable
        Strategies.
    blocks : iterable of ndarray of int64
        Rows of the table that share a ranking. Those of a block with equal rules do the same,
        whatever their data period, and are simulated once.

    Returns
    -------
    DailySeries
        Of all strategies of the table.
    """
    n_strategies, n_days = len(table.window), len(simulator.dates) - 1
    series = DailySeries(
        np.full((n_strategies, n_days), np.nan, dtype=np.float32),
        np.zeros((n_strategies, n_days), dtype=np.float32),
        np.zeros((n_strategies, n_days), dtype=np.float32),
        np.full((n_strategies, (2 if simulator.split_day else 1) * len(METRICS)), np.nan),
    )
    for rows in blocks:
        once: dict[bytes, int] = {}
        for row in rows.tolist():
            once.setdefault(table.rule_keys[row], row)
        place = {rules: k for k, rules in enumerate(once)}
        copies = [place[table.rule_keys[row]] for row in rows.tolist()]
        simulation = simulator.simulate(table, np.array(list(once.values())), keep_daily=True)
        assert simulation.daily is not None
        assert simulation.exposure is not None
        series.net[rows] = simulation.daily[copies]
        series.exposure[rows] = simulation.exposure[copies]
        series.basket[rows] = simulator.basket(int(table.data_period[rows[0]]))
        series.metrics[rows] = simulation.metrics.reshape(len(once), -1)[copies]
    return series
