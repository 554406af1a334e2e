"""One shared generator of nasty panels, and ways to build a panel from arrays."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from objectives import ReturnPanel

FIRST_DATE = pd.Timestamp("2024-01-01")


def pair_names(n_pairs: int) -> tuple[str, ...]:
    """Names in ascending order, each of its own symbol."""
    return tuple(f"C{i:03d}USDT_binance_bybit" for i in range(n_pairs))


def panel_of(returns: np.ndarray, caps: np.ndarray | None = None) -> ReturnPanel:
    """Panel of an array (n_days, n_pairs), through the public reader."""
    pairs = pair_names(returns.shape[1])
    day, pair = np.nonzero(~np.isnan(returns))
    frame = pd.DataFrame(
        {
            "trading_pair": [pairs[i] for i in pair],
            "date": FIRST_DATE + pd.to_timedelta(day, unit="D"),
            "return_1d": returns[day, pair],
        }
    )
    market_caps = None
    if caps is not None:
        known = ~np.isnan(caps)
        symbols = np.array([pair.split("_")[0] for pair in pairs])
        market_caps = pd.DataFrame({"symbol": symbols[known], "market_cap": caps[known]})
    return ReturnPanel.from_returns(frame, market_caps=market_caps)


def array_panel(
    returns: np.ndarray,
    caps: np.ndarray | None = None,
    cap_days: np.ndarray | None = None,
    roi: np.ndarray | None = None,
) -> ReturnPanel:
    """Panel straight from arrays: all-NaN pairs stay, caps may be dated by position of the day."""
    return ReturnPanel(
        dates=pd.date_range(FIRST_DATE, periods=len(returns)),
        pairs=pair_names(returns.shape[1]),
        returns=returns,
        roi=roi,
        market_caps=np.empty((0, 0)) if caps is None else np.atleast_2d(caps),
        market_cap_dates=(
            None if cap_days is None else FIRST_DATE + pd.to_timedelta(cap_days, unit="D")
        ),
    )


def date_of(day: int) -> str:
    """ISO date of a day of a panel made here."""
    return f"{FIRST_DATE + pd.Timedelta(days=day):%Y-%m-%d}"


def nasty_returns(rng: np.random.Generator, n_days: int, n_pairs: int, kind: str) -> np.ndarray:
    """Returns of one kind of trouble; the first and last day always have an observation."""
    returns = rng.normal(2e-4, 5e-4, size=(n_days, n_pairs))
    if kind == "ties":
        returns = np.round(returns * 1e4) / 1e4
        returns[:, n_pairs // 2 :] = returns[:, [0]]
    elif kind == "constant":
        returns[:] = 1e-4
        returns[:, 1::2] = -1e-4
        returns[:, 2::3] = 0.0
    elif kind == "gaps":
        returns[rng.random((n_days, n_pairs)) < 0.4] = np.nan
        returns[n_days // 3 : n_days // 3 + 9] = np.nan
    elif kind == "lives":
        for i in range(n_pairs):
            born, dies = np.sort(rng.integers(0, n_days + 1, size=2))
            returns[:born, i] = np.nan
            returns[dies:, i] = np.nan
    elif kind == "huge":
        returns *= 10.0 ** rng.integers(-6, 4, size=n_pairs)
    elif kind == "extreme":
        returns *= 10.0 ** rng.choice([-320.0, -165.0, -20.0, 0.0, 20.0, 155.0], size=n_pairs)
    elif kind == "ruin":
        returns[rng.random((n_days, n_pairs)) < 0.2] = -1.0
        returns[rng.random((n_days, n_pairs)) < 0.1] = -2.0
    elif kind == "negative":
        returns = -np.abs(returns)
    elif kind == "zeros":
        returns[rng.random((n_days, n_pairs)) < 0.7] = 0.0
    returns[0, 0] = 1e-4 if np.isnan(returns[0, 0]) else returns[0, 0]
    returns[-1, 0] = 1e-4 if np.isnan(returns[-1, 0]) else returns[-1, 0]
    return returns


KINDS = (
    "plain",
    "ties",
    "constant",
    "gaps",
    "lives",
    "huge",
    "ruin",
    "negative",
    "zeros",
)
"""Kinds that money survives; ``extreme`` returns overflow it and are for factors only."""


@st.composite
def return_arrays(
    draw: st.DrawFn,
    min_days: int = 12,
    max_days: int = 45,
    kinds: tuple[str, ...] = KINDS,
    max_pairs: int = 9,
) -> np.ndarray:
    """Hypothesis strategy of nasty return arrays (n_days, n_pairs)."""
    n_days = draw(st.integers(min_days, max_days))
    n_pairs = draw(st.integers(3, max_pairs) | st.integers(1, max_pairs))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return nasty_returns(rng, n_days, n_pairs, draw(st.sampled_from(kinds)))


@st.composite
def panels(draw: st.DrawFn, min_days: int = 12, max_days: int = 45) -> ReturnPanel:
    """Hypothesis strategy of panels without caps, with undated and with dated ones."""
    returns = draw(return_arrays(min_days, max_days))
    n_days, n_pairs = returns.shape
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    roi = returns * 365.0 * rng.choice([1.0, 3.0], returns.shape) if draw(st.booleans()) else None
    kind = draw(st.sampled_from(("none", "undated", "dated")))
    if kind == "none":
        return array_panel(returns, roi=roi)
    cap_days = None
    if kind == "dated":
        cap_days = np.sort(rng.choice(n_days, size=draw(st.integers(1, 4)), replace=False))
    caps = 10.0 ** rng.uniform(4, 12, size=(1 if cap_days is None else len(cap_days), n_pairs))
    caps[rng.random(caps.shape) < draw(st.sampled_from((0.0, 0.3, 1.0)))] = np.nan
    return array_panel(returns, caps, cap_days, roi)
