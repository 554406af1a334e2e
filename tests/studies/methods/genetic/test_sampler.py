"""The genetic search as an Optuna sampler: whatever a study does to it."""

import itertools
import pickle
import warnings

import numpy as np
import optuna
import pytest
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from search_spaces import Choice, Fixed, Range, SearchSpace, Subsets
from search_spaces.errors import ConfigError
from studies.methods.genetic import DeapSampler
from studies.methods.genetic.breeding import BreedingState
from studies.methods.genetic.genome import Genome

SPACE = SearchSpace(
    [
        Subsets("codes", ("A", "B", "C", "D"), 3),
        Range("n", 0, 15),
        Choice("how", ("x", "y", "z")),
        Fixed("fixed", 1),
        Range("step", 0.0, 0.5, step=0.1),
    ]
)
"""4,032 points."""

SMALL = SearchSpace(
    [Subsets("codes", ("A", "B", "C"), 3, min_size=2), Range("a", 1, 6), Range("b", 1, 6)],
    ["a < b", "size(codes) <= 2"],
)
"""45 points of 144."""


@pytest.fixture(autouse=True)
def quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def create(sampler, *, directions=("maximize",), **options):
    return optuna.create_study(sampler=sampler, directions=directions, **options)


def value_of(point):
    return -abs(point["n"] - 9) - len(point["codes"]) + 2.0 * (point["how"] == "z") - point["step"]


def evaluate(trial):
    return value_of(SPACE.suggest(trial))


def params(study):
    return [tuple(sorted(trial.params.items())) for trial in study.trials]


def generation_of(trial):
    return trial.system_attrs["DeapSampler:generation"]


@pytest.mark.parametrize("space", [SPACE, None], ids=["space", "no space"])
def test_no_point_twice_while_there_are_new_ones(space):
    study = create(DeapSampler(space, seed=1))
    study.optimize(evaluate, n_trials=300)
    assert len(set(params(study))) == 300
    assert study.best_value > -1.5


def test_the_first_trials_are_points_of_a_sobol_sequence():
    from scipy.stats import qmc

    study = create(DeapSampler(SPACE, seed=3))
    study.optimize(evaluate, n_trials=22)
    genome = Genome.of_space(SPACE, [name for name in SPACE.names if name != "fixed"])
    drawn = qmc.Sobol(4, rng=np.random.default_rng(3)).random_base2(6).tolist()
    design = [genome.decode(genome.from_unit(unit)) for unit in drawn]
    found = [{k: v for k, v in t.params.items() if k != "fixed"} for t in study.trials]
    assert found[:8] == design[:8]
    assert all(each in design for each in found)


def test_conditional_parameters():
    def conditional(trial):
        kind = trial.suggest_categorical("kind", ["line", "curve"])
        x = trial.suggest_float("x", -3.0, 3.0)
        if kind == "line":
            return x + trial.suggest_int("slope", 1, 5)
        return x * trial.suggest_float("bend", 0.1, 2.0, log=True)

    studies = [create(DeapSampler(seed=4)) for _ in range(2)]
    for study in studies:
        study.optimize(conditional, n_trials=80)
    assert params(studies[0]) == params(studies[1])
    drawn = {name: set() for name in ("kind", "slope", "bend")}
    for trial in studies[0].trials:
        assert len(trial.params) == 3
        for name in drawn:
            drawn[name].add(trial.params.get(name))
    assert len(drawn["kind"]) == 2
    assert drawn["slope"] - {None}
    assert len(drawn["bend"]) > 10 or len(drawn["slope"]) > 3


def test_ranges_that_change():
    def dynamic(trial):
        n = trial.suggest_int("n", 0, 5 + trial.number % 3)
        return n + trial.suggest_float("x", 0.0, 1.0)

    study = create(DeapSampler(seed=4))
    study.optimize(dynamic, n_trials=60)
    assert {trial.params["n"] for trial in study.trials} >= set(range(8))
    assert len({trial.params["x"] for trial in study.trials}) == 60
    assert study.best_value > 7


