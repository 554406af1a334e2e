"""Reading the `parameters` and `constraints` of a YAML configuration."""

from collections.abc import Hashable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from search_spaces.errors import SpaceError

__all__ = ["read_space_config"]


def read_space_config(
    source: str | PathLike[str] | Mapping[str, Any],
) -> tuple[dict[str, Any], list[Any]]:
    """Return the specifications of the parameters by name, and the list of constraints.

    Raises
    ------
    SpaceError
        If the file cannot be read, is not YAML, or has a key twice.
        If `parameters` is missing or is no mapping, or `constraints` is no list.
    """
    if isinstance(source, Mapping):
        config, where = dict(source), "the configuration"
    else:
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
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpaceError(f"cannot read the configuration {path}: {error}") from error
    try:
        config = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as error:
        raise SpaceError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(config, Mapping):
        raise SpaceError(f"{path}: a configuration is a mapping of sections; got {config!r}")
    return dict(config)


class _UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader that refuses a key given twice instead of keeping the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.value == "<<":
                continue
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key_node.value!r} is given twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)
