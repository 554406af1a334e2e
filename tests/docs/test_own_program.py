"""The page on programs of one's own: its files and commands work as they stand."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from studies.cli.app import run

PAGE = Path(__file__).parents[2] / "docs" / "own_program.md"
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path, monkeypatch):
    for _, text in FENCED.findall(PAGE.read_text(encoding="utf-8")):
        first, _, rest = text.partition("\n")
        if first.startswith("# file: "):
            target = tmp_path / first.removeprefix("# file: ")
            target.write_text(rest.replace("[python,", f"[{sys.executable},"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_its_commands_find_the_best(project, capfd):
    (console,) = [text for kind, text in FENCED.findall(PAGE.read_text()) if kind == "console"]
    for line in console.splitlines():
        assert run(shlex.split(line)[1:]) == 0, line
    listed = capfd.readouterr().out
    assert re.search(r"^\s+1\s+P\d+\s+.*11\.000", listed, re.MULTILINE)


@pytest.mark.parametrize("method", ["tpe", "genetic"])
def test_other_methods_search_it_too(project, capfd, method):
    options = ["--config", "program.yaml"]
    market = ["synthetic", "--n-pairs", "6", "--n-days", "60"]
    assert run([*options, "import", *market]) == 0
    assert run([*options, "generate", "--mode", method, "--size", "18"]) == 0
    assert run([*options, "execute"]) == 0
    assert run([*options, "top", "--json"]) == 0
    assert '"sharpe_ratio": 11.0' in capfd.readouterr().out
