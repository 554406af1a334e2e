"""The order of rooms: every import, local ones and those for type checkers too, goes downward."""

import ast
from collections import defaultdict
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("search_spaces", "objectives", "studies")

FLOORS = [
    "search_spaces",
    "objectives",
    "studies.language",
    "studies.database",
    "studies.methods",
    "studies.alerts",
    "studies.config",
    "studies.queue",
    "studies.outcomes",
    "studies.market",
    "studies.trials",
    "studies.sessions",
    "studies.planning",
    "studies.analysis",
    "studies.reports",
    "studies.upkeep",
    "studies.workers",
    "studies.runs",
    "studies.watching",
    "studies.session",
    "studies.web",
    "studies.console",
    "studies.cli",
    "studies",
    "studies.__main__",
]
"""From the lowest: a module imports from its own room and from those before it."""


@cache
def modules():
    """Every module of the packages by name, and its file."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if "versions" in path.parts:  # run by Alembic, imported by nobody
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


@cache
def exports(package):
    """Where the names of a lazy package live: name -> module."""
    stub = modules()[package].with_suffix(".pyi")
    if not stub.exists():
        return {}
    return {
        alias.asname or alias.name: f"{package}.{node.module}"
        for node in ast.parse(stub.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@cache
def imports(module):
    """What a module imports of the packages: (module named, name or None, module meant, line)."""
    found = []
    for node in ast.walk(ast.parse(modules()[module].read_text())):
        if isinstance(node, ast.Import):
            found += [
                (alias.name, None, alias.name, node.lineno)
                for alias in node.names
                if alias.name in modules()
            ]
        elif isinstance(node, ast.ImportFrom) and node.module in modules():
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                meant = exports(node.module).get(alias.name, node.module)
                if inner in modules() and alias.name not in exports(node.module):
                    meant = inner
                found.append((node.module, alias.name, meant, node.lineno))
    return found


def room_of(module):
    """The room a module belongs to."""
    rooms = [room for room in FLOORS if module == room or module.startswith(f"{room}.")]
    return max(rooms, key=len)


def test_every_module_has_a_room():
    for module in modules():
        room = room_of(module)
        assert room != "studies" or module == "studies", f"{module} is in no room of FLOORS"


def test_studies_holds_rooms_and_four_files():
    files = sorted(path.stem for path in (ROOT / "studies").glob("*.py"))
    assert files == ["__init__", "__main__", "config", "session"]


def test_no_arrow_points_upward():
    upward = [
        f"{module}:{line} imports {meant}"
        for module in modules()
        for _, _, meant, line in imports(module)
        if FLOORS.index(room_of(meant)) > FLOORS.index(room_of(module))
        and not modules()[module].name.startswith("__init__")
    ]
    assert upward == []


def test_no_import_circle():
    graph = defaultdict(set)
    for module in modules():
        graph[module] |= {meant for _, _, meant, _ in imports(module)} - {module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' -> '.join(reversed(error.args[1]))}")


def test_a_room_is_entered_by_its_door():
    """What is not in the ``__init__`` of a room is private to the room."""
    wrong = [
        f"{module}:{line} imports {name} of {named}"
        for module in modules()
        for named, name, _, line in imports(module)
        if (room := room_of(named)).startswith("studies.")
        and room != room_of(module)
        and named != room
        and room != "studies.methods"
        and module != "studies"
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "room", [r for r in FLOORS if r in modules() and modules()[r].name == "__init__.py"]
)
def test_the_door_of_a_room_is_a_sentence_and_sorted_names(room):
    tree = ast.parse(modules()[room].read_text())
    sentence = ast.get_docstring(tree)
    assert sentence
    assert sentence.endswith(".")
    imported = __import__(room, fromlist=["__all__"])
    assert all(a < b for a, b in pairwise(sorted(imported.__all__)))
    for name in exports(room):
        assert not modules().keys() & {f"{room}.{name}"}, f"{name} is a module of {room} too"
        assert hasattr(imported, name)
