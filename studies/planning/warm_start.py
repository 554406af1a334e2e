"""The best strategies of an earlier session, for another one to begin with."""

from collections.abc import Mapping

from sqlalchemy.engine import Engine

from search_spaces import SearchSpace
from search_spaces.errors import ConfigError, SessionError, SpaceError
from studies.database import database_errors
from studies.outcomes import select_best_first
from studies.sessions import read_row

__all__ = ["best_of"]


def best_of(
    engine: Engine,
    source_session: str,
    space: SearchSpace,
    directions: Mapping[str, str],
    n: int = 10,
) -> list[str]:
    """Return the ids of the best strategies of a session that are in a space, best first.

    Parameters
    ----------
    engine : Engine
    source_session : str
        Id of the session whose results are read, whatever it optimised itself.
    space : SearchSpace
        Strategies outside it are left out.
    directions : mapping of str to str
        The first metric and its direction decide; ties by strategy id.
    n : int
        Number of ids at most, at least 1.

    Raises
    ------
    ConfigError
        If `n` is below 1.
    SessionError
        If there is no such session, it has no results, or none of them is in the space.
    """
    if n < 1:
        raise ConfigError(f"the number of strategies to begin with is at least 1, got {n}")
    read_row(engine, source_session)
    metric, direction = next(iter(directions.items()))
    ordered = select_best_first(source_session, metric, direction)
    best: list[str] = []
    seen = False
    with (
        database_errors(engine),
        engine.connect() as connection,
        connection.execution_options(yield_per=1_000).execute(ordered) as rows,
    ):
        for name in rows.scalars():
            seen = True
            if _contains(space, name):
                best.append(name)
            if len(best) == n:
                break
    if not seen:
        raise SessionError(
            f"{source_session} has no results of {metric} to begin with; run it first, or name "
            "another session"
        )
    if not best:
        raise SessionError(
            f"none of the results of {source_session} is in this search space; widen the space, "
            "or name another session"
        )
    return best


def _contains(space: SearchSpace, strategy_id: str) -> bool:
    try:
        space.parse(strategy_id)
    except SpaceError:
        return False
    return True
