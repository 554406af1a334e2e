"""Arrays that a panel holds: read-only, and the same bytes for the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.errors import DataError

__all__ = ["canonical_bytes", "frozen_floats", "frozen_ints"]


def frozen_floats(array: Any, shape: tuple[int, ...], name: str) -> NDArray[np.float64]:
    """Return a contiguous read-only float64 array of `shape`.

    Raises
    ------
    DataError
        If it has another shape or is not numeric; the message calls it `name`.
    """
    given = np.asarray(array)
    if given.dtype.kind not in "fiu":
        raise DataError(f"{name} must be numbers, got dtype {given.dtype}")
    # A view into a read-only memory map stays one; whatever a caller could still write is copied.
    frozen = np.ascontiguousarray(given, dtype=np.float64)
    if frozen.shape != shape:
        raise DataError(f"{name} must have shape {shape}, got {frozen.shape}")
    if frozen.flags.writeable and np.may_share_memory(frozen, given):
        frozen = frozen.copy()
    frozen.flags.writeable = False
    return frozen


def frozen_ints(array: NDArray[Any]) -> NDArray[np.int64]:
    """Return a contiguous read-only int64 array."""
    frozen = np.ascontiguousarray(array, dtype=np.int64)
    frozen.flags.writeable = False
    return frozen


def canonical_bytes(array: NDArray[np.float64]) -> bytes:
    """Return one bit pattern for every NaN and for both zeros, little-endian on every machine."""
    plain = np.where(np.isnan(array), np.nan, array + 0.0)
    return np.ascontiguousarray(plain, dtype="<f8").tobytes()
