"""Cash and positions of one strategy in plain loops, which note every trade."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from objectives.constants import WEIGHT_CAP
from objectives.metrics import SegmentRecord, performance
from objectives.ranking import Ranking
from objectives.trading_rules import TradingRules

__all__ = ["Account", "Trade"]

FloatArray = npt.NDArray[np.float64]


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


class Account:
    """Cash, positions and the record of the plain simulation.

    Parameters
    ----------
    capital : float
        Money at the start.
    fee_rate : float
        Fraction of each traded amount.
    value_at_liquidation : bool
        Measure the last day of a segment at what selling everything would leave.
    """

    def __init__(self, capital: float, fee_rate: float, value_at_liquidation: bool) -> None:
        self.cash = capital
        self.fee_rate = fee_rate
        self.value_at_liquidation = value_at_liquidation
        self.positions: dict[int, float] = {}  # in order of entry
        self.entered: dict[int, int] = {}
        self.equity = [capital]
        self.trades: list[Trade] = []
        self.metrics: list[list[float]] = []
        self.daily: list[float] = []
        self.exposure: list[float] = []
        self._segment = SegmentRecord([capital], [], 1, [], [], 0, [], 0.0, 0.0, 0)

    @property
    def invested(self) -> float:
        """Sum of the amounts held."""
        invested = 0.0
        for amount in self.positions.values():
            invested += amount
        return invested

    @property
    def total(self) -> float:
        """Cash and amounts held."""
        return self.cash + self.invested

    def earn(self, day: int, returns: FloatArray, basket: float) -> None:
        """Add the funding of the day before to the cash."""
        before = self.equity[-1]
        self.exposure.append(self.invested / 2.0 / before if before != 0.0 else 0.0)
        self._segment.basket_returns.append(self.exposure[-1] * basket)
        if not self.positions:
            return
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
        """Record the wealth at the close of a day."""
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
        self.daily += [
            after / before - 1.0 if before != 0.0 else 0.0
            for before, after in pairwise(self._segment.equity)
        ]
        self._segment.open_positions = len(self.positions)
        self.metrics.append(performance(self._segment))
        self._segment = SegmentRecord([self.equity[-1]], [], 0, [], [], 0, [], 0.0, 0.0, 0)
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
