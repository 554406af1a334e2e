"""One strategy of a session under other conditions, and whether it looks ahead."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from objectives import FactorBacktest, Objective
from objectives.external import ExternalObjective
from objectives.validation import find_look_ahead, measure_robustness
from search_spaces.errors import ConfigError, SessionError
from studies.analysis.leaderboard import result_row
from studies.analysis.one_strategy import best_strategy_id
from studies.outcomes import sign_of
from studies.sessions import StoredSession, build_objective, objective_of

if TYPE_CHECKING:
    from objectives import ReturnPanel
    from objectives.validation import LookAhead, Robustness

__all__ = ["best_tenth", "look_ahead_of", "robustness_of"]

_SAMPLE = 3_000


def robustness_of(
    session: StoredSession,
    strategy_id: str | None = None,
    *,
    n_resamples: int | None = None,
    seed: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> "Robustness":
    """Measure how robust a strategy of a session is.

    Parameters
    ----------
    session : StoredSession
    strategy_id : str, optional
        By default the best one.
    n_resamples, seed : int, optional
        Of the block bootstrap; by default as configured (``verify``).
    on_progress : callable, optional
        Called with the number of simulations done and of all.

    Raises
    ------
    ConfigError
        If the session's objective is not the factor backtest.
    SessionError
        If there is no such result, or the market has changed.
    """
    strategy_id = _known(session, strategy_id)
    objective = build_objective(session)
    if not isinstance(objective, FactorBacktest):
        raise ConfigError(
            f"{session.row.session_id} has an objective of its own "
            f"({session.config.objective.type}); fees, delays and pairs are those of the factor "
            "backtest, and only that can be measured under others"
        )
    rules = session.config.verify
    return measure_robustness(
        objective,
        session.space.parse(strategy_id),
        n_resamples=rules.resamples if n_resamples is None else n_resamples,
        seed=rules.seed if seed is None else seed,
        threshold=best_tenth(objective),
        on_progress=on_progress,
    )


def look_ahead_of(
    session: StoredSession,
    strategy_id: str | None = None,
    *,
    seed: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> "LookAhead":
    """Find out whether a strategy of a session uses what it could not know.

    Parameters
    ----------
    session : StoredSession
        Of any objective.
    strategy_id : str, optional
        By default the best one.
    seed : int, optional
        Of the other futures; by default as configured (``verify``).
    on_progress : callable, optional
        Called with the number of days done and of all.

    Raises
    ------
    SessionError
        If there is no such result, or the market has changed.
        If the objective is a program of the user's own.
    """
    from objectives.validation.stress import space_of_one

    params = session.space.parse(_known(session, strategy_id))
    objective = build_objective(session)
    if isinstance(objective, ExternalObjective):
        raise SessionError(
            "a program of your own reads its own market, so other futures of this one would show "
            "nothing; a look-ahead must be looked for inside the program"
        )
    space: Any = session.space
    if isinstance(objective, FactorBacktest):
        space = space_of_one(params)  # whose factor cube is small: it is computed often

    def make(panel: "ReturnPanel") -> Objective:
        return objective_of(session.config, panel, space)

    return find_look_ahead(
        make,
        objective.panel,
        [params],
        seed=session.config.verify.seed if seed is None else seed,
        on_progress=on_progress,
    )


def best_tenth(objective: Objective) -> float | None:
    """Return the value of the first objective that the best tenth of the space reaches.

    Returns
    -------
    float or None
        Of an even sample of 3,000 strategies at most, failed ones counted as worst. None where
        the value would be that of a failed one.
    """
    direction = next(iter(objective.directions.values()))
    size = objective.space.size
    sample = np.arange(0, size, max(1, -(-size // _SAMPLE)), dtype=np.int64)
    values = sign_of(direction) * objective.evaluate(sample).objective[:, 0]
    ordered = np.sort(np.where(np.isfinite(values), values, -np.inf))[::-1]
    value = float(ordered[(len(ordered) - 1) // 10])
    return sign_of(direction) * value if np.isfinite(value) else None


def _known(session: StoredSession, strategy_id: str | None) -> str:
    if strategy_id is None:
        return best_strategy_id(session)
    result_row(session, strategy_id)  # an unknown one is refused
    return strategy_id
