"""From a strategy to an order: what to hold on the day after the newest ranking, and the trades."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from objectives.factor_backtest import Holdings, holdings_after
from objectives.settings import LARGEST_CAPITAL
from search_spaces.errors import ConfigError, DataError
from studies.analysis.chosen_strategy import MarketStrategy
from studies.analysis.held_positions import NOTHING, Held

__all__ = ["Leg", "Position", "Positions", "legs_of", "order_of", "positions_of"]

_EXCHANGE = re.compile(r"[A-Za-z0-9-]*[a-z][A-Za-z0-9-]*")
_HALF_A_CENT = 0.005


@dataclass(frozen=True)
class Leg:
    """One side of a pair.

    Attributes
    ----------
    exchange : str
        ``spot`` for the coin itself.
    side : {"short", "long"}
    """

    exchange: str
    side: str


@dataclass(frozen=True)
class Position:
    """One pair: what is held of it now, and what is to be held.

    Attributes
    ----------
    trading_pair, symbol : str
    amount, held : float
        Money in the pair after the trades and before; half of it on each leg.
    trade : float
        Their difference: positive is to be opened, negative to be closed, half on each leg.
    rank : int or None
        In the ranking that is traded on; None if it is not ranked.
    score : float or None
    last_observation : date or None
        Last day with a return of the pair, up to that of the ranking.
    is_stale : bool
        Whether it has none on the day of the ranking.
    legs : tuple of Leg
        Short one first; empty where the name of the pair does not say them.
    """

    trading_pair: str
    symbol: str
    amount: float
    held: float
    trade: float
    rank: int | None
    score: float | None
    last_observation: dt.date | None
    is_stale: bool
    legs: tuple[Leg, ...]


@dataclass(frozen=True)
class Positions:
    """What to hold, and how to get there.

    Attributes
    ----------
    strategy_id : str
    session_id : str or None
        Whose settings and days these are; None: those of the configuration.
    start_date : date
        First day of the backtest whose state this is.
    ranking_date, date : date
        Day of the ranking, and the day after it, on which the trades are made.
    is_trading_day : bool
        Whether the strategy trades on `date`; if not, it holds what it has held.
    next_trading_day : date
        `date`, or the first trading day after it.
    n_listed, n_eligible, n_ranked : int
        Pairs with an observation up to the day of the ranking, those that may be ranked, those
        that are.
    backtest_wealth : float
        Money the backtest has before the trades, of `initial_capital` at its start.
    initial_capital : float
    capital : float
        Money that is spread: cash and positions before the trades.
    scale : float
        ``capital / backtest_wealth``: what every amount of the backtest was multiplied by.
    held_from : str
        ``strategy``: the trades begin from what the strategy itself holds; else ``file`` or
        ``nothing``.
    min_trade : float
        Smaller trades are left out; the pair then keeps what is held of it.
    fee_rate : float
        Fraction of the traded amount, as in the backtest.
    fees : float
        Of all trades, in money.
    cash : float
        After trades and fees, in money; negative: the capital does not suffice.
    positions : tuple of Position
        Held or to be held: first by rank, those that are not ranked last.
    warnings : tuple of str
        What should be known before an order is placed.
    """

    strategy_id: str
    session_id: str | None
    start_date: dt.date
    ranking_date: dt.date
    date: dt.date
    is_trading_day: bool
    next_trading_day: dt.date
    n_listed: int
    n_eligible: int
    n_ranked: int
    backtest_wealth: float
    initial_capital: float
    capital: float
    scale: float
    held_from: str
    min_trade: float
    fee_rate: float
    fees: float
    cash: float
    positions: tuple[Position, ...]
    warnings: tuple[str, ...]

    @property
    def exchanges(self) -> dict[str, dict[str, float]]:
        """Money ``short`` and ``long`` on each exchange after the trades, where legs are known."""
        found: dict[str, dict[str, float]] = {}
        for position in self.positions:
            for leg in position.legs:
                sides = found.setdefault(leg.exchange, {"short": 0.0, "long": 0.0})
                sides[leg.side] += position.amount / 2.0
        return dict(sorted(found.items()))

    @property
    def stale(self) -> tuple[str, ...]:
        """Pairs without a return on the day of the ranking."""
        return tuple(each.trading_pair for each in self.positions if each.is_stale)

    def to_dict(self) -> dict[str, Any]:
        """Return it for a program: positions with the money of each leg, totals by exchange."""
        document = asdict(self)
        document["positions"] = [_described(position) for position in self.positions]
        return {**document, "exchanges": self.exchanges, "stale": list(self.stale)}


def legs_of(trading_pair: str) -> tuple[Leg, ...]:
    """Return the legs of a pair ``SYMBOL_exchangeA_exchangeB``: short on A, long on B.

    A positive return of the pair is what funding earns then (SEMANTICS section 1). Empty for names
    of another form: who made them has to know what they mean.
    """
    parts = trading_pair.split("_")
    if len(parts) != 3 or not parts[0] or parts[1] == parts[2]:
        return ()
    if not all(_EXCHANGE.fullmatch(exchange) for exchange in parts[1:]):
        return ()
    return Leg(parts[1], "short"), Leg(parts[2], "long")


def positions_of(
    strategy: MarketStrategy,
    date: dt.date | None = None,
    *,
    capital: float | None = None,
    held: Held | None = None,
    min_trade: float = 0.0,
) -> Positions:
    """Say what to hold on the day after a ranking.

    The backtest of the strategy is run from its first day up to that day, of which nothing is
    known yet, and its positions are scaled to the capital.

    Parameters
    ----------
    strategy : MarketStrategy
    date : date, optional
        Day of the ranking; the last one of the market if left out.
    capital : float, optional
        Money to be spread, cash and positions together. By default with `held` what that is
        worth, and without it what the backtest has: then amounts are those of the backtest.
    held : Held, optional
        What is held now; if left out what the strategy itself holds, scaled like the rest.
    min_trade : float
        Leave out trades of less money than this.

    Returns
    -------
    Positions

    Raises
    ------
    ConfigError
        If the capital is not above 0, or the file does not say what it is, or `min_trade` is
        not 0 or more.
    DataError
        If the day is outside the market or before the backtest, or a pair is held that the market
        does not have.
    """
    if not min_trade >= 0.0:
        raise ConfigError(f"the smallest trade is 0 or more, got {min_trade}")
    panel, settings = strategy.panel, strategy.settings
    date = panel.dates[-1].date() if date is None else date
    state = holdings_after(panel, settings, strategy.params, date)
    if not state.wealth > 0.0:
        raise DataError(f"the backtest has lost everything by {date}; there is nothing to spread")
    capital = _capital(capital, held, settings.initial_capital, state.wealth)
    # exactly 1 where nothing is scaled, so that amounts are those of the backtest
    scale = 1.0 if capital == state.wealth else capital / state.wealth
    target = {pair: amount * scale for pair, amount in state.target.items()}
    if held is None:
        now = {pair: amount * scale for pair, amount in state.held.items()}
    else:
        now = dict(held.amounts)
        for pair in now.keys() - set(panel.pairs):
            raise DataError(
                f"{held.place_of(pair)}: the market has no pair {pair!r}; close it by hand and "
                "remove the row"
            )
    positions = _positions(strategy, state, target, now, max(min_trade, _HALF_A_CENT))
    traded = sum(abs(position.trade) for position in positions)
    fees = settings.fee_rate * traded
    cash = capital - sum(position.amount for position in positions) - fees
    found = Positions(
        strategy_id=strategy.chosen.strategy_id,
        session_id=strategy.chosen.session_id,
        start_date=settings.start_date,
        ranking_date=date,
        date=date + dt.timedelta(days=1),
        is_trading_day=state.is_trading_day,
        next_trading_day=state.next_trading_day,
        n_listed=state.ranking.n_listed,
        n_eligible=state.ranking.n_eligible,
        n_ranked=len(state.ranking.table),
        backtest_wealth=state.wealth,
        initial_capital=settings.initial_capital,
        capital=capital,
        scale=scale,
        held_from="strategy" if held is None else held.source,
        min_trade=min_trade,
        fee_rate=settings.fee_rate,
        fees=fees,
        cash=cash,
        positions=positions,
        warnings=(),
    )
    return Positions(**{**vars(found), "warnings": tuple(_warnings(strategy, found))})


def _capital(
    capital: float | None, held: Held | None, initial_capital: float, wealth: float
) -> float:
    if capital is None:
        if held is None:
            return wealth
        capital = initial_capital if held.source == NOTHING else held.worth
    if not 0.0 < capital < float("inf"):
        raise ConfigError(f"the capital must be above 0, got {capital}")
    if capital > LARGEST_CAPITAL:
        raise ConfigError(f"the capital is at most {LARGEST_CAPITAL:,.0f}, got {capital}")
    return capital


def _positions(
    strategy: MarketStrategy,
    state: Holdings,
    target: Mapping[str, float],
    now: Mapping[str, float],
    min_trade: float,
) -> tuple[Position, ...]:
    panel, ranked = strategy.panel, state.ranking.table
    known_until = panel.day(state.ranking.date) + 1
    rank_of = dict(zip(ranked["trading_pair"], ranked.index.tolist(), strict=True))
    score_of = dict(zip(ranked["trading_pair"], ranked["score"].tolist(), strict=True))
    column = {pair: place for place, pair in enumerate(panel.pairs)}
    found = []
    for pair in {**target, **now}:
        amount, held = target.get(pair, 0.0), now.get(pair, 0.0)
        if abs(amount - held) < min_trade:
            amount = held
        if amount == 0.0 and held == 0.0:
            continue
        observed = np.flatnonzero(~np.isnan(panel.returns[:known_until, column[pair]]))
        last = panel.dates[observed[-1]].date() if observed.size else None
        found.append(
            Position(
                pair,
                pair.split("_", 1)[0],
                amount,
                held,
                amount - held,
                rank_of.get(pair),
                score_of.get(pair),
                last,
                last != state.ranking.date,
                legs_of(pair),
            )
        )
    return tuple(sorted(found, key=lambda each: (each.rank is None, each.rank, each.trading_pair)))


def _warnings(strategy: MarketStrategy, found: Positions) -> list[str]:
    warnings = []
    if strategy.has_changed:
        warnings.append(
            f"the market up to {strategy.settings.end_date}, or the settings, have changed since "
            f"{found.strategy_id} was recorded, and with them what it holds"
        )
    if found.n_ranked == 0:
        warnings.append(f"{found.ranking_date} has no ranking, so nothing is traded on it")
    elif not found.is_trading_day:
        warnings.append(
            f"{found.date} is no trading day of the strategy; the next one is "
            f"{found.next_trading_day}"
        )
    for each in found.positions:
        if each.is_stale:
            since = "at all" if each.last_observation is None else f"since {each.last_observation}"
            warnings.append(f"{each.trading_pair} is stale: no data {since}")
    unknown = [each.trading_pair for each in found.positions if not each.legs]
    if unknown:
        warnings.append(
            f"the legs of {', '.join(unknown)} are not known: the name is not "
            "SYMBOL_exchange_exchange"
        )
    if found.cash < -_HALF_A_CENT:
        warnings.append(
            f"the capital is {-found.cash:,.2f} short of positions and fees; give a smaller "
            "--capital"
        )
    return warnings


def _described(position: Position) -> dict[str, Any]:
    """Return a position with the money of each leg."""
    legs = [
        {
            **asdict(leg),
            "amount": position.amount / 2.0,
            "trade": position.trade / 2.0,
            "order": order_of(leg, position.trade),
        }
        for leg in position.legs
    ]
    return {**asdict(position), "legs": legs}


def order_of(leg: Leg, trade: float) -> str | None:
    """Return whether a leg is bought or sold."""
    if trade == 0.0:
        return None
    return "sell" if (leg.side == "short") == (trade > 0.0) else "buy"
