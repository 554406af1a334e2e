"""The study scripts as people run them: several at once, stopped, killed, started again."""

import contextlib
import os
import runpy
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.samplers import GridSampler
from optuna.trial import TrialState
from sqlalchemy.exc import DBAPIError

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from search_spaces import FactorSpace
from studies import DeapSampler
from studies.market import import_panel
from studies.trials.optuna_storage import open_optuna_storage
from tests.helpers import forks

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
NAMES = ("exhaustive", "qmc", "tpe", "genetic", "multiobjective")
GENERATION = "DeapSampler:generation"
FEW = ["--set", "window_size=5,10", "--set", "data_period=10"]
"""Cheap strategies, of which none fails on the market of the tests."""

GRID = ["--set", "factors=SR,DD_ST", "--set", "window_size=5,10", "--set", "data_period=10"]
GRID += ["--set", "rebalance_frequency=7", "--set", "selection_count=3,5"]
GRID += ["--set", "weight_method=EQ,IC,FS"]
"""24 points."""


def command(name: str, url: str, *words: str) -> list[str]:
    return [sys.executable, str(SCRIPTS / f"study_{name}.py"), "--database", url, *words]


def start(
    name: str, url: str, *words: str, cwd: Path, popen: type = forks.Popen
) -> subprocess.Popen:
    return popen(
        command(name, url, *words),
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def started(n: int, name: str, url: str, *words: str, cwd: Path, fresh: int = 0):
    """So many processes at once, some in a fresh interpreter; none outlives the test."""
    popens = [subprocess.Popen if i < fresh else forks.Popen for i in range(n)]
    processes = [start(name, url, *words, cwd=cwd, popen=popen) for popen in popens]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def finish(processes, timeout: float = 120.0) -> list[str]:
    """Wait for processes that are to end well, without a word on stderr; what they printed."""
    printed = []
    for process in processes:
        out, err = process.communicate(timeout=timeout)
        assert process.returncode == 0, err
        assert err == ""
        printed.append(out)
    return printed


def study_of(url: str, name: str) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=open_optuna_storage(url))


def wait_for_trials(url: str, name: str, n: int) -> None:
    storage = open_optuna_storage(url)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with contextlib.suppress(KeyError):
            study = optuna.load_study(study_name=name, storage=storage)
            if len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) >= n:
                return
        time.sleep(0.05)
    raise AssertionError(f"{name} did not come to {n} trials")


def check_ended(study: optuna.Study, n: int, n_processes: int) -> None:
    """All trials have ended, and as many as were to be are measured or failed strategies."""
    states = Counter(trial.state for trial in study.trials)
    assert set(states) <= {TrialState.COMPLETE, TrialState.FAIL}
    dead = [t for t in study.trials if t.state == TrialState.FAIL and "failure" not in t.user_attrs]
    assert n <= len(study.trials) - len(dead) < n + n_processes


def check_generations(study: optuna.Study) -> None:
    """Every generation but the last is complete."""
    sampler = DeapSampler()
    # who dies while it breeds leaves a trial without a generation
    last = max(trial.system_attrs.get(GENERATION, 0) for trial in study.trials)
    assert last > 2
    for generation in range(last):
        members = sampler.get_population(study, generation)
        assert len(members) >= sampler.options.generation_size, generation


@pytest.fixture(scope="module")
def panel():
    """No strategy of `FEW` fails; others have too few days."""
    return ReturnPanel.synthetic(n_pairs=8, n_days=200, seed=3)


@pytest.fixture(scope="module")
def market(panel, tmp_path_factory):
    path = tmp_path_factory.mktemp("market") / "funding_rate.db"
    import_panel(panel, f"sqlite:///{path}")
    return path


@pytest.fixture
def url(market, tmp_path):
    """URL of a database of one's own, with a market."""
    copy = tmp_path / "funding_rate.db"
    copy.write_bytes(market.read_bytes())
    return f"sqlite:///{copy}"


