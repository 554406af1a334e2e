"""Our objective: rank the pairs by factors, trade the ranking, measure what it earned."""

from objectives.factor_backtest.day_ranking import DayRanking, rank_market
from objectives.factor_backtest.delayed import DelayedBacktest
from objectives.factor_backtest.factor_cube import FactorCube
from objectives.factor_backtest.holdings import Holdings, holdings_after
from objectives.factor_backtest.objective import FactorBacktest
from objectives.factor_backtest.result import BacktestResult
from objectives.judge import INSUFFICIENT_DATA, NO_MARKET_CAPS, UNDEFINED_METRIC, judge

__all__ = [
    "INSUFFICIENT_DATA",
    "NO_MARKET_CAPS",
    "UNDEFINED_METRIC",
    "BacktestResult",
    "DayRanking",
    "DelayedBacktest",
    "FactorBacktest",
    "FactorCube",
    "Holdings",
    "holdings_after",
    "judge",
    "rank_market",
]
