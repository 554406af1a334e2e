"""Reading the `parameters` and `constraints` of a YAML configuration."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from search_spaces.checks import check_kind
from search_spaces.errors import SpaceError
from search_spaces.short_files import read_short_file
from search_spaces.strict_yaml import parse_yaml

__all__ = ["read_space_config"]


def read_space_config(
    source: str | PathLike[str] | Mapping[str, Any],
) -> tuple[dict[str, Any], list[Any]]:
    """Return the specifications of the parameters by name, and the list of constraints.

    Raises
    ------
    SpaceError
        If the file cannot be read, is not YAML, has a key twice or a value that YAML misreads
        (`search_spaces.strict_yaml`).
        If `parameters` is missing or is no mapping, or `constraints` is no list.
    """
    if isinstance(source, Mapping):
        config, where = dict(source), "the configuration"
    else:
        check_kind("a space", source, (str, PathLike), "a mapping or the path of a file")
        where = str(source)
        config = _load(Path(source))
    parameters = config.get("parameters")
    if not isinstance(parameters, Mapping) or not parameters:
        raise SpaceError(
            f"{where}: `parameters` is a mapping of names to specifications such as "
            f"{{choice: [..]}}; got {parameters!r}"
        )
    constraints = config.get("constraints")
    if constraints is None:
        constraints = []
    if not isinstance(constraints, (list, tuple)):
        raise SpaceError(f"{where}: `constraints` is a list of rules; got {constraints!r}")
    return dict(parameters), list(constraints)


def _load(path: Path) -> dict[str, Any]:
    try:
        text = read_short_file(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SpaceError(f"cannot read the configuration {path}: {error}") from error
    try:
        config = parse_yaml(text)
    except ValueError as error:
        raise SpaceError(f"{path}: {error}") from None
    if not isinstance(config, Mapping):
        raise SpaceError(f"{path}: a configuration is a mapping of sections; got {config!r}")
    return dict(config)
