"""Questions to a session: how far it is, what is best, one strategy, everything as a file."""

import datetime
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from search_spaces.errors import ConfigError, SessionError
from studies.schema import (
    METRIC_COLUMNS,
    OOS_METRIC_COLUMNS,
    execution_log,
    hyperparameter_tuning_results,
    strategy_queue,
    work_chunks,
)
from studies.session import Session
from studies.storage import database_clock, database_errors

__all__ = ["EXPORT_FORMATS", "SessionStatus", "export", "result_row", "status", "top"]

EXPORT_FORMATS = ("csv", "json", "parquet")
_EXPORT_BATCH = 20_000
_PAUSE_SECONDS = 10.0
_results = hyperparameter_tuning_results
_PARAMETER_COLUMNS = (
    "factors",
    "window_size",
    "rebalance_frequency",
    "data_period",
    "selection_count",
    "weight_method",
)


@dataclass(frozen=True)
class SessionStatus:
    """Where a session stands.

    Attributes
    ----------
    session_id, mode, method, state : str
        ``state`` is the status in ``tuning_sessions``.
    total, completed, failed, pending : int
        Numbers of strategies.
    chunks : mapping of str to int
        Chunks of work by state.
    rate : float or None
        Strategies per second over the chunks of the last minutes; None before the first chunk.
    eta_seconds : float or None
        Seconds left at this rate, while the session runs.
    workers : tuple of mapping
        Chunks in hand: worker, chunk, strategies, seconds until the lease runs out.
    failures : mapping of str to int
        Failed strategies by reason.
    log : tuple of mapping
        Newest entries of the execution log.
    """

    session_id: str
    mode: str
    method: str
    seed: int
    state: str
    total: int
    completed: int
    failed: int
    pending: int
    created_at: datetime.datetime | None
    started_at: datetime.datetime | None
    completed_at: datetime.datetime | None
    notes: str | None
    warnings: tuple[str, ...]
    directions: Mapping[str, str]
    chunks: Mapping[str, int]
    rate: float | None
    eta_seconds: float | None
    workers: tuple[Mapping[str, Any], ...]
    failures: Mapping[str, int]
    log: tuple[Mapping[str, Any], ...]


def status(session: Session, *, detailed: bool = False) -> SessionStatus:
    """Read where a session stands.

    Parameters
    ----------
    session : Session
    detailed : bool
        Also count failures by reason and read the newest log entries.

    Returns
    -------
    SessionStatus
    """
    row = session.refresh()
    with database_errors(session.engine), session.engine.connect() as connection:
        chunks = _chunk_counts(connection, row.session_id)
        rate = _rate(connection, row.session_id)
        workers = _workers(connection, row.session_id)
        failures = _failures(connection, row.session_id) if detailed and row.failed else {}
        log = _log(connection, row.session_id) if detailed else ()
    pending = row.total - row.completed - row.failed
    running = row.status == "running" and rate
    return SessionStatus(
        session_id=row.session_id,
        mode=row.mode,
        method=row.method,
        seed=row.seed,
        state=row.status,
        total=row.total,
        completed=row.completed,
        failed=row.failed,
        pending=pending,
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        notes=row.notes,
        warnings=tuple(row.config.get("warnings", ())),
        directions=session.directions,
        chunks=chunks,
        rate=rate,
        eta_seconds=pending / rate if running and rate else None,
        workers=workers,
        failures=failures,
        log=log,
    )


def top(
    session: Session, n: int = 10, *, metric: str | None = None, direction: str | None = None
) -> pd.DataFrame:
    """Return the best strategies of a session.

    Parameters
    ----------
    session : Session
    n : int
        How many, at least 1.
    metric : str, optional
        Any figure of the results; the first objective by default.
    direction : {"maximize", "minimize"}, optional
        The objective's, or the natural one of the metric.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``rank`` from 1, best first, ties by strategy id; ``strategy_id``, parameters
        and figures. Failed strategies are not ranked.

    Raises
    ------
    ConfigError
        If the metric or direction is unknown or ``n`` is below 1.
    """
    if n < 1:
        raise ConfigError(f"the number of strategies is at least 1, got {n}")
    metric, direction = _order(session, metric, direction)
    column = _results.c[metric]
    names = ["strategy_id", *_PARAMETER_COLUMNS, *_figures(session)]
    query = (
        sa.select(*[_results.c[name] for name in names])
        .where(_results.c.session_id == session.row.session_id, column.is_not(None))
        .order_by(column.desc() if direction == "maximize" else column.asc())
        .order_by(_results.c.strategy_id)
        .limit(n)
    )
    with database_errors(session.engine), session.engine.connect() as connection:
        rows = connection.execute(query).all()
    frame = pd.DataFrame([tuple(row) for row in rows], columns=names)
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="rank")
    return frame


