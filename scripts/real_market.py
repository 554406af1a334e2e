"""The benchmark ``real-market``: what it saves that data periods share a simulation."""

import argparse
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from objectives import FactorBacktest, ReturnPanel
    from search_spaces import Design

__all__ = ["add_options", "market_of", "real_market"]

_N_PAIRS, _N_DAYS = 34, 365
_LATE_LISTINGS = (5, 15, 30)
_REPEATS = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``real-market`` asks beside the options of ``search-quality``."""
    parser.add_argument(
        "--source",
        metavar="FILE",
        help="real-market, import: funding events; real-market with --exchanges, --start, --end",
    )


def real_market(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time a year of few pairs without caps, with and without what data periods share."""
    from objectives import FactorBacktest
    from search_spaces import FactorSpace, make_design

    panel = market_of(arguments)
    space = FactorSpace.default().restrict({"weight_method": ["EQ", "FS"]})
    design = make_design(space, "exhaustive", min(arguments.size, space.size), arguments.seed)
    FactorBacktest(panel, space=space).evaluate([0])  # loads or compiles the kernels
    seconds: dict[bool, float] = {}
    values: dict[bool, Any] = {}
    for _ in range(_REPEATS):
        for shares in (True, False):
            objective = FactorBacktest(panel, space=space)
            objective._simulator._shares = shares
            took, values[shares] = _timed(objective, design)
            seconds[shares] = min(took, seconds.get(shares, took))
    if not np.array_equal(values[True].view(np.int64), values[False].view(np.int64)):
        raise SystemExit("shared results differ from those computed one by one")
    return {
        "market": "synthetic" if arguments.source is None else "given",
        "n_pairs": panel.n_pairs,
        "n_days": panel.n_days,
        "n_strategies": design.size,
        "n_distinct_by_construction": FactorBacktest(panel, space=space).n_distinct,
        "shared_s": seconds[True],
        "alone_s": seconds[False],
        "ratio": seconds[False] / seconds[True],
        "strategies_per_s": design.size / seconds[True],
    }


def market_of(arguments: argparse.Namespace) -> "ReturnPanel":
    """Read the source; without one invent a market of the shape of a real year.

    Three pairs are listed late, but before the backtest begins for every data period up to 150.
    """
    from objectives import ReturnPanel

    if arguments.source is not None:
        return ReturnPanel.from_funding_events(
            arguments.source,
            exchanges=arguments.exchanges,
            start_date=arguments.start,
            end_date=arguments.end,
        )
    rng = np.random.default_rng(arguments.seed)
    returns = 2e-4 * rng.standard_t(4, size=(_N_DAYS, _N_PAIRS))
    for pair, day in enumerate(_LATE_LISTINGS):
        returns[:day, pair] = np.nan
    return ReturnPanel(
        dates=pd.date_range("2024-01-01", periods=_N_DAYS),
        pairs=tuple(f"C{k:02}USDT_binance_bybit" for k in range(_N_PAIRS)),
        returns=returns,
    )


def _timed(objective: "FactorBacktest", design: "Design") -> tuple[float, Any]:
    """Evaluate a design in the chunks of a session; seconds without the factor cube, and figures.

    The factor values and the design are the same either way, so they are made before.
    """
    from studies.planning import chunk_size_for

    step = chunk_size_for(design, 50)
    chunks = [
        design.indices(start, min(start + step, design.size))
        for start in range(0, design.size, step)
    ]
    objective.prepare()
    found = []
    began = time.perf_counter()
    for indices in chunks:
        batch = objective.evaluate(indices)
        found.append(batch.values)
    return time.perf_counter() - began, np.concatenate(found)
