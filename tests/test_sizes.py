"""Modules of at most 400 lines and functions of at most 60, docstrings left out of the latter."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("search_spaces", "objectives", "studies")
MODULE_LINES = 400
FUNCTION_LINES = 60

EXCEPTIONS = {
    "objectives/kernels/backtest.py:_backtest_njit": "a kernel: one loop over days, compiled whole",
}
"""Functions that may be longer, each with its reason."""


def files():
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def lines_of(function):
    """Lines from ``def`` to the end, without the docstring."""
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= first.end_lineno - first.lineno + 1
    return lines


def test_modules():
    long = {
        str(path.relative_to(ROOT)): n
        for path in files()
        if (n := len(path.read_text().splitlines())) > MODULE_LINES
    }
    assert long == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_functions(package):
    long = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and lines_of(node) > FUNCTION_LINES:
                long[f"{path.relative_to(ROOT)}:{node.name}"] = lines_of(node)
    assert long.keys() - EXCEPTIONS.keys() == set()


def test_every_exception_is_needed():
    for place in EXCEPTIONS:
        name, _, function = place.partition(":")
        nodes = ast.walk(ast.parse((ROOT / name).read_text()))
        (found,) = [n for n in nodes if isinstance(n, ast.FunctionDef) and n.name == function]
        assert lines_of(found) > FUNCTION_LINES