@pytest.fixture
def script(monkeypatch, tmp_path, capsys):
    """Run a script in this process; return exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def run(name: str, *words: str) -> tuple[int, str, str]:
        path = SCRIPTS / f"study_{name}.py"
        monkeypatch.setattr(sys, "argv", [path.name, *words])
        code = 0
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as leaving:
            code = leaving.code
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def common(monkeypatch):
    """The module that the scripts share."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import study_common

    return study_common


def grid_sampler() -> GridSampler:
    """The sampler of `study_exhaustive.py` with `GRID`."""
    texts = dict(word.split("=") for word in GRID if "=" in word)
    grid = {name: values.split(",") for name, values in texts.items()}
    numbers = ("window_size", "data_period", "rebalance_frequency", "selection_count")
    for name in numbers:
        grid[name] = [int(value) for value in grid[name]]
    return GridSampler(grid, seed=0)


def points(url: str, study: str) -> list[str]:
    return [trial.user_attrs["strategy_id"] for trial in study_of(url, study).trials]


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_share_a_study(name, url, tmp_path):
    words = GRID if name == "exhaustive" else ["--trials", "24", *FEW]
    with started(2, name, url, *words, cwd=tmp_path, fresh=1) as processes:
        printed = finish(processes)
    study = study_of(url, name)
    check_ended(study, 24, n_processes=2)
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)
    assert printed[0] == printed[1]
    assert f"study  {name}: {len(study.trials)} trials\n" in printed[0]
    assert f"look   mass-tuning dashboard --database {url}\n" in printed[0]
    best = [trial.user_attrs["strategy_id"] for trial in study.best_trials]
    shown = [name in printed[0] for name in best]
    # with one objective the best may be several that are equally good, of which one is shown
    assert all(shown) if len(study.directions) > 1 else any(shown)
    if name == "exhaustive":
        assert len(set(points(url, name))) == 24


@pytest.mark.parametrize("name", NAMES)
def test_a_study_is_continued_to_its_number_of_trials(name, script, url):
    restricted = GRID if name == "exhaustive" else []
    for n_trials, expected in ((7, 7), (12, 12), (12, 12), (5, 12)):
        words = ["--database", url, "--trials", str(n_trials), "--study", "mine", *restricted]
        code, out, err = script(name, *words)
        assert code == 0, err
        assert len(study_of(url, "mine").trials) == expected
        assert f"study  mine: {expected} trials" in out
    check_ended(study_of(url, "mine"), 12, n_processes=1)


@pytest.mark.parametrize("name", ["qmc", "tpe", "genetic", "multiobjective"])
def test_the_seed_decides(name, script, url):
    told = {}
    for study, seed in (("a", 3), ("b", 3), ("c", 4)):
        words = ["--database", url, "--trials", "12", "--study", study, "--seed", str(seed)]
        assert script(name, *words)[0] == 0
        told[study] = points(url, study)
    assert told["a"] == told["b"] != told["c"]


def test_the_seed_orders_the_grid(script, url):
    for seed in ("0", "1"):
        assert (
            script("exhaustive", "--database", url, "--study", seed, "--seed", seed, *GRID)[0] == 0
        )
    first, second = points(url, "0"), points(url, "1")
    assert first != second
    assert sorted(first) == sorted(second)


def test_failed_strategies_count_and_are_reported(script, url):
    code, out, err = script(
        "qmc", "--database", url, "--trials", "12", "--set", "data_period=90,300"
    )
    assert code == 0
    study = study_of(url, "qmc")
    failed = study.get_trials(states=(TrialState.FAIL,))
    assert 0 < len(failed) < 12
    assert len(study.trials) == 12
    assert f"12 trials, {len(failed)} of failed strategies (insufficient_data {len(failed)})" in out
    assert all(line.startswith("note: data_period=300 leaves at most") for line in err.splitlines())

    words = ["--study", "hopeless", "--trials", "3", "--set", "data_period=300"]
    for name in ("tpe", "multiobjective"):
        code, out, err = script(name, "--database", url, *words, "--study", name)
        assert code == 0, err
        assert "3 trials, 3 of failed strategies" in out
        assert "best" not in out


