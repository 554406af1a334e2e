"""The simulation against what must hold: nothing lost or doubled, closed forms, the same twice."""

import importlib.util
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "simulate_scale.py"


@pytest.fixture(scope="module")
def scale():
    spec = importlib.util.spec_from_file_location("simulate_scale", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_every_strategy_is_recorded_once_although_workers_die(scale):
    setting = scale.Setting(
        workers=20,
        strategies=100_050,
        chunk=100,
        evaluate_s=0.02,
        mtbf_s=60.0,
        restart_s=1.0,
        sample=2000,
    )
    told = scale.simulate(setting)
    assert told["recorded_once"]
    assert told["recorded_strategies"] == told["simulated_strategies"] == 100_050
    assert told["deaths"] > 10
    assert told["attempts"] > told["chunks"]


def test_a_chunk_that_outlives_its_lease_unrenewed_is_fenced_off(scale):
    # one connection: a worker that has evaluated waits for it longer than its lease lasts
    setting = scale.Setting(
        workers=30,
        strategies=20_000,
        chunk=100,
        evaluate_s=1e-3,
        lease_s=1.0,
        connections=1,
        costs=scale.Costs(row_s=2e-3),
    )
    told = scale.simulate(setting)
    assert told["lost_claims"] > 0
    assert told["recorded_once"]


def test_long_chunks_renew_their_leases_and_keep_them(scale):
    told = scale.simulate(
        scale.Setting(workers=4, strategies=4000, chunk=100, evaluate_s=0.3, mtbf_s=0)
    )
    assert told["renewals"] >= 4 * told["chunks"]
    assert told["lost_claims"] == 0
    assert told["attempts"] == told["chunks"]


@pytest.mark.parametrize("load", [0.3, 0.7, 0.9])
def test_a_resource_is_an_m_d_1_queue(scale, load):
    simulator = scale.Simulator()
    resource = scale.Resource(simulator)
    rng = np.random.default_rng(1)

    def customer():
        yield resource
        yield 1.0
        resource.release()

    def arrivals():
        for gap in rng.exponential(1 / load, 100_000):
            yield gap
            simulator.start(customer())

    simulator.start(arrivals())
    simulator.run()
    # Pollaczek and Khinchine
    assert np.mean(resource.waited_s) == pytest.approx(load / (2 * (1 - load)), rel=0.08)
    assert resource.busy() / simulator.now == pytest.approx(load, rel=0.02)


def test_one_worker_takes_evaluation_and_transaction_in_turn(scale):
    setting = scale.Setting(workers=1, strategies=3_000_000, evaluate_cv=0.0, mtbf_s=0.0)
    told = scale.simulate(setting)
    costs = setting.costs
    cycle = 3000 * (setting.evaluate_s + costs.prepare_row_s) + setting.transaction_s(3000)
    assert told["strategies_per_s"] == pytest.approx(3000 / cycle, rel=1e-6)
    assert told["delay_mean_s"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("design", ["totals-first", "totals-last", "no-hot-row"])
def test_throughput_stays_under_its_bound_and_reaches_it(scale, design):
    rates = []
    for workers in (1, 2, 4, 8, 16, 32, 64, 256):
        setting = scale.Setting(
            workers=workers, evaluate_cv=0.0, mtbf_s=0.0, **scale.DESIGNS[design]
        )
        told = scale.simulate(setting)
        assert told["strategies_per_s"] <= told["bound_strategies_per_s"] * 1.01
        rates.append(told["strategies_per_s"])
    assert all(after >= before * 0.99 for before, after in itertools.pairwise(rates))
    assert rates[-1] == pytest.approx(told["most_strategies_per_s"], rel=0.02)
    assert told["utilisation"][told["bottleneck"]] == pytest.approx(1.0, rel=0.02)


def test_the_same_seed_gives_the_same_run(scale):
    setting = scale.Setting(workers=50, mtbf_s=600.0, sample=500)
    assert scale.simulate(setting) == scale.simulate(setting)
    other = scale.Setting(workers=50, mtbf_s=600.0, sample=500, seed=1)
    assert scale.simulate(other)["simulated_s"] != scale.simulate(setting)["simulated_s"]


def test_an_impossible_installation_ends_with_an_error(scale):
    with pytest.raises(RuntimeError, match="not done after"):
        scale.simulate(
            scale.Setting(
                workers=500, cores=1, strategies=60_000, chunk=100, lease_s=1.0,
                costs=scale.Costs(claim_s=0.1),
            )
        )  # fmt: skip


def test_prints_json():
    words = ["--workers", "3", "--strategies", "3e5", "--design", "totals-last", "--json"]
    words += ["--cost-commit-s", "0.01"]
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert told["workers"] == 3
    assert told["strategies"] == 300_000
    assert told["recorded_once"]


@pytest.mark.slow
def test_the_page_shows_what_the_script_computes(scale):
    page = (ROOT / "docs" / "scale.md").read_text()
    assert scale.tables() in page, "run: python scripts/simulate_scale.py --write docs/scale.md"
