"""What a trial is worth: market panel, factors, ranking, backtest, metrics."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from objectives.base import Batch, Objective
    from objectives.factor_backtest import BacktestResult, FactorBacktest, FactorCube
    from objectives.factors import Factor, factor_codes, register_factor
    from objectives.frame_objective import FrameObjective
    from objectives.market import ReturnPanel
    from objectives.metrics import METRIC_NAMES, METRICS, Metric
    from objectives.objective_kinds import make_objective
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
    "FrameObjective",
    "Metric",
    "Objective",
    "ReturnPanel",
    "factor_codes",
    "make_objective",
    "register_factor",
]

# Imported at first use: commands that only read results need neither Numba nor a market.
_HOMES = {
    "METRICS": "metrics",
    "METRIC_NAMES": "metrics",
    "BacktestResult": "factor_backtest",
    "BacktestSettings": "settings",
    "Batch": "base",
    "Factor": "factors",
    "FactorBacktest": "factor_backtest",
    "FactorCube": "factor_backtest",
    "FrameObjective": "frame_objective",
    "Metric": "metrics",
    "Objective": "base",
    "ReturnPanel": "market",
    "factor_codes": "factors",
    "make_objective": "objective_kinds",
    "register_factor": "factors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
