"""Classes and modules of the user's own, named by their import paths in a configuration."""

import importlib
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from search_spaces.errors import ConfigError

__all__ = ["IMPORT_PATH", "import_class", "import_module"]

IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
"""``package.module:ClassName``."""

Parent = TypeVar("Parent")


def import_class(path: str, parent: type[Parent], *, noun: str, parent_name: str) -> type[Parent]:
    """Import a class by its path.

    Parameters
    ----------
    path : str
        ``package.module:ClassName``, importable or in the current folder.
    parent : type
        What the class must be a subclass of.
    noun : str
        What such a class is called in messages: ``sampler``.
    parent_name : str
        How messages name the parent: ``optuna.samplers.BaseSampler``.

    Returns
    -------
    type
        The class.

    Raises
    ------
    ConfigError
        If importing the module raises, whatever the error.
        If the module has no such name, or it is no subclass of `parent`.
    """
    module_name, _, class_name = path.partition(":")
    try:
        found = getattr(_imported(module_name), class_name)
    except Exception as error:
        raise _refusal(noun, path, error) from error
    if not inspect.isclass(found) or not issubclass(found, parent):
        article = "an" if noun[0] in "aeiou" else "a"
        raise ConfigError(
            f"{path} is not {article} {noun}: it must be a subclass of {parent_name}, got {found!r}"
        )
    return found


def import_module(name: str, *, noun: str) -> ModuleType:
    """Import a module of the user's own.

    Parameters
    ----------
    name : str
        ``package.module``, importable or in the current folder.
    noun : str
        What such a module is called in messages.

    Raises
    ------
    ConfigError
        If importing it raises, whatever the error.
    """
    try:
        return _imported(name)
    except Exception as error:
        raise _refusal(noun, name, error) from error


def _imported(name: str) -> ModuleType:
    # a console script does not look where it is called
    if str(Path.cwd()) not in sys.path and "" not in sys.path:
        sys.path.append(str(Path.cwd()))
    return importlib.import_module(name)


def _refusal(noun: str, path: str, error: Exception) -> ConfigError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return ConfigError(
        f"the {noun} {path} cannot be imported ({reason}); its module must be "
        "installed, in the current folder, or on PYTHONPATH"
    )
