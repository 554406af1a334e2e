"""One strategy in full, as the user's own tables hold it: rankings, result, trades.

A search records figures only; these rows are written on request. Saving again replaces what was
saved before: the rankings of the days, and the trades and the result of the same backtest.
"""

import datetime
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection, Engine

from objectives import BacktestResult, FactorBacktest
from objectives.factors import factor_values
from objectives.ranking import eligible_pairs, rank_pairs
from objectives.trading_rules import trading_rules
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

__all__ = ["SavedDetail", "save_detail"]

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
    session_id: str,
    strategy_id: str,
    objective: FactorBacktest,
    result: BacktestResult,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> SavedDetail:
    """Write rankings, result and trades of one strategy, in short transactions.

    The row of ``backtest_results`` comes last: where it is, the others are complete.

    Parameters
    ----------
    engine : Engine
        Of a prepared database.
    session_id, strategy_id : str
        They make the ``backtest_id``; the ``strategy_name`` is the strategy id.
    objective : FactorBacktest
        What `result` comes from.
    result : BacktestResult
    on_progress : callable, optional
        Called with rows written and their number.

    Returns
    -------
    SavedDetail

    Raises
    ------
    StorageError
        If the database cannot be written.
    """
    backtest_id = f"{session_id}_{strategy_id}"
    days = list(_rankings(objective, result, strategy_id))
    trades = list(_trades(objective, result, backtest_id))
    n_rankings = sum(len(rows) for _, rows in days)
    done, total = 0, n_rankings + len(trades)

    def advance(n_rows: int) -> None:
        nonlocal done
        done += n_rows
        if on_progress is not None:
            on_progress(done, total)

    with database_errors(engine), WritePacer(engine) as pacer:
        with pacer.transaction() as connection:
            for table in (backtest_results, backtest_trades):
                connection.execute(table.delete().where(table.c.backtest_id == backtest_id))
        for batch in _batches(days):
            with pacer.transaction() as connection:
                advance(_replace_rankings(connection, strategy_id, batch))
        for start in range(0, len(trades), _BATCH_ROWS):
            rows = trades[start : start + _BATCH_ROWS]
            with pacer.transaction() as connection:
                _insert(connection, backtest_trades.name, _TRADE_COLUMNS, rows)
            advance(len(rows))
        with pacer.transaction() as connection:
            values = _result_row(objective, result, backtest_id, strategy_id)
            connection.execute(backtest_results.insert().values(**values))
    return SavedDetail(backtest_id, strategy_id, n_rankings, len(trades))


def _rankings(
    objective: FactorBacktest, result: BacktestResult, strategy_id: str
) -> Iterator[tuple[str, list[_Row]]]:
    """Rows of every day of the backtest, days without a ranking included."""
    panel, settings, params = objective.panel, objective.settings, result.params
    first, stop = panel.day(settings.start_date), panel.day(settings.end_date) + 1
    inputs = np.ascontiguousarray(panel.factor_input(settings.factor_input)[:stop])
    values = factor_values(inputs, params.window_size, params.factors)
    eligible = eligible_pairs(panel.returns[:stop], params.data_period)
    wanted = np.arange(stop) >= first
    ranking = rank_pairs(values, eligible, list(range(len(params.factors))), wanted=wanted)
    for day in range(first, stop):
        n_ranked = int(ranking.n_ranked[day])
        date = f"{panel.dates[day]:%Y-%m-%d}"
        order = ranking.order[day, :n_ranked].tolist()
        scores = ranking.score[day, :n_ranked].tolist()
        components = values[:, day, order].T.tolist()
        yield (
            date,
            [
                (
                    strategy_id,
                    panel.pairs[pair],
                    date,
                    score,
                    rank,
                    _components(params.factors, component),
                )
                for rank, (pair, score, component) in enumerate(
                    zip(order, scores, components, strict=True), start=1
                )
            ],
        )


def _components(factors: tuple[str, ...], values: list[float]) -> str:
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


def _trades(objective: FactorBacktest, result: BacktestResult, backtest_id: str) -> Iterator[_Row]:
    panel = objective.panel
    place = {pair: position for position, pair in enumerate(panel.pairs)}
    first = panel.dates[0]
    for date, pair, action, amount, rank, cash, total in result.trades.itertuples(index=False):
        # funding is what the pair returned on the day before
        rate = None
        if action == "funding":
            rate = float(panel.returns[(date - first).days - 1, place[pair]])
        yield (
            backtest_id,
            f"{date:%Y-%m-%d}",
            pair,
            action,
            float(amount),
            rate,
            float(total - cash),
            float(cash),
            float(total),
            int(rank) or None,
        )


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
