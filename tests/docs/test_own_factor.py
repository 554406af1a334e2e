"""The page on factors of one's own: its files and commands work as they stand."""

import shlex
import sqlite3
import sys

import pytest

from objectives import factors
from studies.cli.app import run
from tests.docs.pages import console_lines, write_files

PAGE = "own_factor.md"
OPTIONS = ["--config", "factors.yaml"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    write_files(PAGE, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(factors, "_FACTORS", dict(factors._FACTORS))
    yield tmp_path
    sys.modules.pop("my_factors", None)


def test_its_commands_search_the_factors(project, capfd):
    for line in console_lines(PAGE):
        assert run(shlex.split(line)[1:]) == 0, line
    assert run([*OPTIONS, "top", "-n", "50", "--all-names"]) == 0
    listed = capfd.readouterr().out
    for code in ("MO", "QU", "SR_MO", "SR_QU", "MO_QU"):
        assert f" {code}_W" in listed


def test_a_changed_factor_stops_its_session(project, capfd):
    market, plan = console_lines(PAGE)[:2]
    for line in (market, plan):
        assert run(shlex.split(line)[1:]) == 0
    text = (project / "my_factors.py").read_text()
    (project / "my_factors.py").write_text(text.replace("1e-4", "1e-5"))
    sys.modules.pop("my_factors")
    for code in ("MO", "QU"):
        del factors._FACTORS[code]
    assert run([*OPTIONS, "execute"]) == 2
    assert "or the factors of my_factors, changed since" in capfd.readouterr().err


def test_a_module_that_cannot_be_imported_is_named(project, capfd):
    (project / "my_factors.py").write_text("import no_such_package")
    assert run([*OPTIONS, "generate"]) == 2
    told = capfd.readouterr().err
    assert "the module of factors my_factors cannot be imported (ModuleNotFoundError" in told


def test_a_factor_that_raises_is_in_the_log(project):
    text = (project / "my_factors.py").read_text()
    (project / "my_factors.py").write_text(text.replace("/ len(r)", "/ (len(r) - 9)"))
    for line in console_lines(PAGE)[:3]:
        assert run(shlex.split(line)[1:]) == 0, line
    with sqlite3.connect("funding_rate.db") as connection:
        query = "SELECT strategy_id, message, details FROM execution_log WHERE level = 'WARNING'"
        rows = connection.execute(query.replace("level", "log_level")).fetchall()
    assert rows
    for strategy_id, message, details in rows:
        assert "QU" in strategy_id
        assert message == "error: factor QU raised ZeroDivisionError: division by zero"
        assert "share_of_quiet_days" in details
