"""Array types of the kernels' signatures.

Inputs are declared read-only: Numba passes writable arrays to them too, so a memory-mapped cube
and a fresh one run the same machine code, compiled once and cached on disk.
"""

from numba import types


def array_in(dtype: types.Type, n_dims: int) -> types.Array:
    """C-contiguous input."""
    return types.Array(dtype, n_dims, "C", readonly=True)


def array_out(dtype: types.Type, n_dims: int) -> types.Array:
    """C-contiguous output."""
    return types.Array(dtype, n_dims, "C")
