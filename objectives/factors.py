"""What a factor says of one pair on one day: the six definitions, their registry, the cube.

The functions here are the readable definitions (SEMANTICS section 3); ``objectives.kernels``
holds their compiled twins, and ``tests/objectives`` holds both together. A new factor is one call
of :func:`register_factor`.
"""

import inspect
import math
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from objectives.constants import DAYS_PER_YEAR, RATIO_LIMIT, STABILITY_FLOOR, STABILITY_LIMIT
from search_spaces.errors import DataError, SpaceError
from search_spaces.import_class import import_module

__all__ = [
    "Factor",
    "FactorError",
    "factor_codes",
    "factor_values",
    "factor_values_reference",
    "get_factor",
    "import_factors",
    "min_observations",
    "register_factor",
]

_MOST_TRACEBACK = 4_000


@dataclass(frozen=True)
class Factor:
    """One registered factor.

    Attributes
    ----------
    code : str
        The name in strategy ids: capital letters and digits.
    title : str
        A few words for tables and figures.
    reference : callable
        Plain Python, from a sequence of ``n >= 2`` returns, oldest first, to a float.
    compiled : callable, str or None
        Numba function of the same meaning with the signature ``float64(float64[::1])``; or its
        name in `objectives.kernels.factors`, which is not imported before it is needed. None:
        there is none, and the reference is called for each day and pair.
    """

    code: str
    title: str
    reference: Callable[[Sequence[float]], float]
    compiled: Any

    @property
    def kernel(self) -> Any:
        """The Numba function."""
        if not isinstance(self.compiled, str):
            return self.compiled
        from objectives.kernels import factors as kernels  # Numba takes most of a second

        return getattr(kernels, self.compiled)

    @cached_property
    def source(self) -> str:
        """Text of both functions: what a change of the factor is seen by."""
        functions = (self.reference, getattr(self.compiled, "py_func", None))
        return "\n".join(_source_of(each) for each in functions if each is not None)


class FactorError(DataError):
    """A factor of the user's own that raised.

    Attributes
    ----------
    traceback : str
    """

    def __init__(self, code: str, error: Exception) -> None:
        super().__init__(f"factor {code} raised {type(error).__name__}: {error}")
        self.traceback = "".join(traceback.format_exception(error))[-_MOST_TRACEBACK:]


def import_factors(modules: Sequence[str]) -> None:
    """Import modules of the user's own, which register factors.

    Parameters
    ----------
    modules : sequence of str
        Each ``package.module``, installed or in the current folder. One that is imported already
        is not imported again.

    Raises
    ------
    ConfigError
        If importing one raises, whatever the error.
    """
    for name in modules:
        import_module(name, noun="module of factors")


def register_factor(
    code: str, title: str, reference: Callable[[Sequence[float]], float], kernel: Any = None
) -> Factor:
    """Add a factor under a new code.

    Parameters
    ----------
    code : str
        Capital letters and digits, not yet taken.
    title : str
        A few words for tables and figures.
    reference, kernel : callable
        See :class:`Factor`, where the kernel is ``compiled``. Both must compute the same value;
        non-finite means unknown. The kernel may be left out: the reference then takes
        microseconds for each day, pair and window, a kernel a few hundred times less.

    Returns
    -------
    Factor
        The registered factor.

    Raises
    ------
    SpaceError
        If the code is malformed or already registered.
        If ``kernel`` is given and not a Numba function.
    """
    if not re.fullmatch(r"[A-Z][A-Z0-9]*", code):
        raise SpaceError(f"a factor code is capital letters and digits, got {code=}")
    if code in _FACTORS:
        raise SpaceError(f"factor {code!r} is already registered; choose another code")
    compiled_type = type(get_factor("SR").kernel)  # plain functions without the JIT
    if kernel is not None and not isinstance(kernel, compiled_type):
        raise SpaceError(
            f"the kernel of factor {code!r} is decorated with numba.njit, got {kernel!r}"
        )
    factor = Factor(code, title, reference, kernel)
    _FACTORS[code] = factor
    return factor


def factor_codes() -> tuple[str, ...]:
    """Codes of all registered factors, in the order of registration."""
    return tuple(_FACTORS)


def get_factor(code: str) -> Factor:
    """Return the factor of a code, or raise :class:`SpaceError` naming the known ones."""
    try:
        return _FACTORS[code]
    except KeyError:
        known = ", ".join(_FACTORS)
        raise SpaceError(f"unknown factor {code!r}; registered are {known}") from None


