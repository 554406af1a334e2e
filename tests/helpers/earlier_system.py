"""Builds a database as the earlier system left it: its columns only, 7 sessions, 55 queue rows."""

import json
import sqlite3
from pathlib import Path

__all__ = ["N_QUEUED", "SESSIONS", "build_earlier_database"]

SESSIONS = {
    # session: (its status, states of its strategies)
    "session_20250701_090000_0001": ("completed", "c" * 10),
    "session_20250701_100000_0002": ("running", "ccccrrpppf"),
    "session_20250702_110000_0003": ("created", "p" * 10),
    "session_20250702_120000_0004": ("failed", "ccfffppp"),
    "session_20250703_130000_0005": ("paused", "cccppp"),
    "session_20250703_140000_0006": ("stopped by user", "crpfcrpfc"),
    "session_20250704_150000_0007": ("created", "pp"),
}
"""Ids, states of the sessions and of their strategies: pending, running, completed, failed."""

N_QUEUED = sum(len(states) for _, states in SESSIONS.values())

_STATES = {"p": "pending", "r": "running", "c": "completed", "f": "failed"}
_METHODS = ("equal", "inverse_cap", "factor_strength", "EQ")

_TABLES = """
CREATE TABLE tuning_sessions (
    session_id TEXT PRIMARY KEY, mode TEXT NOT NULL, total_strategies INTEGER,
    completed_strategies INTEGER, failed_strategies INTEGER, status TEXT,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, started_at TIMESTAMP, completed_at TIMESTAMP
);
CREATE TABLE strategy_queue (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, strategy_id TEXT NOT NULL,
    strategy_config TEXT NOT NULL, status TEXT, created_at TIMESTAMP,
    execution_time_seconds REAL, error_message TEXT,
    FOREIGN KEY (session_id) REFERENCES tuning_sessions (session_id)
);
CREATE TABLE hyperparameter_tuning_results (
    id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT, strategy_id TEXT, factors TEXT,
    window_size INTEGER, rebalance_frequency INTEGER, data_period INTEGER,
    selection_count INTEGER, weight_method TEXT, total_return REAL, annual_return REAL,
    sharpe_ratio REAL, max_drawdown REAL, raw_result TEXT, created_at TIMESTAMP
);
CREATE TABLE backtest_results (
    id INTEGER PRIMARY KEY, backtest_id TEXT NOT NULL, strategy_name TEXT, total_return REAL,
    sharpe_ratio REAL, max_drawdown REAL, created_at TIMESTAMP
);
CREATE TABLE execution_log (
    id INTEGER PRIMARY KEY, session_id TEXT, level TEXT NOT NULL, text TEXT, logged TIMESTAMP
);
CREATE TABLE return_metrics (
    trading_pair TEXT, date TEXT, return_1d REAL, roi_1d REAL, UNIQUE (trading_pair, date)
);
"""


def build_earlier_database(path: Path, *, journal_mode: str = "delete") -> Path:
    """Write the file, which must not exist; its rows are the same every time."""
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal_mode}")
        connection.executescript(_TABLES)
        number = 0
        for session_id, (status, states) in SESSIONS.items():
            _, date, clock, _ = session_id.split("_")
            at = f"{date[:4]}-{date[4:6]}-{date[6:]} {clock[:2]}:{clock[2:4]}:00"
            counts = (len(states), states.count("c"), states.count("f"))
            connection.execute(
                "INSERT INTO tuning_sessions VALUES (?,?,?,?,?,?,?,?,?)",
                (session_id, "sampling", *counts, status, at, at, None),
            )
            for state in states:
                _insert_strategy(connection, session_id, number, _STATES[state], at)
                number += 1
        connection.execute(
            "INSERT INTO backtest_results VALUES (1, 'b1', 'SR_W30', 0.1, 1.5, -0.2, ?)", (at,)
        )
        connection.execute("INSERT INTO execution_log VALUES (1, NULL, 'INFO', 'hello', ?)", (at,))
        connection.executemany(
            "INSERT INTO return_metrics VALUES (?, ?, ?, ?)",
            [
                (f"COIN{pair}USDT_binance_bybit", f"2025-{month:02}-{day:02}", rate, rate * 365)
                for pair in range(12)
                for month in range(1, 7)
                for day in range(1, 29)
                for rate in [((pair * 7 + month * 5 + day * 3) % 11 - 4) / 1e4]
            ],
        )
    connection.close()
    return path


def _insert_strategy(
    connection: sqlite3.Connection, session_id: str, number: int, state: str, at: str
) -> None:
    factors = ("TR", "ST") if number % 2 else ("SR",)
    window, selection = (30, 60)[number % 2], number % 11
    method = _METHODS[number % 4]
    strategy_id = f"{'_'.join(factors)}_W{window}_7D_D90_S{selection}_{method[:2].upper()}_{number}"
    config = {
        "factors": list(factors),
        "window_size": window,
        "rebalance_frequency": 7,
        "data_period": 90,
        "selection_count": selection,
        "weight_method": method,
    }
    if number % 9 == 8:  # says too little
        del config["window_size"]
    text = "not JSON" if number % 20 == 17 else json.dumps(config)
    error = "KeyError: 'roi'" if state == "failed" else None
    connection.execute(
        "INSERT INTO strategy_queue (session_id, strategy_id, strategy_config, status, created_at,"
        " execution_time_seconds, error_message) VALUES (?,?,?,?,?,?,?)",
        (session_id, strategy_id, text, state, at, 1.5 if state == "completed" else None, error),
    )
    if state == "completed":
        connection.execute(
            "INSERT INTO hyperparameter_tuning_results (session_id, strategy_id, factors,"
            " window_size, rebalance_frequency, data_period, selection_count, weight_method,"
            " total_return, annual_return, sharpe_ratio, max_drawdown, raw_result, created_at)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                *(session_id, strategy_id, json.dumps(factors), window, 7, 90, selection, method),
                *(number / 3, number / 2, number / 10, -number / 100, "{'roi': 1}", at),
            ),
        )
