"""A path becomes a URL that opens this very file, and a tilde is not taken for a folder."""

import pytest
from sqlalchemy.engine import make_url

from objectives import ReturnPanel
from objectives.sqlite_url import sqlite_url
from search_spaces.errors import StorageError
from studies.database import create_engine

ODD_NAMES = ("a%41.db", "a?b.db", "a b.db", "a+b.db", "a#b.db", "a@b:c.db", "ü&=;.db", "{a}.db")


@pytest.mark.parametrize("name", [*ODD_NAMES, "folder%2F/x.db", "/absolute/a?b.db"])
def test_the_url_names_the_file(name):
    url = make_url(sqlite_url(name))
    assert url.database == name
    assert not url.query
    assert make_url(url.render_as_string(hide_password=False)).database == name


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_file_is_the_one_that_is_written(tmp_path, name):
    for source in (tmp_path / name, sqlite_url(tmp_path / name)):
        with create_engine(source).begin() as connection:
            connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (x)")
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in tmp_path.iterdir()} == {
        name
    }


@pytest.mark.parametrize("open_it", [create_engine, ReturnPanel.from_database])
@pytest.mark.parametrize("path", ["~/y.db", "~nobody_of_this_name/y.db"])
def test_a_tilde_is_not_expanded_and_said_so(tmp_path, monkeypatch, open_it, path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    (tmp_path / path).parent.mkdir()
    meant = "perhaps sqlite:////home/me/y.db" if path.startswith("~/") else "the whole path$"
    with pytest.raises(StorageError, match=rf"the ~ in a URL is not expanded.*{meant}"):
        open_it(f"sqlite:///{path}")
    with create_engine(f"sqlite:///./{path}").connect():
        pass
