"""Everything a session recorded, as a file."""

import contextlib
import io
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from search_spaces.errors import ConfigError, SessionError
from studies.analysis.filters import Filter, read_filter
from studies.analysis.output_file import Target, output_file, refuse_overwriting
from studies.analysis.parameter_columns import columns_of_parameters, insert_parameters
from studies.database import database_errors, hyperparameter_tuning_results, in_batches
from studies.outcomes import ParetoFront
from studies.sessions import SessionState, StoredSession, read_row

__all__ = ["EXPORT_FORMATS", "export_results"]

EXPORT_FORMATS = ("csv", "json", "parquet")
_EXPORT_BATCH = 20_000
_results = hyperparameter_tuning_results
_TEXTS = {"strategy_id", "factors", "weight_method", "start_date", "end_date"}


def export_results(
    session: StoredSession,
    target: Target,
    file_format: str | None = None,
    *,
    pareto: bool = False,
    where: str | Filter | None = None,
    columns: Sequence[str] | None = None,
    keep: Mapping[Path, str] | None = None,
) -> int:
    """Write the results of a session to a file, in the order they were recorded.

    Parameters
    ----------
    session : StoredSession
    target : str, Path or binary file
        A file is written beside its place and moved there when complete, so a reader never sees
        half of it. A link, a pipe, a device or an open file is written into.
    file_format : {"csv", "json", "parquet"}, optional
        By the file's ending if left out. ``json`` is one object a line.
    pareto : bool
        Only the strategies on the Pareto front of a session with several objectives. All results
        of such a session have a column ``pareto`` that tells them; the front is that of the
        start, so what a running session records meanwhile counts as not on it.
    where : str or Filter, optional
        Only strategies that fulfil it (see :func:`studies.analysis.read_filter`). The column
        ``pareto`` still speaks of the front of the whole session.
    columns : sequence of str, optional
        Columns to write, in this order; all if left out.
    keep : mapping of Path to str, optional
        Files that are not written over and what they are, besides SQLite databases and what
        belongs to those of the session.

    Returns
    -------
    int
        Number of strategies, failed ones included (their figures are empty, ``failure`` tells
        why).

    Raises
    ------
    ConfigError
        If the format, the filter or a column is unknown, the folder does not exist, the file is a
        database or one of `keep`, or ``pareto`` is asked of a session with one objective.
    SessionError
        If the session was deleted meanwhile.
    StorageError
        If the database cannot be read.
    OSError
        If the file cannot be written.
    """
    if pareto and len(session.directions) == 1:
        raise ConfigError(
            f"a Pareto front needs several objectives, {session.row.session_id} has only "
            f"{next(iter(session.directions))}; export everything, or name several in "
            "objective.metrics and create a new session"
        )
    ending = Path(target).suffix[1:] if isinstance(target, (str, Path)) else ""
    chosen = file_format or {"jsonl": "json"}.get(ending, ending)
    if chosen not in EXPORT_FORMATS:
        raise ConfigError(
            f"the format is one of {', '.join(EXPORT_FORMATS)}, got {chosen!r}; give --format or "
            "a file name that ends in one of them"
        )
    if isinstance(where, str):
        where = read_filter(session, where)
    condition = where.clause() if where is not None else sa.true()
    listed = _known(session, columns)
    if isinstance(target, (str, Path)):
        refuse_overwriting(target, {**_database_files(session), **(keep or {})})
    writer = {"csv": _write_csv, "json": _write_json, "parquet": _write_parquet}[chosen]
    with output_file(target) as file:
        n_rows = writer(file, _result_frames(session, pareto, condition, listed))
        _refuse_deleted(session)
    return n_rows


def _known(session: StoredSession, columns: Sequence[str] | None) -> list[str]:
    """Return the columns to write; refuse those that there are not."""
    several = len(session.directions) > 1
    parameters = columns_of_parameters(session) or session.space.names
    last = ("start_date", "end_date", "execution_time", "created_at", "failure")
    known = ["strategy_id", *parameters, *session.figures, *last, *(["pareto"] if several else [])]
    for name in columns or ():
        if name not in known:
            raise ConfigError(f"there is no column {name!r}; known are {', '.join(known)}")
    return known if columns is None else list(columns)


def _database_files(session: StoredSession) -> dict[Path, str]:
    """Return what belongs to the databases of a session, whether it is there now or not."""
    urls: list[URL] = [session.engine.url]
    if session.config.market.database is not None:
        urls.append(make_url(session.config.market.database))
    return {
        Path(f"{name}{suffix}"): f"part of the database {Path(url.database).name}"
        for url in urls
        if url.get_backend_name() == "sqlite" and url.database
        for name in (url.database, os.path.realpath(url.database))  # whose log is beside the file
        for suffix in ("", "-wal", "-shm", "-journal")
    }


