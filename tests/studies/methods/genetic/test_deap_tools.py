"""DEAP's randomness belongs to one object; the global states are neither read nor changed."""

import contextlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import deap.tools
import numpy as np
import optuna
import pytest

from search_spaces import Choice, Range, SearchSpace, Subsets
from studies.methods.genetic import DeapSampler, GeneticSearch
from studies.methods.genetic.deap_tools import DeapTools, Individual, make_fitness

ROOT = Path(__file__).parents[4]
SPACE = SearchSpace(
    [
        Subsets("codes", ("A", "B", "C", "D"), 3),
        Range("n", 0, 15),
        Choice("how", ("x", "y", "z")),
        Range("log", 1, 200, log=True),
    ]
)
SELECTIONS = ["nsga2", "nsga3", "spea2"]


@contextlib.contextmanager
def untouched():
    """Assert that nothing draws from the global generators meanwhile."""
    before, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    yield
    assert random.getstate() == before
    for one, other in zip(np.random.get_state(), of_numpy, strict=True):  # noqa: NPY002
        np.testing.assert_array_equal(one, other)


def two_values(points):
    digits = SPACE.digits(points).astype(float)
    return np.stack([digits[:, 1] - digits[:, 0], -digits[:, 1] * digits[:, 3]], axis=1)


def searched(selection="auto", *, between=lambda: None, n=12):
    """Points of a search, generation after generation."""
    directions = ["maximize", "minimize"]
    options = {"restart_after": 30, "population_size": 10, "selection": selection}
    search = GeneticSearch(SPACE, DeapSampler(**options).options, directions=directions, seed=3)
    points = []
    for _ in range(n):
        between()
        asked = search.ask()
        between()
        search.tell(asked, two_values(asked))
        points += asked.tolist()
    return points


def optimised(sampler, n_trials=60, *, between=lambda: None, n_objectives=1):
    """Trials of a study, as they can be compared."""

    def objective(trial):
        between()
        point = SPACE.suggest(trial)
        values = [float(point["n"]), float(point["log"] - 3 * point["n"])]
        return values[0] - len(point["codes"]) if n_objectives == 1 else values

    study = optuna.create_study(directions=["maximize"] * n_objectives, sampler=sampler)
    study.optimize(objective, n_trials=n_trials)
    return [[trial.params[name] for name in SPACE.names] for trial in study.trials]


def disturb():
    """Do to the global generators what programs do."""
    random.seed(42)
    random.random()
    np.random.seed(7)  # noqa: NPY002
    np.random.random()  # noqa: NPY002


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_search_leaves_the_global_states_alone(selection):
    with untouched():
        searched(selection)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_study_leaves_the_global_states_alone(selection):
    with untouched():
        optimised(DeapSampler(SPACE, seed=1, selection=selection), n_objectives=2)
    with untouched():
        optimised(DeapSampler(), 30)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_who_draws_from_the_global_states_changes_nothing(selection):
    assert searched(selection, between=disturb) == searched(selection)
    assert searched(selection) != searched("spea2" if selection != "spea2" else "nsga2")


def test_who_draws_from_the_global_states_does_not_change_a_study():
    quiet = optimised(DeapSampler(SPACE, seed=1))
    assert optimised(DeapSampler(SPACE, seed=1), between=disturb) == quiet
    assert optimised(DeapSampler(SPACE, seed=2)) != quiet


FRESH = """
import json, sys
sys.path.insert(0, sys.argv[1])
from tests.studies.methods.genetic import test_deap_tools as module
module.optuna.logging.set_verbosity(module.optuna.logging.WARNING)
told = {"search": module.searched("nsga3")}
told["study"] = module.optimised(module.DeapSampler(module.SPACE, seed=5), 40)
print(json.dumps(told))
"""


@pytest.mark.parametrize("hash_seed", ["0", "4321"])
def test_the_same_seed_is_the_same_in_a_fresh_process(hash_seed):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FRESH, str(ROOT)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["search"] == searched("nsga3")
    assert told["study"] == optimised(DeapSampler(SPACE, seed=5), 40)


def draws(tools):
    first = [tools.random.random() for _ in range(3)]
    numbers = list(range(50))
    tools.emo.numpy.random.shuffle(numbers)
    return first, numbers, tools.mutation.mutUniformInt([0] * 9, 0, 99, 0.7)[0]


def test_a_seed_repeats_the_draws():
    one, other = DeapTools(1), DeapTools(1)
    first = draws(one)
    assert draws(other) == first
    assert draws(one) != first
    one.seed(1)
    assert draws(one) == first
    assert draws(DeapTools(2)) != first


def test_two_objects_do_not_share_their_draws():
    one, other = DeapTools(1), DeapTools(1)
    expected = draws(one)
    DeapTools(9).random.random()
    assert draws(other) == expected


def test_the_modules_of_deap_stay_what_they_are():
    before = {name: vars(getattr(deap.tools, name))["random"] for name in ("mutation", "emo")}
    tools = DeapTools(0)
    assert before == {"mutation": random, "emo": random}
    assert deap.tools.emo.random is deap.tools.mutation.random is random
    assert deap.tools.emo.numpy is np
    for name in ("crossover", "mutation", "selection", "emo"):
        assert getattr(tools, name) is not getattr(deap.tools, name)
        assert getattr(tools, name).random is tools.random


def test_fitness_knows_its_directions():
    fitness = make_fitness(("maximize", "minimize"))
    assert fitness((2.0, 1.0)).dominates(fitness((1.0, 1.0)))
    assert fitness((1.0, 0.0)).dominates(fitness((1.0, 1.0)))
    assert not fitness((2.0, 2.0)).dominates(fitness((1.0, 1.0)))
    assert make_fitness(("minimize",))((1.0,)) > make_fitness(("minimize",))((2.0,))


def test_an_individual_is_a_list_with_a_fitness():
    individual = Individual([1, 0, 0.5])
    assert individual == [1, 0, 0.5]
    assert (individual.fitness, individual.label) == (None, None)
