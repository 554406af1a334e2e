"""What a trial is worth: market panel, factors, ranking, backtest, metrics."""

from objectives.base import Batch, Objective
from objectives.cube import FactorCube
from objectives.factor_backtest import BacktestResult, FactorBacktest
from objectives.factors import Factor, factor_codes, register_factor
from objectives.market import ReturnPanel
from objectives.metrics import METRIC_NAMES, METRICS, Metric
from objectives.settings import BacktestSettings

__all__ = [
    "METRICS",
    "METRIC_NAMES",
    "BacktestResult",
    "BacktestSettings",
    "Batch",
    "Factor",
    "FactorBacktest",
    "FactorCube",
    "Metric",
    "Objective",
    "ReturnPanel",
    "factor_codes",
    "register_factor",
]
