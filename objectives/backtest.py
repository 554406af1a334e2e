"""What a ranking would have earned: the simulation of SEMANTICS section 5.

:func:`simulate` runs many strategies over one ranking at once (compiled),
:func:`simulate_reference` says the same in plain loops and also keeps every trade.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from objectives.constants import WEIGHT_CAP
from objectives.metrics import METRICS, SegmentRecord, performance
from objectives.ranking import Ranking
from objectives.trading_rules import RuleTable, TradingRules
from search_spaces.errors import DataError

__all__ = ["InverseCaps", "Simulation", "Trade", "inverse_caps", "simulate", "simulate_reference"]

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
class Trade:
    """One event of a simulation.

    Attributes
    ----------
    day : int
        Day d of the simulation, 0 is the first.
    pair_index : int
        Index of the pair in the panel.
    action : str
        ``enter``, ``exit`` or ``funding``.
    amount : float
        Money entered or taken out; for ``funding`` the money earned.
    rank : int
        Rank of the pair in the ranking traded on, 0 if it had none (and for ``funding``).
    cash, total : float
        Cash and total wealth just after the event.
    """

    day: int
    pair_index: int
    action: str
    amount: float
    rank: int
    cash: float
    total: float


@dataclass(frozen=True)
class Simulation:
    """Outcome of strategies simulated over the same ranking.

    Attributes
    ----------
    metrics : ndarray of float64, shape (n_strategies, n_segments, n_metrics)
        In the order of :data:`objectives.metrics.METRICS`; the second segment is out-of-sample.
    equity : ndarray of float64, shape (n_strategies, n_days + 1), or None
        Total wealth at the close of days 0..D, in money.
    trades : tuple of tuple of Trade
        One per strategy; only the plain simulation keeps them.
    """

    metrics: FloatArray
    equity: FloatArray | None
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
    fixed_amount: bool = False,
    split_day: int = 0,
    value_at_liquidation: bool = True,
    keep_equity: bool = False,
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
    fixed_amount : bool
        Size entries on the initial capital instead of the cash left.
    split_day : int
        First day of the second segment, >= 2; 0: one segment.
    value_at_liquidation : bool
        Measure a segment on equity whose last day is ``total - fee_rate x sum of held amounts``.
        Nothing is sold: the second segment goes on from the whole total.
    keep_equity : bool
        Return the equity curves, of which only the last day is at liquidation value.

    Returns
    -------
    Simulation
        Without trades.

    Raises
    ------
    DataError
        If the ranking or the caps end before the returns, or the ranking is not deep enough.
    """
    from objectives.kernels import backtest as kernels  # Numba takes most of a second

    n_days, n_pairs = returns.shape
    n_strategies = len(rules.position_size)
    top = n_pairs if rules.top is None else min(rules.top, n_pairs)
    if len(ranking.n_ranked) < n_days or len(caps.row) < n_days or ranking.order.shape[1] < top:
        raise DataError(
            f"{n_days} days of returns need as many of ranking and caps, to rank {top}; got "
            f"{len(ranking.n_ranked)} and {len(caps.row)}, to rank {ranking.order.shape[1]}"
        )
    metrics = np.full((n_strategies, 2 if split_day else 1, len(METRICS)), np.nan)
    equity = np.empty((n_strategies if keep_equity else 1, n_days + 1))
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
        metrics,
        equity,
    )
    return Simulation(metrics, equity if keep_equity else None)


def simulate_reference(
    returns: FloatArray,
    ranking: Ranking,
    rules: RuleTable,
    caps: InverseCaps,
    *,
    initial_capital: float,
    fee_rate: float,
    fixed_amount: bool = False,
    split_day: int = 0,
    value_at_liquidation: bool = True,
    keep_equity: bool = False,
) -> Simulation:
    """Plain twin of :func:`simulate`, which also keeps the trades."""
    accounts = []
    for rule in rules:
        account = _Account(initial_capital, fee_rate, value_at_liquidation)
        for d in range(1, len(returns) + 1):
            if d == split_day:
                account.end_segment()
            account.earn(d, returns[d - 1])
            if (d - 1) % rule.rebalance_frequency == 0 and ranking.n_ranked[d - 1] > 0:
                base = initial_capital if fixed_amount else None
                account.trade(d, ranking, rule, caps.values[caps.row[d - 1]], base)
            account.close_day()
        account.equity[-1] = account.end_segment()
        accounts.append(account)
    return Simulation(
        metrics=np.array([account.metrics for account in accounts]),
        equity=np.array([account.equity for account in accounts]) if keep_equity else None,
        trades=tuple(tuple(account.trades) for account in accounts),
    )


