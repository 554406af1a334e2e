"""A small market, planned and run once; every test of a command that writes gets a copy."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from studies.cli.app import run
from tests.helpers import forks

ROOT = Path(__file__).resolve().parents[3]
SMALL_SPACE = (
    *("--set", "factors=SR,SR_DD"),
    *("--set", "window_size=5,10"),
    *("--set", "data_period=10,150"),
    *("--set", "selection_count=3,5"),
)
N_STRATEGIES = 2 * 2 * 5 * 2 * 2 * 3


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line of an error."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("error: ")


Invoke = Callable[..., Outcome]


@pytest.fixture
def cli(capfd, monkeypatch) -> Invoke:
    """Run a command line in this process."""
    monkeypatch.setenv("NO_COLOR", "1")

    def invoke(*args: object) -> Outcome:
        capfd.readouterr()
        code = run([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return invoke


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A folder with a market of 12 pairs and 160 days, and a session that was run on it."""
    folder = tmp_path_factory.mktemp("cli")
    before = Path.cwd()
    os.chdir(folder)
    try:
        market = ("--n-pairs", "12", "--n-days", "160")
        assert run(["import", "synthetic", *market]) == 0
        assert run(["generate", *SMALL_SPACE, "--notes", "first"]) == 0
        assert run(["execute"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch) -> Path:
    """Current folder: a copy of `finished` that may be changed."""
    for path in finished.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def empty(tmp_path, monkeypatch) -> Path:
    """Current folder: nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*args: object) -> list[str]:
    """Command line of a process of its own."""
    return [sys.executable, "-m", "studies", *map(str, args)]


def environment() -> dict[str, str]:
    """Environment of a process of its own, in whatever folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def forked(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """As `process`, but for the imports."""
    return forks.run(command(*args), env=environment(), **options)


def process(*args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own, its output in pipes."""
    return subprocess.run(
        command(*args), env=environment(), capture_output=True, text=True, check=False, **options
    )
