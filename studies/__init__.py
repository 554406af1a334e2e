"""How a space is searched: sessions, storage, queue, workers, results."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.config import TuningConfig, load_config
    from studies.methods.genetic import DeapSampler
    from studies.session import Session

__all__ = ["DeapSampler", "Session", "TuningConfig", "load_config"]

# Imported at first use: the command line lives in this package, and its help must not wait
# for pandas, Numba and Optuna.
_HOMES = {
    "DeapSampler": "studies.methods.genetic",
    "Session": "studies.session",
    "TuningConfig": "studies.config",
    "load_config": "studies.config",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
