"""Every adaptive method: what it is made of, what it refuses, and that it searches."""

import sys
import warnings

import optuna
import pytest
from pydantic import ValidationError

from search_spaces import FactorSpace
from search_spaces.errors import ConfigError
from studies import TuningConfig
from studies.config import MethodsConfig
from studies.methods import METHODS, SamplerContext, find_method
from studies.methods.gp import GpSampler, RandomAfterFailure
from studies.sessions.slots import plan_slots
from tests.helpers.plain import small_space
from tests.helpers.sessions import check_adaptive

RANGES = {
    "factors": {"subsets": ["SR"], "max_size": 1},
    "window_size": {"range": [4, 20], "step": 4},
    "rebalance_frequency": {"range": [1, 7]},
    "data_period": {"range": [5, 15]},
    "selection_count": {"range": [1, 5]},
    "weight_method": {"fixed": "EQ"},
}
"""The parameters that are searched are ranges, which every method can search."""

SAMPLERS = [name for name in METHODS if name != "genetic"]
"""Those of Optuna; the genetic search has tests of its own."""

ONE = {"net_sharpe_ratio": "maximize"}
TWO = {"net_sharpe_ratio": "maximize", "max_drawdown": "maximize"}


def options_of(name, **options):
    section = {name: options} if options else {}
    return TuningConfig.from_mapping({"methods": section}).methods.options(name)


def context(space=None, **changes):
    values = {"seed": 0, "slot": 0, "attempt": 1, "space": space, "directions": ONE}
    return SamplerContext(**{**values, **changes})


def sampler_of(name, **options):
    return find_method(name).build(options_of(name, **options), context())


def plan(name, *, space=None, directions=ONE, size=5, **options):
    config = TuningConfig.from_mapping({"methods": {name: options} if options else {}})
    return plan_slots(config, space or small_space(), directions, name, size, 0)


def installed(name):
    if name == "gp":
        pytest.importorskip("torch")


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_contract(make_session, name):
    """15 slots are spent, whatever the method; the same seed gives the same trials."""
    installed(name)
    told = []
    for _ in range(2):
        session = make_session(
            method=name,
            mode="adaptive",
            size=15,
            seed=4,
            parameters=RANGES,
            execution={"reuse": False},
        )
        session.run()
        assert (session.row.mode, session.row.method) == ("adaptive", name)
        told.append([trial.params for trial in check_adaptive(session)])
    assert told[0] == told[1]


def test_tpe_on_every_database(make_session):
    session = make_session(method="tpe", size=15, seed=1)
    session.run()
    check_adaptive(session)


def test_the_configuration_has_a_section_for_every_method():
    assert list(MethodsConfig.model_fields) == list(METHODS)
    for name, method in METHODS.items():
        assert type(TuningConfig().methods.options(name)) is method.options_type


CHANGES = {
    "tpe": {
        "n_startup_trials": (3, "_n_startup_trials"),
        "n_ei_candidates": (7, "_n_ei_candidates"),
        "multivariate": (False, "_multivariate"),
        "group": (True, "_group"),
        "constant_liar": (False, "_constant_liar"),
    },
    "nsga2": {
        "population_size": (6, "population_size"),
        "mutation_prob": (0.3, "_child_generation_strategy._mutation_prob"),
        "crossover": ("sbx", "_child_generation_strategy._crossover.__class__"),
        "crossover_prob": (0.2, "_child_generation_strategy._crossover_prob"),
        "swapping_prob": (0.1, "_child_generation_strategy._swapping_prob"),
    },
    "nsga3": {
        "population_size": (6, "population_size"),
        "mutation_prob": (0.3, "_child_generation_strategy._mutation_prob"),
        "crossover": ("undx", "_child_generation_strategy._crossover.__class__"),
        "crossover_prob": (0.2, "_child_generation_strategy._crossover_prob"),
        "swapping_prob": (0.1, "_child_generation_strategy._swapping_prob"),
        "dividing_parameter": (5, "_elite_population_selection_strategy._dividing_parameter"),
    },
    "gp": {
        "n_startup_trials": (3, "_n_startup_trials"),
        "deterministic_objective": (True, "_deterministic"),
    },
    "cmaes": {
        "n_startup_trials": (3, "_n_startup_trials"),
        "popsize": (9, "_popsize"),
        "use_separable_cma": (True, "_use_separable_cma"),
        "with_margin": (True, "_with_margin"),
        "lr_adapt": (True, "_lr_adapt"),
    },
    "random": {},
    "qmc": {"qmc_type": ("halton", "_qmc_type"), "scramble": (False, "_scramble")},
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_option_reaches_the_sampler(name):
    installed(name)
    assert set(CHANGES[name]) == set(METHODS[name].options_type.model_fields)
    for option, (value, path) in CHANGES[name].items():
        seen = []
        for sampler in (sampler_of(name), sampler_of(name, **{option: value})):
            found = sampler
            for part in path.split("."):
                found = getattr(found, part)
            seen.append(found)
        assert seen[0] != seen[1], option


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "qmc"])
def test_defaults_are_optunas_own(name):
    installed(name)
    stock = {
        "tpe": optuna.samplers.TPESampler,
        "nsga2": optuna.samplers.NSGAIISampler,
        "nsga3": optuna.samplers.NSGAIIISampler,
        "gp": optuna.samplers.GPSampler,
        "cmaes": optuna.samplers.CmaEsSampler,
        "random": optuna.samplers.RandomSampler,
    }[name]()
    ours = sampler_of(name)
    assert isinstance(ours, type(stock))
    for _, path in CHANGES[name].values():
        seen = []
        for found in (ours, stock):
            for part in path.split("."):
                found = getattr(found, part)
            seen.append(found)
        assert seen[0] == seen[1], path


