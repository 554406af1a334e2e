"""What a ranking would have earned: the simulation of SEMANTICS section 5.

:func:`simulate` runs many strategies over one ranking at once (compiled),
:func:`simulate_reference` says the same in plain loops and also keeps every trade.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from objectives.account import Account, Trade
from objectives.metrics import METRICS
from objectives.ranking import Ranking
from objectives.trading_rules import RuleTable
from search_spaces.errors import DataError

__all__ = ["InverseCaps", "Simulation", "inverse_caps", "simulate", "simulate_reference"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class InverseCaps:
    """Inverse market caps, unknown ones replaced by the median.

    Attributes
    ----------
    values : ndarray of float64, shape (n_rows, n_pairs)
        1 / market cap, in 1 / money.
    row : ndarray of int64, shape (n_days,)
        The row whose values are known when trading on day d + 1, for day d of the simulation.
    """

    values: FloatArray
    row: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Simulation:
    """Outcome of strategies simulated over the same ranking.

    Attributes
    ----------
    metrics : ndarray of float64, shape (n_strategies, n_segments, n_metrics)
        In the order of :data:`objectives.metrics.METRICS`; the second segment is out-of-sample.
    equity : ndarray of float64, shape (n_strategies, n_days + 1), or None
        Total wealth at the close of days 0..D, in money.
    daily, exposure : ndarray of float32, shape (n_strategies, n_days), or None
        Change of wealth over days 1..D as a fraction of the wealth before it, fees included, the
        last day of a segment at liquidation value; and what was held over the day on each
        exchange, as a fraction of the same wealth (0.5: everything is invested).
    trades : tuple of tuple of Trade
        One per strategy; only the plain simulation keeps them.
    """

    metrics: FloatArray
    equity: FloatArray | None
    daily: npt.NDArray[np.float32] | None = None
    exposure: npt.NDArray[np.float32] | None = None
    trades: tuple[tuple[Trade, ...], ...] = field(default=())


def inverse_caps(market_caps: FloatArray, rows: npt.NDArray[np.int64]) -> InverseCaps:
    """Prepare market caps for IC weights.

    Parameters
    ----------
    market_caps : ndarray of float64, shape (n_rows, n_pairs)
        Money, NaN where unknown.
    rows : ndarray of int64, shape (n_days,)
        Row to use for each day; -1 where no cap was known yet.

    Returns
    -------
    InverseCaps
        Unknown caps take the median of the known ones of their row; a day that knows none weighs
        all pairs alike.
    """
    n_rows, n_pairs = market_caps.shape
    values = np.ones((n_rows + 1, n_pairs))
    for row, caps in enumerate(market_caps):
        known = caps[~np.isnan(caps)]
        if known.size:
            values[row] = 1.0 / np.where(np.isnan(caps), np.median(known), caps)
    return InverseCaps(values, np.where(rows < 0, n_rows, rows).astype(np.int64))


def simulate(
    returns: FloatArray,
    ranking: Ranking,
    rules: RuleTable,
    caps: InverseCaps,
    *,
    initial_capital: float,
    fee_rate: float,
    basket: FloatArray,
    fixed_amount: bool = False,
    split_day: int = 0,
    value_at_liquidation: bool = True,
    keep_equity: bool = False,
    keep_daily: bool = False,
) -> Simulation:
    """Simulate strategies that trade on the same ranking (compiled).

    Parameters
    ----------
    returns : ndarray of float64, shape (n_days, n_pairs)
        Fraction of notional earned over days 0..D-1 of the simulation; NaN adds nothing.
    ranking : Ranking
        Known at the close of days 0..D-1, traded on the day after; ``top`` must reach every
        ``entry_top_n`` and ``exit_threshold`` (all pairs where one of them is None).
    rules : RuleTable of n_strategies
        What each strategy does on its trading days.
    caps : InverseCaps
        For IC weights; its ``row`` has one entry for each day of ``returns``.
    initial_capital : float
        Money.
    fee_rate : float
        Fraction of each traded amount.
    basket : ndarray of float64, shape (n_days,)
        Mean return of the pairs that the strategies could choose from, of the days of
        ``returns`` (`objectives.basket.basket_returns`).
    fixed_amount : bool
        Size entries on the initial capital instead of the cash left.
    split_day : int
        First day of the second segment, >= 2; 0: one segment.
    value_at_liquidation : bool
        Measure a segment on equity whose last day is ``total - fee_rate x sum of held amounts``.
        Nothing is sold: the second segment goes on from the whole total.
    keep_equity : bool
        Return the equity curves, of which only the last day is at liquidation value.
    keep_daily : bool
        Return daily changes of wealth and exposures.

    Returns
    -------
    Simulation
        Without trades.

    Raises
    ------
    DataError
        If the ranking, the caps or the basket end before the returns, or the ranking is not deep
        enough.
    """
    from objectives.kernels import backtest as kernels  # Numba takes most of a second

    n_days, n_pairs = returns.shape
    n_strategies = len(rules.position_size)
    top = n_pairs if rules.top is None else min(rules.top, n_pairs)
    n_known = min(len(ranking.n_ranked), len(caps.row), len(basket))
    if n_known < n_days or ranking.order.shape[1] < top:
        raise DataError(
            f"{n_days} days of returns need as many of ranking, caps and basket, to rank {top}; "
            f"got {len(ranking.n_ranked)}, {len(caps.row)} and {len(basket)}, to rank "
            f"{ranking.order.shape[1]}"
        )
    metrics = np.full((n_strategies, 2 if split_day else 1, len(METRICS)), np.nan)
    equity = np.empty((n_strategies if keep_equity else 1, n_days + 1))
    daily, exposure = np.empty((2, n_strategies, n_days if keep_daily else 0), dtype=np.float32)
    kernels._backtest_njit(
        np.ascontiguousarray(returns),
        ranking.order,
        ranking.score,
        ranking.rank,
        ranking.n_ranked,
        ranking.n_positive,
        caps.values,
        caps.row,
        rules.integers,
        rules.position_size,
        initial_capital,
        fee_rate,
        fixed_amount,
        split_day,
        value_at_liquidation,
        np.ascontiguousarray(basket),
        metrics,
        equity,
        daily,
        exposure,
    )
    return Simulation(
        metrics,
        equity if keep_equity else None,
        daily if keep_daily else None,
        exposure if keep_daily else None,
    )


def simulate_reference(
    returns: FloatArray,
    ranking: Ranking,
    rules: RuleTable,
    caps: InverseCaps,
    *,
    initial_capital: float,
    fee_rate: float,
    basket: FloatArray,
    fixed_amount: bool = False,
    split_day: int = 0,
    value_at_liquidation: bool = True,
    keep_equity: bool = False,
    keep_daily: bool = False,
) -> Simulation:
    """Plain twin of :func:`simulate`, which also keeps the trades."""
    accounts = []
    for rule in rules:
        account = Account(initial_capital, fee_rate, value_at_liquidation)
        for d in range(1, len(returns) + 1):
            if d == split_day:
                account.end_segment()
            account.earn(d, returns[d - 1], float(basket[d - 1]))
            if (d - 1) % rule.rebalance_frequency == 0 and ranking.n_ranked[d - 1] > 0:
                base = initial_capital if fixed_amount else None
                account.trade(d, ranking, rule, caps.values[caps.row[d - 1]], base)
            account.close_day()
        account.equity[-1] = account.end_segment()
        accounts.append(account)
    return Simulation(
        metrics=np.array([account.metrics for account in accounts]),
        equity=np.array([account.equity for account in accounts]) if keep_equity else None,
        daily=_single([account.daily for account in accounts]) if keep_daily else None,
        exposure=_single([account.exposure for account in accounts]) if keep_daily else None,
        trades=tuple(tuple(account.trades) for account in accounts),
    )


def _single(rows: list[list[float]]) -> npt.NDArray[np.float32]:
    return np.array(rows, dtype=np.float32)
