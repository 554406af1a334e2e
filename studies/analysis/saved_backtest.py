"""One strategy in full, as the user's own tables hold it: rankings, result, trades.

A search records figures only; these rows are written on request, and for its best strategies.
Saving again replaces what was saved before: the rankings of the days, and the trades and the result
of the same backtest.
"""

import datetime
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from objectives import BacktestResult, FactorBacktest
from objectives.factor_backtest import DayRanking
from objectives.trading_rules import trading_rules
from search_spaces.errors import StorageError
from studies.database import (
    WritePacer,
    backtest_results,
    backtest_trades,
    database_errors,
    insert_rows,
    stored_time,
    strategy_ranking,
    utc_now,
)

__all__ = ["CONFIGURED", "SavedDetail", "backtest_id_of", "save_detail", "save_rankings"]

CONFIGURED = "configured"
"""Stands before the strategy in the ids of backtests that are not those of a session."""

_BATCH_ROWS = 4_000
_RANKING_COLUMNS = (
    "strategy_name",
    "trading_pair",
    "date",
    "final_ranking_score",
    "rank_position",
    "component_scores",
    "created_at",
    "updated_at",
)
_TRADE_COLUMNS = (
    "backtest_id",
    "trade_date",
    "trading_pair",
    "action",
    "amount",
    "funding_rate_diff",
    "position_balance",
    "cash_balance",
    "total_balance",
    "rank_position",
    "created_at",
)
_Row = tuple[Any, ...]


@dataclass(frozen=True)
class SavedDetail:
    """What was written.

    Attributes
    ----------
    backtest_id : str
        Key of the row in ``backtest_results`` and of its trades.
    strategy_name : str
        Key of the rows in ``strategy_ranking``.
    n_rankings, n_trades : int
        Rows in ``strategy_ranking`` (days x ranked pairs) and ``backtest_trades``.
    """

    backtest_id: str
    strategy_name: str
    n_rankings: int
    n_trades: int


def save_detail(
    engine: Engine,
    owner: str,
    strategy_id: str,
    objective: FactorBacktest,
    result: BacktestResult,
    *,
    rankings: Literal["all", "last", "none"] = "all",
    on_progress: Callable[[int, int], None] | None = None,
) -> SavedDetail:
    """Write rankings, result and trades of one strategy, in short transactions.

    The row of ``backtest_results`` comes last: where it is, the others are complete.

    Parameters
    ----------
    engine : Engine
        Of a prepared database.
    owner, strategy_id : str
        They make the ``backtest_id``; the owner is the id of a session, or :data:`CONFIGURED`.
        The ``strategy_name`` is the strategy id.
    objective : FactorBacktest
        What `result` comes from.
    result : BacktestResult
    rankings : {"all", "last", "none"}
        Of which days of the backtest.
    on_progress : callable, optional
        Called with rows written and their number.

    Returns
    -------
    SavedDetail

    Raises
    ------
    StorageError
        If the database cannot be written, or another process saves the same at the same time.
    """
    backtest_id = backtest_id_of(owner, strategy_id)
    first, last = objective.settings.start_date, objective.settings.end_date
    days: list[DayRanking] = []
    if rankings != "none":
        days = list(result.rankings(first if rankings == "all" else last, last))
    trades = _trades(objective, result, backtest_id)
    n_rankings = sum(len(day.table) for day in days)
    advance = _counter(n_rankings + len(trades), on_progress)
    with database_errors(engine), WritePacer(engine) as pacer:
        with pacer.transaction() as connection:
            for table in (backtest_results, backtest_trades):
                connection.execute(table.delete().where(table.c.backtest_id == backtest_id))
        _save_rankings(pacer, strategy_id, days, advance)
        for start in range(0, len(trades), _BATCH_ROWS):
            rows = trades[start : start + _BATCH_ROWS]
            with pacer.transaction() as connection:
                _insert(connection, backtest_trades.name, _TRADE_COLUMNS, rows)
            advance(len(rows))
        values = _result_row(objective, result, backtest_id, strategy_id)
        with pacer.transaction() as connection:
            _insert_result(connection, values, len(trades))
    return SavedDetail(backtest_id, strategy_id, n_rankings, len(trades))


def _insert_result(connection: Connection, values: dict[str, Any], n_trades: int) -> None:
    """Write the row that says that all is there, unless another process wrote its own between."""
    trades, backtest_id = backtest_trades, values["backtest_id"]
    mine = sa.select(sa.func.count()).where(trades.c.backtest_id == backtest_id)
    results = backtest_results
    connection.execute(results.delete().where(results.c.backtest_id == backtest_id))
    if connection.execute(mine).scalar_one() != n_trades:
        raise StorageError(
            f"another process was saving {backtest_id} at the same time; save it again"
        )
    connection.execute(results.insert().values(**values))


def backtest_id_of(owner: str, strategy_id: str) -> str:
    """Return the key of a backtest in ``backtest_results`` and ``backtest_trades``."""
    return f"{owner}_{strategy_id}"