def test_the_first_points_are_those_of_the_sequence(script, url):
    """The parent of the sampler draws the first trial at random, to find out about the space."""
    from scipy.stats import qmc

    assert script("qmc", "--database", url, "--trials", "4", "--seed", "5")[0] == 0
    space = FactorSpace.default()
    unit = qmc.Sobol(6, scramble=True, seed=5).random(4)
    expected = space.lattice.rank(space.lattice.from_unit(unit))
    assert points(url, "qmc") == space.strategy_ids(expected)


def test_the_front_is_printed_best_first(script, url):
    for sampler in ("deap", "nsga2"):
        words = ["--trials", "60", "--study", sampler, "--sampler", sampler, "--seed", "1"]
        code, out, err = script("multiobjective", "--database", url, *words)
        assert code == 0, err
        study = study_of(url, sampler)
        assert [each.name for each in study.directions] == ["MAXIMIZE", "MINIMIZE"]
        lines = [line.split() for line in out.split("Pareto front")[1].splitlines()[1:]]
        listed = [(line[0], float(line[1])) for line in lines]
        assert {name for name, _ in listed} == {
            trial.user_attrs["strategy_id"] for trial in study.best_trials
        }
        assert len(listed) > 1
        assert [value for _, value in listed] == sorted((v for _, v in listed), reverse=True)
    bred = [GENERATION in trial.system_attrs for trial in study_of(url, "deap").trials]
    assert all(bred)
    assert not any(GENERATION in trial.system_attrs for trial in study_of(url, "nsga2").trials)


def test_a_synthetic_market_needs_no_database_to_begin_with(script, tmp_path):
    code, out, err = script("genetic", "--synthetic", "--trials", "5")
    assert code == 0, err
    assert "look   mass-tuning dashboard --database sqlite:///funding_rate.db\n" in out
    assert len(study_of(f"sqlite:///{tmp_path}/funding_rate.db", "genetic").trials) == 5


def test_the_configuration_is_used(script, url, panel, tmp_path):
    pairs = list(panel.pairs[:6])
    Path("mass_tuning_config.yaml").write_text(
        f"database: {url}\nbacktest: {{fee_rate: 0.01}}\nmarket: {{pairs: {pairs}}}\n"
    )
    code, _, err = script("tpe", "--trials", "4", *FEW)
    assert code == 0, err
    (trial, *_) = study_of(url, "tpe").trials
    space = FactorSpace.default().restrict({"window_size": [5, 10], "data_period": [10]})
    strategy = space.parse(trial.user_attrs["strategy_id"])
    objective = FactorBacktest(
        ReturnPanel.from_database(url, pairs=pairs),
        BacktestSettings(fee_rate=0.01),
        space=space,
    )
    assert objective.run(strategy).metrics["net_sharpe_ratio"] == trial.value


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trials", "-3"], "argument --trials: a whole number of at least 1, got '-3'"),
        (["--seed", "x"], "argument --seed: a whole number of at least 0, got 'x'"),
        (["--dead-after", "0"], "argument --dead-after: a whole number of at least 1, got '0'"),
        (["--set", "window_size"], "NAME=VALUES, like weight_method=EQ,FS, got 'window_size'"),
        (["--set", "window_size=5", "--set", "window_size=10"], "names 'window_size' twice"),
        (["--set", "colour=red"], "unknown parameter 'colour'"),
        (["--database", "sqlite:///none.db"], "none.db: no such file"),
        (["--database", "mysql://host/name"], "mysql"),
        (["--database", ""], "argument --database: is empty; give a value, or leave it out"),
        (["--study", " "], "argument --study: is empty"),
    ],
)
def test_bad_input_is_one_line(script, url, words, message):
    code, out, err = script("genetic", "--database", url, *words)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_a_market_without_returns_is_one_line(script, url, tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "funding_rate.db")) as connection:
        connection.execute("ALTER TABLE return_metrics RENAME COLUMN return_1d TO yield_1d")
    code, out, err = script("tpe", "--database", url)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert "return_1d" in line


