"""Files that optuna-dashboard offers beside a study, in a folder beside the database."""

import contextlib
import json
import re
import uuid
from pathlib import Path

import sqlalchemy as sa
from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.storages._rdb import models
from sqlalchemy.engine import Engine

from search_spaces.errors import ConfigError
from studies.database import database_errors, write_transaction
from studies.trials.session_studies import existing_studies

__all__ = ["artifact_store", "attach_artifact", "remove_artifacts"]

_PREFIX = "artifacts:"
_NAMES = uuid.UUID("6f8b0f0c-6f52-4a3e-9d1e-0f2c6d3f7a11")
_UUID = re.compile("[0-9a-fA-F-]{36}")
_system = models.StudySystemAttributeModel.__table__
_trial_system = models.TrialSystemAttributeModel.__table__
_trials = models.TrialModel.__table__


def artifact_store(engine: Engine) -> FileSystemArtifactStore | None:
    """Return the store of a database's artifacts; None where they have no place.

    The folder is made with the first artifact: a reader that has the store finds later ones too.
    """
    folder = _folder(engine)
    return None if folder is None else FileSystemArtifactStore(folder)


def attach_artifact(
    engine: Engine, session_id: str, filename: str, content: bytes, mimetype: str
) -> list[str]:
    """Offer a file beside every study of a session; one of the same name is replaced.

    Parameters
    ----------
    engine : Engine
    session_id : str
    filename : str
        Shown by optuna-dashboard.
    content : bytes
    mimetype : str

    Returns
    -------
    list of str
        Names of the studies.

    Raises
    ------
    ConfigError
        If the database has no folder beside it.
    OSError
        If the folder cannot be made or written.
    """
    folder = _folder(engine)
    if folder is None:
        raise ConfigError(
            "a page can be attached to studies of a SQLite file only: its artifacts stand in a "
            "folder beside it; of another database write it with -o and keep the file"
        )
    folder.mkdir(exist_ok=True)
    studies = existing_studies(engine, session_id)
    for study_name, study_id in studies.items():
        artifact_id = _id_of(study_name, filename)
        part = folder / f".{artifact_id}.part"
        part.write_bytes(content)
        part.replace(folder / artifact_id)
        document = {
            "artifact_id": artifact_id,
            "filename": filename,
            "mimetype": mimetype,
            "encoding": None,
        }
        key = f"{_PREFIX}{artifact_id}"
        with database_errors(engine), write_transaction(engine) as connection:
            connection.execute(
                sa.delete(_system).where(_system.c.study_id == study_id, _system.c.key == key)
            )
            connection.execute(
                sa.insert(_system).values(
                    study_id=study_id, key=key, value_json=json.dumps(json.dumps(document))
                )
            )
    return list(studies)


def remove_artifacts(engine: Engine, session_id: str) -> None:
    """Delete the files of a session's studies; their rows go with the studies."""
    folder = _folder(engine)
    if folder is None:
        return
    studies = existing_studies(engine, session_id)
    of_studies = sa.select(_system.c.key).where(
        _system.c.study_id.in_(studies.values()), _system.c.key.startswith(_PREFIX)
    )
    of_trials = (
        sa.select(_trial_system.c.key)
        .join(_trials, _trials.c.trial_id == _trial_system.c.trial_id)
        .where(_trials.c.study_id.in_(studies.values()), _trial_system.c.key.startswith(_PREFIX))
    )
    with database_errors(engine), engine.connect() as connection:
        keys = [
            key for query in (of_studies, of_trials) for key in connection.execute(query).scalars()
        ]
    store = FileSystemArtifactStore(folder)
    for key in keys:
        artifact_id = key.removeprefix(_PREFIX)
        if not _UUID.fullmatch(artifact_id):  # somebody else's row; it may name any file
            continue
        with contextlib.suppress(ArtifactNotFound):
            store.remove(artifact_id)


def _id_of(study_name: str, filename: str) -> str:
    """Return an id that is the same whenever the same file is attached again."""
    return str(uuid.uuid5(_NAMES, f"{study_name}/{filename}"))


def _folder(engine: Engine) -> Path | None:
    """Return the folder of a database's artifacts: ``NAME_artifacts`` beside its SQLite file.

    None for a server or a database in memory, which have no place beside them.
    """
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or path == ":memory:":
        return None
    return Path(path).with_name(f"{Path(path).stem}_artifacts")