def result_row(session: Session, strategy_id: str) -> dict[str, Any]:
    """Return everything recorded of one strategy, and its rank by the first objective.

    Raises
    ------
    SessionError
        If the session holds no result of it (yet).
    """
    with database_errors(session.engine), session.engine.connect() as connection:
        row = connection.execute(
            sa.select(_results).where(
                _results.c.session_id == session.row.session_id,
                _results.c.strategy_id == strategy_id,
            )
        ).first()
        if row is None:
            raise SessionError(
                f"{session.row.session_id} has no result of {strategy_id!r}; list the best with: "
                f"mass-tuning top --session {session.row.session_id}"
            )
        told = dict(row._mapping)
        metric, direction = _order(session, None, None)
        value, column = told[metric], _results.c[metric]
        told["rank"] = None
        if value is not None:
            better = column > value if direction == "maximize" else column < value
            ahead = sa.select(sa.func.count()).where(
                _results.c.session_id == session.row.session_id, better
            )
            told["rank"] = connection.execute(ahead).scalar_one() + 1
    raw = json.loads(told["raw_result"]) if told["raw_result"] else {}
    told["failure"] = raw.get("failure")
    if told["failure"] is not None:
        told.update(raw.get("metrics", {}))
    return told


def export(session: Session, path: str | Path, file_format: str | None = None) -> int:
    """Write every result of a session to a file, in the order it was recorded.

    Parameters
    ----------
    session : Session
    path : str or Path
        Written beside and moved into place when complete, so a reader never sees half a file.
    file_format : {"csv", "json", "parquet"}, optional
        By the file's ending if left out. ``json`` is one object a line.

    Returns
    -------
    int
        Number of strategies, failed ones included (their figures are empty, ``failure`` tells
        why).

    Raises
    ------
    ConfigError
        If the format is unknown, or the folder does not exist.
    """
    target = Path(path)
    chosen = file_format or {"jsonl": "json"}.get(target.suffix[1:], target.suffix[1:])
    if chosen not in EXPORT_FORMATS:
        raise ConfigError(
            f"the format is one of {', '.join(EXPORT_FORMATS)}, got {chosen!r}; give --format or "
            "a file name that ends in one of them"
        )
    if not target.resolve().parent.is_dir():
        raise ConfigError(f"the folder {target.resolve().parent} does not exist; create it")
    partial = target.with_name(target.name + ".part")
    writer = {"csv": _write_csv, "json": _write_json, "parquet": _write_parquet}[chosen]
    try:
        n_rows = writer(partial, _result_frames(session))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return n_rows


def _result_frames(session: Session) -> Iterator[pd.DataFrame]:
    """Results in batches, at least one (possibly empty)."""
    names = [
        "strategy_id",
        *_PARAMETER_COLUMNS,
        *_figures(session),
        "start_date",
        "end_date",
        "execution_time",
        "created_at",
        "raw_result",
    ]
    last, first = 0, True
    while True:
        query = (
            sa.select(_results.c.id, *[_results.c[name] for name in names])
            .where(_results.c.session_id == session.row.session_id, _results.c.id > last)
            .order_by(_results.c.id)
            .limit(_EXPORT_BATCH)
        )
        with database_errors(session.engine), session.engine.connect() as connection:
            rows = connection.execute(query).all()
        if not rows and not first:
            return
        frame = pd.DataFrame([tuple(row)[1:] for row in rows], columns=names)
        reasons = [
            json.loads(text).get("failure") if isinstance(text, str) else None
            for text in frame["raw_result"]
        ]
        frame["failure"] = pd.Series(reasons, dtype="str", index=frame.index)
        for name in _figures(session):
            whole = isinstance(_results.c[name].type, sa.Integer)
            frame[name] = frame[name].astype("Int64" if whole else "float64")
        for name in ("strategy_id", "factors", "weight_method", "start_date", "end_date"):
            frame[name] = frame[name].astype("str").where(frame[name].notna())
        yield frame.drop(columns="raw_result")
        if not rows:
            return
        first, last = False, rows[-1].id


def _write_csv(path: Path, frames: Iterator[pd.DataFrame]) -> int:
    n_rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for frame in frames:
            frame.to_csv(file, index=False, header=n_rows == 0)
            n_rows += len(frame)
    return n_rows


def _write_json(path: Path, frames: Iterator[pd.DataFrame]) -> int:
    n_rows = 0
    with path.open("w", encoding="utf-8") as file:
        for frame in frames:
            columns = [_json_texts(frame[name]) for name in frame]
            form = "{" + ", ".join(f"{json.dumps(name)}: %s" for name in frame) + "}\n"
            file.writelines(form % row for row in zip(*columns, strict=True))
            n_rows += len(frame)
    return n_rows


def _json_texts(column: "pd.Series[Any]") -> list[str]:
    """Write a column as JSON values; pandas' own writer rounds to 15 decimal places."""
    if column.dtype.kind == "f":
        return [repr(v) if math.isfinite(v) else "null" for v in column.tolist()]
    if column.dtype.kind == "M":
        return [f'"{moment.isoformat()}"' for moment in column.tolist()]
    return [json.dumps(v) for v in column.astype(object).where(column.notna(), None).tolist()]