def save_rankings(
    engine: Engine,
    strategy_id: str,
    days: Sequence[DayRanking],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write rankings of a strategy in the place of those of the same days.

    Parameters
    ----------
    engine : Engine
        Of a prepared database.
    strategy_id : str
        Becomes the ``strategy_name``.
    days : sequence of DayRanking
        Consecutive ones.
    on_progress : callable, optional
        Called with rows written and their number.

    Returns
    -------
    int
        Number of rows written.

    Raises
    ------
    StorageError
        If the database cannot be written.
    """
    n_rankings = sum(len(day.table) for day in days)
    with database_errors(engine), WritePacer(engine) as pacer:
        _save_rankings(pacer, strategy_id, days, _counter(n_rankings, on_progress))
    return n_rankings


def _counter(total: int, on_progress: Callable[[int, int], None] | None) -> Callable[[int], None]:
    done = 0

    def advance(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        if on_progress is not None:
            on_progress(done, total)

    return advance


def _save_rankings(
    pacer: WritePacer,
    strategy_id: str,
    days: Sequence[DayRanking],
    advance: Callable[[int], None],
) -> None:
    for batch in _batches([(day.date.isoformat(), _rows(strategy_id, day)) for day in days]):
        with pacer.transaction() as connection:
            advance(_replace_rankings(connection, strategy_id, batch))


def _rows(strategy_id: str, day: DayRanking) -> list[_Row]:
    date, table = day.date.isoformat(), day.table
    codes = list(table.columns[2:])
    components = table[codes].to_numpy().tolist()
    places = zip(
        table.index.tolist(),
        table["trading_pair"].tolist(),
        table["score"].tolist(),
        components,
        strict=True,
    )
    return [
        (strategy_id, pair, date, score, rank, _components(codes, values))
        for rank, pair, score, values in places
    ]


def _components(factors: Sequence[str], values: list[float]) -> str:
    """Write the factor values of a pair as JSON, null where one is unknown."""
    known = [None if math.isnan(value) else value for value in values]
    return json.dumps(dict(zip(factors, known, strict=True)))


def _batches(days: list[tuple[str, list[_Row]]]) -> Iterator[list[tuple[str, list[_Row]]]]:
    """Group whole days; a batch has at most `_BATCH_ROWS` rows, unless one day alone has more."""
    batch: list[tuple[str, list[_Row]]] = []
    n_rows = 0
    for date, rows in days:
        if batch and n_rows + len(rows) > _BATCH_ROWS:
            yield batch
            batch, n_rows = [], 0
        batch.append((date, rows))
        n_rows += len(rows)
    if batch:
        yield batch


def _replace_rankings(
    connection: Connection, strategy_id: str, batch: list[tuple[str, list[_Row]]]
) -> int:
    """Write the rankings of consecutive days; each day's is replaced as a whole."""
    column = strategy_ranking.c.date
    after = datetime.date.fromisoformat(batch[-1][0]) + datetime.timedelta(days=1)
    connection.execute(
        strategy_ranking.delete().where(
            strategy_ranking.c.strategy_name == strategy_id,
            column >= batch[0][0],
            column < after.isoformat(),
        )
    )
    now = stored_time(connection, utc_now())
    rows = [(*row, now, now) for _, rows in batch for row in rows]
    insert_rows(connection, strategy_ranking.name, _RANKING_COLUMNS, rows)
    return len(rows)


def _insert(connection: Connection, table: str, columns: tuple[str, ...], rows: list[_Row]) -> None:
    now = stored_time(connection, utc_now())
    insert_rows(connection, table, columns, [(*row, now) for row in rows])


def _trades(objective: FactorBacktest, result: BacktestResult, backtest_id: str) -> list[_Row]:
    panel, trades = objective.panel, result.trades
    place_of = {pair: place for place, pair in enumerate(panel.pairs)}
    actions = trades["action"].tolist()
    day = panel.dates.get_indexer(pd.DatetimeIndex(trades["date"])) - 1
    place = np.array([place_of[pair] for pair in trades["trading_pair"]], dtype=np.int64)
    # funding is what the pair returned on the day before
    rates = panel.returns[day, place].tolist()
    cash, total = trades["cash_balance"], trades["total_balance"]
    columns = (
        pd.DatetimeIndex(trades["date"]).strftime("%Y-%m-%d").tolist(),
        trades["trading_pair"].tolist(),
        actions,
        trades["amount"].tolist(),
        [
            rate if action == "funding" else None
            for rate, action in zip(rates, actions, strict=True)
        ],
        (total - cash).tolist(),
        cash.tolist(),
        total.tolist(),
        [rank or None for rank in trades["rank"].tolist()],
    )
    return [(backtest_id, *row) for row in zip(*columns, strict=True)]


def _result_row(
    objective: FactorBacktest, result: BacktestResult, backtest_id: str, strategy_id: str
) -> dict[str, Any]:
    settings, metrics = objective.settings, result.metrics
    rules = trading_rules(result.params, settings)
    assert settings.start_date is not None
    assert settings.end_date is not None
    return {
        "backtest_id": backtest_id,
        "strategy_name": strategy_id,
        "start_date": settings.start_date.isoformat(),
        "end_date": settings.end_date.isoformat(),
        "initial_capital": settings.initial_capital,
        "position_size": rules.position_size,
        "fee_rate": settings.fee_rate,
        "max_positions": rules.max_positions,
        "entry_top_n": rules.entry_top_n,
        "exit_threshold": rules.exit_threshold,
        "final_balance": metrics["final_balance"],
        "total_return": metrics["total_return"],
        "roi": metrics["annual_return"],
        "total_days": (settings.end_date - settings.start_date).days + 1,
        "sharpe_ratio": metrics["sharpe_ratio"],
        "max_drawdown": metrics["max_drawdown"],
        "win_rate": metrics["win_rate"],
        "total_trades": _count(metrics["trade_count"]),
        "profit_days": _count(metrics["profit_days"]),
        "loss_days": _count(metrics["loss_days"]),
        "avg_holding_days": metrics["avg_holding_days"],
        "config_params": json.dumps(
            {
                "parameters": {
                    name: getattr(result.params, name) for name in result.params.__slots__
                },
                "settings": settings.to_dict(),
                "metrics": dict(metrics),
            }
        ),
        "notes": result.failure,
    }


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)
