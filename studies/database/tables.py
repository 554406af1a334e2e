"""The tables of this project, as SQLAlchemy Core describes them.

The tables are created and changed by `studies.database.migrations` only; queries are written with
this module. JSON is stored as text and times are naive UTC, so that rows read the same on SQLite
and PostgreSQL and can be written in bulk without SQLAlchemy. There are no foreign keys: a row is
written only in a transaction that holds its session's claim, a session is deleted children first,
and on PostgreSQL a reference would cost every row of a bulk write a lock on the session's row.
"""

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from objectives.metrics import METRIC_NAMES, METRICS

__all__ = [
    "METRIC_COLUMNS",
    "OOS_METRIC_COLUMNS",
    "backtest_results",
    "backtest_trades",
    "create_result_indexes",
    "execution_log",
    "has_result_index",
    "hyperparameter_tuning_results",
    "metadata",
    "search_generations",
    "strategy_queue",
    "strategy_ranking",
    "tuning_sessions",
    "utc_now",
    "verdicts",
    "work_chunks",
]

METRIC_COLUMNS = METRIC_NAMES
"""Figures in the order of SEMANTICS.md section 6; counts are integers, all others floats."""
OOS_METRIC_COLUMNS = tuple(f"oos_{name}" for name in METRIC_COLUMNS)
_COUNTS = frozenset(metric.name for metric in METRICS if metric.unit == "count")

metadata = sa.MetaData()


