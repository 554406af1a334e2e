"""Scripts that start processes without being ready to be imported by them."""

import ast
import multiprocessing
import sys
from pathlib import Path

from search_spaces.errors import ConfigError

__all__ = ["require_main_guard"]


def require_main_guard() -> None:
    """Refuse to start workers from a script that each of them would run again.

    A worker imports the script that started it; whatever stands there outside of
    ``if __name__ == "__main__":`` is run once more in every worker.

    Raises
    ------
    ConfigError
        With what to write.
    """
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    of_module = getattr(sys.modules.get("__main__"), "__spec__", None) is not None
    if of_module or script is None or multiprocessing.parent_process() is not None:
        return
    try:
        statements = ast.parse(Path(script).read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return
    if not any(isinstance(found, ast.If) and _asks_name(found.test) for found in statements):
        raise ConfigError(
            f"{script} would be run again by every worker; put what it does under: "
            'if __name__ == "__main__":'
        )


def _asks_name(test: ast.expr) -> bool:
    return any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(test))