def test_seeds_differ_by_session_slot_and_attempt():
    seeds = {
        context(seed=seed, slot=slot, attempt=attempt).sampler_seed
        for seed in (0, 1, 2**70)
        for slot in (0, 1, 2)
        for attempt in (1, 2)
    }
    assert len(seeds) == 18
    assert context(slot=5).shared_seed == context(slot=9, attempt=3).shared_seed
    assert context(seed=1).shared_seed != context(seed=2).shared_seed


def test_qmc_draws_from_one_sequence_in_every_worker():
    samplers = [METHODS["qmc"].build(options_of("qmc"), context(slot=slot)) for slot in (0, 3)]
    assert samplers[0]._seed == samplers[1]._seed
    assert samplers[0]._independent_sampler._rng.rng.randint(2**31) != samplers[
        1
    ]._independent_sampler._rng.rng.randint(2**31)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"tpee": {}},
            r"unknown method 'tpee'; there are tpe, .*package.module:ClassName",
        ),
        ({"tpe": {"startup": 3}}, r"unknown setting 'methods.tpe.startup'"),
        ({"tpe": {"n_startup_trials": -1}}, r"methods.tpe.n_startup_trials: .*got -1"),
        ({"nsga2": {"crossover": "cut"}}, r"methods.nsga2.crossover: .*got 'cut'"),
        ({"random": {"seed": 1}}, r"unknown setting 'methods.random.seed'"),
        ({"a.b:C": [1]}, r"the options of a.b:C are a mapping"),
        ({"a.b:C": {1: 2}}, r"the options of a.b:C are a mapping"),
    ],
)
def test_bad_options_name_the_key(values, message):
    with pytest.raises(ConfigError, match=message) as error:
        TuningConfig.from_mapping({"methods": values})
    assert "\n" not in str(error.value)


def test_options_are_frozen():
    with pytest.raises(ValidationError):
        options_of("tpe").n_startup_trials = 3


@pytest.mark.parametrize(
    ("name", "options", "directions", "message"),
    [
        ("cmaes", {}, TWO, "cmaes optimises one metric, got 2 .net_sharpe_ratio, max_drawdown"),
        ("tpe", {"group": True}, TWO, "needs a multivariate estimator.*methods.tpe.multivariate"),
        ("tpe", {"group": True, "multivariate": False}, ONE, "needs a multivariate estimator"),
        ("annealing", {}, ONE, "unknown method 'annealing'; there are tpe"),
    ],
)
def test_what_a_method_cannot_do(name, options, directions, message):
    with pytest.raises(ConfigError, match=message) as error:
        plan(name, directions=directions, **options)
    assert "\n" not in str(error.value)


def test_cmaes_refuses_listed_values_by_name():
    space = small_space(window_size={"range": [4, 8]}, selection_count={"fixed": 3})
    with pytest.raises(ConfigError, match="searches ranges, but listed values are what") as error:
        plan("cmaes", space=space)
    named = str(error.value).split("listed values are what ")[1].split(" may have")[0]
    assert named == "factors, rebalance_frequency, data_period, weight_method"
    plan("cmaes", space=FactorSpace.from_config({"parameters": RANGES}))


def test_options_of_cmaes_that_exclude_each_other():
    space = FactorSpace.from_config({"parameters": RANGES})
    with pytest.raises(ConfigError, match=r"cmaes cannot work with these options.*methods.cmaes"):
        plan("cmaes", space=space, lr_adapt=True, with_margin=True)


