"""One file for each process, rotated, cleared up, and without passwords."""

import logging
import os
import time

import pytest

from search_spaces.errors import ConfigError
from studies import TuningConfig
from studies.upkeep import log_file, start_log, stop_log

logger = logging.getLogger("studies.somewhere")


@pytest.fixture(autouse=True)
def closed():
    yield
    stop_log()


def logging_config(**values):
    return TuningConfig.from_mapping({"logging": values}).logging


def test_nothing_is_written_unless_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert start_log(logging_config()) is None
    logger.error("x")
    assert list(tmp_path.iterdir()) == []


def test_a_process_writes_its_own_file(tmp_path):
    path = start_log(logging_config(file=str(tmp_path / "logs" / "search.log"), level="INFO"))
    assert path.name.startswith("search.")
    assert path.name.endswith(f"-{os.getpid()}.log")
    assert not path.exists()  # nothing to say yet
    logger.debug("too little")
    logger.info("one line")
    assert start_log(logging_config(file=str(tmp_path / "other.log"))) is not None  # once only
    logger.info("another")
    lines = path.read_text().splitlines()
    assert [line.split(" INFO ")[1] for line in lines] == [
        "studies.somewhere: one line",
        "studies.somewhere: another",
    ]
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        stop_log()
        start_log(logging_config(file=str(tmp_path / "logs" / "search.log")))
        logger.info("of the child")
        os._exit(0)
    os.waitpid(pid, 0)
    assert len(list(path.parent.iterdir())) == 2
    assert len(path.read_text().splitlines()) == 2


def test_a_worker_process_logs_as_the_one_that_started_it(tmp_path, monkeypatch):
    from studies.runs.cluster_preload import dask_setup

    assert log_file.INHERITED not in os.environ
    path = start_log(logging_config(file=str(tmp_path / "a.log"), level="DEBUG"))
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        inherited = os.environ[log_file.INHERITED]
        stop_log()
        os.environ[log_file.INHERITED] = inherited
        dask_setup(None)
        logger.debug("of a worker")
        os._exit(0)
    os.waitpid(pid, 0)
    (file,) = tmp_path.iterdir()
    assert file.name == path.name.replace(str(os.getpid()), str(pid))
    assert "of a worker" in file.read_text()
    stop_log()
    assert log_file.INHERITED not in os.environ
    log_file.start_inherited_log()
    logger.error("to nobody")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(("level", "n"), [("DEBUG", 3), ("WARNING", 1), ("ERROR", 0)])
def test_levels(tmp_path, level, n):
    path = start_log(logging_config(file=str(tmp_path / "a.log"), level=level))
    logger.debug("a")
    logger.info("b")
    logger.warning("c")
    assert (len(path.read_text().splitlines()) if path.exists() else 0) == n


def test_warnings_are_still_seen_but_errors_of_commands_not_twice(tmp_path, capfd):
    start_log(logging_config(file=str(tmp_path / "a.log"), level="ERROR"))
    logger.warning("to be seen")
    logging.getLogger("studies.cli.app").error("printed by the command")
    assert capfd.readouterr().err == "to be seen\n"


def test_files_rotate(tmp_path):
    config = logging_config(file=str(tmp_path / "a.log"), max_mb=0.001, backups=2)
    path = start_log(config)
    for n in range(100):
        logger.info("line %03d of a log that is longer than a file may be", n)
    files = sorted(each.name.removeprefix(path.name) for each in tmp_path.iterdir())
    assert files == ["", ".1", ".2"]
    assert all(each.stat().st_size <= 1_000 for each in tmp_path.iterdir())
    assert "line 099" in path.read_text()


def test_old_files_of_dead_processes_go(tmp_path, monkeypatch):
    names = [
        "a.host-11.log",
        "a.host-11.log.1",
        "a.host-22.log",
        "a.host-33.log",
        "a.txt",
        "ab.log",
    ]
    month_ago = time.time() - 31 * 86_400
    for name in names:
        (tmp_path / name).write_text("x")
        if "33" not in name:
            os.utime(tmp_path / name, (month_ago, month_ago))
    monkeypatch.setattr(log_file.psutil, "pid_exists", lambda pid: pid == 22)
    start_log(logging_config(file=str(tmp_path / "a.log"), days=32.0))
    assert len(list(tmp_path.iterdir())) == 6
    stop_log()
    start_log(logging_config(file=str(tmp_path / "a.log"), days=30.0))
    left = sorted(each.name for each in tmp_path.iterdir())
    assert left == ["a.host-22.log", "a.host-33.log", "a.txt", "ab.log"]


def test_no_password_is_written(tmp_path):
    path = start_log(logging_config(file=str(tmp_path / "a.log")))
    logger.info("at postgresql://me:hunter2@host/db?sslmode=require, again %s", "b://c:hunter2@d")
    logger.info("host=h password=hunter2 dbname=d")
    logger.info("postgresql://host/db?user=me&password=hunter2&sslmode=require")
    try:
        raise ValueError("postgresql+psycopg://me:hunter2@host/db")
    except ValueError:
        logger.exception("it failed")
    text = path.read_text()
    assert "hunter2" not in text
    assert "postgresql://me:***@host/db?sslmode=require" in text
    assert "password=*** dbname=d" in text
    assert "password=***&sslmode=require" in text
    assert "Traceback" in text


def test_a_folder_that_cannot_be_used(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"logging\.file: the folder .* cannot be made"):
        start_log(logging_config(file=str(tmp_path / "file" / "a.log")))
    monkeypatch.setattr(log_file.os, "access", lambda path, mode: False)
    with pytest.raises(ConfigError, match="cannot be written; name another"):
        start_log(logging_config(file=str(tmp_path / "a.log")))
    with pytest.raises(ConfigError, match=r"logging\.file: ~ is not expanded"):
        logging_config(file="~/a.log")
