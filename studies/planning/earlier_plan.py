"""Planning what an earlier system left in the queue of a session, so that it can be run."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objectives.constants import SEMANTICS_VERSION
from objectives.factors import factor_codes
from search_spaces import PARAMETER_NAMES, Choice, FactorSpace, StrategyParams, Subsets
from search_spaces.errors import SessionError, SpaceError
from studies import queue
from studies.config import TuningConfig
from studies.database import (
    database_errors,
    hyperparameter_tuning_results,
    in_batches,
    strategy_queue,
    write_transaction,
)
from studies.sessions import (
    SessionRow,
    SessionState,
    Snapshot,
    StoredSession,
    count_queue,
    for_earlier_session,
    load_panel,
    mark_completed,
    mark_resumable,
    objective_of,
    queued_strategy,
    write_entry,
)

if TYPE_CHECKING:
    from objectives import Objective

__all__ = ["plan_earlier"]

_CHUNK = 500
_MIN_CHUNKS = 16
_ENDED = ("completed", "failed")


@dataclass(frozen=True)
class _Queue:
    """What is left of a queue: rows to measure, and what becomes of the others at once.

    Attributes
    ----------
    strategies : dict of int to StrategyParams
        By row id, ascending.
    recorded : list of int
        Ids of rows whose result is there already.
    refused : dict of int to str
        Why a row cannot be measured, by its id.
    """

    strategies: dict[int, StrategyParams]
    recorded: list[int]
    refused: dict[int, str]


def plan_earlier(session: StoredSession, config: TuningConfig) -> int:
    """Make a session of an earlier system ready to run, in one transaction.

    Its pending rows, and those marked running by a process that is long gone, become chunks of
    row ids, which are claimed and recorded as any others. Rows whose ``strategy_config`` says too
    little fail at once with the reason; rows whose result is recorded are completed. A session
    that is planned, or has nothing left, stays as it is.

    Parameters
    ----------
    session : StoredSession
        Of an earlier system; its row is read again.
    config : TuningConfig
        Market, backtest and execution settings to measure with; they are kept with the session.

    Returns
    -------
    int
        Number of rows that failed.

    Raises
    ------
    SessionError
        If the session is being deleted.
    DataError, ConfigError
        If there is no market, or the settings are impossible on it.
    """
    row = session.refresh()
    if row.status == SessionState.DELETING:
        raise SessionError(
            f"{row.session_id} is being deleted; finish that with: mass-tuning clean"
        )
    if row.snapshot.resumed_with is not None:
        return 0
    if config.factor_modules:
        config.space()  # registers the factors, which the queue may name
    with database_errors(session.engine):
        with session.engine.connect() as connection:
            left = _read_queue(connection, row.session_id)
        if row.status == SessionState.COMPLETED and left == _Queue({}, [], {}):
            return 0
        ranges: list[tuple[int, int]] = []
        if left.strategies:
            row, ranges = _planned(session, config, left.strategies)
        with write_transaction(session.engine) as connection:
            _write(connection, row, ranges, left)
    session.refresh()
    return len(left.refused)


def _read_queue(connection: Connection, session_id: str) -> _Queue:
    """Sort the rows that are neither completed nor failed."""
    rows = connection.execute(
        sa.select(
            strategy_queue.c.id, strategy_queue.c.strategy_id, strategy_queue.c.strategy_config
        )
        .where(strategy_queue.c.session_id == session_id, _is_left())
        .order_by(strategy_queue.c.id)
    ).all()
    results = hyperparameter_tuning_results.c
    known = set(
        connection.execute(
            sa.select(results.strategy_id).where(results.session_id == session_id)
        ).scalars()
    )
    found, seen = _Queue({}, [], {}), dict[str, int]()
    for row in rows:
        if row.strategy_id in known:
            found.recorded.append(row.id)
        elif row.strategy_id in seen:
            first = seen[row.strategy_id]
            found.refused[row.id] = f"the queue holds it twice, first in row {first}"
        else:
            seen[row.strategy_id] = row.id
            try:
                found.strategies[row.id] = queued_strategy(row.strategy_config)
            except SpaceError as error:
                found.refused[row.id] = str(error)
    return found


def _is_left() -> sa.ColumnElement[bool]:
    state = strategy_queue.c.status
    return sa.or_(state.is_(None), state.not_in(_ENDED))


def _planned(
    session: StoredSession, config: TuningConfig, strategies: dict[int, StrategyParams]
) -> tuple[SessionRow, list[tuple[int, int]]]:
    """Return the row of the session with what it is resumed with, and its chunks."""
    space = _space_of(strategies.values())
    config = for_earlier_session(config)
    objective = objective_of(config, load_panel(config, session.engine), space)
    fine = math.ceil(len(strategies) / _MIN_CHUNKS)
    size = config.execution.chunk_size or max(1, min(_CHUNK, fine))
    return (
        replace(
            session.row,
            snapshot=_snapshot(config, objective, size, session.row.snapshot.earlier_text),
            space_fingerprint=space.fingerprint,
            data_fingerprint=objective.fingerprint,
        ),
        [*_ranges(list(strategies), size), (0, 0)],
    )


def _snapshot(
    config: TuningConfig, objective: "Objective", chunk_size: int, earlier_text: str | None
) -> Snapshot:
    values = config.model_dump(mode="json")
    values.update(objective.space.to_config())
    values["backtest"] = objective.settings.to_dict()
    del values["database"], values["strategy"], values["alerts"]
    return Snapshot(
        chunk_size=chunk_size,
        semantics=SEMANTICS_VERSION,
        warnings=objective.warnings,
        resumed_with=values,
        earlier_text=earlier_text,
    )


def _space_of(strategies: Collection[StrategyParams]) -> FactorSpace:
    """Return the smallest space that holds some strategies."""
    held: dict[str, set[Any]] = {
        name: {getattr(params, name) for params in strategies} for name in PARAMETER_NAMES
    }
    subsets = held.pop("factors")
    codes = tuple(code for code in factor_codes() if any(code in subset for subset in subsets))
    largest = max(map(len, subsets))
    return FactorSpace(
        [
            Subsets("factors", codes, largest, only=tuple(subsets)),
            *(Choice(name, tuple(sorted(values))) for name, values in held.items()),
        ],
        factor_codes=factor_codes(),
    )


def _ranges(row_ids: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Cut ascending row ids into ranges that hold nothing else, of at most `size` each."""
    starts = [row_ids[0], *(later for sooner, later in pairwise(row_ids) if later != sooner + 1)]
    stops = [*(sooner + 1 for sooner, later in pairwise(row_ids) if later != sooner + 1)]
    stops.append(row_ids[-1] + 1)
    return [
        part
        for start, stop in zip(starts, stops, strict=True)
        for part in queue.cut(start, stop, size)
    ]


def _write(
    connection: Connection, row: SessionRow, ranges: list[tuple[int, int]], left: _Queue
) -> None:
    """Write what the plan changes, unless another process has done so."""
    if not mark_resumable(connection, row):
        return
    session_id, table = row.session_id, strategy_queue
    for batch in in_batches(left.recorded):
        connection.execute(table.update().where(table.c.id.in_(batch)).values(status="completed"))
    if left.refused:
        connection.execute(
            table.update()
            .where(table.c.id == sa.bindparam("row"))
            .values(status="failed", error_message=sa.bindparam("reason")),
            [{"row": row_id, "reason": reason} for row_id, reason in left.refused.items()],
        )
    count_queue(connection, session_id)
    if ranges:
        queue.insert_chunks(connection, session_id, 0, ranges)
    else:
        mark_completed(connection, session_id)
    write_entry(
        connection,
        session_id,
        "INFO",
        "planned what an earlier system left in the queue",
        {
            "to_measure": len(left.strategies),
            "recorded_before": len(left.recorded),
            "saying_too_little": len(left.refused),
        },
    )