def test_parameters_that_come_and_go():
    def wider(trial):
        x = trial.suggest_int("x", 0, 9)
        return x + (trial.suggest_int("y", 0, 9) if trial.number >= 20 else 0)

    study = create(DeapSampler(seed=4))
    study.optimize(wider, n_trials=40)
    assert all(len(trial.params) == 1 + (trial.number >= 20) for trial in study.trials)


@pytest.mark.parametrize("seed", [0, 1])
def test_constraints_are_obeyed_and_exhausted_spaces_repeat(seed):
    study = create(DeapSampler(SMALL, seed=seed))
    study.optimize(lambda trial: float(SMALL.suggest(trial)["a"]), n_trials=75)
    points = [SMALL.from_trial_params(trial.params) for trial in study.trials]
    assert [SMALL.violation(point) for point in points] == [None] * 75
    indices = [SMALL.index(point) for point in points]
    assert sorted(indices[:45]) == list(range(45))
    assert len(set(indices[45:])) > 10


def test_a_space_of_one_point():
    study = create(DeapSampler(SearchSpace([Fixed("a", 1), Choice("b", ("x",))]), seed=0))
    study.optimize(lambda t: t.suggest_categorical("a", [1]) * 1.0, n_trials=3)
    assert [trial.params for trial in study.trials] == [{"a": 1}] * 3


def test_no_parameters_at_all():
    study = create(DeapSampler(seed=0))
    study.optimize(lambda trial: 1.0, n_trials=20)
    assert [trial.params for trial in study.trials] == [{}] * 20
    assert study.sampler.hall_of_fame(study)[0].value == 1.0


def test_failed_trials_have_no_offspring():
    def failing(trial):
        value = evaluate(trial)
        if trial.number % 4 == 1:
            raise ValueError("odd")
        return float("nan") if trial.number % 4 == 2 else value

    study = create(DeapSampler(SPACE, seed=2))
    study.optimize(failing, n_trials=120, catch=ValueError)
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.FAIL) == 60
    assert len(set(params(study))) == 120
    newest = generation_of(study.trials[-1])
    assert newest >= 6  # a generation is over when 8 are complete, not when 8 were tried
    for generation in range(1, newest + 1):
        parents = study.sampler.get_parent_population(study, generation)
        assert {parent.state for parent in parents} == {TrialState.COMPLETE}


def test_a_study_in_which_everything_fails():
    def fail(trial):
        evaluate(trial)
        raise ValueError("odd")

    study = create(DeapSampler(SPACE, seed=2))
    study.optimize(fail, n_trials=70, catch=ValueError)
    assert len(set(params(study))) == 70
    assert {generation_of(trial) for trial in study.trials} == {0}


def test_pruned_trials_are_passed_over():
    def prune(trial):
        value = evaluate(trial)
        if trial.number % 3 == 0:
            trial.report(value, 0)
            raise optuna.TrialPruned
        return value

    study = create(DeapSampler(SPACE, seed=2))
    study.optimize(prune, n_trials=60)
    assert len(set(params(study))) == 60
    parents = study.sampler.get_parent_population(study, 2)
    assert {parent.state for parent in parents} == {TrialState.COMPLETE}


@pytest.mark.parametrize("selection", ["auto", "nsga3", "spea2", "tournament"])
def test_several_objectives(selection):
    def two(trial):
        point = SPACE.suggest(trial)
        return point["n"] - len(point["codes"]), point["n"] * (1 + point["step"])

    sampler = DeapSampler(SPACE, seed=1, selection=selection, population_size=30, restart_after=0)
    study = create(sampler, directions=["maximize", "minimize"])
    study.optimize(two, n_trials=100)
    assert len(set(params(study))) == 100
    newest = generation_of(study.trials[-1])
    older = [trial for trial in study.trials if generation_of(trial) < newest]
    if selection != "tournament":
        front = front_of([tuple(trial.values) for trial in older])
        parents = {tuple(t.values) for t in sampler.get_parent_population(study, newest)}
        assert 1 < len(front) <= 30
        assert front <= parents
    assert len({trial.params["n"] for trial in study.best_trials}) > 3


