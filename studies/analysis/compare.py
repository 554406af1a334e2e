"""Sessions side by side: what was set differently, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from search_spaces.errors import ConfigError
from studies.analysis.history import Distribution, History
from studies.analysis.readable import objectives_text
from studies.analysis.verdict_rows import StoredVerdict, latest_verdict
from studies.database import METRIC_COLUMNS, OOS_METRIC_COLUMNS, database_errors
from studies.outcomes import read_distinct_results
from studies.sessions import StoredSession

__all__ = ["ComparedSession", "Comparison", "Overlap", "compare_sessions"]

N_BEST = 100
"""Distinct results of each session whose overlap is counted."""

SECONDS = (1, 10, 60, 600, 3_600, 36_000, 360_000)
_FIGURES = METRIC_COLUMNS + OOS_METRIC_COLUMNS
_CONDITIONS = ("backtest.", "market.", "objective.type", "objective.options", "semantics")


@dataclass(frozen=True)
class BestResult:
    """A distinct result of a session.

    Attributes
    ----------
    strategy_id : str
        Of the simplest strategy with these figures.
    n_strategies : int
        That have them.
    figures : mapping of str to (float, int or None)
    """

    strategy_id: str
    n_strategies: int
    figures: Mapping[str, Any]


@dataclass(frozen=True)
class ComparedSession:
    """What a comparison says of one session.

    Attributes
    ----------
    session_id, status, mode, method : str
    total, completed, failed : int
        Numbers of strategies; ``completed`` does not include ``failed``.
    metric, direction : str
        The first objective, by which everything else here is measured.
    best : tuple of BestResult
        The best distinct results, at most :data:`N_BEST`, best first.
    distribution : Distribution or None
        Of the metric; None if no strategy has it.
    seconds : float or None
        From the first start to the last result, pauses included.
    by_evaluations, by_seconds : mapping of int to (float or None)
        Best value after 10, 100, 1,000, ... results, and after :data:`SECONDS`, as far as the
        session went.
    verdict : StoredVerdict or None
        The newest of the best strategy, else of the session.
    """

    session_id: str
    status: str
    mode: str
    method: str
    total: int
    completed: int
    failed: int
    metric: str
    direction: str
    best: tuple[BestResult, ...]
    distribution: Distribution | None
    seconds: float | None
    by_evaluations: Mapping[int, float | None]
    by_seconds: Mapping[int, float | None]
    verdict: StoredVerdict | None


@dataclass(frozen=True)
class Overlap:
    """How many of the best distinct results two sessions share.

    Attributes
    ----------
    session_ids : tuple of str, length 2
    n : tuple of int, length 2
        Results of each that were looked at.
    same_strategies : int
        Results that bear the same strategy id in both.
    same_figures : int
        Results all of whose figures are equal, whatever their strategies are called.
    """

    session_ids: tuple[str, str]
    n: tuple[int, int]
    same_strategies: int
    same_figures: int


@dataclass(frozen=True)
class Comparison:
    """Sessions side by side.

    Attributes
    ----------
    sessions : tuple of ComparedSession
    settings : mapping of str to tuple, each of length n_sessions
        The settings that are not the same in all of them, by dotted name; None where a session
        has none of that name.
    overlaps : tuple of Overlap
        Of every two sessions.
    warnings : tuple of str
        Why figures of the sessions do not compare, if they do not.
    """

    sessions: tuple[ComparedSession, ...]
    settings: Mapping[str, tuple[Any, ...]]
    overlaps: tuple[Overlap, ...]
    warnings: tuple[str, ...]


def compare_sessions(sessions: Sequence[StoredSession]) -> Comparison:
    """Compare sessions of one database.

    Parameters
    ----------
    sessions : sequence of StoredSession, length n_sessions
        At least two, each once.

    Raises
    ------
    ConfigError
        If there are fewer than two, or one is named twice.
    SessionError
        If an earlier system recorded one of them.
    """
    ids = [session.row.session_id for session in sessions]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ConfigError(f"{twice[0]} is named twice; name different sessions")
    if len(ids) < 2:
        raise ConfigError(
            f"a comparison needs at least two sessions, got {', '.join(ids) or 'none'}; list them "
            "with: mass-tuning sessions"
        )
    settings = different_settings([_settings(session) for session in sessions])
    compared = tuple(_compared(session) for session in sessions)
    return Comparison(
        compared,
        settings,
        tuple(overlap_of(first, second) for first, second in combinations(compared, 2)),
        tuple(_warnings(sessions, settings)),
    )


def overlap_of(first: ComparedSession, second: ComparedSession) -> Overlap:
    """Count the best distinct results that two sessions share."""
    names = [{result.strategy_id for result in each.best} for each in (first, second)]
    figures = [{tuple(result.figures.values()) for result in each.best} for each in (first, second)]
    return Overlap(
        (first.session_id, second.session_id),
        (len(first.best), len(second.best)),
        len(names[0] & names[1]),
        len(figures[0] & figures[1]),
    )


def different_settings(settings: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Return the settings that are not the same everywhere, nested ones by dotted names.

    Parameters
    ----------
    settings : sequence of mapping, length n_sessions

    Returns
    -------
    dict of str to tuple, each of length n_sessions
        None where a name is missing.
    """
    flat = [_flattened(values) for values in settings]
    names = dict.fromkeys(name for values in flat for name in values)
    rows = {name: tuple(values.get(name) for values in flat) for name in names}
    return {name: row for name, row in rows.items() if any(value != row[0] for value in row)}


