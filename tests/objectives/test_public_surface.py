"""The public names of the package, what importing them costs, and the examples in docstrings."""

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import objectives

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(objectives.__path__, "objectives.")
    if not module.name.startswith("objectives.kernels")
)


def run(program):
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    ).stdout.strip()


def test_public_names():
    assert set(objectives.__all__) == {
        "METRICS",
        "METRIC_NAMES",
        "BacktestResult",
        "BacktestSettings",
        "Batch",
        "DailyReturns",
        "Factor",
        "FactorBacktest",
        "FactorCube",
        "FrameObjective",
        "Metric",
        "Objective",
        "ReturnPanel",
        "factor_codes",
        "make_objective",
        "register_factor",
    }
    assert set(dir(objectives)) >= set(objectives.__all__)


@pytest.mark.parametrize("name", objectives.__all__)
def test_every_name_is_there(name):
    assert not inspect.ismodule(getattr(objectives, name))


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="Nothing"):
        objectives.Nothing  # noqa: B018


def test_importing_the_package_is_light():
    heavy = "{'numba', 'pandas', 'sqlalchemy'}"
    assert run(f"import objectives, sys; print(*{heavy} & {{*sys.modules}})") == ""


def test_no_submodule_hides_a_public_name():
    """``from objectives import make_objective`` is the function, whatever was imported before."""
    program = (
        "import importlib, inspect, pkgutil, objectives\n"
        "for module in pkgutil.walk_packages(objectives.__path__, 'objectives.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(*[n for n in objectives.__all__ if inspect.ismodule(getattr(objectives, n))])\n"
        "from objectives import make_objective\n"
        "assert inspect.isfunction(make_objective)"
    )
    assert run(program) == ""


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
    assert all(hasattr(module, public) for public in getattr(module, "__all__", ()))
