"""Performance figures of a backtest (SEMANTICS section 6): their names, directions and formulas."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from objectives.constants import DAYS_PER_YEAR, V5_DAYS_PER_YEAR
from search_spaces.checks import likely, shown
from search_spaces.errors import ConfigError

__all__ = [
    "MAY_BE_UNDEFINED",
    "METRICS",
    "METRIC_NAMES",
    "Metric",
    "SegmentRecord",
    "directions_of",
    "performance",
]


@dataclass(frozen=True)
class Metric:
    """One figure.

    Attributes
    ----------
    name : str
        Name in results, tables and configurations.
    direction : str
        ``maximize`` or ``minimize``: which way is better unless a configuration says otherwise.
    unit : str
        ``money``, ``fraction``, ``ratio``, ``count`` or ``days``.
    meaning : str
        One line for tables and help texts.
    """

    name: str
    direction: str
    unit: str
    meaning: str


METRICS: tuple[Metric, ...] = (
    Metric("final_balance", "maximize", "money", "cash and positions at the end"),
    Metric("total_return", "maximize", "fraction", "final balance / capital - 1"),
    Metric("annual_return", "maximize", "fraction", "total return x 365 / days"),
    Metric("net_sharpe_ratio", "maximize", "ratio", "of daily changes of wealth, fees included"),
    Metric("sharpe_ratio", "maximize", "ratio", "as backtest_v5: without fees and idle days"),
    Metric("max_drawdown", "minimize", "fraction", "deepest fall from a peak, 0 or positive"),
    Metric("win_rate", "maximize", "fraction", "profit days / days with funding"),
    Metric("trade_count", "minimize", "count", "closed positions"),
    Metric("avg_holding_days", "maximize", "days", "of closed positions; null when none"),
    Metric("open_positions", "minimize", "count", "positions held at the end"),
    Metric("profit_days", "maximize", "count", "days with funding above 0"),
    Metric("loss_days", "minimize", "count", "days with funding below 0"),
    Metric("break_even_days", "minimize", "count", "days with funding of exactly 0"),
    Metric("active_days", "maximize", "count", "days with something held at their end"),
    Metric("turnover", "minimize", "ratio", "traded amount / capital"),
    Metric("fees_paid", "minimize", "money", "fees of all entries and exits"),
    Metric("excess_sharpe_ratio", "maximize", "ratio", "of daily changes beyond the basket's"),
    Metric("excess_return", "maximize", "fraction", "daily changes beyond the basket's, in all"),
)
"""All figures, in the order of every metrics array."""

METRIC_NAMES: tuple[str, ...] = tuple(metric.name for metric in METRICS)

MAY_BE_UNDEFINED = frozenset(
    {
        "avg_holding_days",
        "oos_avg_holding_days",
        "oos_total_return",
        "oos_annual_return",
        "oos_turnover",
    }
)
"""Figures that a measured strategy may lack: without a closed position, or where the
out-of-sample part begins with no money. A recorded row that lacks another one is damaged."""


def directions_of(
    metrics: Sequence[str] | Mapping[str, str], known: Sequence[str] = METRIC_NAMES
) -> dict[str, str]:
    """Say of every optimised metric whether more or less of it is better.

    Parameters
    ----------
    metrics : sequence of str or mapping of str to {"maximize", "minimize"}
        What is optimised, in order; a name alone takes its natural direction.
    known : sequence of str
        Metrics that are measured, among :data:`METRIC_NAMES`.

    Returns
    -------
    dict of str to str
        ``maximize`` or ``minimize`` by name, in the same order.

    Raises
    ------
    ConfigError
        If there is no metric, or an unknown or out-of-sample one.
        If a direction is neither ``maximize`` nor ``minimize``.
    """
    natural = {metric.name: metric.direction for metric in METRICS if metric.name in known}
    if not metrics or isinstance(metrics, str):
        raise ConfigError(f"metrics is a non-empty list of names, got {metrics!r}")
    chosen = {}
    for name in metrics:
        if name.startswith("oos_"):
            raise ConfigError(f"out-of-sample values never enter the objective, got {name!r}")
        if name not in natural:
            raise ConfigError(f"unknown metric {shown(name)}; {likely(name, natural)}")
        direction = metrics[name] if isinstance(metrics, Mapping) else natural[name]
        if direction not in ("maximize", "minimize"):
            raise ConfigError(f"{name} is maximize or minimize, got {direction!r}")
        chosen[name] = direction
    return chosen


@dataclass
class SegmentRecord:
    """What the readable simulation notes of one segment of days.

    Attributes
    ----------
    equity : list of float
        Total wealth at the close of each day; the first entry is the capital of the segment.
    basket_returns : list of float
        What the same exposure to the basket would have earned on each day after the first entry
        of ``equity``, as a fraction of wealth.
    n_days : int
        Calendar days the segment counts.
    v5_returns : list of float
        Funding of a day / wealth of the day before, only of days with something held.
    pnl : list of float
        The funding itself, same days.
    """

    equity: list[float]
    basket_returns: list[float]
    n_days: int
    v5_returns: list[float]
    pnl: list[float]
    active_days: int
    holding_days: list[int]
    traded: float
    fees: float
    open_positions: int


def performance(record: SegmentRecord) -> list[float]:
    """Compute every figure of :data:`METRICS` from a segment.

    Parameters
    ----------
    record : SegmentRecord
        The days of the segment.

    Returns
    -------
    list of float
        In the order of :data:`METRICS`; ``avg_holding_days`` is NaN when nothing was closed,
        returns and turnover are where the capital of the segment is 0.

    Notes
    -----
    ``net_sharpe_ratio = mean / std x sqrt(365)`` of ``total_d / total_{d-1} - 1`` over all days,
    ``sharpe_ratio = mean / std x sqrt(252)`` of the recorded v5 returns, both with the sample
    standard deviation and 0 where it is 0. ``excess_sharpe_ratio`` is that of
    ``total_d / total_{d-1} - 1 - basket_return_d``, ``excess_return`` their compounded sum,
    ``(1 + e_1) ... (1 + e_n) - 1``.
    """
    capital, final = record.equity[0], record.equity[-1]
    net_returns = [
        after / before - 1.0 if before != 0.0 else 0.0
        for before, after in zip(record.equity, record.equity[1:], strict=False)
    ]
    excess = [net - basket for net, basket in zip(net_returns, record.basket_returns, strict=True)]
    total_return = final / capital - 1.0 if capital != 0.0 else math.nan
    n_closed = len(record.holding_days)
    n_profit = sum(pnl > 0.0 for pnl in record.pnl)
    return [
        final,
        total_return,
        total_return * DAYS_PER_YEAR / record.n_days,
        _mean_over_std(net_returns) * math.sqrt(DAYS_PER_YEAR),
        _mean_over_std(record.v5_returns) * math.sqrt(V5_DAYS_PER_YEAR),
        _max_drawdown(record.equity),
        n_profit / len(record.pnl) if record.pnl else 0.0,
        n_closed,
        sum(record.holding_days) / n_closed if n_closed else math.nan,
        record.open_positions,
        n_profit,
        sum(pnl < 0.0 for pnl in record.pnl),
        sum(pnl == 0.0 for pnl in record.pnl),
        record.active_days,
        record.traded / capital if capital != 0.0 else math.nan,
        record.fees,
        _mean_over_std(excess) * math.sqrt(DAYS_PER_YEAR),
        math.prod(1.0 + change for change in excess) - 1.0,
    ]


def _mean_over_std(values: Sequence[float]) -> float:
    if len(values) < 2 or min(values) == max(values):
        return 0.0
    total = 0.0
    for value in values:
        total += value
    mean = total / len(values)
    squares = 0.0
    for value in values:
        squares += (value - mean) * (value - mean)
    std = math.sqrt(squares / (len(values) - 1))
    return mean / std if std != 0.0 else 0.0


def _max_drawdown(equity: Sequence[float]) -> float:
    peak = equity[0]
    worst = 0.0
    for total in equity[1:]:
        peak = max(peak, total)
        worst = max(worst, (peak - total) / peak if peak != 0.0 else 0.0)
    return worst