def min_observations(window: int) -> int:
    """Observations a factor needs: ``max(2, min(window // 4, 3))``."""
    return max(2, min(window // 4, 3))


def factor_values(
    returns: npt.NDArray[np.float64], window: int, codes: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Values of several factors for every day and pair (compiled).

    Parameters
    ----------
    returns : ndarray of float64, shape (n_days, n_pairs)
        Fraction of notional earned over day t; NaN where a pair has no row.
    window : int
        Observations looked back on, at least 1; fewer are used while a pair is young.
    codes : sequence of str
        Which factors, in this order.

    Returns
    -------
    ndarray of float64, shape (n_factors, n_days, n_pairs)
        Known at the close of day t. NaN before a pair has :func:`min_observations` returns;
        on a day without a row the last value is kept (it still is what the last ``window``
        returns say). A non-finite value is stored as NaN.

    Raises
    ------
    SpaceError
        If a code is not registered or ``window`` is below 1.
    FactorError
        If a factor raises.
    """
    from objectives.kernels import factors as kernels

    _check_window(window)
    source = np.ascontiguousarray(returns, dtype=np.float64)
    values = np.empty((len(codes), *source.shape))
    for code, out in zip(codes, values, strict=True):
        factor = get_factor(code)
        least = min_observations(window)
        try:
            if factor.compiled is None:
                _roll_reference(factor.reference, source, window, least, out)
            else:
                kernels._rolling_factor_njit(factor.kernel, source, window, least, out)
        except Exception as error:
            raise FactorError(code, error) from error
    return values


def _roll_reference(
    reference: Callable[[Sequence[float]], float],
    returns: npt.NDArray[np.float64],
    window: int,
    least: int,
    out: npt.NDArray[np.float64],
) -> None:
    """Do what the kernel of the same task does, with a plain function."""
    for pair, column in enumerate(returns.T.tolist()):
        observed: list[float] = []
        value = math.nan
        for day, r in enumerate(column):
            if not math.isnan(r):
                observed.append(r)
                if min(window, len(observed)) >= least:
                    value = float(reference(observed[-window:]))
                    value = value if math.isfinite(value) else math.nan
            out[day, pair] = value


def factor_values_reference(
    returns: npt.NDArray[np.float64], window: int, codes: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Plain twin of :func:`factor_values`."""
    _check_window(window)
    n_days, n_pairs = returns.shape
    values = np.full((len(codes), n_days, n_pairs), np.nan)
    for f, code in enumerate(codes):
        reference = get_factor(code).reference
        for i in range(n_pairs):
            for t in range(n_days):
                seen = [float(r) for r in returns[: t + 1, i] if not math.isnan(r)][-window:]
                if len(seen) >= min_observations(window):
                    value = reference(seen)
                    values[f, t, i] = value if math.isfinite(value) else math.nan
    return values


def sharpe_reference(r: Sequence[float]) -> float:
    """SR: mean / sample std x sqrt(365), clipped; of constant returns 1000 x sign(mean)."""
    mean = _mean(r)
    if min(r) == max(r):
        return _ratio(mean, 0.0)
    return _ratio(mean, _std(r, mean))


def drawdown_reference(r: Sequence[float]) -> float:
    """DD: the deepest fall of compounded wealth below its running peak, 0 or negative.

    ``min over k of c_k / max(c_1..c_k) - 1`` with ``c_k = (1 + r_1) ... (1 + r_k)``. Where the
    peak is 0 everything is lost and the drawdown is -1.
    """
    wealth = 1.0
    peak = -math.inf
    worst = 0.0
    for value in r:
        wealth *= 1.0 + value
        peak = max(peak, wealth)
        drawdown = wealth / peak - 1.0 if peak != 0.0 else -1.0
        if drawdown < worst:
            worst = drawdown
    return worst


def trend_reference(r: Sequence[float]) -> float:
    """TR: least-squares slope of the running sum of returns against 0..n-1."""
    n = len(r)
    sums = []
    running = 0.0
    for value in r:
        running += value
        sums.append(running)
    mean_sum = _mean(sums)
    centre = (n - 1) / 2.0
    covariance = 0.0
    for k, value in enumerate(sums):
        covariance += (k - centre) * (value - mean_sum)
    return covariance / (n * (n * n - 1.0) / 12.0)


def stability_reference(r: Sequence[float]) -> float:
    """ST: 1 / sample std where the mean is positive, else 0; 1e9 where std < 1e-9."""
    mean = _mean(r)
    if not mean > 0.0:
        return 0.0
    std = _std(r, mean)
    return STABILITY_LIMIT if std < STABILITY_FLOOR else 1.0 / std


def win_rate_reference(r: Sequence[float]) -> float:
    """WR: share of returns above 0."""
    return sum(value > 0.0 for value in r) / len(r)


def sortino_reference(r: Sequence[float]) -> float:
    """SO: mean / sample std of the negative returns x sqrt(365), clipped as SR.

    Fewer than two negative returns, or constant ones: 1000 x sign(mean).
    """
    mean = _mean(r)
    losses = [value for value in r if value < 0.0]
    if len(losses) < 2 or min(losses) == max(losses):
        return _ratio(mean, 0.0)
    return _ratio(mean, _std(losses, _mean(losses)))


def _source_of(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):  # typed into a console
        return repr(getattr(function, "__code__", None) and function.__code__.co_code)


def _check_window(window: int) -> None:
    if window < 1:
        raise SpaceError(f"a factor looks back on at least one observation, got {window=}")


def _mean(values: Sequence[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


def _std(values: Sequence[float], mean: float) -> float:
    total = 0.0
    for value in values:
        total += (value - mean) * (value - mean)
    return math.sqrt(total / (len(values) - 1))


def _ratio(mean: float, std: float) -> float:
    if std == 0.0:
        return RATIO_LIMIT * ((mean > 0.0) - (mean < 0.0))
    return min(max(mean / std * math.sqrt(DAYS_PER_YEAR), -RATIO_LIMIT), RATIO_LIMIT)


_FACTORS: dict[str, Factor] = {
    factor.code: factor
    for factor in (
        Factor("SR", "Sharpe ratio", sharpe_reference, "_sharpe_njit"),
        Factor("DD", "drawdown", drawdown_reference, "_drawdown_njit"),
        Factor("TR", "trend", trend_reference, "_trend_njit"),
        Factor("ST", "stability", stability_reference, "_stability_njit"),
        Factor("WR", "win rate", win_rate_reference, "_win_rate_njit"),
        Factor("SO", "Sortino ratio", sortino_reference, "_sortino_njit"),
    )
}
