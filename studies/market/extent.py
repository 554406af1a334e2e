"""How large the market of a database is, without reading it."""

from dataclasses import dataclass

import sqlalchemy as sa

from objectives.market.database import RETURN_METRICS
from studies.database import create_engine, database_errors
from studies.market.project_database import is_missing

__all__ = ["MarketExtent", "market_extent"]


@dataclass(frozen=True)
class MarketExtent:
    """How large a market is.

    Attributes
    ----------
    n_pairs : int
    first_date, last_date : str
        ``YYYY-MM-DD``.
    """

    n_pairs: int
    first_date: str
    last_date: str


def market_extent(url: str) -> MarketExtent | None:
    """Return how large the market of a database is; None where there is none.

    Raises
    ------
    StorageError
        If the database cannot be read.
    """
    engine = create_engine(url)
    try:
        if is_missing(engine):
            return None
        table = sa.table(RETURN_METRICS, sa.column("trading_pair"), sa.column("date"))
        with database_errors(engine), engine.connect() as connection:
            if not sa.inspect(connection).has_table(RETURN_METRICS):
                return None
            n_pairs, first, last = connection.execute(
                sa.select(
                    sa.func.count(sa.distinct(table.c.trading_pair)),
                    sa.func.min(table.c.date),
                    sa.func.max(table.c.date),
                )
            ).one()
    finally:
        engine.dispose()
    return MarketExtent(n_pairs, str(first)[:10], str(last)[:10]) if n_pairs else None
