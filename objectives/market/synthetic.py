"""An invented market to learn, test and measure on."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from objectives.market.caps import MarketCaps
from objectives.market.panel_fields import PanelFields
from search_spaces.checks import check_kind
from search_spaces.errors import DataError

__all__ = ["synthetic_market"]

MOST_DAYS = 36_500
MOST_RETURNS = 20_000_000

_FIRST_DAY = "2024-01-01"
_EXCHANGES = ("binance", "bybit", "hyperliquid", "okx")
_PAIRS_PER_SYMBOL = 2

_TAIL = 4.0  # degrees of freedom of Student's t
_COMMON_SHARE = 0.15  # share of a shock's variance that all pairs have in common
_TYPICAL_VOLATILITY = 4e-4  # daily; a funding difference of about 15 % a year either way
_LARGEST_RETURN = 0.03  # exchanges cap their rates
_MEAN_SHARE = 0.4  # at edge 1, standard deviation of a mean in units of the typical volatility
_MEAN_HALF_LIFE = 60.0  # days
_LATE_LISTING_SHARE = 0.4
_DELISTING_SHARE = 0.12
_GAP_RATE = 1 / 250  # a pair's gaps begin once in 250 days; they last 1.5 days on average


def synthetic_market(
    n_pairs: int = 200,
    n_days: int = 840,
    seed: int = 0,
    edge: float = 1.0,
    *,
    shocks_seed: int | None = None,
) -> PanelFields:
    """Draw a market: the same arguments give the same numbers.

    The return of pair i on day t is, with e and f independent standardised Student t(4),

    ``r[t, i] = edge * m[t, i] + s[t, i] * (sqrt(0.15) * f[t] + sqrt(0.85) * e[t, i])``

    clipped to 3 % either way. ``log s`` is a level per pair plus two stationary first-order
    autoregressions, one common to all pairs and one of its own (stochastic volatility, Taylor
    1986): large days follow large days. ``m`` is a first-order autoregression per pair with a
    half-life of 60 days and a standard deviation of 0.4 of the typical daily volatility (0.0004),
    independent of everything else. With ``edge = 0`` the mean of every return, given all that
    came before, is exactly zero (the shocks are symmetric and the clip is too): no strategy
    expects to earn, before or after fees.

    Four in ten pairs are listed late, about one in eight is delisted, days are missing here and
    there. Market caps are log-normal random walks by symbol, known from the day before the first
    one on and renewed every 30 days, so that nothing looks ahead; one symbol in twenty has none.

    Parameters
    ----------
    n_pairs : int
        Number of pairs, at least 1.
    n_days : int
        Number of calendar days from 2024-01-01, at least 1.
    seed : int
        Not negative. The shocks do not depend on `edge`.
    edge : float
        Size of the persistent means, 0 for none; not negative.
    shocks_seed : int, optional
        Draw e and f from this seed instead, and leave everything else as it is: another history
        of the same pairs, with the same means, volatilities, listings and caps. Not negative.

    Returns
    -------
    PanelFields
        With dated market caps; NaN before a listing, after a delisting and in gaps.

    Raises
    ------
    DataError
        If an argument is out of range.
    """
    _check_arguments(n_pairs, n_days, seed, edge)
    if shocks_seed is not None and shocks_seed < 0:
        raise DataError(f"a seed must not be negative, {shocks_seed=}")
    # Separate streams, so that a change of one ingredient leaves the others as they were.
    streams = np.random.default_rng(seed).spawn(4)
    returns = _volatility(streams[0], n_days, n_pairs)
    again = streams[0] if shocks_seed is None else np.random.default_rng(shocks_seed)
    returns *= _shocks(again, n_days, n_pairs)
    returns += edge * _means(streams[1], n_days, n_pairs)
    np.clip(returns, -_LARGEST_RETURN, _LARGEST_RETURN, out=returns)
    returns[~_listed(streams[2], n_days, n_pairs)] = np.nan
    pairs = _names(n_pairs)
    dates = pd.date_range(_FIRST_DAY, periods=n_days, freq="D", unit="us")
    caps = _market_caps(streams[3], dates, pairs).panel_fields(pairs, dates)
    arguments = f"n_pairs={n_pairs}, n_days={n_days}, seed={seed}, edge={edge:g}"
    if shocks_seed is not None:
        arguments += f", shocks_seed={shocks_seed}"
    source = f"synthetic({arguments})"
    return PanelFields(dates=dates, pairs=pairs, returns=returns, source=source, **caps)


def _check_arguments(n_pairs: int, n_days: int, seed: int, edge: float) -> None:
    for name, number in {"n_pairs": n_pairs, "n_days": n_days, "seed": seed}.items():
        check_kind(name, number, int, "a whole number")
    check_kind("edge", edge, (int, float), "a number")
    if n_pairs < 1:
        raise DataError(f"a synthetic market needs at least one pair, {n_pairs=}")
    if n_days < 1:
        raise DataError(f"a synthetic market needs at least one day, {n_days=}")
    if n_days > MOST_DAYS or n_pairs * n_days > MOST_RETURNS:
        raise DataError(
            f"a synthetic market has at most {MOST_DAYS:,} days and {MOST_RETURNS:,} returns, "
            f"{n_pairs=}, {n_days=}"
        )
    if seed < 0:
        raise DataError(f"a seed must not be negative, {seed=}")
    if not (np.isfinite(edge) and edge >= 0):
        raise DataError(f"the edge must be 0 (no persistent means) or greater, {edge=}")


def _volatility(rng: np.random.Generator, n_days: int, n_pairs: int) -> NDArray[np.float64]:
    common = _autoregression(rng, n_days, 1, persistence=0.97, spread=0.35)
    own = _autoregression(rng, n_days, n_pairs, persistence=0.95, spread=0.45)
    level = np.log(_TYPICAL_VOLATILITY) + rng.normal(0.0, 0.5, n_pairs)
    volatility: NDArray[np.float64] = np.exp(level + common + own)
    return volatility


def _shocks(rng: np.random.Generator, n_days: int, n_pairs: int) -> NDArray[np.float64]:
    """Return standardised shocks, partly common to all pairs."""
    unit = np.sqrt((_TAIL - 2.0) / _TAIL)
    everyone = unit * rng.standard_t(_TAIL, (n_days, 1))
    alone = unit * rng.standard_t(_TAIL, (n_days, n_pairs))
    shocks: NDArray[np.float64] = (
        np.sqrt(_COMMON_SHARE) * everyone + np.sqrt(1.0 - _COMMON_SHARE) * alone
    )
    return shocks


def _means(rng: np.random.Generator, n_days: int, n_pairs: int) -> NDArray[np.float64]:
    persistence = 0.5 ** (1.0 / _MEAN_HALF_LIFE)
    spread = _MEAN_SHARE * _TYPICAL_VOLATILITY
    return _autoregression(rng, n_days, n_pairs, persistence=persistence, spread=spread)


def _autoregression(
    rng: np.random.Generator, n_days: int, n_series: int, *, persistence: float, spread: float
) -> NDArray[np.float64]:
    """Return stationary first-order autoregressions with standard deviation `spread`."""
    steps = rng.standard_normal((n_days, n_series))
    scale = np.sqrt(1.0 - persistence**2)
    state = spread * steps[0]
    series = np.empty((n_days, n_series))
    series[0] = state
    for day in range(1, n_days):
        state = persistence * state + spread * scale * steps[day]
        series[day] = state
    return series


def _listed(rng: np.random.Generator, n_days: int, n_pairs: int) -> NDArray[np.bool_]:
    """Return which (day, pair) has an observation, shape (n_days, n_pairs)."""
    late = rng.random(n_pairs) < _LATE_LISTING_SHARE
    first = np.where(late, (rng.random(n_pairs) * 0.7 * n_days).astype(np.int64), 0)
    dies = rng.random(n_pairs) < _DELISTING_SHARE
    life = (n_days - first) * rng.uniform(0.3, 1.0, n_pairs)
    last = np.where(dies, first + life.astype(np.int64), n_days - 1)
    day = np.arange(n_days)[:, None]
    listed = (day >= first) & (day <= last)
    gap = np.zeros((n_days, n_pairs), dtype=bool)
    begins = rng.random((n_days, n_pairs)) < _GAP_RATE
    length = rng.geometric(1 / 1.5, (n_days, n_pairs))
    for pair_day, pair in np.argwhere(begins):
        gap[pair_day : pair_day + length[pair_day, pair], pair] = True
    observed = listed & ~gap
    # The oldest pair spans the whole calendar, so that it has exactly n_days.
    observed[[0, -1], 0] = True
    observed[0, :] |= first == 0
    return observed


def _names(n_pairs: int) -> tuple[str, ...]:
    sides = ["_".join(two) for two in combinations(_EXCHANGES, 2)]
    n_digits = max(3, len(str(n_pairs // _PAIRS_PER_SYMBOL)))
    names = []
    for k in range(n_pairs):
        symbol, nth = divmod(k, _PAIRS_PER_SYMBOL)
        side = sides[(symbol + 3 * nth) % len(sides)]
        names.append(f"C{symbol:0{n_digits}d}USDT_{side}")
    return tuple(sorted(names))


def _market_caps(
    rng: np.random.Generator, dates: pd.DatetimeIndex, pairs: tuple[str, ...]
) -> MarketCaps:
    symbols = tuple(sorted({pair.split("_", 1)[0] for pair in pairs}))
    every_30_days = pd.date_range(
        dates[0] - pd.Timedelta(days=1), dates[-1] - pd.Timedelta(days=1), freq="30D", unit="us"
    )
    start = rng.normal(np.log(5e8), 1.6, len(symbols))
    steps = rng.normal(0.0, 0.15, (len(every_30_days), len(symbols)))
    steps[0] = 0.0
    caps = np.exp(start + np.cumsum(steps, axis=0))
    unknown = rng.random(len(symbols)) < 0.05
    unknown[0] = False
    caps[:, unknown] = np.nan
    return MarketCaps(symbols, caps, every_30_days)