def _refuse_deleted(session: StoredSession) -> None:
    """Refuse what was read of a session that was deleted meanwhile: it is not all there was."""
    session_id = session.row.session_id
    if read_row(session.engine, session_id).status == SessionState.DELETING:
        raise SessionError(f"{session_id} was deleted while it was exported; nothing was written")


def _result_frames(
    session: StoredSession,
    pareto: bool,
    condition: sa.ColumnElement[bool],
    listed: Sequence[str],
) -> Iterator[pd.DataFrame]:
    """Results in batches, at least one (possibly empty)."""
    front = None
    if len(session.directions) > 1:
        with database_errors(session.engine), session.engine.connect() as connection:
            front = ParetoFront.read(connection, session.row.session_id, session.directions)
    names = [
        "strategy_id",
        *columns_of_parameters(session),
        *session.figures,
        "start_date",
        "end_date",
        "execution_time",
        "created_at",
        "raw_result",
    ]
    only = sorted(front.row_ids) if front is not None and pareto else None
    for rows in _row_batches(session, names, only, condition):
        frame = pd.DataFrame([tuple(row)[1:] for row in rows], columns=names)
        reasons = [
            json.loads(text).get("failure") if isinstance(text, str) else None
            for text in frame["raw_result"]
        ]
        frame["failure"] = pd.Series(reasons, dtype="str", index=frame.index)
        for name in session.figures:
            whole = isinstance(_results.c[name].type, sa.Integer)
            frame[name] = frame[name].astype("Int64" if whole else "float64")
        for name in _TEXTS.intersection(frame.columns):
            frame[name] = frame[name].astype("str").where(frame[name].notna())
        if front is not None:
            frame["pareto"] = frame["strategy_id"].isin(front.strategy_ids).astype("bool")
        insert_parameters(session, frame)
        yield frame[list(listed)]


def _row_batches(
    session: StoredSession,
    names: Sequence[str],
    only: Sequence[int] | None,
    condition: sa.ColumnElement[bool],
) -> Iterator[Sequence[Any]]:
    """Rows (their id, then the columns) in the order of their ids, at least one batch."""
    of_session = sa.select(_results.c.id, *[_results.c[name] for name in names]).where(
        _results.c.session_id == session.row.session_id, condition
    )
    if only is not None:
        for batch in in_batches(only) or [()]:
            chosen = of_session.where(_results.c.id.in_(batch)).order_by(_results.c.id)
            with database_errors(session.engine), session.engine.connect() as connection:
                rows = connection.execute(chosen).all()
            yield rows
        return
    last, first = 0, True
    while True:
        query = of_session.where(_results.c.id > last).order_by(_results.c.id)
        with database_errors(session.engine), session.engine.connect() as connection:
            rows = connection.execute(query.limit(_EXPORT_BATCH)).all()
        if rows or first:
            yield rows
        if not rows:
            return
        first, last = False, rows[-1].id


@contextlib.contextmanager
def _as_text(file: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    """Write texts into a binary file, which stays open."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    try:
        yield text
        text.flush()
    finally:
        with contextlib.suppress(OSError):
            text.detach()


def _write_csv(file: IO[bytes], frames: Iterator[pd.DataFrame]) -> int:
    n_rows = 0
    with _as_text(file) as text:
        for frame in frames:
            frame.to_csv(text, index=False, header=n_rows == 0)
            n_rows += len(frame)
    return n_rows


def _write_json(file: IO[bytes], frames: Iterator[pd.DataFrame]) -> int:
    n_rows = 0
    with _as_text(file) as text:
        for frame in frames:
            columns = [_json_texts(frame[name]) for name in frame]
            form = "{" + ", ".join(f"{json.dumps(name)}: %s" for name in frame) + "}\n"
            text.writelines(form % row for row in zip(*columns, strict=True))
            n_rows += len(frame)
    return n_rows


def _json_texts(column: "pd.Series[Any]") -> list[str]:
    """Write a column as JSON values; pandas' own writer rounds to 15 decimal places."""
    if column.dtype.kind == "f":
        return [repr(v) if math.isfinite(v) else "null" for v in column.tolist()]
    if column.dtype.kind == "M":
        return [f'"{moment.isoformat()}"' for moment in column.tolist()]
    return [json.dumps(v) for v in column.astype(object).where(column.notna(), None).tolist()]


def _write_parquet(file: IO[bytes], frames: Iterator[pd.DataFrame]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    n_rows, writer = 0, None
    try:
        for frame in frames:
            schema = writer.schema if writer is not None else None
            table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
            if writer is None:
                writer = pq.ParquetWriter(file, _without_null_columns(table.schema))
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