def front_of(points):
    """Pairs that no other one dominates, the first maximised, the second minimised."""
    return {p for p in points if not any(q != p and q[0] >= p[0] and q[1] <= p[1] for q in points)}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("selection", ["nsga2", "nsga3", "spea2"])
def test_every_selection_takes_one_objective(selection):
    studies = [create(DeapSampler(SPACE, seed=1, selection=s)) for s in (selection, "auto")]
    for study in studies:
        study.optimize(evaluate, n_trials=50)
    assert params(studies[0]) == params(studies[1])


GOOD = {"codes": "A", "n": 9, "how": "z", "fixed": 1, "step": 0.0}


def test_enqueued_trials_become_parents():
    study = create(DeapSampler(SPACE, seed=1))
    study.enqueue_trial(GOOD)
    study.optimize(evaluate, n_trials=40)
    assert study.trials[0].params == GOOD
    for generation in range(1, 5):
        parents = study.sampler.get_parent_population(study, generation)
        assert 0 in {parent.number for parent in parents}
    assert params(study).count(tuple(sorted(GOOD.items()))) == 1


def test_trials_that_others_added_become_parents():
    study = create(DeapSampler(SPACE, seed=1))
    distributions = SPACE.distributions
    study.add_trial(
        optuna.trial.create_trial(params=GOOD, distributions=distributions, value=value_of_good())
    )
    study.optimize(evaluate, n_trials=30)
    parents = study.sampler.get_parent_population(study, 1)
    assert 0 in {parent.number for parent in parents}
    assert params(study).count(tuple(sorted(GOOD.items()))) == 1


def value_of_good():
    return value_of(SPACE.from_trial_params(GOOD))


def interrupted(trial):
    value = evaluate(trial)
    return float("nan") if trial.number % 5 == 3 else value


STOPS = [[25, 35], [3, 1, 8, 48], [16, 16, 16, 12]]


@pytest.mark.parametrize(
    ("where", "stops"),
    [
        *(("memory", stops) for stops in STOPS),
        ("sqlite", STOPS[0]),
        *(pytest.param("sqlite", stops, marks=pytest.mark.slow) for stops in STOPS[1:]),
    ],
)
def test_a_study_goes_on_with_a_new_sampler_as_if_nothing_had_been(tmp_path, where, stops):
    def told(study):
        return [(t.params, t.values, t.state, generation_of(t)) for t in study.trials]

    whole = create(DeapSampler(SPACE, seed=6, restart_after=16, restart_size=9))
    whole.optimize(interrupted, n_trials=sum(stops))
    storage = None if where == "memory" else f"sqlite:///{tmp_path}/study.db"
    study = create(None, storage=storage, study_name="s")
    for n in stops:
        sampler = DeapSampler(SPACE, seed=6, restart_after=16, restart_size=9)
        if storage is not None:
            study = optuna.load_study(study_name="s", storage=storage, sampler=sampler)
        study.sampler = sampler
        study.optimize(interrupted, n_trials=n)
    assert told(study) == told(whole)


def test_threads_share_a_study_without_repeating_points():
    study = create(DeapSampler(SPACE, seed=1))
    study.optimize(evaluate, n_trials=200, n_jobs=2)
    assert len(set(params(study))) == len(study.trials) == 200
    assert study.best_value > -1.5


def test_many_trials_begin_before_one_ends():
    study = create(DeapSampler(SPACE, seed=1))
    for _ in range(6):
        trials = [study.ask(SPACE.distributions) for _ in range(25)]
        for trial in reversed(trials):
            study.tell(trial, value_of(SPACE.from_trial_params(trial.params)))
    assert len(set(params(study))) == 150
    assert generation_of(study.trials[-1]) >= 4


