"""Adaptive sessions on the command line."""

import sqlite3

import optuna
import pytest

from studies.cli.session_options import ADAPTIVE
from studies.methods import METHODS


def generated(cli, *args):
    done = cli("generate", *args, "--json")
    assert done.code == 0, done.err
    return done.json


def test_the_modes_are_the_methods():
    assert set(METHODS) == set(ADAPTIVE)


@pytest.fixture(scope="module")
def searched(finished, tmp_path_factory):
    """A folder with an adaptive session that was run."""
    import os
    import shutil
    from pathlib import Path

    from studies.cli.app import run

    folder = tmp_path_factory.mktemp("adaptive")
    for path in finished.iterdir():
        shutil.copy(path, folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert run(["generate", "--mode", "tpe", "--size", "12", "--seed", "1"]) == 0
        assert run(["execute"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def here(searched, tmp_path, monkeypatch):
    """Current folder: a copy of `searched` that may be changed."""
    import shutil

    for path in searched.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def newest(cli):
    return cli("sessions", "--json").json[0]["session_id"]


def test_what_generate_says(cli, project):
    told = generated(cli, "--mode", "random", "--size", 7, "--seed", 3)
    assert (told["mode"], told["method"], told["total"]) == ("adaptive", "random", 7)
    assert (told["seed"], told["status"], told["warm_start"]) == (3, "created", [])
    with sqlite3.connect("funding_rate.db") as connection:
        query = "SELECT count(*) FROM {} WHERE session_id = ?"
        for table, n in (("strategy_queue", 0), ("work_chunks", 8)):
            found = connection.execute(query.format(table), [told["session_id"]]).fetchone()
            assert found == (n,)
    people = cli("generate", "--mode", "tpe", "--size", 7)
    assert "7 strategies to try (tpe)" in people.out
    assert "run it with: mass-tuning execute --session session_" in people.out


def test_sampling_at_random_stays_planned(cli, project):
    told = generated(cli, "--mode", "sampling", "--method", "random", "--size", 7)
    assert (told["mode"], told["method"]) == ("sampling", "random")


def test_every_command_works(cli, here):
    session_id = newest(cli)
    told = cli("status", "--json", "--detailed").json
    assert (told["session_id"], told["mode"], told["status"]) == (
        session_id,
        "adaptive",
        "completed",
    )
    assert told["completed"] + told["failed"] == 12
    assert 0 < sum(told["failures"].values()) <= told["failed"]
    assert "tpe, seed 1" in cli("status").out
    top = cli("top", "--json").json
    assert top["strategies"][0]["rank"] == 1 if isinstance(top, dict) else top[0]["rank"] == 1
    shown = cli("show", "best", "--no-chart", "--json")
    assert shown.code == 0, shown.err
    assert cli("export", "--output", "out.csv").code == 0
    study = optuna.load_study(study_name=session_id, storage="sqlite:///funding_rate.db")
    assert len(study.trials) == 12
    retry = cli("execute", "--session", session_id, "--retry-failed")
    assert (retry.code, "has spent its slot" in retry.error) == (2, True)
    assert cli("clean", "--session", session_id, "--failed-only", "--yes").code == 0
    assert cli("clean", "--session", session_id, "--yes").code == 0
    assert newest(cli) != session_id


def test_a_session_begins_with_the_best_of_another(cli, here):
    source = newest(cli)
    best = [row["strategy_id"] for row in rows_of(cli("top", "-n", "3", "--json").json)]
    told = generated(cli, "--mode", "qmc", "--size", 5, "--from", source, "--from-best", 3)
    assert told["warm_start"] == best
    people = cli("generate", "--mode", "tpe", "--size", 2, "--from", source)
    assert f"begins with 2 of the best of {source}" in people.out
    done = cli("execute", "--session", told["session_id"], "--json")
    assert done.code == 0, done.err
    assert (done.json["status"], done.json["completed"] + done.json["failed"]) == ("completed", 5)


def rows_of(told):
    return told["strategies"] if isinstance(told, dict) else told


def test_a_worker_of_its_own(cli, here):
    told = generated(cli, "--mode", "tpe", "--size", 4)
    done = cli("worker", told["session_id"], "--json")
    assert done.code == 0, done.err
    assert done.json["status"] == "completed"


def test_estimate(cli, here, monkeypatch):
    from studies.cli import estimate

    monkeypatch.setattr(estimate, "_SAMPLE_SECONDS", 60.0)  # a busy machine is no matter here
    told = cli("estimate", "--mode", "tpe", "--size", 30, "--json").json
    assert (told["strategies"], told["trials"], told["mode"]) == (30, 30, "adaptive")
    assert told["seconds"]["execute"] > 0
    assert told["database_bytes"] > 1_000
    assert "the first 30 strategies of tpe" in told["sources"][0]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--mode", "tpe"], "--mode tpe needs --size, the number of strategies to try"),
        (["--mode", "tpe", "--size", "5", "--method", "sobol"], "--mode tpe takes no --method"),
        (["--mode", "tpe", "--size", "5", "--trials", "digest"], "--trials digest does not go"),
        (["--mode", "cmaes", "--size", "5"], "cmaes searches ranges, but listed values are what"),
        (["--mode", "nowhere:Sampler", "--size", "5"], "nowhere:Sampler cannot be imported"),
        (["--mode", "optuna:Study", "--size", "5"], "optuna:Study is not a sampler"),
        (["--mode", "tpe", "--size", "5", "--from", "session_x"], "no session 'session_x'"),
        (["--from", "session_x"], "--from is about samplers"),
        (["--mode", "tpe", "--size", "5", "--from-best", "3"], "--from-best is about --from"),
        (["--mode", "tpe", "--size", "5", "--from", "x", "--from-best", "0"], "0 is not in the"),
    ],
)
def test_bad_input_is_one_line_and_creates_nothing(cli, project, args, message):
    before = newest(cli)
    done = cli("generate", *args)
    assert (done.code, done.out) == (2, "")
    assert message in done.error
    assert newest(cli) == before
