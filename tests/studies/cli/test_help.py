"""What every command says of itself, and how fast."""

import ast
import re
import subprocess
import sys

import click
import pytest

from studies.cli.app import app
from tests.studies.cli.conftest import ROOT, environment, process

COMMANDS = {
    "demo",
    "fetch",
    "import",
    "market",
    "estimate",
    "generate",
    "execute",
    "worker",
    "status",
    "sessions",
    "top",
    "show",
    "stats",
    "plot",
    "verify",
    "compare",
    "backtest",
    "rank",
    "positions",
    "dashboard",
    "report",
    "export",
    "clean",
    "backup",
    "restore",
    "doctor",
    "config",
}


def leaves():
    """Commands that do something, by their words."""
    for name, command in app.commands.items():
        if isinstance(command, click.Group):
            for word, inner in command.commands.items():
                yield f"{name} {word}", inner
        else:
            yield name, command


LEAVES = dict(leaves())


def test_there_are_exactly_these_commands():
    assert set(app.commands) == COMMANDS


def test_alone_it_prints_the_help(cli):
    alone = cli()
    assert (alone.code, alone.out, alone.err) == (0, cli("--help").out, "")
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\w", alone.out, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_help_has_examples_and_explains_every_option(cli, name):
    told = cli(*name.split(), "--help")
    assert told.code == 0
    assert "Examples:" in told.out
    examples = told.out.split("Examples:")[1].strip().splitlines()
    assert all("mass-tuning " in line for line in examples)
    assert any(f" {name}" in line for line in examples)
    command = LEAVES[name]
    names = {option for param in command.params for option in param.opts}
    assert {"--json", "--debug"} <= names
    if name != "demo":
        assert {"--config", "--database"} <= names
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.help, f"{name} {param.opts}"
            assert all(option in told.out for option in param.opts)


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_examples_name_options_that_exist(name):
    params = [*LEAVES[name].params, *app.params]
    known = {option for param in params for option in param.opts}
    for line in LEAVES[name].examples:
        words = line.split("#")[0].split()
        assert {word for word in words if word.startswith("-")} - {"-"} <= known


def test_version(cli):
    told = cli("--version")
    assert told.code == 0
    assert re.fullmatch(r"mass-tuning \d+\.\d+\.\d+\S*\n", told.out)


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from studies.cli.app import run; assert run(sys.argv[1:]) == 0\n"
        "heavy = {'optuna', 'pandas', 'numpy', 'numba', 'sqlalchemy', 'rich', 'pydantic', 'yaml',"
        " 'scipy', 'pyarrow', 'ccxt', 'search_spaces', 'objectives', 'studies.session',"
        " 'studies.config', 'studies.market'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    for args in (["--help"], ["generate", "--help"], ["fetch", "--help"], ["--version"], []):
        done = subprocess.run(
            [sys.executable, "-c", code, *args],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_the_command_line_parses_calls_and_prints():
    below = ("studies.database", "studies.queue", "studies.trials", "sqlalchemy")
    for path in (ROOT / "studies" / "cli").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = []
            if isinstance(node, ast.ImportFrom):
                named = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                named = [alias.name for alias in node.names]
            assert not [name for name in named if name.startswith(below)], path


def test_the_script_of_the_prd_is_the_same_program(tmp_path):
    script = ROOT / "scripts" / "mass_tuning_system.py"
    told = subprocess.run(
        [sys.executable, script, "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == process("--help").stdout
    refused = subprocess.run(
        [sys.executable, script, "execute", "--parallel", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "--parallel is a number of processes from 1" in refused.stderr


def test_the_package_keeps_its_names():
    import studies

    assert studies.Session.__module__ == "studies.session"
    assert studies.load_config().database == studies.TuningConfig().database
    assert set(studies.__all__) <= set(dir(studies))
    with pytest.raises(AttributeError, match="No studies attribute Nothing"):
        _ = studies.Nothing


@pytest.mark.parametrize("command", [["status"], ["sessions"], ["top", "-n", "1"]])
def test_questions_load_neither_kernels_nor_search_methods(project, command):
    code = (
        "import sys; from studies.cli.app import run; assert run(sys.argv[1:]) == 0\n"
        "print(sorted({'numba', 'deap', 'scipy', 'distributed'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    assert done.stdout.splitlines()[-1] == "[]"
