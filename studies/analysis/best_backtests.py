"""The best results of a session in the user's own tables, written once and only where they lack."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from objectives import FactorBacktest, Objective
from search_spaces.errors import ConfigError
from studies.analysis.leaderboard import top
from studies.analysis.one_strategy import objective_of_these
from studies.analysis.saved_backtest import SavedDetail, backtest_id_of, save_detail
from studies.database import backtest_results, database_errors, in_batches
from studies.sessions import StoredSession, build_objective

__all__ = ["save_best"]


def save_best(
    session: StoredSession,
    n: int,
    *,
    objective: Objective | None = None,
    all_dates: bool = False,
    again: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[SavedDetail]:
    """Write result, trades and the last ranking of the best distinct results of a session.

    Each is complete where its row in ``backtest_results`` is, which is written last: after an
    interruption the rest is written by the next call.

    Parameters
    ----------
    session : StoredSession
    n : int
        Number of results at most, at least 1.
    objective : Objective, optional
        From `studies.sessions.build_objective`, if it is there already.
    all_dates : bool
        Write the rankings of every day of the backtest.
    again : bool
        Write also those that are there, in their place.
    on_progress : callable, optional
        Called with results written and their number.

    Returns
    -------
    list of SavedDetail
        What was written now, best first.

    Raises
    ------
    ConfigError
        If the session's objective is not the factor backtest.
    SessionError
        If the market has changed since the session was created.
    StorageError
        If the database cannot be written.
    """
    if session.config.objective.type != "factor_backtest":
        raise ConfigError(
            f"{session.row.session_id} has an objective of its own "
            f"({session.config.objective.type}), which keeps no rankings and trades"
        )
    session_id = session.row.session_id
    wanted = top(session, n)["strategy_id"].tolist()
    if not again:
        stored = _stored(session, [backtest_id_of(session_id, name) for name in wanted])
        wanted = [name for name in wanted if backtest_id_of(session_id, name) not in stored]
    if not wanted:
        return []
    full = objective or build_objective(session)
    assert isinstance(full, FactorBacktest)
    points = [session.space.parse(name) for name in wanted]
    shared = full if full.is_prepared else objective_of_these(session.config, full, points)
    saved = []
    for name, params in zip(wanted, points, strict=True):
        saved.append(
            save_detail(
                session.engine,
                session_id,
                name,
                shared,
                shared.run(params),
                rankings="all" if all_dates else "last",
            )
        )
        if on_progress is not None:
            on_progress(len(saved), len(wanted))
    return saved


def _stored(session: StoredSession, backtest_ids: Sequence[str]) -> set[str]:
    """Return which backtests are complete in the database."""
    column = backtest_results.c.backtest_id
    found: set[str] = set()
    with database_errors(session.engine), session.engine.connect() as connection:
        for batch in in_batches(backtest_ids):
            found.update(connection.execute(sa.select(column).where(column.in_(batch))).scalars())
    return found
