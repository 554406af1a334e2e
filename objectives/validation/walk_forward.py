"""Walk-forward: choose the best strategy on the days so far, earn what it earns next, choose again.

The windows are anchored: every choice sees all days from the first one on. What the chosen
strategies earn on the days after each choice is put together to one series that no choice has seen.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from objectives.validation.sharpe import sharpe_ratio
from objectives.validation.training import best_before
from search_spaces.errors import ConfigError, DataError

__all__ = [
    "WalkForward",
    "WalkForwardResult",
    "Winner",
    "Winners",
    "stitch",
    "walk_forward_windows",
]

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Winner:
    """The strategy chosen for one window.

    Attributes
    ----------
    first_day, stop_day : int
        The window: it is chosen on the days before ``first_day`` and followed to the day before
        ``stop_day``.
    key : int
        The strategy.
    train_sharpe : float
        Its Sharpe ratio **per day** on the days before the window.
    net, excess : ndarray of float64, shape (n_window_days,)
        Its daily returns, and those above its basket, on the days of the window.
    entry_invested, exit_invested : float
        Amounts it holds over its wealth, from the close before the first day of the window and
        from the close of the last: what has to be bought to follow it, and sold to leave it.
        The exit is 0 in the last window, after which no other strategy is entered.
    """

    first_day: int
    stop_day: int
    key: int
    train_sharpe: float
    net: npt.NDArray[np.float64]
    excess: npt.NDArray[np.float64]
    entry_invested: float
    exit_invested: float


@dataclass(frozen=True)
class Winners:
    """The strategy chosen for every window, among the strategies looked at so far.

    Attributes
    ----------
    by_window : tuple of Winner
        In the order of the windows.
    """

    by_window: tuple[Winner, ...]

    @staticmethod
    def joined(parts: Sequence["Winners"]) -> "Winners":
        """Choose among the winners of the parts of a population.

        Parameters
        ----------
        parts : sequence of Winners
            At least one, all of the same windows; every partition in any order gives the same.

        Returns
        -------
        Winners

        Raises
        ------
        DataError
            If there is no part, or their windows differ.
        """
        windows = {tuple((w.first_day, w.stop_day) for w in part.by_window) for part in parts}
        if len(windows) != 1:
            raise DataError(f"winners of the same windows are joined, got {windows=}")
        candidates = zip(*(part.by_window for part in parts), strict=True)
        return Winners(
            tuple(min(window, key=lambda w: (-w.train_sharpe, w.key)) for window in candidates)
        )


@dataclass(frozen=True)
class WalkForwardResult:
    """What following the choices would have earned.

    Attributes
    ----------
    windows : ndarray of int64, shape (n_windows, 2)
        First day of every window and the day after its last.
    keys : ndarray of int64, shape (n_windows,)
        The strategy of every window.
    charges : ndarray of float64, shape (n_windows,)
        Fees of the switch into every window, fraction of wealth; already taken off the returns.
    net, excess : ndarray of float64, shape (n_test_days,)
        Daily returns of all windows, one after the other, and those above the baskets.
    net_sharpe, excess_sharpe : float
        Their Sharpe ratios **per year** (365 days); NaN for fewer than two days.
    """

    windows: IntArray
    keys: IntArray
    charges: npt.NDArray[np.float64]
    net: npt.NDArray[np.float64]
    excess: npt.NDArray[np.float64]
    net_sharpe: float
    excess_sharpe: float

    @property
    def n_windows(self) -> int:
        """Number of windows."""
        return len(self.windows)

    @property
    def n_distinct(self) -> int:
        """Number of different strategies chosen."""
        return len(np.unique(self.keys))

    @property
    def n_switches(self) -> int:
        """Times that one strategy was left for another; entering the first is none."""
        return int(np.count_nonzero(np.diff(self.keys)))


def walk_forward_windows(
    n_days: int, train_days: int | None = None, test_days: int = 30
) -> IntArray:
    """Cut the days into a first training part and the windows after it.

    Parameters
    ----------
    n_days : int
        Days of the returns.
    train_days : int, optional
        Days before the first window, at least 2; a third of all days by default.
    test_days : int
        Days of a window. The days left over extend the last window, which is therefore from
        ``test_days`` to ``2 test_days - 1`` days long: no day is lost, and no window is too short
        to count as one.

    Returns
    -------
    ndarray of int64, shape (n_windows, 2)
        First day and the day after the last. Empty where the days do not suffice for one window.

    Raises
    ------
    ConfigError
        If ``train_days`` is below 2 or ``test_days`` below 1.

    Examples
    --------
    >>> walk_forward_windows(100).tolist()
    [[33, 63], [63, 100]]
    """
    train_days = n_days // 3 if train_days is None else train_days
    if train_days < 2 or test_days < 1:
        raise ConfigError(f"train_days >= 2 and test_days >= 1, got {train_days=}, {test_days=}")
    n_windows = max(0, (n_days - train_days) // test_days)
    first = train_days + test_days * np.arange(n_windows)
    return np.stack([first, np.append(first[1:], n_days)[:n_windows]], axis=1)


@dataclass(frozen=True)
class WalkForward:
    """Finds the winners of all windows, one tile of a population after the other.

    Attributes
    ----------
    n_days, train_days, test_days : int
        As for :func:`walk_forward_windows`.

    Examples
    --------
    >>> import numpy as np
    >>> daily = np.random.default_rng(0).normal(0.001, 0.01, size=(6, 200))
    >>> walk = WalkForward(n_days=200)
    >>> tiles = [slice(0, 3), slice(3, 6)]
    >>> keys, exposure = np.arange(6), np.full((6, 200), 0.5)
    >>> parts = [walk.measure(daily[t], daily[t], daily[t], exposure[t], keys[t]) for t in tiles]
    >>> stitch(Winners.joined(parts), fee_rate=0.001).windows.tolist()
    [[66, 96], [96, 126], [126, 156], [156, 200]]
    """

    n_days: int
    train_days: int | None = None
    test_days: int = 30

    def __post_init__(self) -> None:
        """Refuse windows that cannot be."""
        walk_forward_windows(self.n_days, self.train_days, self.test_days)

    @property
    def windows(self) -> IntArray:
        """First day of every window and the day after its last, shape (n_windows, 2)."""
        return walk_forward_windows(self.n_days, self.train_days, self.test_days)

    def measure(
        self,
        chosen_by: FloatArray,
        net: FloatArray,
        excess: FloatArray,
        exposure: FloatArray,
        keys: IntArray,
    ) -> Winners:
        """Find the winners among the strategies of a tile; changes nothing, safe in threads.

        Parameters
        ----------
        chosen_by : ndarray of float32 or float64, shape (n_strategies, n_days)
            Daily returns whose Sharpe ratio on the days before a window decides; usually ``net``.
        net, excess : ndarray of float, shape (n_strategies, n_days)
            Daily returns after fees, and those above the basket, fractions of wealth.
        exposure : ndarray of float, shape (n_strategies, n_days)
            Half of the amounts held over wealth, both as they are before the funding of the day.
        keys : ndarray of int64, shape (n_strategies,)
            What identifies a strategy; decides between equally good ones.

        Returns
        -------
        Winners

        Raises
        ------
        DataError
            If the arrays do not fit each other or the days, there is no strategy, or a return
            of ``chosen_by``, or a figure of a winner, is not finite.
        """
        shape = (len(keys), self.n_days)
        shapes = [array.shape for array in (chosen_by, net, excess, exposure)]
        if len(keys) == 0 or any(other != shape for other in shapes):
            raise DataError(
                f"one or more rows of {self.n_days} days each, got {shapes=} for {len(keys)} keys"
            )
        windows = self.windows
        rows, sharpe = best_before(chosen_by, keys, windows[:, 0])
        winners = []
        for (first, stop), row, ratio in zip(windows.tolist(), rows, sharpe, strict=True):
            winner = Winner(
                first,
                stop,
                int(keys[row]),
                float(ratio),
                net[row, first:stop].astype(np.float64),
                excess[row, first:stop].astype(np.float64),
                2.0 * float(exposure[row, first]),
                2.0 * float(exposure[row, stop]) if stop < self.n_days else 0.0,
            )
            figures = (*winner.net, *winner.excess, winner.entry_invested, winner.exit_invested)
            if not np.isfinite(figures).all():
                raise DataError(f"returns and exposure of strategy {winner.key} are not finite")
            winners.append(winner)
        return Winners(tuple(winners))


def stitch(
    winners: Winners,
    fee_rate: float,
    holdings: Callable[[int, int], FloatArray] | None = None,
) -> WalkForwardResult:
    """Put the windows together, and charge what following the choices costs.

    Parameters
    ----------
    winners : Winners
        Of the whole population.
    fee_rate : float
        Fee per side, fraction of the amount traded.
    holdings : callable, optional
        ``holdings(key, day)`` returns what a strategy holds over a day, bought at the close before
        it: the amount of each pair as a fraction of wealth, shape (n_pairs,). Without it nobody
        knows which pairs two strategies share, and none is taken to be shared.

    Returns
    -------
    WalkForwardResult

    Raises
    ------
    ConfigError
        If ``fee_rate`` is below 0.

    Notes
    -----
    The returns of a strategy hold the fees of its own trades, but not those of coming to it in the
    middle of its life. At the close before a window what the strategy that is left holds is turned
    into what the new one holds, as each of them stands after its own trades of that close. As a
    fraction of wealth this costs::

        fee_rate x sum over pairs of |amount of the new one - amount of the old one|

    and, where the holdings are not known, the upper bound
    ``fee_rate x (invested of the old one + invested of the new one)``. It is taken off the net and
    the excess return of the first day of the window. The first window has no old one, and nothing
    is charged where the same strategy is chosen again. After the last window nothing is sold:
    whether the last day values the positions at liquidation is decided by the backtest that made
    the returns.

    That fees reduce the wealth on which the day's return is earned is left out; it changes the
    return by less than ``charge x (charge + |return|)``, some millionths.
    """
    if not fee_rate >= 0.0:
        raise ConfigError(f"fee_rate is 0 or more, got {fee_rate=}")
    net, excess, charges = [], [], []
    left: Winner | None = None
    for winner in winners.by_window:
        charge = fee_rate * _traded(left, winner, holdings)
        first_day = np.arange(len(winner.net)) == 0
        net.append(winner.net - charge * first_day)
        excess.append(winner.excess - charge * first_day)
        charges.append(charge)
        left = winner
    all_net, all_excess = (np.concatenate([np.empty(0), *days]) for days in (net, excess))
    windows = [(winner.first_day, winner.stop_day) for winner in winners.by_window]
    return WalkForwardResult(
        windows=np.array(windows, dtype=np.int64).reshape(-1, 2),
        keys=np.array([winner.key for winner in winners.by_window], dtype=np.int64),
        charges=np.array(charges, dtype=np.float64),
        net=all_net,
        excess=all_excess,
        net_sharpe=_annual_sharpe(all_net),
        excess_sharpe=_annual_sharpe(all_excess),
    )


def _traded(
    left: Winner | None, winner: Winner, holdings: Callable[[int, int], FloatArray] | None
) -> float:
    """Amounts sold and bought at the close before a window, as a fraction of wealth."""
    if left is None:
        return winner.entry_invested
    if left.key == winner.key:
        return 0.0
    if holdings is None:
        return left.exit_invested + winner.entry_invested
    day = winner.first_day
    return float(np.abs(holdings(winner.key, day) - holdings(left.key, day)).sum())


def _annual_sharpe(daily: FloatArray) -> float:
    return float(sharpe_ratio(daily, annualise=True)) if len(daily) >= 2 else math.nan
