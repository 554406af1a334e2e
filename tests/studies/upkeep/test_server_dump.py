"""PostgreSQL is dumped and restored by its own programs, which learn no password by their words."""

import os

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from search_spaces.errors import StorageError
from studies.database import create_engine
from studies.upkeep import server_dump
from studies.upkeep.backup import backup_database
from studies.upkeep.restore import restore_database


def test_a_password_is_on_no_command_line(tmp_path, monkeypatch):
    url = make_url("postgresql+psycopg://me:secret@host:5433/db?password=other&sslmode=require")
    where, environment = server_dump.connection_words(url)
    assert where == "postgresql://me@host:5433/db?sslmode=require"
    assert environment["PGPASSWORD"] == "secret"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StorageError, match="pg_dump is not installed here; install the client"):
        backup_database(url.render_as_string(hide_password=False), tmp_path / "x.dump")


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_dump_and_its_restore(undisturbed, databases, postgres_server, tmp_path, monkeypatch):
    programs = str(postgres_server._server.bin_path)
    monkeypatch.setenv("PATH", programs, prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    url = databases.copy(undisturbed[0])
    done = backup_database(url, tmp_path / "saved.dump")
    assert done.n_bytes > 10_000
    engine = create_engine(url)
    count = sa.text("SELECT count(*) FROM hyperparameter_tuning_results")
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM hyperparameter_tuning_results"))
    restored = restore_database(url, done.file)
    with engine.connect() as connection:
        assert connection.execute(count).scalar_one() == 432
    assert restored.aside is not None
    assert "before-restore" in restored.aside.name
    (tmp_path / "text.dump").write_text("no dump")
    with pytest.raises(StorageError, match="pg_restore failed"):
        restore_database(url, tmp_path / "text.dump")
    engine.dispose()
    databases.drop(url)
