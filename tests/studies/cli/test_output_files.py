"""``export`` and ``config --write``: no database is written over, links and pipes are followed."""

import io
import os
import sqlite3
import stat
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from search_spaces.errors import SessionError
from studies import Session
from studies.analysis import export_results
from studies.analysis.export_rows import ExportedRows
from studies.config import default_config_text
from studies.upkeep import delete_session
from tests.studies.cli.conftest import N_STRATEGIES, command, environment

DATABASE = "funding_rate.db"


@pytest.fixture
def n_lines(cli, project):
    """Number of lines of a complete CSV, after which the database is as it was."""
    yield N_STRATEGIES + 1
    with sqlite3.connect(DATABASE) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.fixture
def names(n_lines):
    """Other names of the database."""
    Path("link.csv").symlink_to(DATABASE)
    Path("link_to_link.csv").symlink_to("link.csv")
    os.link(DATABASE, "hard.csv")
    Path("folder").mkdir()
    Path("other").symlink_to(".")
    return {
        "itself": DATABASE,
        "absolute": str(Path(DATABASE).resolve()),
        "spelling": f"folder/../{DATABASE}",
        "through a folder": f"other/{DATABASE}",
        "link": "link.csv",
        "link to a link": "link_to_link.csv",
        "hard link": "hard.csv",
        **{suffix: f"{DATABASE}-{suffix}" for suffix in ("wal", "shm", "journal")},
    }


def csv_lines(path):
    return len(Path(path).read_text().splitlines())


@pytest.mark.parametrize(
    "how",
    [
        *("itself", "absolute", "spelling", "through a folder", "link", "link to a link"),
        *("hard link", "wal", "shm", "journal"),
    ],
)
@pytest.mark.parametrize("file_format", ["csv", "parquet"])
def test_the_database_is_not_written_over(cli, names, how, file_format):
    before = {path: path.stat().st_ino for path in Path().iterdir()}
    refused = cli("export", "-o", names[how], "--format", file_format)
    assert refused.code == 2
    assert f"{names[how]} is part of the database {DATABASE} and is not" in refused.error
    after = {path: path.stat().st_ino for path in Path().iterdir()}
    assert before.items() <= after.items()
    # reading opens the database's log, if it is not there
    assert {path.name for path in after.keys() - before.keys()} <= {
        f"{DATABASE}-wal",
        f"{DATABASE}-shm",
    }
    assert cli("top").code == 0


def test_the_log_of_a_database_behind_a_link(cli, project):
    Path("elsewhere").mkdir()
    for path in Path().glob(f"{DATABASE}*"):  # with its log
        path.rename(Path("elsewhere") / path.name)
    Path("link.db").symlink_to(f"elsewhere/{DATABASE}")
    for suffix in ("", "-wal", "-journal"):
        target = f"elsewhere/{DATABASE}{suffix}"
        refused = cli("--database", "link.db", "export", "-o", target, "--format", "csv")
        assert refused.code == 2
        assert f"{target} is part of the database link.db and is not" in refused.error


def test_neither_is_the_market_database_nor_any_other(cli, n_lines):
    cli("import", "synthetic", "--n-pairs", "12", "--n-days", "160", "--database", "market.sqlite")
    refused = cli("export", "-o", "market.sqlite", "--format", "csv")
    assert refused.code == 2
    assert "market.sqlite is a SQLite database and is not written over" in refused.error


@pytest.mark.parametrize("option", [(), ("--config", "mine.yaml")])
def test_the_configuration_is_not_written_over(cli, n_lines, option):
    name = option[1] if option else "mass_tuning_config.yaml"
    Path(name).write_text("study: {sample: 3}\n")
    Path("link.csv").symlink_to(name)
    for target in (name, f"./{name}", "link.csv"):
        refused = cli("export", "-o", target, "--format", "csv", *option)
        assert refused.code == 2
        assert f"{target} is the configuration and is not written over" in refused.error
    assert Path(name).read_text() == "study: {sample: 3}\n"


def test_a_link_leads_to_the_file_that_is_written(cli, n_lines):
    Path("elsewhere").mkdir()
    Path("all.csv").symlink_to("elsewhere/real.csv")
    for _ in range(2):  # the file is not there at first
        assert cli("export", "-o", "all.csv").code == 0
        assert Path("all.csv").is_symlink()
        assert csv_lines("elsewhere/real.csv") == n_lines
    assert [path.name for path in Path("elsewhere").iterdir()] == ["real.csv"]


def test_an_existing_file_keeps_its_rights_and_a_new_one_has_the_usual(cli, n_lines):
    Path("kept.csv").write_text("")
    Path("kept.csv").chmod(0o640)
    Path("usual").write_text("")
    for name in ("kept.csv", "new.csv"):
        assert cli("export", "-o", name).code == 0
    assert stat.S_IMODE(Path("kept.csv").stat().st_mode) == 0o640
    assert Path("new.csv").stat().st_mode == Path("usual").stat().st_mode


