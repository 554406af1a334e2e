"""Whether a configuration can be used, and what it makes of the search."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from objectives import METRIC_NAMES, BacktestSettings
from search_spaces.checks import likely, shown
from search_spaces.errors import ConfigError
from studies.config import TuningConfig
from studies.database import create_engine

__all__ = ["CheckedConfig", "checked_config"]


@dataclass(frozen=True)
class CheckedConfig:
    """What a valid configuration describes.

    Attributes
    ----------
    strategies : int
        Size of the search space.
    parameters : mapping of str to int
        Number of values of each parameter.
    constraints : tuple of str
    objective : mapping of str to str
        Metrics and their directions.
    backtest : mapping of str to Any
        All settings, defaults included.
    """

    strategies: int
    parameters: Mapping[str, int]
    constraints: tuple[str, ...]
    objective: Mapping[str, str]
    backtest: Mapping[str, Any]


def checked_config(config: TuningConfig) -> CheckedConfig:
    """Check a configuration as far as that goes without data.

    Raises
    ------
    SpaceError
        If the search space is impossible.
    ConfigError
        If a backtest setting or a metric is unknown or impossible.
    StorageError
        If a database URL cannot be understood.
    """
    space = config.space()
    settings = BacktestSettings.from_dict(config.backtest)
    if not config.objective.metrics:
        raise ConfigError("objective.metrics is empty; name a metric, like net_sharpe_ratio")
    for name in config.objective.metrics:
        if name not in METRIC_NAMES:
            raise ConfigError(
                f"objective.metrics: unknown metric {shown(name)}; {likely(name, METRIC_NAMES)}"
            )
    for url in (config.database, config.market.database):
        if url is not None:
            create_engine(url).dispose()
    return CheckedConfig(
        strategies=len(space),
        parameters={p.name: len(p.finite_values()) for p in space.parameters},
        constraints=tuple(str(rule.to_config()) for rule in space.constraints),
        objective=dict(config.objective.metrics),
        backtest=settings.to_dict(),
    )
