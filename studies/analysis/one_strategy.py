"""One strategy of a session computed anew, and whether that is what was recorded."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from objectives import BacktestResult, FactorBacktest, Objective
from search_spaces import StrategyParams
from search_spaces.errors import ConfigError, SessionError
from studies.analysis.leaderboard import top
from studies.config import TuningConfig
from studies.outcomes import PARAMETER_COLUMNS
from studies.sessions import StoredSession, build_objective, objective_of

__all__ = ["Recomputed", "best_strategy_id", "objective_of_one", "objective_of_these", "recompute"]

_COMPARED = ("final_balance", "trade_count")


@dataclass(frozen=True)
class Recomputed:
    """One strategy, backtested again on the market of the database.

    Attributes
    ----------
    objective : FactorBacktest
        Of a space that holds this strategy only.
    result : BacktestResult
    differences : tuple of str
        Sentences on figures that are not those recorded; empty as long as all is well.
    """

    objective: FactorBacktest
    result: BacktestResult
    differences: tuple[str, ...]


def best_strategy_id(session: StoredSession) -> str:
    """Return the id that `top` lists first: of the best result the simplest strategy.

    With several objectives that is the first of the Pareto front.

    Raises
    ------
    SessionError
        If none was measured.
    """
    frame = top(session, 1)
    if frame.empty:
        raise SessionError(
            f"every strategy of {session.row.session_id} failed so far, so none is best; see why "
            f"with: mass-tuning status --session {session.row.session_id} --detailed"
        )
    return str(frame["strategy_id"].iloc[0])


def recompute(
    session: StoredSession, recorded: Mapping[str, Any], full: Objective | None = None
) -> Recomputed:
    """Backtest a strategy on the market of the database, and compare it with its record.

    Parameters
    ----------
    session : StoredSession
    recorded : mapping
        From `studies.analysis.result_row`.
    full : Objective, optional
        From `studies.sessions.build_objective`, which reads the market: of several strategies
        build it once.

    Raises
    ------
    ConfigError
        If the session's objective is not the factor backtest.
    MassTuningError
        If the market has changed since the session was created, or the strategy cannot be run.
    """
    full = full or build_objective(session)
    if not isinstance(full, FactorBacktest):
        raise ConfigError(
            f"{session.row.session_id} has an objective of its own "
            f"({session.config.objective.type}), which keeps no equity curve, ranking or trades; "
            "its recorded figures are all there is"
        )
    params = session.space.parse(recorded["strategy_id"])
    objective = objective_of_one(session.config, full, params)
    result = objective.run(params)
    return Recomputed(objective, result, tuple(_differences(recorded, result)))


def objective_of_one(
    config: TuningConfig, full: FactorBacktest, params: StrategyParams
) -> FactorBacktest:
    """Build the objective of a configuration for one strategy of its space, which is quicker.

    Parameters
    ----------
    config : TuningConfig
    full : FactorBacktest
        Of the whole space: the dates that `config` leaves out follow from it.
    params : StrategyParams
    """
    return objective_of_these(config, full, [params])


def objective_of_these(
    config: TuningConfig, full: FactorBacktest, strategies: Sequence[StrategyParams]
) -> FactorBacktest:
    """Build the objective of a configuration for some strategies, which is quicker.

    Parameters
    ----------
    config, full
        As of :func:`objective_of_one`.
    strategies : sequence of StrategyParams
        What they share is computed once.
    """
    only = {
        name: list(dict.fromkeys(_spelled(getattr(params, name)) for params in strategies))
        for name in PARAMETER_COLUMNS
    }
    resolved = config.model_copy(update={"backtest": full.settings.to_dict()})
    # of this space the factor cube has their windows instead of all
    objective = objective_of(resolved, full.panel, full.space.restrict(only))
    assert isinstance(objective, FactorBacktest)
    return objective


def _differences(recorded: Mapping[str, Any], result: BacktestResult) -> list[str]:
    found = []
    for name in _COMPARED:
        before, now = recorded.get(name), result.metrics[name]
        if before is not None and now is not None and not math.isclose(before, now, rel_tol=1e-9):
            found.append(
                f"computed anew {name} is {now!r}, recorded is {before!r}; please report this"
            )
    return found


def _spelled(value: Any) -> str:
    return "_".join(value) if isinstance(value, tuple) else str(value)
