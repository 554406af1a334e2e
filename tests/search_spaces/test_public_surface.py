"""The public names of the package, and the examples in its docstrings."""

import doctest
import importlib
import pkgutil

import pytest

import search_spaces

MODULES = sorted(module.name for module in pkgutil.iter_modules(search_spaces.__path__))


def test_public_names():
    assert set(search_spaces.__all__) == {
        "DESIGNS",
        "FACTOR_CODES",
        "PARAMETER_NAMES",
        "WEIGHT_METHODS",
        "Choice",
        "ConfigError",
        "Constraint",
        "DataError",
        "Design",
        "FactorSpace",
        "Fixed",
        "Lattice",
        "MassTuningError",
        "Parameter",
        "Range",
        "SearchSpace",
        "SessionError",
        "SpaceError",
        "SpaceTooLargeError",
        "StorageError",
        "StrategyParams",
        "Subsets",
        "make_design",
        "one_step_neighbours",
        "parse_parameter",
    }


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(f"search_spaces.{name}")
    assert doctest.testmod(module).failed == 0
    assert all(hasattr(module, public) for public in module.__all__)


def test_errors_have_a_builtin_parent():
    for name in ("SpaceError", "DataError", "ConfigError", "SessionError"):
        assert issubclass(getattr(search_spaces, name), (search_spaces.MassTuningError, ValueError))
        assert issubclass(getattr(search_spaces, name), ValueError)
    assert issubclass(search_spaces.StorageError, RuntimeError)
