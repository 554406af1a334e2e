"""Backups stand alone and are whole; a restore leaves the old database or the new one."""

import os
import shutil
import signal
import sqlite3
import threading
from pathlib import Path

import pytest

from search_spaces.errors import ConfigError, SessionError, StorageError
from studies import Session
from studies.database import count_rows, sqlite_copy, work_chunks, write_transaction
from studies.upkeep import backup, restore
from studies.upkeep.backup import backup_database
from studies.upkeep.restore import restore_database

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def file(completed):
    """The SQLite file of a completed session, closed by everybody."""
    completed.engine.dispose()
    return Path(str(completed.engine.url.database))


@pytest.fixture
def project_url(completed):
    return completed.engine.url.render_as_string()


def rows_of(path):
    with sqlite3.connect(path) as connection:
        rows = count_rows(connection)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return rows


def delete_results(path):
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM hyperparameter_tuning_results")
    connection.close()


def leftovers(path):
    return [each.name for each in path.parent.glob(f".{path.name}*")]


def test_a_backup_stands_alone_and_holds_every_row(file, project_url, tmp_path):
    target = tmp_path / "copy.db"
    seen = []
    done = backup_database(
        project_url, target, on_progress=lambda now, total: seen.append((now, total))
    )
    assert done.rows == rows_of(target) == rows_of(file)
    assert done.rows["hyperparameter_tuning_results"] == 432
    assert seen[-1][0] == seen[-1][1] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["copy.db"]
    with sqlite3.connect(target) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
    session = Session.open(f"sqlite:///{target}", _only(target))
    assert session.row.completed + session.row.failed == 432
    session.engine.dispose()


def _only(path):
    with sqlite3.connect(path) as connection:
        (found,) = connection.execute("SELECT session_id FROM tuning_sessions").fetchone()
    connection.close()
    return found


def test_without_a_name_it_lies_beside_the_database(file, project_url):
    done = backup_database(project_url)
    assert done.file.parent == file.parent
    assert done.file.name.startswith(f"{file.stem}-2")
    done.file.unlink()


def test_what_a_backup_refuses(file, project_url, tmp_path, monkeypatch):
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(ConfigError, match=r"is there already.*--force"):
        backup_database(project_url, target)
    assert target.read_text() == "mine"
    backup_database(project_url, target, force=True)
    assert rows_of(target) == rows_of(file)
    link = tmp_path / "link.db"
    link.symlink_to(file)
    for own in (file, link, Path(f"{file}-wal")):
        with pytest.raises(ConfigError, match="is the database itself"):
            backup_database(project_url, own, force=True)
    with pytest.raises(ConfigError, match="does not exist; create it"):
        backup_database(project_url, tmp_path / "nowhere" / "copy.db")
    with pytest.raises(ConfigError, match="is a folder"):
        backup_database(project_url, tmp_path)
    with pytest.raises(ConfigError, match="there is no database"):
        backup_database(f"sqlite:///{tmp_path}/missing.db", tmp_path / "x.db")
    monkeypatch.setattr(sqlite_copy, "_SPARE_BYTES", 10**18)
    with pytest.raises(StorageError, match="MB are needed; make room first"):
        backup_database(project_url, tmp_path / "x.db")
    assert not (tmp_path / "missing.db").exists()
    assert not (tmp_path / "x.db").exists()
    assert leftovers(tmp_path / "x.db") == []


