"""Results of a session, as a file."""

import os
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.engine import URL, Engine, make_url

from search_spaces.errors import ConfigError, SessionError
from studies.analysis.export_files import EXPORT_FORMATS, WRITERS, format_of_name, refuse_too_many
from studies.analysis.export_rows import ExportedRows, Selection
from studies.analysis.output_file import Target, refuse_overwriting, replaced_output
from studies.config import TuningConfig
from studies.sessions import SessionState, StoredSession, read_row

__all__ = ["database_files", "export_results", "files_of_databases"]


def export_results(
    session: StoredSession,
    target: Target,
    file_format: str | None = None,
    selection: Selection | None = None,
    *,
    keep: Mapping[Path, str] | None = None,
) -> int:
    """Write results of a session to a file.

    Parameters
    ----------
    session : StoredSession
    target : str, Path or binary file
        A file is written beside its place and moved there when complete, so a reader never sees
        half of it. A link, a pipe, a device or an open file is written into.
    file_format : {"csv", "json", "parquet", "xlsx"}, optional
        By the file's ending if left out. ``json`` is one object a line. In ``csv`` an apostrophe
        is put before texts that begin with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return,
        because a spreadsheet would compute them; numbers stay as they are.
    selection : Selection, optional
        By default every result, in the order it was recorded. All results of a session with
        several objectives have a column ``pareto`` that tells those on the front; the front is
        that of the start, so what a running session records meanwhile counts as not on it.
    keep : mapping of Path to str, optional
        Files that are not written over and what they are, besides SQLite databases and what
        belongs to those of the session.

    Returns
    -------
    int
        Number of rows. Failed strategies are among them unless only the best are asked for; their
        figures are empty, ``failure`` tells why.

    Raises
    ------
    ConfigError
        If the format is unknown, the folder does not exist, the file is a database or one of
        `keep`, the selection is impossible, or there are more rows than the format holds.
    SessionError
        If the session was deleted meanwhile.
    StorageError
        If the database cannot be read.
    OSError
        If the file cannot be written.
    """
    ending = Path(target).suffix[1:] if isinstance(target, (str, Path)) else ""
    chosen = file_format or format_of_name(ending)
    if chosen not in EXPORT_FORMATS:
        raise ConfigError(
            f"the format is one of {', '.join(EXPORT_FORMATS)}, got {chosen!r}; give --format or "
            "a file name that ends in one of them"
        )
    if isinstance(target, (str, Path)):
        refuse_overwriting(target, {**database_files(session), **(keep or {})})
    rows = ExportedRows(session, selection or Selection())
    if chosen == "xlsx":
        refuse_too_many(rows.count())
    with replaced_output(target) as file:
        n_rows = WRITERS[chosen](file, rows.columns, rows.batches())
        _refuse_deleted(session)
    return n_rows


def database_files(session: StoredSession) -> dict[Path, str]:
    """Return what belongs to the databases of a session, whether it is there now or not."""
    return files_of_databases(session.engine, session.config)


def files_of_databases(engine: Engine, config: TuningConfig) -> dict[Path, str]:
    """Return what belongs to a database and to that of a configuration's market, as files."""
    urls: list[URL] = [engine.url]
    if config.market.database is not None:
        urls.append(make_url(config.market.database))
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
