"""The page on programs of one's own: its files and commands work as they stand."""

import re
import shlex

import pytest

from studies.cli.app import run
from tests.docs.pages import console_lines, write_files

PAGE = "own_program.md"


@pytest.fixture
def project(tmp_path, monkeypatch):
    write_files(PAGE, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_its_commands_find_the_best(project, capfd):
    for line in console_lines(PAGE):
        assert run(shlex.split(line)[1:]) == 0, line
    listed = capfd.readouterr().out
    assert re.search(r"^\s+1\s+P\d+\s+.*11\.000", listed, re.MULTILINE)


@pytest.mark.parametrize("method", ["tpe", "genetic"])
def test_other_methods_search_it_too(project, capfd, method):
    options = ["--config", "program.yaml"]
    assert run([*options, "generate", "--mode", method, "--size", "18"]) == 0
    assert run([*options, "execute"]) == 0
    assert run([*options, "top", "--json"]) == 0
    assert '"sharpe_ratio": 11.0' in capfd.readouterr().out