@pytest.mark.parametrize(("name", "package"), [("gp", "torch"), ("cmaes", "cmaes")])
def test_missing_packages_name_the_extra(monkeypatch, name, package):
    monkeypatch.setattr("studies.methods.method.find_spec", lambda wanted: None)
    space = FactorSpace.from_config({"parameters": RANGES})
    with pytest.raises(ConfigError, match=f"{name} needs the package {package}, which") as error:
        plan(name, space=space)
    assert str(error.value).endswith(f"pip install 'mass-tuning[{name}]'")
    assert "\n" not in str(error.value)


def test_the_size_is_required():
    with pytest.raises(ConfigError, match=r"tpe needs a size.*--size N"):
        plan("tpe", size=None)
    with pytest.raises(ConfigError, match="the size is at least 1, got 0"):
        plan("tpe", size=0)


def test_notes():
    space = small_space(**{"factors": {"choice": ["SR"]}})
    assert plan("tpe", space=space, size=len(space)).warnings == ()
    (note,) = plan("tpe", space=space, size=len(space) + 1).warnings
    assert f"the space has {len(space)}" in note
    assert "never breeds" in plan("nsga3", size=50).warnings[0]
    assert plan("nsga3", size=51).warnings == ()


MODULE = """
import optuna

class Mine(optuna.samplers.RandomSampler):
    def __init__(self, seed=None, pull=0):
        super().__init__(seed)
        self.pull = pull

class Seedless(optuna.samplers.RandomSampler):
    def __init__(self):
        super().__init__(7)

class Broken(optuna.samplers.RandomSampler):
    def __init__(self):
        raise RuntimeError("no")

class NoSampler:
    pass

def function():
    pass
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module in the current folder, which is not on the path."""
    (tmp_path / "my_samplers.py").write_text(MODULE)
    (tmp_path / "broken_module.py").write_text("import nothing_like_this")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != ""])
    yield "my_samplers"
    for name in ("my_samplers", "broken_module"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_sampler_of_ones_own(make_session, own_module):
    path = f"{own_module}:Mine"
    session = make_session(method=path, size=8, seed=2, methods={path: {"pull": 3}})
    session.run()
    check_adaptive(session)
    assert (session.row.method, session.row.snapshot.warnings[1:]) == (path, ())
    sampler = find_method(path).build(session.config.methods.options(path), context())
    assert sampler.pull == 3


def test_a_sampler_without_a_seed_is_noted(own_module):
    (note,) = plan(f"{own_module}:Seedless").warnings
    assert "seed of the session does not reach" in note
    assert plan(f"{own_module}:Mine").warnings == ()
    assert "does not reach" in plan(f"{own_module}:Mine", seed=4).warnings[0]


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("my_samplers:Nothing", {}, r"cannot be imported \(AttributeError"),
        ("no_such_module:Mine", {}, r"cannot be imported \(ModuleNotFoundError.*current folder"),
        ("broken_module:Mine", {}, r"cannot be imported \(ModuleNotFoundError.*nothing_like_this"),
        ("my_samplers:NoSampler", {}, "is not a sampler: it must be a subclass of optuna.samplers"),
        ("my_samplers:function", {}, "is not a sampler"),
        ("my_samplers:Mine", {"push": 1}, r"cannot work with these options: .*'push'"),
        ("my_samplers:Broken", {}, "cannot work with these options: no"),
        ("my samplers:Mine", {}, "unknown method 'my samplers:Mine'"),
    ],
)
def test_bad_import_paths_are_one_line(own_module, path, options, message):
    with pytest.raises(ConfigError, match=message) as error:
        plan(path, **options)
    assert "\n" not in str(error.value)


def test_building_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in SAMPLERS:
            if name != "gp":
                sampler_of(name)
        sampler_of("cmaes", with_margin=True)
        sampler_of("nsga2", crossover="vsbx")


def test_gp_does_not_insist_on_what_failed():
    """Shown with a sampler that always proposes the same, because gp needs torch."""

    class Insisting(RandomAfterFailure, optuna.samplers.RandomSampler):
        def infer_relative_search_space(self, study, trial):
            return {"x": optuna.distributions.IntDistribution(0, 10**6)}

    class Fixed(optuna.samplers.RandomSampler):
        def sample_relative(self, study, trial, search_space):
            return {"x": 7}

    class Sampler(Insisting, Fixed):
        pass

    study = optuna.create_study(sampler=Sampler(seed=0))
    first = study.ask()
    assert first.suggest_int("x", 0, 10**6) == 7
    study.tell(first, 1.0)
    second = study.ask()
    assert second.suggest_int("x", 0, 10**6) == 7  # it did not fail
    study.tell(second, state=optuna.trial.TrialState.FAIL)
    third = study.ask()
    assert third.suggest_int("x", 0, 10**6) != 7
    assert issubclass(GpSampler, RandomAfterFailure)
