"""Tables of a session made by hand, and figures of them."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from search_spaces import Choice, Range, SearchSpace, Subsets
from studies.analysis import SessionTable
from studies.reports import SessionData, StrategyCurve

FIGURE = "net_sharpe_ratio"
SPACE = SearchSpace(
    [
        Subsets("factors", ("A", "B", "C"), max_size=2),
        Choice("kind", ("x", "y")),
        Range("window_size", 1, 3),
    ]
)


def make_table(
    indices: Any,
    values: Any,
    *,
    outside: Any = None,
    space: SearchSpace = SPACE,
    direction: str = "maximize",
    figure: str = FIGURE,
    reasons: tuple[str, ...] = ("insufficient_data",),
) -> SessionTable:
    """A table as a session would record it; a strategy without a value failed."""
    values = np.array(values, dtype=np.float64)
    figures = {figure: values}
    if outside is not None:
        figures[f"oos_{figure}"] = np.array(outside, dtype=np.float64)
    failures = np.where(np.isnan(values), np.arange(len(values)) % len(reasons), -1)
    return SessionTable(
        "session",
        space,
        {figure: direction},
        np.arange(len(values)) + 7,
        space.digits(np.array(list(indices), dtype=np.int64)),
        failures,
        reasons,
        figures,
    )


def data_of(
    table: SessionTable, curves: tuple[StrategyCurve, ...] = (), split: str | None = None
) -> SessionData:
    """What would have been read of a session with this table."""
    config = SimpleNamespace(backtest={"split_date": split})
    data = SessionData(SimpleNamespace(config=config, directions=table.directions))
    data.__dict__["whole"] = table
    data.__dict__["curves"] = curves
    return data


def make_curve(name: str = "S", wealth: Any = (100.0, 110.0, 99.0, 121.0)) -> StrategyCurve:
    """Days of a strategy from 2024-01-30 on, and a basket that stays."""
    days = pd.date_range("2024-01-30", periods=len(wealth))
    equity = pd.Series(np.array(wealth, dtype=np.float64), days)
    return StrategyCurve(name, equity, pd.Series(100.0, days), ())


def whole_table(seed: int = 0, **options: Any) -> SessionTable:
    """All strategies of the space with random values, some of them failed."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=len(SPACE))
    values[generator.random(len(SPACE)) < 0.2] = math.nan
    return make_table(range(len(SPACE)), values, **options)
