"""Sessions side by side: what was set differently, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from string import ascii_uppercase
from typing import Any

from search_spaces.errors import ConfigError
from studies.analysis.compared_settings import (
    comparability,
    deciding_settings,
    different_settings,
    settings_of,
)
from studies.analysis.filters import Filter, read_filter
from studies.analysis.parameter_columns import columns_of_parameters
from studies.analysis.queries.objective_history import ObjectiveHistory, read_objective_history
from studies.analysis.queries.summary import Summary, summarise
from studies.analysis.verdict_rows import StoredVerdict, latest_verdict
from studies.database import METRIC_COLUMNS, OOS_METRIC_COLUMNS, database_errors
from studies.language import Message, message
from studies.outcomes import read_distinct_results
from studies.sessions import StoredSession

__all__ = [
    "BestResult",
    "ComparedSession",
    "Comparison",
    "Overlap",
    "compare_sessions",
    "session_letters",
    "verdict_text",
]

N_BEST = 100
"""Distinct results of each session whose overlap is counted."""

SECONDS = (1, 10, 60, 600, 3_600, 36_000, 360_000)
_FIGURES = METRIC_COLUMNS + OOS_METRIC_COLUMNS


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
    session_id, status, mode, method, notes : str
    seed : int
    total, completed, failed : int
        Numbers of strategies; ``completed`` does not include ``failed``. They are those of the
        whole session, also where a filter chooses some of them.
    metric, direction : str
        The first objective, by which everything else here is measured.
    n_objectives : int
    reuses : bool
        Whether it takes over what other sessions have measured alike (``execution.reuse``).
    best : tuple of BestResult
        The best distinct results, at most :data:`N_BEST`, best first.
    distribution : Summary
        Of the metric.
    history : ObjectiveHistory
        The metric of every strategy, when its best value improved, and how long it all took.
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
    notes: str
    seed: int
    total: int
    completed: int
    failed: int
    metric: str
    direction: str
    n_objectives: int
    reuses: bool
    best: tuple[BestResult, ...]
    distribution: Summary
    history: ObjectiveHistory
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
    same_strategies : int or None
        Results that bear the same strategy id in both; None where an id means another strategy
        in the other session.
    same_figures : int
        Results all of whose figures are equal, whatever their strategies are called.
    """

    session_ids: tuple[str, str]
    n: tuple[int, int]
    same_strategies: int | None
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
    deciding : tuple of str
        Those of the settings that decide what a figure is.
    groups : tuple of tuple of str
        Ids of sessions whose figures compare with each other; one group if all do.
    overlaps : tuple of Overlap
        Of every two sessions.
    warnings : tuple of Message
        Why figures of the sessions do not compare, if they do not, and what else limits the
        comparison.
    filter_text : str or None
        Which strategies were chosen, in words; None if all were.
    filter_arguments : tuple of str
        The same as arguments of a command.
    """

    sessions: tuple[ComparedSession, ...]
    settings: Mapping[str, tuple[Any, ...]]
    deciding: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...]
    overlaps: tuple[Overlap, ...]
    warnings: tuple[Message, ...]
    filter_text: str | None = None
    filter_arguments: tuple[str, ...] = ()

    def compares(self, first: ComparedSession, second: ComparedSession) -> bool:
        """Whether figures of two sessions compare: measured alike, by the same objective."""
        ids = {first.session_id, second.session_id}
        return (first.metric, first.direction) == (second.metric, second.direction) and any(
            ids <= set(group) for group in self.groups
        )


def compare_sessions(
    sessions: Sequence[StoredSession],
    where: str | None = None,
    *,
    factors: Sequence[str] = (),
    without: Sequence[str] = (),
) -> Comparison:
    """Compare sessions of one database.

    Parameters
    ----------
    sessions : sequence of StoredSession, length n_sessions
        At least two, each once.
    where : str, optional
    factors, without : sequence of str
        Which strategies of every session are compared, as of `studies.analysis.read_filter`.

    Raises
    ------
    ConfigError
        If there are fewer than two, or one is named twice, or a session cannot be asked for such
        strategies.
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
    settings = different_settings([settings_of(session) for session in sessions])
    filters = [_filter_of(session, where, factors, without) for session in sessions]
    compared = tuple(map(_compared, sessions, filters))
    groups, warnings = comparability(sessions, settings)
    same_names = _ids_mean_the_same(sessions, settings)
    return Comparison(
        compared,
        settings,
        tuple(deciding_settings(sessions, settings)),
        groups,
        tuple(overlap_of(*pair, same_names=same_names) for pair in combinations(compared, 2)),
        (*warnings, *_limits(compared)),
        None if filters[0] is None else filters[0].text,
        (
            *(() if where is None else ("--where", where)),
            *(word for code in factors for word in ("--factor", code)),
            *(word for value in without for word in ("--without", value)),
        ),
    )


