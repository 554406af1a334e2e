"""The verdict of a session: what its best strategy is worth, judged against all it could return."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from objectives import FactorBacktest, Objective
from objectives.validation import Verdict, Verification, verify
from objectives.validation.verdict import STRONG, WEAK
from search_spaces.checks import LARGEST_SEED, check_whole
from studies.analysis.leaderboard import result_row
from studies.analysis.one_strategy import best_strategy_id
from studies.analysis.verdict_rows import StoredVerdict, store_verdict, stored_answer
from studies.database import database_errors, hyperparameter_tuning_results
from studies.sessions import (
    SessionRow,
    StoredSession,
    build_objective,
    list_sessions,
    refuse_earlier,
)

OnProgress = Callable[[str, int, int], None]

__all__ = [
    "MAX_SPACE",
    "population_of",
    "verdict_settings",
    "verify_session",
    "verify_within",
]

MAX_SPACE = 2_000_000
"""A larger space is not passed through: its strategies are judged against what was visited."""

_SCAN_SHARE = 0.8  # of the time is spent on the strategies, the rest on the splits
_LEAST_SHARE = 0.02  # of the strategies say how long all of them take

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
    on_progress: OnProgress | None = None,
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
        A stored one, if strategy, market, settings and population are the same. One that would be
        *strong* is *weak* if an earlier session of the database searched a wider space on the same
        days (:func:`wider_search`).

    Raises
    ------
    SessionError
        If the session has no result to judge, or its market or definition has changed.
    """
    refuse_earlier(session)
    best = best_strategy_id(session)
    if strategy_id is None:
        strategy_id = best
    elif strategy_id != best:
        result_row(session, strategy_id)  # an unknown one is refused
    objective = objective or build_objective(session)
    rules = session.config.verify
    settings = Verification(
        n_resamples=_whole("n_resamples", n_resamples, rules.resamples, 100, 100_000),
        seed=_whole("seed", seed, rules.seed, 0, LARGEST_SEED),
        by_excess=next(iter(session.directions)).startswith("excess_"),
    )
    population, whole = population_of(session, objective)
    wider = wider_search(session)
    described = {
        **asdict(settings),
        "rule": RULE_VERSION,
        "population": "space" if whole else "visited",
        "n_population": len(population),
        "measurement": objective.measurement_fingerprint,
        "split_date": None if (split := objective.settings.split_date) is None else str(split),
        "wider_search": None if wider is None else wider.session_id,
        "is_best": strategy_id == best,
    }
    point = session.space.index(session.space.parse(strategy_id))
    # the code of a factor of one's own may have changed without a trace
    same_code = not isinstance(objective, FactorBacktest) or bool(
        objective.portable(np.array([point], dtype=np.int64))[0]
    )
    known = stored_answer(session.engine, session.row.session_id, strategy_id, described)
    if known is not None and same_code and not again:
        return known
    started = time.perf_counter()
    verdict = verify(
        objective, point, population, settings, n_threads=n_threads, on_progress=on_progress
    )
    if wider is not None and verdict.word == STRONG:
        verdict = Verdict(WEAK, (_of_wider(wider, strategy_id), *verdict.reasons), verdict.figures)
    return store_verdict(
        session.engine,
        session.row.session_id,
        strategy_id,
        verdict,
        settings=described,
        data_fingerprint=_market_of(objective),
        seconds=time.perf_counter() - started,
        again=again or not same_code,
    )


def wider_search(session: StoredSession) -> SessionRow | None:
    """Return the widest earlier search of the database through which this one may have been led.

    Parameters
    ----------
    session : StoredSession

    Returns
    -------
    SessionRow or None
        A session created before, on the same market and settings, with results, of a space that
        has more strategies.
    """
    own = session.row
    size, measured = own.snapshot.space_size, own.snapshot.measurement
    if size is None or measured is None:
        return None
    wider = [
        row
        for row in list_sessions(session.engine)
        if row.snapshot.measurement == measured
        and (row.snapshot.space_size or 0) > size
        and row.completed
        and row.created_at is not None
        and (own.created_at is None or row.created_at < own.created_at)
    ]
    return max(wider, key=lambda row: row.snapshot.space_size or 0, default=None)