def test_a_child_that_a_trial_has_not_suggested_yet_is_not_bred_again():
    """Others breed between the moment a trial takes its child and its first suggestion."""
    study = create(DeapSampler(SMALL, seed=1, generation_size=20))
    waiting = [study.ask() for _ in range(5)]
    held = [dict(trial.relative_params) for trial in waiting]
    other = optuna.load_study(
        study_name=study.study_name,
        storage=study._storage,
        sampler=DeapSampler(SMALL, seed=1, generation_size=20),
    )
    other.optimize(lambda trial: float(SMALL.suggest(trial)["a"]), n_trials=21)
    brood = study._storage.get_study_system_attrs(study._study_id)["DeapSampler:brood"]
    assert (brood["generation"], brood["names"]) == (1, list(SMALL.names))
    distributions = SMALL.distributions.values()
    bred = [
        dict(zip(SMALL.names, map(external, distributions, child), strict=True))
        for child in brood["children"]
    ]
    assert len(bred) > 5
    assert not [child for child in bred if child in held]
    found = [SMALL.from_trial_params(SMALL.trial_params(SMALL.suggest(t))) for t in waiting]
    assert [SMALL.trial_params(point) for point in found] == held
    assert len(set(params(study))) == 26


def external(distribution, internal):
    return distribution.to_external_repr(internal)


def test_fixed_parameters_are_left_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        sampler = optuna.samplers.PartialFixedSampler({"n": 4}, DeapSampler(SPACE, seed=1))
        study = create(sampler)
    study.optimize(evaluate, n_trials=60)
    assert {trial.params["n"] for trial in study.trials} == {4}
    assert len(set(params(study))) == 60
    assert study.best_value == value_of({"n": 4, "codes": "A", "how": "z", "step": 0.0})


def test_without_a_seed_all_samplers_of_a_study_agree():
    study = create(None)
    samplers = [DeapSampler(SPACE), DeapSampler(SPACE)]
    for number in range(60):
        study.sampler = samplers[number % 2]
        study.optimize(evaluate, n_trials=1)
    assert len(set(params(study))) == 60
    seed = study._storage.get_study_system_attrs(study._study_id)["DeapSampler:seed"]
    again = create(DeapSampler(SPACE, seed=seed))
    again.optimize(evaluate, n_trials=60)
    assert params(again) == params(study)
    other = create(DeapSampler(SPACE))
    other.optimize(evaluate, n_trials=60)
    assert params(other) != params(study)


@pytest.mark.parametrize("space", [SPACE, None], ids=["space", "no space"])
def test_one_sampler_for_two_studies(space):
    sampler = DeapSampler(space, seed=1)
    one, other = create(sampler), create(sampler, directions=["minimize"])
    for _ in range(40):
        one.optimize(evaluate, n_trials=1)
        other.optimize(evaluate, n_trials=1)
    for study, directions in ((one, ["maximize"]), (other, ["minimize"])):
        alone = create(DeapSampler(space, seed=1), directions=directions)
        alone.optimize(evaluate, n_trials=40)
        assert params(study) == params(alone)
    assert params(one) != params(other)
    assert one.best_value > -2 > -8 > other.best_value


def test_two_studies_without_a_seed_have_seeds_of_their_own():
    sampler = DeapSampler(SPACE)
    studies = [create(sampler), create(sampler)]
    for study in studies:
        study.optimize(evaluate, n_trials=20)
    seeds = {s._storage.get_study_system_attrs(s._study_id)["DeapSampler:seed"] for s in studies}
    assert len(seeds) == 2
    assert params(studies[0]) != params(studies[1])


def test_a_sampler_that_was_saved_goes_on():
    whole = create(DeapSampler(SPACE, seed=4, population_size=7))
    whole.optimize(evaluate, n_trials=40)
    study = create(DeapSampler(SPACE, seed=4, population_size=7))
    study.optimize(evaluate, n_trials=30)
    study.sampler = pickle.loads(pickle.dumps(study.sampler))
    assert study.sampler.options.population_size == 7
    study.optimize(evaluate, n_trials=10)
    assert params(study) == params(whole)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_hall_of_fame(direction):
    study = create(DeapSampler(SPACE, seed=1), directions=[direction])
    assert study.sampler.hall_of_fame(study) == []
    study.optimize(evaluate, n_trials=40)
    best = study.best_trial
    for _ in range(3):
        study.enqueue_trial(best.params)
    study.optimize(evaluate, n_trials=3)
    fame = study.sampler.hall_of_fame(study, size=7)
    assert fame[0].number == best.number
    values = [trial.value for trial in study.trials[:40]]
    assert [trial.value for trial in fame] == sorted(values, reverse=direction == "maximize")[:7]
    assert len({tuple(trial.params.items()) for trial in fame}) == 7
    assert len(study.sampler.hall_of_fame(study)) == 10
    assert len(study.sampler.hall_of_fame(study, size=99)) == 40