def overlap_of(
    first: ComparedSession, second: ComparedSession, *, same_names: bool = True
) -> Overlap:
    """Count the best distinct results that two sessions share."""
    names = [{result.strategy_id for result in each.best} for each in (first, second)]
    figures = [{tuple(result.figures.values()) for result in each.best} for each in (first, second)]
    return Overlap(
        (first.session_id, second.session_id),
        (len(first.best), len(second.best)),
        len(names[0] & names[1]) if same_names else None,
        len(figures[0] & figures[1]),
    )


def session_letters(comparison: Comparison) -> dict[str, str]:
    """Return a letter for every session by its id: A to Z, then A1, B1 and so forth."""
    letters = {}
    for place, each in enumerate(comparison.sessions):
        round_, letter = divmod(place, len(ascii_uppercase))
        letters[each.session_id] = f"{ascii_uppercase[letter]}{round_ or ''}"
    return letters


def verdict_text(each: ComparedSession) -> str:
    """Write the verdict of a session, and of which strategy it is if not of the best one."""
    if each.verdict is None:
        return "not given yet"
    is_of_best = each.best and each.verdict.strategy_id == each.best[0].strategy_id
    return each.verdict.short + ("" if is_of_best else f" on {each.verdict.strategy_id}")


def _filter_of(
    session: StoredSession, where: str | None, factors: Sequence[str], without: Sequence[str]
) -> Filter | None:
    try:
        return read_filter(session, where, factors=factors, without=without)
    except ConfigError as error:
        raise ConfigError(f"{session.row.session_id}: {error}") from None


def _ids_mean_the_same(
    sessions: Sequence[StoredSession], settings: Mapping[str, Sequence[Any]]
) -> bool:
    """Whether equal ids are equal strategies: they spell them out, or the spaces are the same."""
    spelled = all(columns_of_parameters(session) for session in sessions)
    return spelled or not any(
        name.startswith(("parameters", "constraints", "objective.type", "objective.options"))
        for name in settings
    )


def _compared(session: StoredSession, chosen: Filter | None) -> ComparedSession:
    row = session.row
    metric, direction = next(iter(session.directions.items()))
    with database_errors(session.engine), session.engine.connect() as connection:
        condition = None if chosen is None else chosen.clause()
        best = read_distinct_results(
            connection, row.session_id, metric, direction, N_BEST, condition
        )
    history = read_objective_history(session, chosen)
    seconds, improvements = history.duration, history.improvements
    first = best[0].strategy_id if best else None
    return ComparedSession(
        session_id=row.session_id,
        status=str(row.status),
        mode=row.mode,
        method=row.method,
        notes=row.notes or "",
        seed=row.seed,
        total=row.total,
        completed=row.completed,
        failed=row.failed,
        metric=metric,
        direction=direction,
        n_objectives=len(session.directions),
        reuses=session.config.execution.reuse,
        best=tuple(
            BestResult(
                result.strategy_id,
                result.n_strategies,
                dict(zip(_FIGURES, result.figures, strict=True)),
            )
            for result in best
        ),
        distribution=summarise(history.values, direction),
        history=history,
        by_evaluations={
            count: improvements.best_after(count) for count in _powers_of_ten(len(history.values))
        },
        by_seconds={
            limit: improvements.best_within(limit)
            for limit in SECONDS
            if seconds is not None and limit <= seconds
        },
        verdict=latest_verdict(session.engine, row.session_id, first),
    )


def _powers_of_ten(n: int) -> list[int]:
    """10, 100, 1,000, ... up to a number."""
    return [10**power for power in range(1, len(str(n))) if 10**power <= n]


def _limits(sessions: Sequence[ComparedSession]) -> list[Message]:
    """Say what else limits the comparison: sessions under way, objectives left aside."""
    found = []
    for each in sessions:
        n_done = each.completed + each.failed
        if not n_done:
            found.append(message("{session} has no results yet", session=each.session_id))
        elif each.status != "completed":
            found.append(
                message(
                    "{session} is not finished: {n:,} of {total:,} strategies are done",
                    session=each.session_id,
                    n=n_done,
                    total=each.total,
                )
            )
    if any(each.n_objectives > 1 for each in sessions):
        found.append(
            message(
                "of several objectives only the first is compared: {metrics}",
                metrics=", ".join(dict.fromkeys(each.metric for each in sessions)),
            )
        )
    return found
