"""One setting changed in the configuration file, with everything else and the comments kept."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search_spaces.errors import ConfigError
from search_spaces.strict_yaml import parse_yaml
from studies.analysis import replaced_output
from studies.config import TuningConfig, default_config_text, load_config
from studies.upkeep import checked_config

__all__ = ["SECTIONS", "save_setting", "setting_comments", "settings_of"]

SECTIONS = ("market", "backtest", "execution", "study", "verify", "retention", "logging")
"""Sections of single values; spaces, objectives, methods and alerts are edited as text."""

_SECTION = re.compile(r"(\w+):")
_KEY = re.compile(r"  (\w+):[^#]*(?:# (.*))?")
_REMARK = re.compile(r"  # (.*)")


def settings_of(config: TuningConfig) -> dict[str, Any]:
    """Return the settings that can be changed one by one, by ``section.name``, and ``database``."""
    from objectives import BacktestSettings

    values = config.model_dump(mode="json")
    values["backtest"] = BacktestSettings.from_dict(config.backtest).to_dict()
    found = {"database": values["database"]}
    for section in SECTIONS:
        found |= {f"{section}.{name}": value for name, value in values[section].items()}
    return found


def setting_comments() -> dict[str, str]:
    """Return what the default configuration says of each setting of :data:`SECTIONS`."""
    comments: dict[str, str] = {}
    section, above = "", []
    for line in default_config_text().splitlines():
        if remark := _REMARK.fullmatch(line):
            above.append(remark[1])
        elif key := _KEY.fullmatch(line):
            said = [*above, *filter(None, [key[2]])]
            if section in SECTIONS and said:
                comments[f"{section}.{key[1]}"] = " ".join(said)
            above = []
        elif named := _SECTION.match(line):
            section, above = named[1], []
    return comments


def save_setting(path: Path, name: str, text: str) -> TuningConfig:
    """Change one setting in a configuration file; it is written only if the whole is valid.

    Parameters
    ----------
    path : Path
        A file that does not exist begins as the defaults with their comments.
    name : str
        ``section.name``, or ``database``.
    text : str
        The value as YAML has it: ``4``, ``null``, ``2026-01-31``, ``[a, b]``.

    Returns
    -------
    TuningConfig
        As it is now.

    Raises
    ------
    ConfigError
        If the value or what it makes of the configuration is impossible; the file stays as it was.
    OSError
        If it cannot be written; the file stays as it was.
    """
    before = path.read_text(encoding="utf-8") if path.exists() else default_config_text()
    try:
        value = parse_yaml(text)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None
    after = _changed(before, name.split("."), value, quoted=text.startswith('"'))
    checked = _checked_change(before, after, name.split("."), value)
    checked_config(checked)
    with replaced_output(path) as file:
        file.write(after.encode())
    return load_config(path)


def _changed(text: str, keys: list[str], value: Any, *, quoted: bool) -> str:
    """Return the text of a configuration with one value set."""
    from ruamel.yaml import YAML, YAMLError
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.representer.add_representer(
        type(None), lambda to, _: to.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    try:
        root = yaml.load(text)
    except YAMLError as error:
        raise ConfigError(
            f"the configuration is not YAML: {' '.join(str(error).split())}"
        ) from None
    root = CommentedMap() if root is None else root
    _set(root, keys, DoubleQuotedScalarString(value) if quoted else value, CommentedMap)
    out = io.StringIO()
    yaml.dump(root, out)
    return out.getvalue()


def _checked_change(before: str, after: str, keys: list[str], value: Any) -> TuningConfig:
    """Make sure that nothing but the one value has changed, and that the whole is valid."""
    wanted = parse_yaml(before) or {}
    _set(wanted, keys, value, dict)
    if parse_yaml(after) != wanted:
        raise ConfigError(
            f"{'.'.join(keys)} cannot be changed here without changing more; edit the file itself"
        )
    return TuningConfig.from_mapping(wanted)


def _set(root: Any, keys: list[str], value: Any, empty: Callable[[], Any]) -> None:
    """Set a value in nested mappings; a section that is not there, or says nothing, is made."""
    for key in keys[:-1]:
        if root.get(key) is None:
            root[key] = empty()
        root = root[key]
    root[keys[-1]] = value
