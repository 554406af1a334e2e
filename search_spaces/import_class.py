"""A class of the user's own, named by its import path in a configuration."""

import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import TypeVar

from search_spaces.errors import ConfigError

__all__ = ["IMPORT_PATH", "import_class"]

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
    # a console script does not look where it is called
    if str(Path.cwd()) not in sys.path and "" not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(
            f"the {noun} {path} cannot be imported ({reason}); its module must be "
            "installed, in the current folder, or on PYTHONPATH"
        ) from error
    if not inspect.isclass(found) or not issubclass(found, parent):
        article = "an" if noun[0] in "aeiou" else "a"
        raise ConfigError(
            f"{path} is not {article} {noun}: it must be a subclass of {parent_name}, got {found!r}"
        )
    return found