def test_the_hall_of_fame_of_several_objectives_is_the_front():
    def two(trial):
        point = SPACE.suggest(trial)
        return point["n"] - len(point["codes"]), point["n"] * (1 + point["step"])

    study = create(DeapSampler(SPACE, seed=1), directions=["maximize", "minimize"])
    study.optimize(two, n_trials=80)
    fame = study.sampler.hall_of_fame(study, size=1)
    front = front_of([tuple(trial.values) for trial in study.trials])
    assert {tuple(trial.values) for trial in fame} == front
    on_front = {tuple(sorted(t.params.items())) for t in study.trials if tuple(t.values) in front}
    assert {tuple(sorted(t.params.items())) for t in fame} == on_front
    assert len(fame) == len(on_front) > 2


@pytest.mark.parametrize("size", [0, -1])
def test_a_hall_of_fame_has_room_for_somebody(size):
    study = create(DeapSampler(SPACE, seed=1))
    with pytest.raises(ConfigError, match=rf"at least 1 trial, got size={size}$"):
        study.sampler.hall_of_fame(study, size=size)


def test_generations_populations_and_parents_agree():
    sampler = DeapSampler(SPACE, seed=1, restart_after=0, population_size=10, generation_size=6)
    study = create(sampler)
    study.optimize(evaluate, n_trials=75)
    numbers = [generation_of(trial) for trial in study.trials]
    assert numbers == [k // 6 for k in range(75)]
    assert [sampler.get_trial_generation(study, trial) for trial in study.trials] == numbers
    assert sampler.population_size == 6
    for generation in range(13):
        members = sampler.get_population(study, generation)
        assert [trial.number for trial in members] == [k for k in range(75) if k // 6 == generation]
        parents = sampler.get_parent_population(study, generation)
        assert all(generation_of(parent) < generation for parent in parents)
        older = {trial.value for trial in study.trials if generation_of(trial) < generation}
        best = sorted(older, reverse=True)[:10]
        assert sorted((parent.value for parent in parents), reverse=True) == best


def test_a_restart_has_no_parents():
    sampler = DeapSampler(SPACE, seed=1, restart_after=8, restart_size=10)
    study = create(sampler)
    study.optimize(lambda trial: evaluate(trial) * 0.0, n_trials=60)
    parents = [sampler.get_parent_population(study, g) for g in range(1, 7)]
    assert [] in parents
    assert parents[0] != []
    brood = study._storage.get_study_system_attrs(study._study_id)["DeapSampler:brood"]
    assert BreedingState.from_dict(brood["state"]).designed > 22


def test_a_genetic_search_is_better_than_chance():
    """Every seed of both: the mean best of 120 trials, of 10^8 points."""

    def distance(trial):
        x = [trial.suggest_int(f"x{k}", 0, 9) for k in range(8)]
        return sum((a - b) ** 2 for a, b in zip(x, (3, 7, 1, 8, 5, 0, 9, 4), strict=True))

    best = {"genetic": [], "random": []}
    for seed, kind in itertools.product(range(6), best):
        options = {"genetic": DeapSampler(seed=seed), "random": optuna.samplers.RandomSampler(seed)}
        study = create(options[kind], directions=["minimize"])
        study.optimize(distance, n_trials=120)
        best[kind].append(study.best_value)
    assert np.mean(best["genetic"]) < 0.4 * np.mean(best["random"])
    assert max(best["genetic"]) < min(best["random"])
