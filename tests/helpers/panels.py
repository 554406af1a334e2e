"""One shared generator of nasty panels, and a way to build a panel from an array."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from objectives import ReturnPanel

FIRST_DATE = pd.Timestamp("2024-01-01")


def panel_of(returns: np.ndarray, caps: np.ndarray | None = None) -> ReturnPanel:
    """Panel of an array (n_days, n_pairs), through the public reader."""
    n_days, n_pairs = returns.shape
    pairs = [f"C{i:03d}USDT_binance_bybit" for i in range(n_pairs)]
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
    elif kind == "negative":
        returns = -np.abs(returns)
    elif kind == "zeros":
        returns[rng.random((n_days, n_pairs)) < 0.7] = 0.0
    returns[0, 0] = 1e-4 if np.isnan(returns[0, 0]) else returns[0, 0]
    returns[-1, 0] = 1e-4 if np.isnan(returns[-1, 0]) else returns[-1, 0]
    return returns


KINDS = ("plain", "ties", "constant", "gaps", "lives", "huge", "negative", "zeros")


@st.composite
def return_arrays(draw: st.DrawFn, min_days: int = 12, max_days: int = 45) -> np.ndarray:
    """Hypothesis strategy of nasty return arrays (n_days, n_pairs)."""
    n_days = draw(st.integers(min_days, max_days))
    n_pairs = draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return nasty_returns(rng, n_days, n_pairs, draw(st.sampled_from(KINDS)))
