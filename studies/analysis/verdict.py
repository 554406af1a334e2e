"""The verdict of a session: what its best strategy is worth, judged against all it could return."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from objectives import FactorBacktest, Objective
from objectives.validation import Verification, verify
from studies.analysis.leaderboard import result_row
from studies.analysis.one_strategy import best_strategy_id
from studies.analysis.verdict_rows import StoredVerdict, read_verdicts, store_verdict
from studies.database import database_errors, hyperparameter_tuning_results
from studies.sessions import StoredSession, build_objective

__all__ = [
    "MAX_SPACE",
    "population_of",
    "verdict_settings",
    "verify_session",
    "verify_within",
]

MAX_SPACE = 2_000_000
"""A larger space is not passed through: its strategies are judged against what was visited."""

_SCAN_SHARE = 0.75  # of the time is spent on the strategies, the rest on the splits
_PATIENCE = 0.05  # of the time allowed passes before a verdict is given up

RULE_VERSION = 1
"""Of the rule and its algorithm: a verdict of another version is computed anew."""


def verify_session(
    session: StoredSession,
    strategy_id: str | None = None,
    *,
    n_resamples: int | None = None,
    seed: int | None = None,
    again: bool = False,
    objective: Objective | None = None,
    n_threads: int | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> StoredVerdict:
    """Judge a strategy of a session, and store the verdict.

    Parameters
    ----------
    session : StoredSession
    strategy_id : str, optional
        By default the best distinct one; with several objectives the first of the Pareto front.
    n_resamples, seed : int, optional
        Of the bootstrap; by default as the session was configured (``verify``).
    again : bool
        Compute a verdict that is stored already once more; it is then one more verdict.
    objective : Objective, optional
        Built on the market of the database if left out.
    n_threads : int, optional
        Default: the processors this process may use.
    on_progress : callable, optional
        Called with what is being done, how much of it is done, and how much there is.

    Returns
    -------
    StoredVerdict
        A stored one, if strategy, market, settings and population are the same.

    Raises
    ------
    SessionError
        If the session has no result to judge, or its market or definition has changed.
    """
    if strategy_id is None:
        strategy_id = best_strategy_id(session)
    else:
        result_row(session, strategy_id)  # an unknown one is refused
    if objective is None:
        objective = build_objective(session)
    rules = session.config.verify
    settings = Verification(
        n_resamples=rules.resamples if n_resamples is None else n_resamples,
        seed=rules.seed if seed is None else seed,
        by_excess=next(iter(session.directions)) == "excess_sharpe_ratio",
    )
    population, whole = population_of(session, objective)
    described = {
        **asdict(settings),
        "rule": RULE_VERSION,
        "population": "space" if whole else "visited",
        "n_population": len(population),
        "measurement": objective.measurement_fingerprint,
        "split_date": None if (split := objective.settings.split_date) is None else str(split),
    }
    if not again:
        for known in read_verdicts(session.engine, session.row.session_id, strategy_id):
            if known.settings == described:
                return known
    started = time.perf_counter()
    verdict = verify(
        objective,
        session.space.index(session.space.parse(strategy_id)),
        population,
        settings,
        n_threads=n_threads,
        on_progress=on_progress,
    )
    return store_verdict(
        session.engine,
        session.row.session_id,
        strategy_id,
        verdict,
        settings=described,
        data_fingerprint=_market_of(objective),
        seconds=time.perf_counter() - started,
    )


class _TooLongError(Exception):
    """It has become clear that a verdict takes longer than it may."""


def verify_within(
    session: StoredSession,
    seconds: float,
    *,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> StoredVerdict | None:
    """Judge the best strategy of a session, unless that takes too long.

    Parameters
    ----------
    session : StoredSession
    seconds : float
        Looked at after each tile of strategies: as soon as those done and their time say that all
        of them and the splits would take longer, the verdict is given up.
    on_progress : callable, optional
        As for :func:`verify_session`.

    Returns
    -------
    StoredVerdict or None
        None if it was given up; nothing is stored then.
    """
    started = time.perf_counter()

    def look(what: str, done: int, total: int) -> None:
        elapsed = time.perf_counter() - started
        expected = _SCAN_SHARE * seconds * done / total if what == "strategies" else seconds
        if elapsed > _PATIENCE * seconds and elapsed > expected:
            raise _TooLongError
        if on_progress is not None:
            on_progress(what, done, total)

    try:
        return verify_session(session, on_progress=look)
    except _TooLongError:
        return None


def population_of(
    session: StoredSession, objective: Objective
) -> tuple[npt.NDArray[np.int64], bool]:
    """Return what the search could have returned, and whether that is its whole space.

    Parameters
    ----------
    session : StoredSession
    objective : Objective

    Returns
    -------
    indices : ndarray of int64, shape (n_strategies,)
        Lattice indices, ascending: of a factor space with at most :data:`MAX_SPACE` strategies all
        of them, though the session may have tried a few only; else those with a result.
    whole : bool
    """
    space = session.space
    if isinstance(objective, FactorBacktest) and space.size <= MAX_SPACE:
        return np.arange(space.size, dtype=np.int64), True
    results = hyperparameter_tuning_results.c
    query = sa.select(results.strategy_id).where(results.session_id == session.row.session_id)
    with database_errors(session.engine), session.engine.connect() as connection:
        visited = connection.execute(query).scalars().all()
    indices = {space.index(space.parse(name)) for name in visited}
    return np.array(sorted(indices), dtype=np.int64), False


def _market_of(objective: Objective) -> str:
    """Fingerprint of the returns alone: other fees or dates are another look at the same market."""
    return objective.panel.fingerprint(objective.settings.end_date, include_caps=False)


def verdict_settings(settings: Mapping[str, Any]) -> str:
    """Say in a line against what and how a verdict was computed."""
    if settings["population"] == "space":
        against = f"all {settings['n_population']:,} strategies of the space"
    else:
        against = f"the {settings['n_population']:,} strategies that were tried"
    return f"against {against}, {settings['n_resamples']:,} resamples, seed {settings['seed']}"
