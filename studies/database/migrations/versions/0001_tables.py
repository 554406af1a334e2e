"""The tables of the first release, created or taken over from an earlier system.

A frozen copy: later changes of `studies.database.tables` come as later migrations.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from studies.database.migrations.adoption import create_or_adopt

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    for table in _metadata.tables.values():
        create_or_adopt(connection, table)


def _text(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, **options)


def _integer(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, **options)


def _bigint(name: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, **options)


def _counter(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def _real(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Double)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime)


def _metrics(prefix: str) -> list[sa.Column[Any]]:
    return [
        _real(prefix + "final_balance"),
        _real(prefix + "total_return"),
        _real(prefix + "annual_return"),
        _real(prefix + "net_sharpe_ratio"),
        _real(prefix + "sharpe_ratio"),
        _real(prefix + "max_drawdown"),
        _real(prefix + "win_rate"),
        _integer(prefix + "trade_count"),
        _real(prefix + "avg_holding_days"),
        _integer(prefix + "open_positions"),
        _integer(prefix + "profit_days"),
        _integer(prefix + "loss_days"),
        _integer(prefix + "break_even_days"),
        _integer(prefix + "active_days"),
        _real(prefix + "turnover"),
        _real(prefix + "fees_paid"),
    ]


_metadata = sa.MetaData()

sa.Table(
    "tuning_sessions",
    _metadata,
    _text("session_id", primary_key=True),
    _text("mode"),
    _text("method"),
    _bigint("seed"),
    _counter("total_strategies"),
    _counter("completed_strategies"),
    _counter("failed_strategies"),
    _text("status"),
    _time("created_at"),
    _time("started_at"),
    _time("completed_at"),
    _text("config_data"),
    _text("notes"),
    _text("space_fingerprint"),
    _text("data_fingerprint"),
)

sa.Table(
    "strategy_queue",
    _metadata,
    _integer("id", primary_key=True),
    _text("session_id", nullable=False),
    _text("strategy_id", nullable=False),
    _text("strategy_config"),
    _text("status", nullable=False, server_default="pending"),
    _counter("priority"),
    _counter("retry_count"),
    _time("created_at"),
    _time("started_at"),
    _time("completed_at"),
    _real("execution_time_seconds"),
    _text("error_message"),
    sa.UniqueConstraint("session_id", "strategy_id", name="uq_strategy_queue_strategy"),
)

sa.Table(
    "hyperparameter_tuning_results",
    _metadata,
    _integer("id", primary_key=True),
    _text("session_id", nullable=False),
    _text("strategy_id", nullable=False),
    _text("factors"),
    _integer("window_size"),
    _integer("rebalance_frequency"),
    _integer("data_period"),
    _integer("selection_count"),
    _text("weight_method"),
    *_metrics(""),
    *_metrics("oos_"),
    _text("start_date"),
    _text("end_date"),
    _real("execution_time"),
    _text("raw_result"),
    _time("created_at"),
    sa.UniqueConstraint(
        "session_id", "strategy_id", name="uq_hyperparameter_tuning_results_strategy"
    ),
)

sa.Table(
    "execution_log",
    _metadata,
    _integer("id", primary_key=True),
    _text("session_id"),
    _text("strategy_id"),
    _text("log_level"),
    _text("message"),
    _text("details"),
    _time("created_at"),
    sa.Index("ix_execution_log_session", "session_id", "id"),
)

sa.Table(
    "work_chunks",
    _metadata,
    _text("session_id", primary_key=True),
    _integer("chunk_no", primary_key=True, autoincrement=False),
    _bigint("position_start", nullable=False),
    _bigint("position_stop", nullable=False),
    _text("state", nullable=False, server_default="pending"),
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

sa.Table(
    "strategy_ranking",
    _metadata,
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
    _time("created_at"),
    _time("updated_at"),
    sa.UniqueConstraint("strategy_name", "trading_pair", "date", name="uq_strategy_ranking_day"),
)

sa.Table(
    "backtest_results",
    _metadata,
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
    _time("created_at"),
    sa.UniqueConstraint("backtest_id", name="uq_backtest_results_backtest"),
)

sa.Table(
    "backtest_trades",
    _metadata,
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
    _time("created_at"),
    sa.Index("ix_backtest_trades_backtest", "backtest_id", "id"),
)
