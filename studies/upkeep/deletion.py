"""Removing what a session recorded: its failed strategies' rows, or all of it."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from studies import queue
from studies.database import (
    WritePacer,
    backtest_results,
    backtest_trades,
    database_errors,
    execution_log,
    hyperparameter_tuning_results,
    in_paced_batches,
    search_generations,
    strategy_queue,
    work_chunks,
)
from studies.sessions import (
    SessionRow,
    SessionState,
    delete_row,
    list_sessions,
    mark_deleting,
    read_row,
)
from studies.trials import delete_study_rows, existing_studies, remove_artifacts
from studies.trials import finish_deletions as finish_study_deletions

__all__ = ["delete_failed", "delete_session", "finish_deletions"]

_FIRST_BATCH = 2_000
_results = hyperparameter_tuning_results


def delete_session(engine: Engine, session_id: str) -> int:
    """Delete a session: results, queue, chunks, log, studies and its row, in short transactions.

    Backtests that were saved of it (``backtest_results``, ``backtest_trades``) go with it. Its
    verdicts stay: each was a look at the market, which later verdicts on it count. Rankings stay,
    too: they are those of a strategy, of whichever session.

    Returns
    -------
    int
        Number of result rows deleted.

    Raises
    ------
    SessionError
        If there is no such session, or a worker holds a chunk of it right now.
    """
    read_row(engine, session_id)
    with database_errors(engine), WritePacer(engine) as pacer:
        with pacer.transaction() as connection:
            queue.refuse_busy(connection, session_id, "stop the run (Ctrl-C) before deleting it")
            mark_deleting(connection, session_id)
            # The last ones first, and with them the finishing chunk (unless thousands were split):
            # nobody can complete the session any more. What somebody claims and records before
            # its chunk is deleted goes with the results, which are deleted after all chunks.
            _delete_rows(connection, work_chunks.c.chunk_no, session_id, _FIRST_BATCH, last=True)
            generations = search_generations
            connection.execute(generations.delete().where(generations.c.session_id == session_id))
        _delete_chunks(pacer, session_id)
        n_results = _delete_by_id(pacer, _results, session_id)
        for table in (strategy_queue, execution_log):
            _delete_by_id(pacer, table, session_id)
        _delete_backtests(pacer, session_id)
        remove_artifacts(engine, session_id)
        for study_id in existing_studies(engine, session_id).values():
            delete_study_rows(pacer, study_id)
        # one that an interrupted deletion has renamed already is not found by its name
        finish_study_deletions(pacer)
        with pacer.transaction() as connection:
            delete_row(connection, session_id)
    return n_results


def delete_failed(engine: Engine, session_id: str) -> int:
    """Delete the queue and result rows of failed strategies; trials are left alone.

    The session's number of failed strategies stays: it says what was tried.

    Returns
    -------
    int
        Number of strategies whose rows were deleted.
    """
    failed = select_failed(read_row(engine, session_id)).limit(_FIRST_BATCH)
    n_deleted = 0
    with database_errors(engine), WritePacer(engine) as pacer:
        while True:
            with pacer.transaction() as connection:
                ids = list(connection.execute(failed).scalars())
                for table in (_results, strategy_queue):
                    connection.execute(
                        table.delete().where(
                            table.c.session_id == session_id, table.c.strategy_id.in_(ids)
                        )
                    )
            if not ids:
                return n_deleted
            n_deleted += len(ids)


def finish_deletions(engine: Engine) -> list[str]:
    """Finish deletions that were interrupted; return the sessions' ids."""
    ids = [row.session_id for row in list_sessions(engine) if row.status == SessionState.DELETING]
    for session_id in ids:
        delete_session(engine, session_id)
    return ids


def select_failed(row: SessionRow) -> sa.Select[tuple[str]]:
    """Query the ids of failed strategies."""
    if row.is_adaptive:  # without a queue: the reason is in the result
        return sa.select(_results.c.strategy_id).where(
            _results.c.session_id == row.session_id, _results.c.raw_result.contains('"failure": "')
        )
    return sa.select(strategy_queue.c.strategy_id).where(
        strategy_queue.c.session_id == row.session_id, strategy_queue.c.status == "failed"
    )


def _delete_chunks(pacer: WritePacer, session_id: str) -> None:
    """Delete the chunks of a session, the lowest numbers first, in short transactions."""

    def delete_lowest(connection: Connection, size: int) -> int:
        return _delete_rows(connection, work_chunks.c.chunk_no, session_id, size)

    in_paced_batches(pacer, delete_lowest, _FIRST_BATCH)


def _delete_backtests(pacer: WritePacer, session_id: str) -> None:
    """Delete the backtests that were saved of a session, in short transactions."""
    for table in (backtest_trades, backtest_results):
        column = table.c.backtest_id
        of_session = column.startswith(f"{session_id}_", autoescape=True)
        with pacer.engine.connect() as connection:
            names = connection.execute(sa.select(column).distinct().where(of_session)).scalars()
            backtest_ids = names.all()
        for backtest_id in backtest_ids:
            mine = table.c.backtest_id == backtest_id

            def delete_first(
                connection: Connection,
                size: int,
                table: sa.Table = table,
                mine: sa.ColumnElement[bool] = mine,
            ) -> int:
                first = sa.select(table.c.id).where(mine).order_by(table.c.id).limit(size)
                return connection.execute(table.delete().where(table.c.id.in_(first))).rowcount

            in_paced_batches(pacer, delete_first, _FIRST_BATCH)


def _delete_by_id(pacer: WritePacer, table: sa.Table, session_id: str) -> int:
    """Delete the rows of a session in short transactions, a range of ids at a time.

    Looking for the next rows by session instead sorts all that are left, each time: 60 rows a
    second of 290,000. So the session is compared in a way that no index serves.
    """
    of_session = table.c.session_id == session_id
    span = sa.select(sa.func.min(table.c.id), sa.func.max(table.c.id)).where(of_session)
    with pacer.engine.connect() as connection:
        low, high = connection.execute(span).one()
    n_rows = 0

    def delete_range(connection: Connection, size: int) -> int:
        nonlocal low, n_rows
        if low is None or low > high:
            return 0
        in_range = sa.and_(table.c.id >= low, table.c.id < low + size)
        is_mine = table.c.session_id.concat("") == session_id
        n_rows += connection.execute(table.delete().where(in_range, is_mine)).rowcount
        low += size
        return size

    in_paced_batches(pacer, delete_range, _FIRST_BATCH)
    return n_rows


def _delete_rows(
    connection: Connection, key: sa.Column[int], session_id: str, n: int, *, last: bool = False
) -> int:
    """Delete the first or the last `n` rows of a session in the order of `key`."""
    table = key.table
    assert isinstance(table, sa.Table)
    of_session = table.c.session_id == session_id
    chosen = sa.select(key).where(of_session).order_by(key.desc() if last else key).limit(n)
    return connection.execute(table.delete().where(of_session, key.in_(chosen))).rowcount