@pytest.mark.parametrize("file_format", ["csv", "json", "parquet"])
def test_a_pipe_is_written_into(cli, n_lines, file_format):
    os.mkfifo("pipe")
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(Path("pipe").read_bytes)
        written = cli("export", "-o", "pipe", "--format", file_format)
        content = read.result(60)
    assert written.code == 0, written.err
    assert written.out.endswith(" in pipe\n")
    assert stat.S_ISFIFO(Path("pipe").stat().st_mode)
    assert cli("export", "-o", "file", "--format", file_format).code == 0
    if file_format == "parquet":
        whole = pd.read_parquet("file")
        pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(content)), whole)
    else:
        assert content == Path("file").read_bytes()
    assert not list(Path().glob("*.part"))
    assert not list(Path().glob(".*.part"))


@pytest.fixture
def nothing_is_renamed(monkeypatch):
    """Whatever is wrong with the program: a test that runs as root leaves the devices alone."""

    def refuse(*args, **kwargs):
        raise AssertionError(f"renamed: {args}")

    for owner, name in ((Path, "replace"), (Path, "rename"), (os, "replace"), (os, "rename")):
        monkeypatch.setattr(owner, name, refuse)


@pytest.mark.usefixtures("nothing_is_renamed")
def test_devices(cli, n_lines):
    assert cli("export", "-o", "/dev/null", "--format", "csv").code == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    full = cli("export", "-o", "/dev/full", "--format", "csv")
    assert full.code == 1
    assert full.error == "/dev/full: No space left on device"


@pytest.mark.parametrize("name", ["-", "/dev/fd/1"])
@pytest.mark.parametrize("file_format", [None, "json", "parquet"])
def test_the_standard_output(cli, n_lines, name, file_format):
    assert cli("export", "-o", "file", "--format", file_format or "csv").code == 0
    words = command("export", "-o", name, "--format", file_format or "csv")
    if file_format is None and name == "-":
        words = command("export", "-o", name)
    with Path("redirected").open("wb") as redirected:
        for target in (subprocess.PIPE, redirected):
            done = subprocess.run(
                words, env=environment(), stdout=target, stderr=subprocess.PIPE, check=True
            )
            written = Path("redirected").read_bytes() if done.stdout is None else done.stdout
            assert written == Path("file").read_bytes()
            assert f"{N_STRATEGIES} strategies of session_".encode() in done.stderr


@pytest.mark.parametrize("name", ["-", "/dev/fd/1"])
def test_json_and_results_do_not_share_the_standard_output(cli, n_lines, name):
    refused = cli("export", "-o", name, "--json")
    assert refused.code == 2
    assert "leave one of them out" in refused.error
    assert refused.out == ""


def test_two_exports_into_one_file_at_once(n_lines, monkeypatch):
    sessions = [Session.open(f"sqlite:///{DATABASE}", _only_id()) for _ in range(2)]
    together = threading.Barrier(2, timeout=60)
    batches = ExportedRows.batches

    def slowly(rows):
        together.wait()
        yield from batches(rows)
        together.wait()

    monkeypatch.setattr(ExportedRows, "batches", slowly)
    with ThreadPoolExecutor(2) as pool:
        written = pool.map(lambda session: export_results(session, "all.csv"), sessions)
        assert list(written) == [N_STRATEGIES] * 2
    assert csv_lines("all.csv") == n_lines
    assert not list(Path().glob(".*.part"))
    for session in sessions:
        session.engine.dispose()


def test_a_session_that_is_deleted_meanwhile_is_no_export(n_lines, monkeypatch):
    session = Session.open(f"sqlite:///{DATABASE}", _only_id())
    batches = ExportedRows.batches

    def deleted_meanwhile(rows):
        yield from batches(rows)
        delete_session(session.engine, session.row.session_id)

    monkeypatch.setattr(ExportedRows, "batches", deleted_meanwhile)
    with pytest.raises(SessionError):
        export_results(session, "all.csv")
    assert not Path("all.csv").exists()
    session.engine.dispose()


def test_folders_and_what_cannot_be_written(cli, n_lines, monkeypatch):
    Path("folder").mkdir()
    refused = cli("export", "-o", "folder", "--format", "csv")
    assert (refused.code, refused.error) == (2, "folder is a folder; name a file")
    Path("nowhere.csv").symlink_to("missing/all.csv")
    refused = cli("export", "-o", "nowhere.csv")
    assert refused.code == 2
    assert "missing does not exist; create it" in refused.error

    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    session = Session.open(f"sqlite:///{DATABASE}", _only_id())
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied: 'all.csv'"):
        export_results(session, "all.csv")
    session.engine.dispose()


def _only_id():
    with sqlite3.connect(DATABASE) as connection:
        return connection.execute("SELECT session_id FROM tuning_sessions").fetchone()[0]


def test_the_defaults_go_into_a_pipe_or_to_the_standard_output(cli, empty):
    assert cli("config", "--write", "-").out == default_config_text()
    assert cli("config", "--write", "-", "--json").code == 2
    os.mkfifo("pipe")
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(Path("pipe").read_text)
        assert cli("config", "--write", "pipe").code == 0
        assert read.result(60) == default_config_text()
    assert [path.name for path in empty.iterdir()] == ["pipe"]
    Path("link.yaml").symlink_to("real.yaml")
    refused = cli("config", "--write", "link.yaml")
    assert refused.code == 2
    assert "is not overwritten" in refused.error
