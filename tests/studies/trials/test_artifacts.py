"""Pages offered beside studies: in a folder beside the database, replaced, deleted with it."""

import optuna
import pytest
import sqlalchemy as sa
from optuna.artifacts import get_all_artifact_meta, upload_artifact

from search_spaces.errors import ConfigError
from studies.database import create_engine
from studies.trials import artifact_store, attach_artifact, open_optuna_storage, remove_artifacts


@pytest.fixture
def database(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/funding.db")
    storage = open_optuna_storage(engine)
    for name in ("session sample", "session best", "another"):
        optuna.create_study(storage=storage, study_name=name)
    yield engine, storage
    engine.dispose()


def offered(storage, name):
    study = optuna.load_study(storage=storage, study_name=name)
    return get_all_artifact_meta(study)


def test_a_page_is_offered_beside_every_study_of_the_session(database, tmp_path):
    engine, storage = database
    assert not (tmp_path / "funding_artifacts").exists()
    names = attach_artifact(engine, "session", "report.html", b"<p>1</p>", "text/html")
    assert sorted(names) == ["session best", "session sample"]
    assert offered(storage, "another") == []
    ids = set()
    for name in names:
        (found,) = offered(storage, name)
        assert (found.filename, found.mimetype) == ("report.html", "text/html")
        with artifact_store(engine).open_reader(found.artifact_id) as file:
            assert file.read() == b"<p>1</p>"
        ids.add(found.artifact_id)
    assert {each.name for each in (tmp_path / "funding_artifacts").iterdir()} == ids


def test_the_same_name_is_replaced(database, tmp_path):
    engine, storage = database
    for content in (b"old", b"new"):
        attach_artifact(engine, "session", "report.html", content, "text/html")
    (found,) = offered(storage, "session best")
    with artifact_store(engine).open_reader(found.artifact_id) as file:
        assert file.read() == b"new"
    attach_artifact(engine, "session", "other.html", b"other", "text/html")
    assert len(offered(storage, "session best")) == 2


def test_the_files_go_with_the_session(database, tmp_path):
    engine, _ = database
    remove_artifacts(engine, "session")  # nothing to remove
    attach_artifact(engine, "session", "report.html", b"page", "text/html")
    kept = tmp_path / "funding_artifacts" / "mine.txt"
    kept.write_text("mine")
    remove_artifacts(engine, "session")
    assert list((tmp_path / "funding_artifacts").iterdir()) == [kept]


def test_nothing_outside_the_folder_is_deleted(database, tmp_path):
    engine, storage = database
    attach_artifact(engine, "session", "report.html", b"page", "text/html")
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    study_id = storage.get_study_id_from_name("session best")
    for name in ("../mine.txt", str(mine), "nonsense"):
        storage.set_study_system_attr(study_id, f"artifacts:{name}", "not JSON")
    remove_artifacts(engine, "session")
    assert mine.read_text() == "mine"
    assert list((tmp_path / "funding_artifacts").iterdir()) == []


def test_files_of_trials_go_too(database, tmp_path):
    engine, storage = database
    attach_artifact(engine, "session", "report.html", b"page", "text/html")
    study = optuna.load_study(storage=storage, study_name="session best")
    (tmp_path / "note.txt").write_text("note")
    upload_artifact(
        artifact_store=artifact_store(engine),
        file_path=str(tmp_path / "note.txt"),
        study_or_trial=study.ask(),
    )
    assert len(list((tmp_path / "funding_artifacts").iterdir())) == 3
    remove_artifacts(engine, "session")
    assert list((tmp_path / "funding_artifacts").iterdir()) == []


def test_a_database_without_a_place_beside_it():
    engine = sa.create_engine("sqlite://")
    with pytest.raises(ConfigError, match="of a SQLite file only"):
        attach_artifact(engine, "session", "report.html", b"page", "text/html")
    assert artifact_store(engine) is None
