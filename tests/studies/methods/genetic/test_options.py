"""Every option of the genetic search does something, and an impossible one is refused."""

import numpy as np
import pydantic
import pytest

from search_spaces import Choice, Range, SearchSpace, Subsets
from search_spaces.errors import ConfigError
from studies import TuningConfig
from studies.methods.genetic import DeapSampler, GeneticOptions, GeneticSearch

SPACE = SearchSpace(
    [
        Subsets("codes", ("A", "B", "C", "D"), 3),
        Range("n", 0, 15),
        Choice("how", ("x", "y", "z")),
        Range("m", 0, 15),
        Range("log", 1, 200, log=True),
    ]
)
BASE = {"initial_size": 12, "generation_size": 8, "population_size": 6, "restart_after": 0}


def generations(n=8, n_objectives=1, **options):
    """Lattice indices of a search, a list a generation."""
    directions = ["maximize", "maximize"][:n_objectives]
    chosen = GeneticOptions(**{**BASE, **options})
    search = GeneticSearch(SPACE, chosen, directions=directions, seed=2)
    asked = []
    for _ in range(n):
        points = search.ask()
        digits = SPACE.digits(points).astype(float)
        one = -np.abs(digits[:, 1] - 9) - np.abs(digits[:, 3] - 4) - digits[:, 0]
        other = -np.abs(digits[:, 4] - 100) - digits[:, 1]
        search.tell(points, np.stack([one, other], axis=1)[:, :n_objectives])
        asked.append(points.tolist())
    return asked


CHANGES = {
    "one_point": ({"crossover": "one_point"}, {}, 1),
    "two_point": ({"crossover": "two_point"}, {"crossover": "one_point"}, 1),
    "crossover_prob": ({"crossover_prob": 0.2}, {}, 1),
    "crossover_eta": ({"crossover_eta": 1.0}, {}, 1),
    "mutation_prob": ({"mutation_prob": 0.6}, {}, 1),
    "mutation_eta": ({"mutation_eta": 1.0}, {"mutation_prob": 0.5}, 1),
    "step_continue_prob": ({"step_continue_prob": 0.9}, {}, 1),
    "jump_prob": ({"jump_prob": 0.9}, {}, 1),
    "tournament_size": ({"tournament_size": 1}, {}, 1),
    "population_size": ({"population_size": 2}, {}, 1),
    "generation_size": ({"generation_size": 3}, {}, 1),
    "initial_size": ({"initial_size": 5}, {}, 1),
    "elitism": ({"elitism": 0}, {}, 1),
    "elitism k": ({"elitism": 2}, {"elitism": 0}, 1),
    "restart_after": ({"restart_after": 8}, {}, 1),
    "restart_size": ({"restart_size": 5}, {"restart_after": 8}, 1),
    "nsga3": ({"selection": "nsga3"}, {}, 2),
    "spea2": ({"selection": "spea2"}, {}, 2),
    "tournament": ({"selection": "tournament"}, {}, 2),
}


@pytest.mark.parametrize(("change", "base", "n_objectives"), CHANGES.values(), ids=CHANGES)
def test_an_option_changes_what_is_bred(change, base, n_objectives):
    n = 20 if "restart_after" in {**base, **change} else 8
    before = generations(n, n_objectives, **base)
    after = generations(n, n_objectives, **{**base, **change})
    assert before != after
    if "initial_size" not in change:  # the design depends on the seed only
        assert before[0] == after[0]


def test_every_option_is_among_the_changes():
    changed = {name for change, _, _ in CHANGES.values() for name in change}
    assert changed == set(GeneticOptions.model_fields)


@pytest.mark.parametrize(("selection", "n"), [("tournament", 1), ("nsga2", 2)])
def test_the_automatic_selection_is_the_one_that_fits(selection, n):
    assert generations(n_objectives=n) == generations(n_objectives=n, selection=selection)


def test_sizes_are_those_of_the_generations():
    sizes = [len(each) for each in generations(initial_size=13, generation_size=5)]
    assert sizes == [13, *[5] * 7]


BAD = [
    ("population_size", 0),
    ("population_size", 1),
    ("generation_size", 0),
    ("initial_size", 0),
    ("restart_after", -1),
    ("restart_size", 0),
    ("tournament_size", 0),
    ("elitism", -1),
    ("crossover_prob", 1.1),
    ("crossover_prob", -0.1),
    ("mutation_prob", 2),
    ("jump_prob", -1),
    ("step_continue_prob", 1.0),
    ("crossover_eta", 0.0),
    ("mutation_eta", -3),
    ("crossover", "three_point"),
    ("selection", "roulette"),
    ("mutation_prob", "often"),
    ("population", 10),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_impossible_options_are_refused_in_one_line(name, value):
    with pytest.raises(ConfigError, match=rf"^DeapSampler: {name}: .*got {value!r}$") as error:
        DeapSampler(**{name: value})
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match=rf"methods\.genetic\.{name}") as error:
        TuningConfig.from_mapping({"methods": {"genetic": {name: value}}})
    assert "\n" not in str(error.value)


def test_several_complaints_are_one_line():
    with pytest.raises(ConfigError, match=r"^DeapSampler: population_size: .*; jump_prob: ") as e:
        DeapSampler(population_size=0, jump_prob=2)
    assert "\n" not in str(e.value)


def test_options_of_the_configuration_reach_the_search():
    config = TuningConfig.from_mapping({"methods": {"genetic": {"population_size": 20}}})
    assert config.methods.genetic == GeneticOptions(population_size=20)
    assert config.methods.options("genetic").population_size == 20


def test_options_do_not_change():
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        GeneticOptions().jump_prob = 1.0
