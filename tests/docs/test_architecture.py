"""What the written pages of docs mention is there, and the code of own_objective.md runs."""

import ast
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import console_lines, write_files
from tests.test_rooms import FLOORS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ARCHITECTURE = DOCS / "architecture.md"
DECISIONS = DOCS / "decisions"
OWN_OBJECTIVE = "own_objective.md"
GENERATED = {"commands.md", "search_quality.md"}

REFERENCE = re.compile(r"`((?:[\w-]+/)+[\w-]+\.\w+)(?::([A-Za-z_][\w.]*))?`")
"""`folder/file.py` or `folder/file.py:name`, between backticks."""
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def pages():
    """The pages that are not generated."""
    written = [page for page in sorted(DOCS.glob("*.md")) if page.name not in GENERATED]
    return [*written, *sorted(DECISIONS.glob("*.md"))]


def decisions():
    return [page for page in sorted(DECISIONS.glob("*.md")) if page.name != "README.md"]


def references():
    """Every file and name that the pages mention, and the page."""
    found = {
        (path, name, page.relative_to(ROOT).as_posix())
        for page in pages()
        for path, name in REFERENCE.findall(page.read_text(encoding="utf-8"))
    }
    return sorted(found)


@cache
def definitions(path):
    """Names that a module defines or offers, and those of its classes as ``Class.name``."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    names = set(defined(tree))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{name}" for name in defined(node)}
    return names


def defined(scope):
    for node in scope.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))


@pytest.mark.parametrize(("path", "name", "page"), references())
def test_what_a_page_mentions_exists(path, name, page):
    assert (ROOT / path).is_file(), f"{page} mentions {path}, which is not there"
    if name:
        assert name in definitions(path), f"{page} mentions {path}:{name}, which is not there"


def test_references_are_found():
    """A change of the notation must not empty the test above."""
    assert len(references()) > 100


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_decision_is_in_the_list():
    listed = set(LINK.findall((DECISIONS / "README.md").read_text(encoding="utf-8")))
    assert {page.name for page in decisions()} <= listed


@pytest.mark.parametrize("page", decisions(), ids=lambda page: page.stem)
def test_a_decision_has_its_five_parts(page):
    titles = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert titles == ["What", "Why", "Measured", "What it costs", "When to revisit"]


def test_the_table_of_rooms_is_the_order_of_rooms():
    rows = re.findall(
        r"^\| (\d+) \| `([\w.]+)` \|.*\| ([^|]+) \|$",
        ARCHITECTURE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert [room for _, room, _ in rows] == FLOORS
    assert [int(number) for number, _, _ in rows] == list(range(1, len(FLOORS) + 1))
    below = ["nothing of ours", "1", *(f"1-{n}" for n in range(2, len(FLOORS)))]
    assert [below_it for _, _, below_it in rows] == below


@pytest.fixture
def own_project(tmp_path, monkeypatch):
    write_files(OWN_OBJECTIVE, tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


def run(folder, *words):
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_of_an_own_objective_run(own_project):
    for line in console_lines(OWN_OBJECTIVE):
        program, *words = shlex.split(line, comments=True)
        assert program == "mass-tuning"
        done = run(own_project, "-m", "studies", *words)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert "floor" in done.stdout


def test_the_script_of_an_own_objective_runs(own_project):
    done = run(own_project, "try_it.py")
    assert done.returncode == 0, done.stderr
    assert "net_sharpe_ratio" in done.stdout