def test_a_grid_too_large_is_refused(script, url):
    words = ["--set", "window_size=5,10,20,30,60,90,120,150,180,210,240,270,300"]
    words += ["--set", "rebalance_frequency=1,2,7,14,30", "--set", "selection_count=3,5,7,10,15"]
    words += ["--set", "weight_method=EQ,IC,FS", "--set", "data_period=10,20,45,90"]
    code, _, err = script("exhaustive", "--database", url, *words)
    assert code == 2
    assert "at most 10,000 points, got 15,600" in err
    assert "mass-tuning generate --mode exhaustive" in err


def test_a_study_of_something_else_is_not_joined(script, url):
    assert script("tpe", "--database", url, "--trials", "2")[0] == 0
    others = (
        ["tpe", "--synthetic"],
        ["tpe", "--set", "weight_method=EQ"],
        ["multiobjective", "--study", "tpe"],
    )
    for name, *words in others:
        code, _, err = script(name, "--database", url, "--trials", "4", *words)
        assert code == 2
        assert "the study 'tpe' is about another market" in err
    optuna.create_study(study_name="theirs", storage=open_optuna_storage(url)).ask()
    assert script("tpe", "--database", url, "--study", "theirs")[0] == 2
    assert len(study_of(url, "tpe").trials) == 2


def test_a_failing_database_is_one_line(script, url, monkeypatch):
    def broken(*args, **options):
        raise optuna.exceptions.StorageInternalError("a commit failed") from DBAPIError(
            "INSERT", {}, Exception("disk is full")
        )

    monkeypatch.setattr(optuna.storages.RDBStorage, "set_trial_user_attr", broken)
    code, _, err = script("tpe", "--database", url, *FEW)
    assert code == 1
    assert err == "error: the database failed: disk is full; the same command goes on\n"


def test_ctrl_c_ends_the_trial_in_hand_and_the_next_run_goes_on(url, tmp_path):
    with started(1, "genetic", url, "--trials", "100000", *FEW, cwd=tmp_path) as (process,):
        wait_for_trials(url, "genetic", 5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "stopped; the same command goes on\n")
    study = study_of(url, "genetic")
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    n_trials = len(study.trials) + 3
    with started(1, "genetic", url, "--trials", str(n_trials), *FEW, cwd=tmp_path) as processes:
        finish(processes)
    check_ended(study_of(url, "genetic"), n_trials, n_processes=1)


def test_a_second_signal_ends_at_once_and_leaves_the_trial(common, url):
    received = []

    def objective(trial):
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
            received.append(number)

    options = common.StudyParser(__doc__, study="x", trials=4, seed=0, seed_help="").parse_args([])
    study = optuna.create_study(storage=open_optuna_storage(url))
    with pytest.raises(SystemExit, match="130"):
        common.run_trials(study, objective, options)
    assert received == [signal.SIGTERM]
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_point_of_a_dead_process_is_tried_again(script, url):
    study_words = ["--database", url, *GRID]
    assert script("exhaustive", *study_words, "--trials", "3")[0] == 0
    study = study_of(url, "exhaustive")
    study.sampler = grid_sampler()
    dead = study.ask()  # its process died: nobody will tell
    code, out, err = script("exhaustive", *study_words, "--dead-after", "1")
    assert code == 0, err
    study = study_of(url, "exhaustive")
    check_ended(study, 24, n_processes=1)
    assert study.trials[dead.number].state == TrialState.FAIL
    measured = {t.system_attrs["grid_id"] for t in study.trials if t.state == TrialState.COMPLETE}
    assert measured == set(range(24))
    assert len(study.trials) == 25
    assert "24 trials\n" in out


