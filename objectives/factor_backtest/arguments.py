"""What is handed to a backtest, checked where Python would say that an attribute is missing."""

from collections.abc import Mapping, Sequence
from typing import Any

from objectives.market import ReturnPanel
from objectives.market.panel_checks import require_pairs
from objectives.settings import BacktestSettings
from search_spaces import FactorSpace, StrategyParams
from search_spaces.checks import check_kind

__all__ = ["check_arguments", "check_params"]


def check_arguments(panel: Any, settings: Any, space: Any, metrics: Any) -> None:
    """Refuse arguments of `FactorBacktest` that are of another type, or a market of one pair.

    Raises
    ------
    ConfigError
        Naming the argument.
    DataError
        If the market has too few pairs.
    """
    check_kind("the panel", panel, ReturnPanel, "a ReturnPanel")
    require_pairs(panel.pairs)
    if settings is not None:
        check_kind("settings", settings, BacktestSettings, "a BacktestSettings")
    if space is not None:
        check_kind("the space", space, FactorSpace, "a FactorSpace")
    check_kind("metrics", metrics, (Sequence, Mapping), "a list of names or a mapping")


def check_params(params: Any) -> None:
    """Refuse what is not the parameters of a strategy, such as its id.

    Raises
    ------
    ConfigError
        With what makes parameters of an id.
    """
    expected = "the parameters of a strategy, such as objective.space.parse('SR_W5_1D_D10_S3_EQ')"
    check_kind("params", params, StrategyParams, expected)