def _flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flattened(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _settings(session: StoredSession) -> dict[str, Any]:
    """Everything a session was created with, but for the database, which is the same."""
    row, snapshot = session.row, session.row.snapshot
    config = session.config.model_dump(mode="json", exclude={"database", "strategy"})
    config["objective"]["metrics"] = objectives_text(session.directions)  # their order matters
    return {
        "mode": row.mode,
        "method": row.method,
        "seed": row.seed,
        "size": row.total,
        "semantics": snapshot.semantics,
        "warm_start": None if not snapshot.warm_start else list(snapshot.warm_start),
        **config,
    }


def _compared(session: StoredSession) -> ComparedSession:
    row = session.row
    metric, direction = next(iter(session.directions.items()))
    with database_errors(session.engine), session.engine.connect() as connection:
        best = read_distinct_results(connection, row.session_id, metric, direction, N_BEST)
    history = History.read(session)
    seconds = history.duration
    first = best[0].strategy_id if best else None
    return ComparedSession(
        session_id=row.session_id,
        status=str(row.status),
        mode=row.mode,
        method=row.method,
        total=row.total,
        completed=row.completed,
        failed=row.failed,
        metric=metric,
        direction=direction,
        best=tuple(
            BestResult(
                result.strategy_id,
                result.n_strategies,
                dict(zip(_FIGURES, result.figures, strict=True)),
            )
            for result in best
        ),
        distribution=Distribution.of(history.values),
        seconds=seconds,
        by_evaluations={
            count: history.best_after(count) for count in _powers_of_ten(len(history.values))
        },
        by_seconds={
            limit: history.best_within(limit)
            for limit in SECONDS
            if seconds is not None and limit <= seconds
        },
        verdict=latest_verdict(session.engine, row.session_id, first),
    )


def _powers_of_ten(n: int) -> list[int]:
    """10, 100, 1,000, ... up to a number."""
    return [10**power for power in range(1, len(str(n))) if 10**power <= n]


def _warnings(
    sessions: Sequence[StoredSession], settings: Mapping[str, Sequence[Any]]
) -> list[str]:
    found = []
    if "objective.metrics" in settings:
        what = "; ".join(
            f"{session.row.session_id} {objectives_text(session.directions)}"
            for session in sessions
        )
        found.append(
            f"the sessions have different objectives: {what}; best, distribution and convergence "
            "of each are by its own first one"
        )
    if len({session.row.snapshot.measurement for session in sessions}) > 1:
        conditions: tuple[str, ...] = _CONDITIONS
        if any(session.config.objective.type != "factor_backtest" for session in sessions):
            conditions = (*conditions, "parameters.", "constraints")
        reasons = [name for name in settings if name.startswith(conditions)]
        what = ", ".join(reasons) or "the returns or market caps were changed between them"
        found.append(
            "figures of the sessions do not compare, they were measured under different "
            f"conditions: {what}"
        )
    return found
