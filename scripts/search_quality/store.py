"""What need not be computed twice: the table of a market, and finished runs.

Files lie in the user's cache folder, in a folder per table named by its fingerprints. One that is
damaged or of older code is computed again.
"""

import hashlib
import importlib.metadata
import os
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from objectives import FactorBacktest
from search_quality.methods import METHODS
from search_quality.runs import TRIALS_PER_EVALUATION

__all__ = ["Store"]

_CHUNK = 20_000
_HERE = Path(__file__).parent
_SOURCES = {
    "genetic": "studies/methods/genetic/*.py",
    "deap_sampler": "studies/methods/genetic/*.py",
    "sobol": "search_spaces/designs.py",
}
"""Own code that decides what a method does."""


class Store:
    """Table and runs of one objective.

    Parameters
    ----------
    objective : FactorBacktest
        With one metric.
    folder : Path
        Where folders of tables are.
    """

    def __init__(self, objective: FactorBacktest, folder: Path) -> None:
        self.objective = objective
        told = f"{objective.fingerprint} {objective.space.fingerprint}"
        self.folder = folder / hashlib.sha256(told.encode()).hexdigest()[:32]
        self.folder.mkdir(parents=True, exist_ok=True)

    def table(self) -> npt.NDArray[np.float64]:
        """Return what every strategy is worth, computing it at the first time.

        Returns
        -------
        ndarray of float64, shape (n_strategies,)
            By lattice index; the higher the better, NaN: failed.
        """
        path = self.folder / "table.npz"
        values = self._load_table(path)
        if values is None:
            values = _evaluate_all(self.objective)
            partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
            with partial.open("wb") as file:
                np.savez(file, values=values)  # unlike .npy it is read with a checksum
            partial.replace(path)
        return values

    def run_path(self, method: str, seed: int, budget: int) -> Path:
        """Return where a run is kept: another file for other code, packages or budget."""
        digest = hashlib.sha256(f"{budget} {TRIALS_PER_EVALUATION}\n".encode())
        for package in ("optuna", "numpy", "scipy", "deap", METHODS[method].package):
            if package is not None:
                digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
        root = _HERE.parents[1]
        own = sorted(root.glob(_SOURCES[method])) if method in _SOURCES else []
        for file in (_HERE / "methods.py", _HERE / "runs.py", *own):
            digest.update(file.read_bytes())
        return self.folder / f"{method}-{seed}-{digest.hexdigest()[:16]}.npz"

    def _load_table(self, path: Path) -> npt.NDArray[np.float64] | None:
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
                values: npt.NDArray[np.float64] = held["values"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None
        whole = values.shape == (len(self.objective.space),) and values.dtype == np.float64
        return values if whole else None


def _evaluate_all(objective: FactorBacktest) -> npt.NDArray[np.float64]:
    from search_spaces import make_design

    (direction,) = objective.directions.values()
    sign = 1.0 if direction == "maximize" else -1.0
    values = np.full(len(objective.space), np.nan)
    # in this order strategies that share a ranking sit together
    design = make_design(objective.space, "exhaustive")
    for start in range(0, design.size, _CHUNK):
        points = design.indices(start, min(start + _CHUNK, design.size))
        values[points] = sign * objective.evaluate(points).objective[:, 0]
    return values
