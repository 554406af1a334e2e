"""One strategy backtested outside any session: of a configuration, on the market as it is now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Engine

from objectives import BacktestResult, FactorBacktest
from objectives.settings import ResolvedSettings
from search_spaces.errors import ConfigError
from studies.analysis.one_strategy import objective_of_one
from studies.config import StrategyConfig, TuningConfig
from studies.sessions import load_panel, objective_of

__all__ = ["Backtest", "backtest_strategy"]


@dataclass(frozen=True)
class Backtest:
    """One strategy on the market of the database.

    Attributes
    ----------
    strategy_id : str
    parameters : mapping of str to value
    settings : ResolvedSettings
        Period and money rules.
    figures : mapping of str to (float or None)
    failure : str or None
        Why the strategy counts as failed.
    result : BacktestResult or None
        With the equity curve; None for an objective of one's own.
    objective : FactorBacktest or None
        What it comes from.
    benchmark : mapping of str to float
        Figures of holding every pair alike; empty where nobody knows.
    recorded : StrategyConfig or None
        What the configuration says of this strategy.
    has_changed : bool or None
        Whether market or settings are other ones than `recorded` was computed on; None if that
        is not known.
    """

    strategy_id: str
    parameters: Mapping[str, Any]
    settings: ResolvedSettings
    figures: Mapping[str, float | None]
    failure: str | None
    result: BacktestResult | None
    objective: FactorBacktest | None
    benchmark: Mapping[str, float]
    recorded: StrategyConfig | None
    has_changed: bool | None

    @property
    def different(self) -> tuple[str, ...]:
        """Names of the figures that are not exactly those recorded."""
        if self.recorded is None:
            return ()
        return tuple(
            name for name, value in self.recorded.figures.items() if self.figures.get(name) != value
        )


def backtest_strategy(
    config: TuningConfig, engine: Engine, strategy_id: str | None = None
) -> Backtest:
    """Backtest one strategy of a configuration.

    Parameters
    ----------
    config : TuningConfig
        Its space must hold the strategy. Dates that it leaves out are those of a new session.
    engine : Engine
        Of the database with the market, unless `config` names another one for it.
    strategy_id : str, optional
        By default the strategy of the configuration (`TuningConfig.strategy`).

    Raises
    ------
    ConfigError
        If no strategy is named, or the settings are impossible on this market.
    SpaceError
        If the strategy is outside the space.
    DataError
        If there is no market, or the strategy cannot be run on it.
    """
    recorded = config.strategy
    if strategy_id is None:
        if recorded is None:
            raise ConfigError(
                "no strategy is named; give an id, or with --config a file that export "
                "--best-config wrote"
            )
        strategy_id = recorded.id
    elif recorded is not None and recorded.id != strategy_id:
        recorded = None
    space = config.space()
    params = space.parse(strategy_id)
    objective = objective_of(config, load_panel(config, engine), space)
    has_changed = None
    if recorded is not None and recorded.data_fingerprint is not None:
        has_changed = recorded.data_fingerprint != objective.fingerprint
    result: BacktestResult | None = None
    of_one: FactorBacktest | None = None
    if isinstance(objective, FactorBacktest):
        of_one = objective_of_one(config, objective, params)
        result = of_one.run(params)
        figures, failure, benchmark = result.metrics, result.failure, result.benchmark
    else:
        batch = objective.evaluate([params])
        figures, failure = batch.row(0), batch.failure[0]
        benchmark = dict(objective.benchmark)
    parameters = dict(space.trial_params(params))
    if result is not None:
        parameters["factors"] = list(result.params.factors)
    settings = objective.settings
    assert isinstance(settings, ResolvedSettings)
    return Backtest(
        strategy_id,
        parameters,
        settings,
        figures,
        failure,
        result,
        of_one,
        benchmark,
        recorded,
        has_changed,
    )
