"""How a space is searched: sessions, storage, queue, workers, results."""

from studies.config import TuningConfig, load_config
from studies.session import Session

__all__ = ["Session", "TuningConfig", "load_config"]