def _of_wider(wider: SessionRow, strategy_id: str) -> str:
    return (
        f"{wider.session_id} searched a space of {wider.snapshot.space_size:,} strategies on the "
        "same days before: a narrower space that is chosen after a look at a wider one proves "
        f"nothing; judge it there with: mass-tuning verify {wider.session_id} {strategy_id}"
    )


class _TooLongError(Exception):
    """It has become clear that a verdict takes longer than it may."""


class _Watch:
    """Gives a verdict up as soon as it is clear that it takes longer than it may.

    What comes before the first tile of strategies (market, factor values, compiled code) takes
    its time once; only the tiles after it say how long the others will take.
    """

    def __init__(self, seconds: float, on_progress: OnProgress | None) -> None:
        self._seconds = seconds
        self._on_progress = on_progress
        self._started = time.perf_counter()
        self._first: tuple[float, int] | None = None

    def __call__(self, what: str, done: int, total: int) -> None:
        elapsed = time.perf_counter() - self._started
        if what == "strategies":
            self._look(elapsed, done, total)
        if elapsed > self._seconds:
            raise _TooLongError
        if self._on_progress is not None:
            self._on_progress(what, done, total)

    def _look(self, elapsed: float, done: int, total: int) -> None:
        if self._first is None:
            self._first = elapsed, done
            return
        first, done_first = self._first
        if done < total * _LEAST_SHARE:
            return
        scan = (elapsed - first) * (total - done_first) / max(1, done - done_first)
        if first + scan / _SCAN_SHARE > self._seconds:
            raise _TooLongError


def verify_within(
    session: StoredSession,
    seconds: float,
    *,
    objective: Objective | None = None,
    on_progress: OnProgress | None = None,
) -> StoredVerdict | None:
    """Judge the best strategy of a session, unless that takes too long.

    Parameters
    ----------
    session : StoredSession
    seconds : float
        Looked at after each tile of strategies: as soon as those done and their time say that all
        of them and the splits would take longer, the verdict is given up.
    objective, on_progress : optional
        As for :func:`verify_session`.

    Returns
    -------
    StoredVerdict or None
        None if it was given up; nothing is stored then. It is not begun where evaluating the
        strategies took longer already, and they must be evaluated once more for it.
    """
    objective = objective or build_objective(session)
    if not isinstance(objective, FactorBacktest) and _seconds_of_results(session) > seconds:
        return None
    try:
        watch = _Watch(seconds, on_progress)
        return verify_session(session, objective=objective, on_progress=watch)
    except _TooLongError:
        return None


def _seconds_of_results(session: StoredSession) -> float:
    """Return how long the evaluation of the recorded strategies took, in one process."""
    results = hyperparameter_tuning_results.c
    query = sa.select(sa.func.sum(results.execution_time)).where(
        results.session_id == session.row.session_id
    )
    with database_errors(session.engine), session.engine.connect() as connection:
        return float(connection.execute(query).scalar() or 0.0)


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
    """Fingerprint of the returns alone: other fees or dates are another look at the same market.

    Without a market here, what the objective says of itself is all that is known.
    """
    if not objective.panel.pairs:
        return objective.fingerprint
    return objective.panel.fingerprint(objective.settings.end_date, include_caps=False)


def verdict_settings(settings: Mapping[str, Any]) -> str:
    """Say in a line against what and how a verdict was computed."""
    if settings["population"] == "space":
        against = f"all {settings['n_population']:,} strategies of the space"
    else:
        against = f"the {settings['n_population']:,} strategies that were tried"
    return f"against {against}, {settings['n_resamples']:,} resamples, seed {settings['seed']}"


def _whole(name: str, value: int | None, default: int, least: int, most: int) -> int:
    if value is None:
        return default
    check_whole(name, value, least, most)
    return value
