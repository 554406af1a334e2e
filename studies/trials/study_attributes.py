"""What a study says of itself in optuna-dashboard: attributes, note and figures, written at once.

optuna-dashboard has functions for the note and for figures; they write a row in a transaction of
its own, so a reader meets a half-written figure, and a killed process leaves one. Here everything
is replaced in the caller's transaction, in the form those functions give it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from optuna.storages._rdb import models
from sqlalchemy.engine import Connection

from studies.database import insert_rows
from studies.trials.append import lock_study

__all__ = ["NOTE_VERSION", "describe_study"]

NOTE_VERSION = "mass_tuning:note_version"
"""System attribute of a study: version of its note that this project wrote last."""

_PIECE = 2045  # characters of one attribute, as optuna-dashboard cuts them
_VERSION, _NOTE, _FIGURE = "dashboard:note_ver", "dashboard:note_str:", "dashboard:plot_data:"
_system = models.StudySystemAttributeModel.__table__
_user = models.StudyUserAttributeModel.__table__


def describe_study(
    connection: Connection,
    study_id: int,
    attributes: Mapping[str, Any],
    note: str,
    figures: Mapping[str, str],
) -> bool:
    """Replace what a study says of itself.

    Parameters
    ----------
    connection : Connection
        In a transaction that may write.
    study_id : int
    attributes : mapping of str to object
        User attributes, JSON-serialisable; others stay.
    note : str
        Markdown.
    figures : mapping of str to str
        Plotly figures as JSON by their names, which are HTML ids; others stay.

    Returns
    -------
    bool
        False if the note was left alone, because somebody has edited it.

    Raises
    ------
    StorageError
        If there is no such study.
    """
    lock_study(connection, study_id)
    _replace(connection, _user, study_id, (), attributes)
    written: dict[str, Any] = {}
    prefixes = [f"{_FIGURE}{name}:" for name in figures]
    for prefix, text in zip(prefixes, figures.values(), strict=True):
        written |= _pieces(prefix, text)
    versions = dict(_read_versions(connection, study_id))
    version = int(versions.get(_VERSION, 0))
    is_ours = version <= int(versions.get(NOTE_VERSION, 1))
    if is_ours:
        prefixes.append(_NOTE)
        written |= {_VERSION: version + 1, NOTE_VERSION: version + 1, **_pieces(_NOTE, note)}
    _replace(connection, _system, study_id, prefixes, written)
    return is_ours


def _read_versions(connection: Connection, study_id: int) -> Iterator[tuple[str, Any]]:
    keys = (_VERSION, NOTE_VERSION)
    query = sa.select(_system.c.key, _system.c.value_json)
    of_study = query.where(_system.c.study_id == study_id, _system.c.key.in_(keys))
    for key, text in connection.execute(of_study):
        yield key, json.loads(text)


def _pieces(prefix: str, text: str) -> dict[str, str]:
    starts = range(0, len(text), _PIECE)
    return {f"{prefix}{n}": text[start : start + _PIECE] for n, start in enumerate(starts)}


def _replace(
    connection: Connection,
    table: sa.Table,
    study_id: int,
    prefixes: Sequence[str],
    values: Mapping[str, Any],
) -> None:
    """Remove the attributes with these prefixes and those that are written, and write them."""
    gone = [table.c.key.startswith(prefix, autoescape=True) for prefix in prefixes]
    gone.append(table.c.key.in_(list(values)))
    connection.execute(table.delete().where(table.c.study_id == study_id, sa.or_(*gone)))
    rows = [(study_id, key, json.dumps(value)) for key, value in values.items()]
    insert_rows(connection, table.name, ("study_id", "key", "value_json"), rows)
