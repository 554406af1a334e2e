"""A factor of one's own: MO, what the last returns compound to.

Copy this file into your project, change it, and name it in the configuration:
``factor_modules: [my_factors]``, with MO among the factors of ``parameters``.
"""

from collections.abc import Sequence

import numba

from objectives.factors import register_factor

__all__ = ["momentum_reference"]


def momentum_reference(r: Sequence[float]) -> float:
    """MO: ``(1 + r_1) ... (1 + r_n) - 1``, the return over the window.

    Parameters
    ----------
    r : sequence of float
        The last returns of a pair, oldest first, those of today included; at least 2.
    """
    wealth = 1.0
    for value in r:
        wealth *= 1.0 + value
    return wealth - 1.0


@numba.njit(error_model="numpy")
def _momentum_njit(r):  # type: ignore[no-untyped-def]
    wealth = 1.0
    for k in range(r.shape[0]):
        wealth *= 1.0 + r[k]
    return wealth - 1.0


register_factor("MO", "compounded return", momentum_reference, _momentum_njit)
