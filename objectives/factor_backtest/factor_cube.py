"""The factor cube: every factor over every window, computed once per panel."""

import contextlib
import json
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from objectives.factor_backtest.point_table import PointTable
from objectives.factors import FactorError, factor_values
from objectives.judge import Fault
from search_spaces.errors import DataError

__all__ = ["FactorCube"]


@dataclass(frozen=True)
class FactorCube:
    """Factor values of a stretch of days.

    Attributes
    ----------
    values : ndarray of float64, shape (n_windows, n_factors, n_days, n_pairs)
        Known at the close of their day; NaN = unknown. May be a read-only memory map.
    windows : tuple of int
        Window sizes of the first axis.
    codes : tuple of str
        Factors of the second axis.
    key : str
        What the values were computed from; a file with another key is stale.
    faults : mapping of str to Fault
        By code, factors of the user's own that raised; all their values are NaN.
    """

    values: npt.NDArray[np.float64]
    windows: tuple[int, ...]
    codes: tuple[str, ...]
    key: str = ""
    faults: Mapping[str, Fault] = field(default_factory=dict)

    @classmethod
    def compute(
        cls,
        returns: npt.NDArray[np.float64],
        windows: Sequence[int],
        codes: Sequence[str],
        *,
        first_day: int = 0,
        last_day: int | None = None,
        key: str = "",
    ) -> "FactorCube":
        """Compute a cube.

        Parameters
        ----------
        returns : ndarray of float64, shape (n_panel_days, n_pairs)
            The factor input of the whole panel: early days need what came before.
        windows : sequence of int
            Window sizes.
        codes : sequence of str
            Factors.
        first_day, last_day : int
            Days kept, both included.
        key : str
            See the class.

        Returns
        -------
        FactorCube
        """
        stop = len(returns) if last_day is None else last_day + 1
        values = np.empty((len(windows), len(codes), stop - first_day, returns.shape[1]))
        faults: dict[str, Fault] = {}
        for place, code in enumerate(codes):
            try:
                for of_window, window in zip(values, windows, strict=True):
                    of_factor = factor_values(returns[:stop], window, [code])[0]
                    of_window[place] = of_factor[first_day:]
            except FactorError as error:
                values[:, place] = np.nan
                faults[code] = Fault(f"error: {error}", {"traceback": error.traceback})
        return cls(values, tuple(windows), tuple(codes), key, faults)

    def faults_of(self, table: PointTable) -> dict[int, Fault]:
        """Return the strategies with a factor that raised, by row."""
        return {
            row: self.faults[code]
            for row in (range(len(table.window)) if self.faults else ())
            for code in table.factors(row)
            if code in self.faults
        }

    def window(self, window: int) -> npt.NDArray[np.float64]:
        """Values of one window, shape (n_factors, n_days, n_pairs)."""
        return self.values[self.windows.index(window)]

    def save(self, path: str | Path) -> None:
        """Write the cube to ``path``, an ``.npy`` file, and what it holds to ``path.json``.

        The description is written last and carries size and checksum, so a half-written or
        damaged cube is never taken for a whole one; processes that have an older file mapped
        keep it.
        """
        target = Path(path)
        description = target.with_suffix(".json")
        description.unlink(missing_ok=True)
        partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        with partial.open("wb") as file:
            np.save(file, self.values, allow_pickle=False)
        partial.replace(target)
        description.write_text(
            json.dumps(
                {
                    "windows": self.windows,
                    "codes": self.codes,
                    "key": self.key,
                    "faults": {
                        code: [fault.reason, dict(fault.details)]
                        for code, fault in self.faults.items()
                    },
                    "bytes": target.stat().st_size,
                    "crc32": _checksum(self.values),
                }
            )
        )

    @classmethod
    def shared(cls, folder: Path, key: str, compute: Callable[[], "FactorCube"]) -> "FactorCube":
        """Map the cube of a key from a folder, written first where it is missing or damaged.

        Where the folder is missing or cannot be written, the cube stays in memory.
        """
        path = folder / f"cube-{key[:32]}.npy"
        with contextlib.suppress(DataError):
            return cls.load(path, key=key)
        cube = compute()
        with contextlib.suppress(OSError, DataError):
            cube.save(path)
            return cls.load(path, key=key)
        return cube

    @classmethod
    def load(cls, path: str | Path, *, key: str | None = None) -> "FactorCube":
        """Memory-map a saved cube, read-only, so that many workers share one copy.

        Parameters
        ----------
        path : str or Path
            As given to :meth:`save`.
        key : str, optional
            Refuse a cube of another key.

        Returns
        -------
        FactorCube

        Raises
        ------
        DataError
            If the files are missing, damaged or stale.
        """
        target = Path(path)
        try:
            described = json.loads(target.with_suffix(".json").read_text())
            if described["bytes"] != target.stat().st_size:
                raise ValueError(f"{target.stat().st_size} bytes instead of {described['bytes']}")
            values = np.load(target, mmap_mode="r", allow_pickle=False)
            cube = cls(
                values,
                tuple(described["windows"]),
                tuple(described["codes"]),
                str(described["key"]),
                {code: Fault(*fault) for code, fault in described["faults"].items()},
            )
            expected = (len(cube.windows), len(cube.codes))
            if values.dtype != np.float64 or values.ndim != 4 or values.shape[:2] != expected:
                raise ValueError(f"shape {values.shape} does not fit its description")
            if described["crc32"] != _checksum(values):
                raise ValueError("its checksum is wrong")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"the factor cube {target.name} is damaged ({error}); delete it, it is rebuilt"
            ) from error
        if key is not None and cube.key != key:
            raise DataError(f"the factor cube {target.name} is of other data; delete it")
        return cube


def _checksum(values: npt.NDArray[np.float64]) -> int:
    return zlib.crc32(np.ascontiguousarray(values).view(np.uint8).data)
