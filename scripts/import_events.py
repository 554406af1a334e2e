"""The benchmark ``import``: millions of funding events from a file into a new database."""

import argparse
import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["add_options", "import_events"]

_EXCHANGES = {"binance": (60, 8), "bybit": (50, 8), "hyperliquid": (200, 1)}
"""Symbols and hours between settlements, much as in a real collection."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``import`` asks beside the options of ``real-market``."""
    parser.add_argument("--n-events", type=int, default=2_500_000, help="import: without --source")


def import_events(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time ``mass-tuning import`` of 2.5 million events, beside writing them bare."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(arguments.source or f"{folder}/events.parquet")
        if arguments.source is None:
            _write_events(path, arguments.n_events, arguments.seed)
        bare_s, n_events = _bare_seconds(path, f"{folder}/bare.db")
        wall_s, peak_mb = _import_seconds(path, folder)
        database_mb = Path(f"{folder}/market.db").stat().st_size / 1e6
    return {
        "market": "synthetic" if arguments.source is None else "given",
        "n_events": n_events,
        "wall_s": wall_s,
        "bare_s": bare_s,
        "ratio": wall_s / bare_s,
        "events_per_s": n_events / wall_s,
        "peak_rss_mb": peak_mb,
        "database_mb": database_mb,
    }


def _write_events(path: Path, n_events: int, seed: int) -> None:
    """Invent settlements every eight hours, and every hour on one exchange."""
    rng = np.random.default_rng(seed)
    per_day = sum(n_symbols * 24 // hours for n_symbols, hours in _EXCHANGES.values())
    n_days = n_events // per_day + 1
    parts = []
    for exchange, (n_symbols, hours) in _EXCHANGES.items():
        stamps = pd.date_range("2024-01-01", periods=n_days * 24 // hours, freq=f"{hours}h")
        symbols = [f"C{k:03}USDT" for k in range(n_symbols)]
        rates = rng.normal(1e-5 * hours, 1e-5 * hours, n_symbols * len(stamps))
        parts.append(
            pd.DataFrame(
                {
                    "timestamp": np.tile(stamps.to_numpy(), n_symbols),
                    "symbol": np.repeat(symbols, len(stamps)),
                    "exchange": exchange,
                    "funding_rate": np.round(rates, 8),
                }
            )
        )
    pd.concat(parts).head(n_events).to_parquet(path, index=False)


def _bare_seconds(path: Path, database: str) -> tuple[float, int]:
    """Read the file and write its rows by the driver alone: the least that an import can cost."""
    began = time.perf_counter()
    frame = pd.read_parquet(path, columns=["timestamp", "symbol", "exchange", "funding_rate"])
    side = frame["symbol"].astype("category").cat.codes.to_numpy(dtype=np.int64) * 100
    side = side + frame["exchange"].astype("category").cat.codes.to_numpy(dtype=np.int64)
    stamp = pd.DatetimeIndex(frame["timestamp"]).as_unit("ms").asi8
    order = np.lexsort((stamp, side))
    columns = (side[order], stamp[order], frame["funding_rate"].to_numpy()[order])
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute(
            "CREATE TABLE e (side INTEGER, stamp INTEGER, rate REAL, source INTEGER DEFAULT 1, "
            "PRIMARY KEY (side, stamp)) WITHOUT ROWID"
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        connection.executemany("INSERT INTO e (side, stamp, rate) VALUES (?, ?, ?)", rows)
        connection.commit()
    return time.perf_counter() - began, len(frame)


def _import_seconds(path: Path, folder: str) -> tuple[float, float]:
    """Wall time and peak memory (MB) of the whole command."""
    command = [
        sys.executable,
        "-m",
        "studies",
        "--database",
        "market.db",
        "import",
        str(path.resolve()),
    ]
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    if status:
        raise SystemExit(f"the import failed with status {status}")
    return wall_s, usage.ru_maxrss / 1024