def _write_parquet(path: Path, frames: Iterator[pd.DataFrame]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    n_rows, writer = 0, None
    try:
        for frame in frames:
            schema = writer.schema if writer is not None else None
            table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
            if writer is None:
                writer = pq.ParquetWriter(path, _without_null_columns(table.schema))
                table = table.cast(writer.schema)
            writer.write_table(table)
            n_rows += len(frame)
    finally:
        if writer is not None:
            writer.close()
    return n_rows


def _without_null_columns(schema: Any) -> Any:
    """Give columns that are empty in the first batch a type that later batches fit in."""
    import pyarrow as pa

    for position, column in enumerate(schema):
        if pa.types.is_null(column.type):
            schema = schema.set(position, column.with_type(pa.string()))
    return schema


def _order(session: Session, metric: str | None, direction: str | None) -> tuple[str, str]:
    from objectives import METRICS

    natural = {m.name: m.direction for m in METRICS}
    natural.update({f"oos_{name}": way for name, way in natural.items()})
    if metric is None:
        metric = next(iter(session.directions))
    if metric not in natural:
        raise ConfigError(f"unknown metric {metric!r}; known are {', '.join(natural)}")
    if metric in OOS_METRIC_COLUMNS and metric not in _figures(session):
        raise ConfigError(
            f"{session.row.session_id} has no split_date, so nothing was measured out of sample; "
            "set backtest.split_date and create a new session"
        )
    if direction is None:
        direction = session.directions.get(metric, natural[metric])
    if direction not in ("maximize", "minimize"):
        raise ConfigError(f"the direction is maximize or minimize, got {direction!r}")
    return metric, direction


def _figures(session: Session) -> tuple[str, ...]:
    has_split = bool(session.config.backtest.get("split_date"))
    return METRIC_COLUMNS + (OOS_METRIC_COLUMNS if has_split else ())


def _chunk_counts(connection: sa.Connection, session_id: str) -> dict[str, int]:
    rows = connection.execute(
        sa.select(work_chunks.c.state, sa.func.count().label("n"))
        .where(
            work_chunks.c.session_id == session_id,
            work_chunks.c.position_start < work_chunks.c.position_stop,
        )
        .group_by(work_chunks.c.state)
    )
    return {row.state: row.n for row in rows}


def _rate(connection: sa.Connection, session_id: str) -> float | None:
    """Strategies per second from the newest completed chunks."""
    newest = (
        sa.select(
            work_chunks.c.started_at,
            work_chunks.c.completed_at,
            (work_chunks.c.position_stop - work_chunks.c.position_start).label("n"),
        )
        .where(
            work_chunks.c.session_id == session_id,
            work_chunks.c.state == "completed",
            work_chunks.c.position_start < work_chunks.c.position_stop,
        )
        .order_by(work_chunks.c.completed_at.desc())
        .limit(20)
    )
    rows = _since_pause(connection.execute(newest).all())
    if not rows:
        return None
    seconds = (rows[0].completed_at - min(row.started_at for row in rows)).total_seconds()
    return sum(row.n for row in rows) / seconds if seconds > 0 else None


def _since_pause(newest_first: Sequence[Any]) -> Sequence[Any]:
    """Leave out chunks from before the last time nothing was worked on for long."""
    for position, (later, earlier) in enumerate(pairwise(newest_first), start=1):
        if (later.started_at - earlier.completed_at).total_seconds() > _PAUSE_SECONDS:
            return newest_first[:position]
    return newest_first


def _workers(connection: sa.Connection, session_id: str) -> tuple[dict[str, Any], ...]:
    left = (work_chunks.c.lease_expires_at - database_clock()).label("left")
    rows = connection.execute(
        sa.select(work_chunks, left).where(
            work_chunks.c.session_id == session_id, work_chunks.c.state == "running"
        )
    )
    return tuple(
        {
            "worker": row.worker,
            "chunk": row.chunk_no,
            "strategies": row.position_stop - row.position_start,
            "attempt": row.attempt,
            "lease_seconds_left": row.left,
        }
        for row in rows
    )


def _failures(connection: sa.Connection, session_id: str) -> dict[str, int]:
    rows = connection.execute(
        sa.select(strategy_queue.c.error_message, sa.func.count())
        .where(strategy_queue.c.session_id == session_id, strategy_queue.c.status == "failed")
        .group_by(strategy_queue.c.error_message)
        .order_by(sa.func.count().desc())
    )
    return {reason or "": count for reason, count in rows}


def _log(connection: sa.Connection, session_id: str) -> tuple[dict[str, Any], ...]:
    rows = connection.execute(
        sa.select(execution_log.c.created_at, execution_log.c.log_level, execution_log.c.message)
        .where(execution_log.c.session_id == session_id)
        .order_by(execution_log.c.id.desc())
        .limit(10)
    )
    return tuple(dict(row._mapping) for row in rows)