def utc_now() -> datetime.datetime:
    """Return the time as it is stored: UTC, without a time zone."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def create_result_indexes(connection: Connection) -> None:
    """Create the secondary indexes of the results that do not exist yet.

    They cost a bulk write more than they are worth while it runs, so they are built after it.
    """
    for index in _RESULT_INDEXES:
        index.create(connection, checkfirst=True)


def has_result_index(connection: Connection, column: str) -> bool:
    """Whether a secondary index sorts the results of a session by a column (yet)."""
    return any(
        column in index.columns and sa.inspect(connection).has_index(_RESULTS.name, str(index.name))
        for index in _RESULT_INDEXES
    )


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, **options)


def _integer(name: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, **options)


def _counter(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, default=0, server_default="0")


def _real(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double)


def _time(name: str, **options: Any) -> sa.Column[datetime.datetime]:
    return sa.Column(name, sa.DateTime, **options)


def _created_at() -> sa.Column[datetime.datetime]:
    # Filled in by Python: SQLite adds no column with a changing default to an existing table.
    return _time("created_at", default=utc_now)


def _metric(name: str) -> sa.Column[Any]:
    return _integer(name) if name.removeprefix("oos_") in _COUNTS else _real(name)


tuning_sessions = sa.Table(
    "tuning_sessions",
    metadata,
    _text("session_id", primary_key=True),
    _text("mode"),
    _text("method"),
    sa.Column("seed", sa.BigInteger),
    _counter("total_strategies"),
    _counter("completed_strategies"),
    _counter("failed_strategies"),
    _text("status"),
    _created_at(),
    _time("started_at"),
    _time("completed_at"),
    _text("config_data"),
    _text("notes"),
    _text("space_fingerprint"),
    _text("data_fingerprint"),
)

strategy_queue = sa.Table(
    "strategy_queue",
    metadata,
    _integer("id", primary_key=True),
    _text("session_id", nullable=False),
    _text("strategy_id", nullable=False),
    _text("strategy_config"),
    _text("status", nullable=False, default="pending", server_default="pending"),
    _counter("priority"),
    _counter("retry_count"),
    _created_at(),
    _time("started_at"),
    _time("completed_at"),
    _real("execution_time_seconds"),
    _text("error_message"),
    sa.UniqueConstraint("session_id", "strategy_id", name="uq_strategy_queue_strategy"),
)

hyperparameter_tuning_results = sa.Table(
    "hyperparameter_tuning_results",
    metadata,
    _integer("id", primary_key=True),
    _text("session_id", nullable=False),
    _text("strategy_id", nullable=False),
    _text("factors"),
    _integer("window_size"),
    _integer("rebalance_frequency"),
    _integer("data_period"),
    _integer("selection_count"),
    _text("weight_method"),
    *[_metric(name) for name in METRIC_COLUMNS + OOS_METRIC_COLUMNS],
    _text("start_date"),
    _text("end_date"),
    _real("execution_time"),
    _text("raw_result"),
    _created_at(),
    sa.UniqueConstraint(
        "session_id", "strategy_id", name="uq_hyperparameter_tuning_results_strategy"
    ),
)

execution_log = sa.Table(
    "execution_log",
    metadata,
    _integer("id", primary_key=True),
    _text("session_id"),
    _text("strategy_id"),
    _text("log_level"),
    _text("message"),
    _text("details"),
    _created_at(),
    sa.Index("ix_execution_log_session", "session_id", "id"),
)

# One row per range [position_start, position_stop) of design positions. `lease_expires_at` is in
# seconds on the database's clock (`studies.database.engine.database_clock`); `attempt` is
# what a claim must still hold to be settled; `crashes` counts workers that died with the chunk.
work_chunks = sa.Table(
    "work_chunks",
    metadata,
    _text("session_id", primary_key=True),
    _integer("chunk_no", primary_key=True, autoincrement=False),
    sa.Column("position_start", sa.BigInteger, nullable=False),
    sa.Column("position_stop", sa.BigInteger, nullable=False),
    _text("state", nullable=False, default="pending", server_default="pending"),
    _text("worker"),
    _real("lease_expires_at"),
    _counter("attempt"),
    _counter("crashes"),
    _counter("completed_strategies"),
    _counter("failed_strategies"),
    _time("started_at"),
    _time("completed_at"),
    sa.Index("ix_work_chunks_state", "session_id", "state", "chunk_no"),
)

# One row per generation of a genetic session; `points` and `bred_from` are JSON.
search_generations = sa.Table(
    "search_generations",
    metadata,
    _text("session_id", primary_key=True),
    _integer("generation", primary_key=True, autoincrement=False),
    sa.Column("position_start", sa.BigInteger, nullable=False),
    sa.Column("position_stop", sa.BigInteger, nullable=False),
    _text("points", nullable=False),
    _text("bred_from", nullable=False),
    _created_at(),
)

# One row per verdict; `settings` and `figures` are JSON. `n_before` counts the verdicts that other
# settings, strategies or sessions had been given on the same data before.
verdicts = sa.Table(
    "verdicts",
    metadata,
    _integer("id", primary_key=True),
    _text("session_id", nullable=False),
    _text("strategy_id", nullable=False),
    _text("verdict", nullable=False),
    _real("p_cash"),
    _real("p_basket"),
    _text("settings", nullable=False),
    _text("figures", nullable=False),
    _text("data_fingerprint"),
    _counter("n_before"),
    _real("seconds"),
    _created_at(),
    sa.Index("ix_verdicts_session", "session_id", "id"),
    sa.Index("ix_verdicts_data", "data_fingerprint", "id"),
)

strategy_ranking = sa.Table(
    "strategy_ranking",
    metadata,
    _integer("id", primary_key=True),
    _text("strategy_name", nullable=False),
    _text("trading_pair", nullable=False),
    _text("date", nullable=False),
    _real("final_ranking_score"),
    _integer("rank_position"),
    _real("long_term_score"),
    _real("short_term_score"),
    _real("combined_roi_z_score"),
    _real("final_combination_value"),
    _text("component_scores"),
    _created_at(),
    _time("updated_at"),
    sa.UniqueConstraint("strategy_name", "trading_pair", "date", name="uq_strategy_ranking_day"),
)

backtest_results = sa.Table(
    "backtest_results",
    metadata,
    _integer("id", primary_key=True),
    _text("backtest_id", nullable=False),
    _text("strategy_name"),
    _text("start_date"),
    _text("end_date"),
    _real("initial_capital"),
    _real("position_size"),
    _real("fee_rate"),
    _integer("max_positions"),
    _integer("entry_top_n"),
    _integer("exit_threshold"),
    _real("final_balance"),
    _real("total_return"),
    _real("roi"),
    _integer("total_days"),
    _real("sharpe_ratio"),
    _real("max_drawdown"),
    _real("win_rate"),
    _integer("total_trades"),
    _integer("profit_days"),
    _integer("loss_days"),
    _real("avg_holding_days"),
    _text("config_params"),
    _text("notes"),
    _created_at(),
    sa.UniqueConstraint("backtest_id", name="uq_backtest_results_backtest"),
)

backtest_trades = sa.Table(
    "backtest_trades",
    metadata,
    _integer("id", primary_key=True),
    _text("backtest_id", nullable=False),
    _text("trade_date"),
    _text("trading_pair"),
    _text("action"),
    _real("amount"),
    _real("funding_rate_diff"),
    _real("position_balance"),
    _real("cash_balance"),
    _real("total_balance"),
    _integer("rank_position"),
    _text("position_detail"),
    _text("notes"),
    _created_at(),
    sa.Index("ix_backtest_trades_backtest", "backtest_id", "id"),
)

# Not attached to the table, so that creating the table does not create them.
_RESULTS = hyperparameter_tuning_results.to_metadata(sa.MetaData())
_RESULT_INDEXES = (
    sa.Index("ix_results_net_sharpe_ratio", _RESULTS.c.session_id, _RESULTS.c.net_sharpe_ratio),
)
