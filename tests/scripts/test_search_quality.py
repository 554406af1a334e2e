"""`benchmark.py search-quality`: figures by hand, every method on one table, the whole command."""

import importlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from objectives import BacktestSettings, FactorBacktest, ReturnPanel
from search_spaces import FactorSpace

ROOT = Path(__file__).parents[2]
METHODS = ("genetic", "deap_sampler", "tpe", "nsga2", "nsga3", "random", "qmc", "sobol")
NAN = math.nan


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))


def part(name):
    return importlib.import_module(f"search_quality.{name}")


def make_run(points, trials=None, seconds=None, n_trials=None, total=1.0):
    n = len(points)
    trials = range(1, n + 1) if trials is None else trials
    return part("runs").Run(
        points=np.array(points),
        trials=np.array(trials),
        seconds=np.linspace(0, 1, n) if seconds is None else np.array(seconds),
        n_trials=n_trials or n,
        total_seconds=total,
    )


@pytest.fixture(scope="module")
def space():
    return FactorSpace.default().restrict(
        {"factors": ["SR", "DD", "SR_DD"], "window_size": [5, 10, 20], "data_period": [10, 20]}
    )


@pytest.fixture(scope="module")
def values(space):
    drawn = np.random.default_rng(3).normal(size=len(space))
    drawn[::7] = NAN
    return drawn


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Write funding events of eight symbols on three exchanges."""
    rng = np.random.default_rng(5)
    days = pd.date_range("2024-01-01", periods=120, tz="UTC")
    table = [
        (day, f"COIN{number}", exchange, rng.normal(1e-4, 3e-4))
        for number in range(8)
        for exchange in ("a", "b", "c")
        for day in days
    ]
    path = tmp_path_factory.mktemp("market") / "events.csv"
    columns = ["timestamp", "symbol", "exchange", "funding_rate"]
    pd.DataFrame(table, columns=columns).to_csv(path, index=False)
    return path


class TestFigures:
    def test_ranks_of_ties_and_failures(self):
        found = part("scores").ranks(np.array([3.0, 1.0, NAN, 3.0, 2.0]))
        assert found.tolist() == [1, 4, 5, 1, 3]
        assert part("scores").ranks(np.array([-np.inf, np.inf, NAN])).tolist() == [2, 1, 3]

    def test_courses_of_one_run(self):
        truth = part("scores").Truth(np.array([3.0, 1.0, NAN, 3.0, 2.0]))
        run = make_run([2, 1, 4, 0])
        assert truth.percentile(run).tolist() == [100.0, 80.0, 60.0, 20.0]
        assert truth.regret(run).tolist() == [2.0, 2.0, 1.0, 0.0]
        assert truth.evaluations_to_top(run) == 4
        assert truth.evaluations_to_top(make_run([2, 1, 4])) == math.inf

    def test_the_best_hundredth_of_a_percent(self):
        truth = part("scores").Truth(np.arange(30_000.0))
        assert truth.n_top == 3
        assert truth.evaluations_to_top(make_run([5, 29_996, 29_997])) == 3

    def test_figures_at_budgets(self):
        truth = part("scores").Truth(np.arange(1.0, 101.0))
        runs = {
            "tpe": {
                0: make_run([49, 89, 99], [1, 2, 5], [0.1, 0.2, 0.5], 9, 1.8),
                1: make_run([0, 1, 2], [1, 2, 3], [0.1, 0.2, 0.3], 3, 0.3),
            }
        }
        found = part("scores").score(runs, truth, {"tpe": [2, 3, 4]})
        tpe = found["methods"]["tpe"]
        # ranks after 2: 11 and 99
        assert tpe["budgets"]["2"]["percentile"] == [33.0, 55.0, 77.0]
        assert tpe["budgets"]["3"]["percentile"] == [25.25, 49.5, 73.75]
        assert tpe["budgets"]["3"]["regret"] == [24.25, 48.5, 72.75]
        assert tpe["budgets"]["3"]["repeats"] == [0.1, 0.2, 0.3]
        assert tpe["budgets"]["3"]["overhead_ms"] == [100.0, 100.0, 100.0]
        # of a run that ended before the budget all trials count: 1 - 3/9, 1.8 s / 9
        assert tpe["budgets"]["4"]["percentile"] == tpe["budgets"]["3"]["percentile"]
        assert tpe["budgets"]["4"]["repeats"] == [0.1667, 0.3333, 0.5]
        assert tpe["budgets"]["4"]["overhead_ms"] == [125.0, 150.0, 175.0]
        assert (tpe["n_ended_early"], tpe["n_reached_top"]) == (2, 1)
        assert tpe["evaluations_to_top"] is None  # median of 3 and never
        assert found["comparisons"] == []
        assert tpe["curve"]["evaluations"][0] == 1
        assert tpe["curve"]["evaluations"][-1] == 4
        assert tpe["curve"]["percentile"][-1] == tpe["budgets"]["4"]["percentile"]

    def test_the_bootstrap_by_hand(self):
        compare = part("scores").compare
        rng = np.random.default_rng(0)
        ten_times = compare([0.1, 0.2, 0.4], [1.0, 2.0, 4.0], rng)
        assert ten_times == {
            "n_seeds": 3,
            "mean_log10": 1.0,
            "interval": [1.0, 1.0],
            "verdict": "ahead",
        }
        assert compare([1.0, 2.0], [0.1, 0.2], rng)["verdict"] == "behind"
        # of two seeds with 0 and 1 the resampled means are 0, 0.5 and 1
        mixed = compare([1.0, 1.0], [1.0, 10.0], rng)
        assert mixed["interval"] == [0.0, 1.0]
        assert mixed["mean_log10"] == 0.5
        assert mixed["verdict"] == "even"

    def test_only_common_seeds_are_pairs(self):
        truth = part("scores").Truth(np.arange(1.0, 101.0))
        runs = {
            "genetic": {0: make_run([99]), 1: make_run([99]), 2: make_run([0])},
            "gp": {0: make_run([90]), 1: make_run([90])},
        }
        found = part("scores").score(runs, truth, {"genetic": [1], "gp": [1]})
        (comparison,) = found["comparisons"]
        assert comparison == {
            "method": "gp",
            "budget": 1,
            "n_seeds": 2,
            "mean_log10": 1.0,
            "interval": [1.0, 1.0],
            "verdict": "ahead",
        }


class TestSearches:
    @pytest.mark.parametrize("method", METHODS)
    def test_every_method_searches_a_table(self, method, space, values):
        search = part("runs").search
        run = search(method, values, space, seed=1, budget=40)
        assert len(run.points) == len(set(run.points.tolist())) == 40
        assert 0 <= run.points.min() <= run.points.max() < len(space)
        assert (np.diff(run.trials) > 0).all()
        assert run.trials[-1] == run.n_trials
        assert (np.diff(run.seconds) >= 0).all()
        assert run.seconds[-1] == pytest.approx(run.total_seconds)
        again, other = (search(method, values, space, seed=seed, budget=40) for seed in (1, 2))
        assert again.points.tolist() == run.points.tolist()
        assert other.points.tolist() != run.points.tolist()

    def test_methods_that_learn_use_what_they_are_told(self, space, values):
        search = part("runs").search
        for method in ("genetic", "deap_sampler", "tpe", "nsga2"):
            one, other = (search(method, v, space, 1, 80).points for v in (values, -values))
            assert one.tolist() != other.tolist(), method

    def test_a_failure_is_told_as_one(self, space):
        import optuna

        searcher = part("methods").OptunaSearcher(space, lambda: optuna.samplers.RandomSampler(1))
        for value in (NAN, 2.5):
            searcher.tell(searcher.ask(1), np.array([value]))
        failed, complete = searcher._study.trials
        assert failed.state.name == "FAIL"
        assert (complete.state.name, complete.value) == ("COMPLETE", 2.5)

    def test_a_space_smaller_than_the_budget_is_searched_whole(self, space, values):
        for method in ("genetic", "sobol"):
            run = part("runs").search(method, values, space, seed=0, budget=len(space) + 5)
            assert sorted(run.points.tolist()) == list(range(len(space)))

    def test_a_method_that_only_repeats_itself_is_stopped(self, space, values, monkeypatch):
        methods, runs = part("methods"), part("runs")

        class Stubborn:
            def ask(self, at_most):
                return [3, 4]

            def indices(self, asked):
                return asked

            def tell(self, asked, values):
                assert len(values) == 2

        entry = methods.SearchMethod(lambda space, seed, budget: Stubborn(), "repeats")
        monkeypatch.setitem(methods.METHODS, "stubborn", entry)
        run = runs.search("stubborn", values, space, seed=0, budget=10)
        assert run.points.tolist() == [3, 4]
        assert run.trials.tolist() == [1, 2]
        assert run.n_trials == 60

    def test_what_a_slow_method_can_afford(self):
        gp = part("methods").METHODS["gp"]
        assert gp.budgets([100, 300, 1000]) == [100, 300]
        assert gp.seeds(range(20)) == [0, 1, 2, 3, 4]
        assert part("methods").METHODS["tpe"].budgets([100, 1000]) == [100, 1000]

    def test_chosen_methods(self, monkeypatch):
        methods = part("methods")
        assert methods.chosen_methods("tpe, genetic") == (["genetic", "tpe"], [])
        with pytest.raises(ValueError, match=r"unknown method 'pte'; there are genetic, "):
            methods.chosen_methods("pte")
        monkeypatch.setattr(methods, "find_spec", lambda package: None)
        chosen, left_out = methods.chosen_methods(None)
        assert left_out == ["gp"]
        assert set(chosen) == set(METHODS)
        with pytest.raises(ValueError, match=r"gp needs the package torch.*pip install"):
            methods.chosen_methods("gp")


class TestStore:
    @pytest.fixture
    def store(self, space, tmp_path):
        panel = ReturnPanel.synthetic(n_pairs=6, n_days=80, seed=1)
        objective = FactorBacktest(panel, BacktestSettings(min_active_days=1), space=space)
        return part("store").Store(objective, tmp_path)

    def test_the_table_is_what_the_objective_says(self, store, monkeypatch):
        table = store.table()
        points = np.arange(len(store.objective.space))
        expected = store.objective.evaluate(points).objective[:, 0]
        np.testing.assert_array_equal(table, expected)
        assert np.isfinite(table).any()
        monkeypatch.setattr(FactorBacktest, "evaluate", None)  # would not be callable
        np.testing.assert_array_equal(store.table(), table)

    def test_a_figure_to_minimise_is_turned_round(self, store, tmp_path):
        objective = store.objective
        drawdown = FactorBacktest(
            objective.panel,
            objective.settings,
            space=objective.space,
            metrics={"turnover": "minimize"},
        )
        other = part("store").Store(drawdown, tmp_path)
        assert other.folder != store.folder
        expected = drawdown.evaluate(np.arange(len(drawdown.space))).objective[:, 0]
        np.testing.assert_array_equal(other.table(), -expected)

    @pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other"])
    def test_a_damaged_table_is_computed_again(self, store, damage):
        table = store.table()
        path = store.folder / "table.npz"
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[len(whole) // 2] ^= 1
        damaged = {"empty": b"", "cut": whole[: len(whole) // 2], "flipped": bytes(flipped)}
        if damage == "other":
            np.savez(path, values=table[:-1])
        else:
            path.write_bytes(damaged[damage])
        np.testing.assert_array_equal(store.table(), table)
        assert path.read_bytes() == whole
        assert not list(store.folder.glob("*.partial"))

    def test_a_run_comes_back_as_it_was(self, tmp_path):
        run = make_run([5, 2, 9], [1, 2, 5], [0.1, 0.2, 0.5], 9, 1.8)
        run.save(tmp_path / "run.npz")
        back = part("runs").Run.load(tmp_path / "run.npz")
        assert back.points.tolist() == [5, 2, 9]
        assert back.trials.tolist() == [1, 2, 5]
        assert back.seconds.tolist() == [0.1, 0.2, 0.5]
        assert (back.n_trials, back.total_seconds) == (9, 1.8)
        (tmp_path / "run.npz").write_bytes((tmp_path / "run.npz").read_bytes()[:100])
        assert part("runs").Run.load(tmp_path / "run.npz") is None
        assert part("runs").Run.load(tmp_path / "none.npz") is None

    def test_runs_of_other_code_or_budget_are_other_files(self, store, monkeypatch):
        paths = {store.run_path(*job) for job in (("genetic", 0, 10), ("genetic", 0, 30))}
        paths |= {store.run_path(*job) for job in (("genetic", 1, 10), ("tpe", 0, 10))}
        monkeypatch.setitem(part("store")._SOURCES, "genetic", "search_spaces/designs.py")
        paths.add(store.run_path("genetic", 0, 10))
        assert len(paths) == 5


class TestCommand:
    WORDS = (
        "--exchanges",
        "a,b",
        "--start",
        "2024-01-03",
        "--set",
        "factors=SR,DD,SR_DD",
        "--set",
        "window_size=5,10",
        "--set",
        "data_period=10,20",
        "--seeds",
        "3",
        "--budgets",
        "30,10",
        "--methods",
        "genetic,tpe,random",
        "--parallel",
        "2",
        "--json",
    )

    def run(self, *words, folder):
        return subprocess.run(
            [sys.executable, str(ROOT / "scripts" / "benchmark.py"), "search-quality", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    @pytest.mark.slow
    def test_from_the_market_to_the_page(self, market, tmp_path):
        words = ("--market", str(market), *self.WORDS, "--write", str(tmp_path / "docs"))
        done = self.run(*words, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "9 runs, 0 of them kept from before" in done.stderr
        assert "9/9" in done.stderr
        result = json.loads(done.stdout.splitlines()[-1])
        assert result.pop("benchmark") == "search-quality"
        written = (tmp_path / "docs" / "real.json").read_text()
        assert json.loads(written) == result
        assert str(tmp_path) not in written
        assert str(market.parent) not in written
        assert result["n_strategies"] == 3 * 2 * 5 * 2 * 5 * 2  # without IC: no market caps
        assert result["market"]["restricted"]["weight_method"] == ["EQ", "FS"]
        assert result["market"]["days"] == ["2024-01-03", "2024-04-29"]
        assert result["market"]["n_pairs"] == 8
        assert result["all_budgets"] == [10, 30]
        assert list(result["methods"]) == ["genetic", "tpe", "random"]
        for method in result["methods"].values():
            assert method["n_seeds"] == 3
            ten, thirty = (method["budgets"][budget]["percentile"] for budget in ("10", "30"))
            assert all(later <= earlier for later, earlier in zip(thirty, ten, strict=True))
        compared = [(each["method"], each["budget"]) for each in result["comparisons"]]
        assert compared == [("tpe", 10), ("tpe", 30), ("random", 10), ("random", 30)]

        svg = tmp_path / "docs" / "real.svg"
        drawn = svg.read_bytes()
        again = self.run(*words, folder=tmp_path)
        assert "9 runs, 9 of them kept from before" in again.stderr
        assert again.stdout == done.stdout  # the runs' own times included
        assert svg.read_bytes() == drawn
        assert b"<svg" in drawn
        assert b"<dc:date>" not in drawn

        more = list(words)
        more[more.index("3")] = "4"
        cache = tmp_path / "cache" / "mass-tuning" / "search-quality"
        (damaged,) = cache.glob("*/tpe-1-*.npz")
        damaged.write_bytes(b"")
        assert "12 runs, 8 of them kept from before" in self.run(*more, folder=tmp_path).stderr

        page = part("page").page(tmp_path / "docs")
        assert "## Real market" in page
        assert "Funding rates of a and b: 8 pairs, 118 days" in page
        assert "factors of SR, DD, SR_DD only" in page
        assert "](docs/real.svg)" in page
        assert "--market FILE" in page
        assert "| `genetic` against |" in page

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--methods", "pte"), "unknown method 'pte'"),
            (("--exchanges", "a"), "--exchanges selects from a file; name one with --market"),
            (("--market", "none.csv"), "none.csv"),
            (("--methods", "gp", "--budgets", "1000"), "gp"),
            (("--set", "window_size=7"), "window_size"),
            (("--set", "window_size"), "a restriction is NAME=A,B; got 'window_size'"),
            (("--seeds", "0"), "an integer >= 1 is expected; got '0'"),
            (("--budgets", ","), "budgets are numbers of strategies"),
            (("--name", "../x"), "small letters, digits and -; got '../x'"),
        ],
    )
    def test_wrong_words_end_in_one_line(self, words, message, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setattr(sys, "argv", ["benchmark.py", "search-quality", *words])
        with pytest.raises(SystemExit) as stopped:
            importlib.import_module("benchmark").main()
        said = (
            str(stopped.value) if isinstance(stopped.value.code, str) else capsys.readouterr().err
        )
        assert message in said
        assert "Traceback" not in said
        if isinstance(stopped.value.code, str):
            assert said.startswith("search-quality: ")
            assert "\n" not in said

    def test_it_is_not_part_of_all_and_the_help_says_so(self, tmp_path):
        assert "search-quality" not in importlib.import_module("benchmark").ALL
        assert "so it is not part of all" in self.run("--help", folder=tmp_path).stdout

    def test_drawing_needs_matplotlib_before_hours_of_work(self, tmp_path, monkeypatch):
        monkeypatch.setattr(part("command"), "find_spec", lambda package: None)
        words = ["benchmark.py", "search-quality", "--write", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit, match=r"matplotlib.*pip install 'mass-tuning\[dev\]'"):
            importlib.import_module("benchmark").main()


class TestPage:
    def test_the_page_is_up_to_date(self):
        path = ROOT / "docs" / "search_quality.md"
        written = path.read_text() if path.exists() else None
        assert written == part("page").page(ROOT / "docs" / "search_quality"), "run: make docs"

    def test_every_figure_that_is_shown_exists(self):
        for held in (ROOT / "docs" / "search_quality").glob("*.json"):
            assert held.with_suffix(".svg").exists()

    def test_a_number_is_short_and_plain(self):
        plain = part("page")._plain
        shown = [plain(x) for x in (0.000229, 0.0, 1.0, 12.34, 99.6, 100.0, 1234.5)]
        assert shown == ["0.00023", "0", "1", "12", "100", "100", "1,234"]

    def test_names_at_the_ends_of_lines_are_kept_apart(self):
        ends = [(0.0, "a"), (1.0, "b"), (2.0, "c"), (50.0, "d"), (51.0, "e")]
        assert part("chart")._spread(ends, 10.0) == [-9.0, 1.0, 11.0, 45.5, 55.5]
        assert part("chart")._spread([(0.0, "a"), (30.0, "b")], 10.0) == [0.0, 30.0]
