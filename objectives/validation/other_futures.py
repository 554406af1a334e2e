"""The same market up to a day, with another future: what a decision up to the day must not see."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from objectives.market import ReturnPanel

__all__ = ["FUTURE_PARTS", "with_day_scaled", "with_other_caps", "with_other_future"]

FUTURE_PARTS = ("returns", "listings", "market caps")
"""What of the future can be replaced: the size and sign of returns, which days of which pairs have
an observation, and dated market caps."""

_SURGE = 30.0  # a day this much above the others decides any trailing mean
_LARGEST_DAY = 0.5


def with_other_future(
    panel: ReturnPanel, day: int, *, seed: int = 0, parts: tuple[str, ...] = FUTURE_PARTS
) -> ReturnPanel:
    """Replace what happened after a day.

    Parameters
    ----------
    panel : ReturnPanel
        The market.
    day : int
        Last day of the panel that stays as it is.
    seed : int
        Of the other future. A part is replaced by the same numbers whatever other parts are.
    parts : tuple of str
        Which of :data:`FUTURE_PARTS`: returns change places, signs and sizes; pairs end, begin on
        another day or never, and lack single days; market caps known after the day change,
        unknown ones become known and the reverse.

    Returns
    -------
    ReturnPanel
        Same pairs and calendar. Undated market caps stay.
    """
    rng_returns, rng_listings, rng_caps = np.random.default_rng([seed, day]).spawn(3)
    returns, roi = panel.returns.copy(), panel.roi
    future = returns[day + 1 :]
    fresh = _fresh_returns(panel, future.shape, rng_returns)
    if "returns" in parts:
        future[:] = np.where(np.isnan(future), np.nan, fresh)
    if "listings" in parts:
        listed = _other_listings(~np.isnan(future), rng_listings)
        future[:] = np.where(listed, np.where(np.isnan(future), fresh, future), np.nan)
    if roi is not None:
        roi = roi.copy()
        new = roi[day + 1 :]
        changed = ~np.equal(future, panel.returns[day + 1 :]) | np.isnan(future)
        new[:] = np.where(changed, future * rng_returns.uniform(200, 500, future.shape), new)
    caps = panel.market_caps
    if "market caps" in parts and panel.market_cap_dates is not None:
        later = np.asarray(panel.market_cap_dates > panel.dates[day])
        caps = caps.copy()
        caps[later] = _other_caps(caps[later], rng_caps)
    return replace(panel, returns=returns, roi=roi, market_caps=caps)


def with_other_caps(panel: ReturnPanel, *, seed: int = 0) -> ReturnPanel:
    """Replace all market caps, on all days."""
    caps = _other_caps(panel.market_caps, np.random.default_rng(seed))
    return replace(panel, market_caps=caps)


def with_day_scaled(panel: ReturnPanel, day: int, factor: float) -> ReturnPanel:
    """Multiply the returns of one day, first raised thirtyfold to at most 0.5, by a factor."""
    returns = panel.returns.copy()
    surge = np.clip(_SURGE * returns[day], -_LARGEST_DAY, _LARGEST_DAY)
    returns[day] = factor * surge
    return replace(panel, returns=returns)


def _fresh_returns(
    panel: ReturnPanel, shape: tuple[int, ...], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw observed returns of the panel in another order, with other signs and sizes."""
    observed = panel.returns[~np.isnan(panel.returns)]
    if not observed.size:
        return rng.normal(0.0, 1e-4, shape)
    drawn = rng.choice(observed, size=shape) * rng.choice([-1.0, 1.0], size=shape)
    noise = rng.normal(0.0, max(float(observed.std()), 1e-6), size=shape)
    return np.asarray(drawn * rng.lognormal(0.0, 1.0, size=shape) + noise)


def _other_listings(
    listed: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Change which days of which pairs have an observation, shape (n_days, n_pairs)."""
    n_days, n_pairs = listed.shape
    place = np.arange(n_days)[:, None]
    begins, ends = rng.integers(0, n_days + 1, size=(2, n_pairs))
    fate = rng.integers(0, 4, size=n_pairs)
    other = np.where(fate == 0, listed & (place < ends), listed)
    other = np.where(fate == 1, place >= begins, other)
    # most pairs without a future get one, as if they were listed or traded again
    other = np.where(~listed.any(axis=0) & (fate > 1), place >= begins, other)
    return np.asarray(other & (rng.random(listed.shape) > 0.1))


def _other_caps(caps: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Change market caps, and which of them are known."""
    known = caps[~np.isnan(caps)]
    typical = float(np.median(known)) if known.size else 1e9
    drawn = np.where(np.isnan(caps), typical, caps) * rng.lognormal(0.0, 2.0, size=caps.shape)
    flipped = rng.random(caps.shape) < 0.2
    return np.where(np.isnan(caps) != flipped, np.nan, drawn)
