"""The expected maximum of independent standard normals, and how many have a given one."""

import math

import numpy as np

__all__ = ["expected_maximum", "n_independent_normals"]

_LARGEST_LOG = 700.0  # exp of it is about the largest float


def expected_maximum(log_n: float) -> float:
    """Approximate the expected maximum of N independent standard normals.

    Parameters
    ----------
    log_n : float
        Natural logarithm of N, above 0.

    Returns
    -------
    float
        ``(1 - g) z(1 - 1/N) + g z(1 - 1/(N e))``, z the quantile of the standard normal and g
        Euler's constant: Bailey and Lopez de Prado (2014), The deflated Sharpe ratio. For N below
        5 an approximation only.
    """
    from scipy.special import ndtri

    upper = -float(ndtri(math.exp(-log_n)))
    further = -float(ndtri(math.exp(-log_n - 1.0)))
    return (1.0 - np.euler_gamma) * upper + np.euler_gamma * further


def n_independent_normals(maximum: float) -> float:
    """Invert :func:`expected_maximum`: N whose expected maximum is ``maximum``.

    Parameters
    ----------
    maximum : float
        Expected maximum, in standard deviations.

    Returns
    -------
    float
        N; 1 where ``maximum`` is lower than any that N > 1 has, at most ``exp(700)``.
    """
    low, high = 0.0, _LARGEST_LOG
    for _ in range(64):  # halves the interval to less than the spacing of floats
        middle = (low + high) / 2.0
        if expected_maximum(middle) < maximum:
            low = middle
        else:
            high = middle
    return math.exp(low)