def test_only_a_trial_seen_running_for_long_is_dead(script, url):
    assert script("tpe", "--database", url, "--trials", "1", *FEW)[0] == 0
    dead = study_of(url, "tpe").ask()
    began = time.monotonic()
    code, _, err = script("tpe", "--database", url, "--trials", "2", "--dead-after", "2", *FEW)
    assert code == 0, err
    assert time.monotonic() - began > 2
    states = [trial.state for trial in study_of(url, "tpe").trials]
    assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]
    assert dead.number == 1


@pytest.mark.parametrize("when", ["before the objective", "in the objective", "after it"])
def test_a_process_held_to_be_dead_goes_on_with_another_trial(common, url, panel, when):
    """As after a sleep of the machine, in which others ended its trial."""
    options = common.StudyParser(__doc__, study="x", trials=4, seed=0, seed_help="").parse_args(
        ["--database", url]
    )
    end = {"n": 0}

    def end_by_others(study, trial):
        end["n"] += 1
        if end["n"] == 2:
            study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)

    class Sampler(optuna.samplers.RandomSampler):
        def before_trial(self, study, trial):
            if when == "before the objective":
                end_by_others(study, trial)
                study._storage.set_trial_system_attr(trial._trial_id, "noted", 1)

    def objective(trial):
        if when == "in the objective":
            end_by_others(trial.study, trial)
            trial.set_user_attr("noted", 1)
        value = trial.suggest_float("x", 0, 1)
        if when == "after it":
            end_by_others(trial.study, trial)
        return value

    study = optuna.create_study(storage=open_optuna_storage(url), sampler=Sampler(seed=0))
    common.run_trials(study, objective, options)
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]


def test_an_error_of_the_objective_is_not_swallowed(common, url):
    def objective(trial):
        raise ValueError("a defect")

    options = common.StudyParser(__doc__, study="x", trials=4, seed=0, seed_help="").parse_args([])
    study = optuna.create_study(storage=open_optuna_storage(url))
    with pytest.raises(ValueError, match="a defect"):
        common.run_trials(study, objective, options)


@pytest.mark.slow
def test_killed_in_the_middle_and_started_again(url, tmp_path):
    words = ["--dead-after", "3", *FEW]
    with started(3, "genetic", url, "--trials", "60", *words, cwd=tmp_path) as processes:
        wait_for_trials(url, "genetic", 15)
        processes[0].kill()
        finish(processes[1:])
    check_ended(study_of(url, "genetic"), 60, n_processes=3)
    with started(1, "genetic", url, "--trials", "80", *words, cwd=tmp_path) as processes:
        (printed,) = finish(processes)
    study = study_of(url, "genetic")
    check_ended(study, 80, n_processes=1)
    check_generations(study)
    assert study.best_trial.user_attrs["strategy_id"] in printed


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_four_processes_breed_together(database, databases, tmp_path):
    n_trials = 600 if database == "sqlite" else 200
    url = databases.create()
    # a market on which no strategy of the default space fails
    import_panel(ReturnPanel.synthetic(n_pairs=16, n_days=420, seed=7), url)
    words = ["--trials", str(n_trials)]
    with started(4, "genetic", url, *words, cwd=tmp_path) as processes:
        printed = finish(processes, timeout=500)
    study = study_of(url, "genetic")
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    assert n_trials <= len(study.trials) < n_trials + 4
    n_distinct = len({trial.user_attrs["strategy_id"] for trial in study.trials})
    assert len(study.trials) - n_distinct <= 0.005 * n_trials
    check_generations(study)
    assert all(study.best_trial.user_attrs["strategy_id"] in out for out in printed)
    study._storage.remove_session()
    databases.drop(url)
