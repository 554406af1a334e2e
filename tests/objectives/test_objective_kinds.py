"""Objectives made of their name in a configuration, and classes imported by their path."""

import sys

import optuna
import pytest

from objectives import BacktestSettings, FactorBacktest, ReturnPanel, make_objective
from objectives.examples.momentum import MomentumObjective
from search_spaces import Choice, FactorSpace, SearchSpace
from search_spaces.errors import ConfigError
from search_spaces.import_class import import_class

PANEL = ReturnPanel.synthetic(n_pairs=5, n_days=60)
SPACE = SearchSpace([Choice("lookback", (5, 10)), Choice("n_held", (1, 2))])
MOMENTUM = "objectives.examples.momentum:MomentumObjective"


def make(kind, space=SPACE, metrics=("total_return",), options=None):
    settings = BacktestSettings(min_active_days=0)
    return make_objective(kind, PANEL, settings, space=space, metrics=metrics, options=options)


def test_factor_backtest():
    made = make("factor_backtest", FactorSpace.default())
    assert isinstance(made, FactorBacktest)
    settings = BacktestSettings(min_active_days=0)
    direct = FactorBacktest(PANEL, settings, metrics=("total_return",))
    assert made.fingerprint == direct.fingerprint
    assert make("factor_backtest", FactorSpace.default(), options={}).names == direct.names


def test_a_class_of_ones_own():
    made = make(MOMENTUM)
    assert isinstance(made, MomentumObjective)
    assert made.settings.min_active_days == 0
    assert made.evaluate([0, 3]).failure == (None, None)


def test_a_class_in_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "my_objective.py").write_text(
        "from objectives.examples.momentum import MomentumObjective\n"
        "class Mine(MomentumObjective):\n"
        "    default_options = {'depth': 1}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    assert make("my_objective:Mine", options={"depth": 2}).options == {"depth": 2}
    with pytest.raises(ConfigError, match="unknown option width; known are depth"):
        make("my_objective:Mine", options={"width": 2})


def test_arguments_a_class_does_not_take(tmp_path, monkeypatch):
    (tmp_path / "narrow_objective.py").write_text(
        "from objectives import Objective\n"
        "class Narrow(Objective):\n"
        "    names = fingerprint = evaluate = None\n"
        "    def __init__(self, panel, settings, *, space, metrics): pass\n"
        "class Unfinished(Objective):\n"
        "    names = ('total_return',)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=r"options depth, which it does not take: got an unexp"):
        make("narrow_objective:Narrow", options={"depth": 2})
    with pytest.raises(ConfigError, match=r"Unfinished must define evaluate, fingerprint"):
        make("narrow_objective:Unfinished")


@pytest.mark.parametrize(("kind", "match"), [
    ("backtest", r"factor_backtest, external or package\.module:ClassName, got 'backtest'"),
    ("a.b:", "package"),
    (None, "got None"),
    ("no_such_module:Thing", r"objective no_such_module:Thing cannot be imported \(ModuleNotFou"),
    ("objectives.examples.momentum:Nothing", "cannot be imported"),
    ("search_spaces:SearchSpace", r"is not an objective: it must be a subclass of objectives\.Obj"),
])  # fmt: skip
def test_names_of_nothing(kind, match):
    with pytest.raises(ConfigError, match=match):
        make(kind)


def test_what_factor_backtest_refuses():
    with pytest.raises(ConfigError, match="takes no options, got depth"):
        make("factor_backtest", FactorSpace.default(), options={"depth": 1})
    with pytest.raises(ConfigError, match="six parameters of a FactorSpace, got <SearchSpace"):
        make("factor_backtest")


def test_messages_about_samplers_read_as_before():
    def load(path):
        return import_class(
            path, optuna.samplers.BaseSampler, noun="sampler",
            parent_name="optuna.samplers.BaseSampler",
        )  # fmt: skip

    assert load("optuna.samplers:TPESampler") is optuna.samplers.TPESampler
    with pytest.raises(ConfigError) as missing:
        load("no_such:Sampler")
    assert str(missing.value) == (
        "the sampler no_such:Sampler cannot be imported (ModuleNotFoundError: No module named "
        "'no_such'); its module must be installed, in the current folder, or on PYTHONPATH"
    )
    with pytest.raises(ConfigError) as other:
        load("builtins:int")
    assert str(other.value) == (
        "builtins:int is not a sampler: it must be a subclass of optuna.samplers.BaseSampler, "
        "got <class 'int'>"
    )
