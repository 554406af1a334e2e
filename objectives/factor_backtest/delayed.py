"""Factor strategies that act on rankings some days old."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from objectives.constants import DEFAULT_METRIC
from objectives.factor_backtest.objective import FactorBacktest
from objectives.factor_backtest.point_table import domain
from objectives.factor_backtest.simulator import StrategySimulator
from objectives.market import ReturnPanel
from objectives.settings import BacktestSettings
from search_spaces import FactorSpace
from search_spaces.errors import ConfigError

__all__ = ["DelayedBacktest"]


class DelayedBacktest(FactorBacktest):
    """A factor backtest in which day d trades on the ranking at the close of day d - 1 - delay.

    Use it to ask whether a strategy survives data or orders that come late. Which pairs may be
    ranked, their factors and their scores are all those of the older day; returns, trading days,
    market caps and the basket stay where they are. In its results `BacktestResult.ranking` of a
    date is the ranking that is traded on the day after the date.

    Parameters
    ----------
    panel, settings, space, metrics
        As for :class:`FactorBacktest`.
    delay : int
        Days, at least 1.

    Raises
    ------
    ConfigError
        If ``delay`` is below 1, or more than the days of the panel before ``start_date``.
    """

    def __init__(
        self,
        panel: ReturnPanel,
        settings: BacktestSettings | None = None,
        *,
        space: FactorSpace | None = None,
        metrics: Sequence[str] | Mapping[str, str] = (DEFAULT_METRIC,),
        delay: int = 1,
    ) -> None:
        super().__init__(panel, settings, space=space, metrics=metrics)
        n_before = self._simulator.start
        if not 1 <= delay <= n_before:
            raise ConfigError(
                f"a delay is at least 1 day and at most the {n_before} of the data before "
                f"start_date {self.settings.start_date}; got {delay=}"
            )
        self.delay = delay
        self._simulator = StrategySimulator(
            panel, self.settings, domain(self.space, "data_period"), delay=delay
        )

    @cached_property
    def _conditions(self) -> dict[str, Any]:
        """What decides the figures of a strategy besides its parameters."""
        return {**super()._conditions, "delay": self.delay}
