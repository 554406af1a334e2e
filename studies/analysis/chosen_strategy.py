"""Which strategy is meant, and the settings of which session or configuration apply to it."""

from dataclasses import dataclass

from sqlalchemy.engine import Engine

from objectives import FactorBacktest, ReturnPanel
from objectives.settings import ResolvedSettings
from search_spaces import StrategyParams
from search_spaces.errors import ConfigError, SessionError
from studies.analysis.best_config import config_of_strategy
from studies.config import TuningConfig
from studies.sessions import StoredSession, choose_session, load_panel, objective_of, read_row

__all__ = ["BEST", "ChosenStrategy", "MarketStrategy", "choose_strategy", "on_market"]

BEST = "best"
"""Stands for the strategy that `top` lists first."""


@dataclass(frozen=True)
class ChosenStrategy:
    """A strategy and the configuration it is run with.

    Attributes
    ----------
    strategy_id : str
    config : TuningConfig
        Its section `strategy` says what was recorded, if that is known.
    session_id : str or None
        Whose settings and days these are; None: those of the configuration.
    """

    strategy_id: str
    config: TuningConfig
    session_id: str | None


@dataclass(frozen=True)
class MarketStrategy:
    """A strategy with the whole market of the database, days after its backtest included.

    Attributes
    ----------
    chosen : ChosenStrategy
    params : StrategyParams
    panel : ReturnPanel
    settings : ResolvedSettings
        Period and money rules.
    has_changed : bool
        Whether the market up to the end of the backtest, or the settings, are other ones than its
        figures were recorded with.
    """

    chosen: ChosenStrategy
    params: StrategyParams
    panel: ReturnPanel
    settings: ResolvedSettings
    has_changed: bool


def choose_strategy(
    config: TuningConfig,
    engine: Engine,
    strategy: str | None = None,
    session_id: str | None = None,
    *,
    as_configured: bool = False,
) -> ChosenStrategy:
    """Find a strategy and the settings that apply to it.

    Parameters
    ----------
    config : TuningConfig
    engine : Engine
        Of the database with the sessions.
    strategy : str, optional
        An id, or :data:`BEST`; by default that of the configuration (`TuningConfig.strategy`).
    session_id : str, optional
        Take the settings and days of this session. By default those of the file, if it is about
        this strategy; else those of the newest session with results, if it has one of this
        strategy; else those of the configuration.
    as_configured : bool
        Take those of the configuration in any case.

    Raises
    ------
    ConfigError
        If no strategy is named.
    SessionError
        If the session that was named has no result of it.
    """
    recorded = config.strategy
    if strategy is None:
        if session_id is not None:
            strategy = BEST
        elif recorded is None:
            raise ConfigError(
                "no strategy is named; give an id, or best, or with --config a file that export "
                "--best-config wrote"
            )
        else:
            return ChosenStrategy(recorded.id, config, recorded.session)
    if as_configured:
        return ChosenStrategy(strategy, config.model_copy(update={"strategy": None}), None)
    if session_id is None and recorded is not None and recorded.id == strategy:
        return ChosenStrategy(strategy, config, recorded.session)
    if session_id is not None or strategy == BEST:
        row = choose_session(engine, "results") if session_id is None else None
        session = StoredSession(engine, row or read_row(engine, str(session_id)))
        return _of_session(session, None if strategy == BEST else strategy)
    try:
        session = StoredSession(engine, choose_session(engine, "results"))
        return _of_session(session, strategy)
    except SessionError:  # none has results, or the newest not of this strategy
        return ChosenStrategy(strategy, config.model_copy(update={"strategy": None}), None)


def on_market(chosen: ChosenStrategy, engine: Engine) -> MarketStrategy:
    """Read the market of a strategy.

    Raises
    ------
    ConfigError
        If its objective is not the factor backtest, or the settings are impossible on this market.
    SpaceError
        If the strategy is outside the space.
    DataError
        If there is no market.
    """
    config = chosen.config
    if config.objective.type != "factor_backtest":
        raise ConfigError(
            f"rankings and positions are those of the factor backtest; {chosen.strategy_id} has an "
            f"objective of its own ({config.objective.type})"
        )
    space = config.space()
    params = space.parse(chosen.strategy_id)
    objective = objective_of(config, load_panel(config, engine), space)
    assert isinstance(objective, FactorBacktest)
    recorded = config.strategy
    fingerprint = None if recorded is None else recorded.data_fingerprint
    return MarketStrategy(
        chosen,
        params,
        objective.panel,
        objective.settings,
        fingerprint is not None and fingerprint != objective.fingerprint,
    )


def _of_session(session: StoredSession, strategy_id: str | None) -> ChosenStrategy:
    config = config_of_strategy(session, strategy_id)
    assert config.strategy is not None
    return ChosenStrategy(config.strategy.id, config, session.row.session_id)