def test_a_damaged_database_gives_no_backup(file, project_url, tmp_path):
    damage(file)
    with pytest.raises(StorageError, match=r"damaged|malformed"):
        backup_database(project_url, tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def damage(file):
    """Overwrite some pages in the middle, the header left as it is."""
    content = bytearray(file.read_bytes())
    for start in range(20 * 4096, len(content) - 4096, 8 * 4096):
        content[start : start + 4096] = bytes(range(256)) * 16
    file.write_bytes(content)


def test_somebody_who_takes_the_name_meanwhile_keeps_it(project_url, tmp_path, monkeypatch):
    target = tmp_path / "copy.db"

    def taken(*args, **options):
        target.write_text("theirs")
        return {}

    monkeypatch.setattr(backup, "copy_verified", taken)
    (tmp_path / f".copy.db.{os.getpid()}.partial").write_text("ours")
    with pytest.raises(ConfigError, match="is not overwritten"):
        backup_database(project_url, target)
    assert target.read_text() == "theirs"
    assert leftovers(target) == []


def test_a_backup_during_writes_is_of_one_moment(file, project_url, tmp_path, monkeypatch):
    """Rows are written in pairs; the copy never holds one of a pair, and is not endless."""
    monkeypatch.setattr(sqlite_copy, "PAGES", 5)
    stop = threading.Event()
    n_written = []

    def write():
        with sqlite3.connect(file, timeout=30) as connection:
            while not stop.is_set():
                for _ in range(2):
                    connection.execute("INSERT INTO execution_log (message) VALUES ('pair')")
                connection.commit()
                n_written.append(2)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    during = []
    try:
        target = tmp_path / "copy.db"
        done = backup_database(
            project_url, target, on_progress=lambda now, total: during.append(sum(n_written))
        )
    finally:
        stop.set()
        writer.join()
    assert during[-1] > during[0]  # who writes went on
    with sqlite3.connect(target) as connection:
        query = "SELECT count(*) FROM execution_log WHERE message = 'pair'"
        (n_pairs,) = connection.execute(query).fetchone()
    connection.close()
    assert n_pairs % 2 == 0
    assert done.rows == rows_of(target)


@pytest.fixture
def saved(project_url, file, tmp_path):
    """A backup of all results, which the database has lost since."""
    target = tmp_path / "saved.db"
    backup_database(project_url, target)
    delete_results(file)
    return target


def test_a_restore_brings_the_rows_back_and_keeps_the_database_aside(saved, file, project_url):
    restored = restore_database(project_url, saved)
    assert rows_of(file) == restored.rows == rows_of(saved)
    assert rows_of(restored.aside)["hyperparameter_tuning_results"] == 0
    assert restored.aside.name.startswith(f"{file.stem}-before-restore-")
    again = restore_database(project_url, saved)
    assert again.aside != restored.aside
    for path in (restored.aside, again.aside):
        path.unlink()


def test_whoever_has_the_database_open_sees_the_new_one(saved, file, project_url):
    with sqlite3.connect(file) as reader:
        assert _results(reader) == 0
        restored = restore_database(project_url, saved)
        assert _results(reader) == 432
        reader.execute("INSERT INTO execution_log (message) VALUES ('after')")
    reader.close()
    assert rows_of(file)["hyperparameter_tuning_results"] == 432
    restored.aside.unlink()


def _results(connection):
    (n,) = connection.execute("SELECT count(*) FROM hyperparameter_tuning_results").fetchone()
    return n


def test_a_restore_where_there_is_no_database(saved, tmp_path):
    fresh = tmp_path / "fresh.db"
    Path(f"{fresh}-wal").write_bytes(b"of a file that is gone")
    restored = restore_database(f"sqlite:///{fresh}", saved)
    assert restored.aside is None
    assert rows_of(fresh) == rows_of(saved)


@pytest.mark.parametrize("broken", ["pages", "header"])
def test_a_damaged_database_is_moved_aside(saved, file, project_url, broken):
    if broken == "pages":
        damage(file)
    else:
        file.write_bytes(b"this is no database" * 500)
    content = file.read_bytes()
    restored = restore_database(project_url, saved)
    assert rows_of(file) == rows_of(saved)
    assert restored.aside.read_bytes() == content
    restored.aside.unlink()


def test_what_a_restore_refuses(saved, file, project_url, tmp_path):
    before = rows_of(file)
    with pytest.raises(ConfigError, match="there is no file"):
        restore_database(project_url, tmp_path / "none.db")
    with pytest.raises(ConfigError, match="is the database itself"):
        restore_database(project_url, file)
    text = tmp_path / "text.db"
    text.write_text("no database at all, but long enough to be looked at" * 99)
    with pytest.raises(StorageError, match=r"no whole SQLite database|not a database"):
        restore_database(project_url, text)
    sqlite3.connect(tmp_path / "other.db").close()
    with pytest.raises(StorageError, match="holds no sessions"):
        restore_database(project_url, tmp_path / "other.db")
    newer = tmp_path / "newer.db"
    shutil.copy(saved, newer)
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE mass_tuning_schema SET version_num = '9999'")
    connection.close()
    with pytest.raises(ConfigError, match=r"schema 9999.*upgrade mass-tuning"):
        restore_database(project_url, newer)
    damage(saved)
    with pytest.raises(StorageError, match=r"damaged|malformed"):
        restore_database(project_url, saved)
    assert rows_of(file) == before


def test_no_restore_while_a_session_is_worked_on(saved, completed, project_url):
    with write_transaction(completed.engine) as connection:
        connection.execute(
            work_chunks.update().values(
                state="running", worker="elsewhere/1/1/x", lease_expires_at=4e9
            )
        )
        connection.exec_driver_sql("UPDATE tuning_sessions SET status = 'running'")
    with pytest.raises(SessionError, match="is being worked on; stop its run"):
        restore_database(project_url, saved)


def test_no_restore_of_a_locked_database(saved, file, project_url, monkeypatch):
    monkeypatch.setattr("studies.database.engine.BUSY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(restore, "_PATIENCE_S", 0.2)
    holder = sqlite3.connect(file)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked; another process is writing"):
        restore_database(project_url, saved)
    holder.close()


@pytest.mark.parametrize("at", ["first pages", "before the commit", "after"])
def test_a_restore_that_is_killed_leaves_the_old_or_the_new(saved, file, project_url, at):
    old, new = rows_of(file), rows_of(saved)
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        restore.PAGES = 20

        def die(*args):
            os.kill(os.getpid(), signal.SIGKILL)

        def die_at_the_end(now, total):
            if now == total:
                die()

        if at == "after":
            restore_database(project_url, saved)
            die()
        restore_database(
            project_url, saved, on_progress=die if at == "first pages" else die_at_the_end
        )
        os._exit(3)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert rows_of(file) == (old if at == "first pages" else new)
    for aside in file.parent.glob(f"{file.stem}-before-restore-*"):
        assert rows_of(aside) == old
        aside.unlink()


def test_two_restores_at_once_follow_each_other(saved, file, project_url):
    done, errors = [], []

    def one():
        try:
            done.append(restore_database(project_url, saved))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert rows_of(file) == rows_of(saved)
    asides = {each.aside for each in done}
    assert len(asides) == 2
    counts = sorted(rows_of(aside)["hyperparameter_tuning_results"] for aside in asides)
    assert counts == [0, 432]
    for aside in asides:
        aside.unlink()


def test_a_backup_that_is_killed_leaves_no_file_of_the_name(project_url, tmp_path):
    target = tmp_path / "copy.db"
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        sqlite_copy.PAGES = 20
        backup_database(project_url, target, on_progress=lambda *_: os.kill(os.getpid(), 9))
        os._exit(3)
    os.waitpid(pid, 0)
    assert not target.exists()
    assert leftovers(target) != []
    backup_database(project_url, target)  # and clears up
    assert leftovers(target) == []
