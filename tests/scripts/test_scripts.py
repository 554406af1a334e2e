"""The scripts a person runs, as a person runs them."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from objectives import ReturnPanel
from studies.market import import_panel

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"


def run(script: str, *words: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def load(script: str):
    spec = importlib.util.spec_from_file_location(script, SCRIPTS / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_plain_optuna_script_runs_twice_on_one_study(tmp_path):
    storage = f"sqlite:///{tmp_path}/funding_rate.db"
    import_panel(ReturnPanel.synthetic(n_pairs=8, n_days=200, seed=3), storage)
    (tmp_path / "mass_tuning_config.yaml").write_text(
        (ROOT / "mass_tuning_config.yaml").read_text()
    )
    for n_trials in (100, 200):
        out = run("plain_optuna.py", cwd=tmp_path)
        study = optuna.load_study(study_name="plain", storage=storage)
        assert len(study.trials) == n_trials
        assert study.best_trial.user_attrs["strategy_id"] in out


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("kernel", {"n_strategies", "kernel_s", "strategies_per_s", "peak_rss_mb"}),
        (
            "real-market",
            {"n_pairs", "n_days", "n_distinct_by_construction", "shared_s", "alone_s", "ratio"},
        ),
        pytest.param(
            "exhaustive",
            {
                "n_strategies",
                "wall_s",
                "generate_s",
                "execute_s",
                "kernel_s",
                "rest_s",
                "strategies_per_s",
                "peak_rss_mb",
                "database_mb",
                "workers",
                "database",
            },
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_benchmark_ends_with_one_json_object(tmp_path, name, keys):
    out = run("benchmark.py", name, "--size", "300", "--json", cwd=tmp_path)
    result = json.loads(out.splitlines()[-1])
    assert keys <= set(result)
    assert result["n_strategies"] == 300
    assert result["benchmark"] == name


def test_the_benchmark_of_the_import(tmp_path):
    out = run("benchmark.py", "import", "--n-events", "30000", "--json", cwd=tmp_path)
    result = json.loads(out.splitlines()[-1])
    assert result["n_events"] == 30_000
    assert {"wall_s", "bare_s", "ratio", "events_per_s", "peak_rss_mb"} <= set(result)


def test_the_benchmark_of_a_program(tmp_path):
    out = run("benchmark.py", "external", "--size", "20", "--json", cwd=tmp_path)
    result = json.loads(out.splitlines()[-1])
    for mode in ("process", "batch", "server"):
        assert result[f"{mode}_strategies"] == 20
        assert result[f"{mode}_alone_ms_each"] > 0
        assert result[f"{mode}_ratio"] > 0


def test_generated_pages_are_up_to_date():
    docs = load("make_docs")
    assert (ROOT / "docs" / "commands.md").read_text() == docs.commands_page(), "run: make docs"
    readme = (ROOT / "README.md").read_text()
    assert docs.plain_script() in readme, "run: make docs"
    assert docs.benchmark_table() in readme, "run: make docs"


def test_the_old_command_line_still_works(tmp_path):
    out = run("mass_tuning_system.py", "--help", cwd=tmp_path)
    for command in ("generate", "execute", "status", "clean"):
        assert command in out