class _Account:
    """Cash, positions and the record of the plain simulation."""

    def __init__(self, capital: float, fee_rate: float, value_at_liquidation: bool) -> None:
        self.cash = capital
        self.fee_rate = fee_rate
        self.value_at_liquidation = value_at_liquidation
        self.positions: dict[int, float] = {}  # in order of entry
        self.entered: dict[int, int] = {}
        self.equity = [capital]
        self.trades: list[Trade] = []
        self.metrics: list[list[float]] = []
        self._segment = SegmentRecord([capital], 1, [], [], 0, [], 0.0, 0.0, 0)

    @property
    def invested(self) -> float:
        invested = 0.0
        for amount in self.positions.values():
            invested += amount
        return invested

    @property
    def total(self) -> float:
        return self.cash + self.invested

    def earn(self, day: int, returns: FloatArray) -> None:
        """Add the funding of the day before to the cash."""
        if not self.positions:
            return
        before = self.equity[-1]
        pnl = 0.0
        earned = {
            pair: amount / 2.0 * float(returns[pair])
            for pair, amount in self.positions.items()
            if not math.isnan(returns[pair])
        }
        for money in earned.values():
            pnl += money
        self.cash += pnl
        for pair, money in earned.items():
            self._note(day, pair, "funding", money, 0)
        self._segment.pnl.append(pnl)
        self._segment.v5_returns.append(pnl / before if before != 0.0 else 0.0)

    def trade(
        self,
        day: int,
        ranking: Ranking,
        rule: TradingRules,
        inverse_cap: FloatArray,
        base: float | None,
    ) -> None:
        """Leave what fell behind, then enter what leads, on the ranking of the day before."""
        t = day - 1
        n_positive = int(ranking.n_positive[t])
        limit = n_positive if rule.exit_threshold is None else rule.exit_threshold
        for pair in list(self.positions):
            rank = int(ranking.rank[t, pair])
            if rank == 0 or rank > limit:
                self._exit(day, pair, rank)
        if rule.entry_top_n is None:
            n_top = n_positive
        else:
            n_top = min(rule.entry_top_n, int(ranking.n_ranked[t]))
        top = [int(pair) for pair in ranking.order[t, :n_top]]
        scores = [float(score) for score in ranking.score[t, :n_top]]
        multipliers = _multipliers(rule.weight_method, top, scores, inverse_cap)
        for rank, (pair, multiplier) in enumerate(zip(top, multipliers, strict=True), start=1):
            if rule.max_positions is not None and len(self.positions) >= rule.max_positions:
                break
            if pair in self.positions:
                continue
            size = 1.0 / n_top if rule.position_size is None else rule.position_size
            if rule.weight_method != "EQ":
                size = min(size * multiplier, WEIGHT_CAP)
            self._enter(day, pair, (self.cash if base is None else base) * size, rank)

    def close_day(self) -> None:
        self.equity.append(self.total)
        self._segment.equity.append(self.total)
        self._segment.n_days += 1
        self._segment.active_days += bool(self.positions)

    def end_segment(self) -> float:
        """Settle the figures of the segment so far and count anew from here.

        Returns what the account counts as worth at the end of the segment; it goes on from its
        total all the same.
        """
        worth = self.equity[-1]
        if self.value_at_liquidation:
            worth -= self.fee_rate * self.invested
            self._count(self.invested)
        self._segment.equity[-1] = worth
        self._segment.open_positions = len(self.positions)
        self.metrics.append(performance(self._segment))
        self._segment = SegmentRecord([self.equity[-1]], 0, [], [], 0, [], 0.0, 0.0, 0)
        return worth

    def _enter(self, day: int, pair: int, amount: float, rank: int) -> None:
        cost = amount * (1.0 + self.fee_rate)
        if amount <= 0.0 or cost > self.cash:
            return
        self.cash -= cost
        self.positions[pair] = amount
        self.entered[pair] = day
        self._count(amount)
        self._note(day, pair, "enter", amount, rank)

    def _exit(self, day: int, pair: int, rank: int) -> None:
        amount = self.positions.pop(pair)
        self.cash += amount * (1.0 - self.fee_rate)
        self._segment.holding_days.append(day - self.entered.pop(pair))
        self._count(amount)
        self._note(day, pair, "exit", amount, rank)

    def _count(self, amount: float) -> None:
        self._segment.traded += amount
        self._segment.fees += self.fee_rate * amount

    def _note(self, day: int, pair: int, action: str, amount: float, rank: int) -> None:
        self.trades.append(Trade(day, pair, action, amount, rank, self.cash, self.total))


def _multipliers(
    method: str, top: Sequence[int], scores: Sequence[float], inverse_cap: FloatArray
) -> list[float]:
    """Weight multipliers of the entry set: 1, or n_top x share of the weight."""
    if method == "EQ":
        return [1.0] * len(top)
    if method == "IC":
        weights = [float(inverse_cap[pair]) for pair in top]
    else:
        weights = [max(score, 0.0) for score in scores]
    total = 0.0
    for weight in weights:
        total += weight
    return [len(top) * weight / total if total > 0.0 else 1.0 for weight in weights]
