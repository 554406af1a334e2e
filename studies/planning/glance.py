"""What a few queries say of the market, so that an impossible session is refused at once.

Reading the market takes the better part of a second. What is refused here would be refused after
it, in the same words; what a query cannot say for certain is left to the market itself.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from objectives.constants import MIN_RANKED_PAIRS, NO_MARKET_CAPS_ADVICE
from objectives.settings import BacktestSettings
from search_spaces import FactorSpace, SearchSpace
from search_spaces.errors import DataError, StorageError
from studies.config import TuningConfig
from studies.database import create_engine

__all__ = ["refuse_impossible"]

_FEW_PAIRS = 500
_CAP_TABLES = ("market_cap_history", "market_caps")


def refuse_impossible(
    config: TuningConfig, engine: Engine, space: SearchSpace, weighs_caps: bool
) -> None:
    """Refuse settings, dates and weights that cannot be.

    Parameters
    ----------
    config : TuningConfig
    engine : Engine
        Of the project's database.
    space : SearchSpace
    weighs_caps : bool
        Whether IC weights are asked for by name.

    Raises
    ------
    ConfigError
        If a backtest setting is impossible, a date is outside the data, or no data period is
        short enough for the least number of active days.
    DataError
        If IC is asked for and the database holds no market cap.
    """
    settings = BacktestSettings.from_dict(config.backtest)
    factors = config.objective.type == "factor_backtest" and isinstance(space, FactorSpace)
    own = config.market.database is None
    try:
        source = engine if own else create_engine(str(config.market.database))
        try:
            with source.connect() as connection:
                span = _span(connection, config.market.pairs)
                listed = _second_listing(connection, config.market.pairs) if span else None
                bare = weighs_caps and factors and not _knows_caps(connection)
        finally:
            if not own:
                source.dispose()
    except (SQLAlchemyError, StorageError):
        return  # reading the market says what is wrong
    if span is None:
        return
    if bare:
        raise DataError(NO_MARKET_CAPS_ADVICE)
    if not factors:
        settings.resolve(*span)
        return
    periods = space.parameters[space.names.index("data_period")].finite_values()
    resolved = settings.resolve(*span, n_warm_up_days=max(periods))
    if listed is not None:
        ranked = max(listed + dt.timedelta(days=min(periods)), resolved.start_date)
        n_days = resolved.n_search_days
        n_best = max(0, n_days - (ranked - resolved.start_date).days)
        resolved.refuse_hopeless(n_best, n_days)


def _second_listing(connection: Connection, pairs: Sequence[str] | None) -> dt.date | None:
    """Return the first day on which two pairs were listed: before, nothing can be ranked."""
    table = sa.table("return_metrics", *map(sa.column, ("trading_pair", "date", "return_1d")))
    query = sa.select(sa.func.min(table.c.date)).where(table.c.return_1d.is_not(None))
    if pairs is not None:
        query = query.where(table.c.trading_pair.in_(pairs))
    firsts = connection.execute(query.group_by(table.c.trading_pair)).scalars().all()
    days = [_as_day(first) for first in firsts]
    if len(days) < MIN_RANKED_PAIRS or None in days:
        return None
    return sorted(day for day in days if day is not None)[MIN_RANKED_PAIRS - 1]


def _span(connection: Connection, pairs: Sequence[str] | None) -> tuple[dt.date, dt.date] | None:
    """Return the first and last day of the returns; None where that is not for sure."""
    columns = {column["name"] for column in sa.inspect(connection).get_columns("return_metrics")}
    if not {"trading_pair", "date", "return_1d"} <= columns:
        return None
    table = sa.table("return_metrics", *map(sa.column, ("trading_pair", "date", "return_1d")))
    query = sa.select(sa.func.min(table.c.date), sa.func.max(table.c.date))
    query = query.where(table.c.return_1d.is_not(None))
    if pairs is not None:
        if len(pairs) > _FEW_PAIRS:
            return None
        query = query.where(table.c.trading_pair.in_(pairs))
    first, last = (_as_day(value) for value in connection.execute(query).one())
    return None if first is None or last is None else (first, last)


def _as_day(value: Any) -> dt.date | None:
    """Read a date that can only mean one day."""
    if isinstance(value, dt.datetime):
        return value.date() if value.tzinfo is None else None
    if isinstance(value, dt.date):
        return value
    try:
        moment = dt.datetime.fromisoformat(value)
    except (ValueError, TypeError):
        return None
    return moment.date() if moment.tzinfo is None else None


def _knows_caps(connection: Connection) -> bool:
    """Whether a table of market caps has a row with one, of whatever symbol."""
    for name in _CAP_TABLES:
        if sa.inspect(connection).has_table(name):
            table = sa.table(name, sa.column("market_cap"))
            query = sa.select(table).where(table.c.market_cap.is_not(None)).limit(1)
            if connection.execute(query).first() is not None:
                return True
    return False
