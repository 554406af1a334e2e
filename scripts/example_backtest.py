#!/usr/bin/env python3
"""A backtest as researchers have one: reads a JSON file, prints messages, then a JSON object.

It stands for a program of your own in docs/own_program.md and in the tests. Its options are those
of backtest_v5. It invents the returns of one pair that swings around a slow trend, and holds it
while the mean of the last ``lookback`` days is above ``floor``.

    python scripts/example_backtest.py --config strategy.json --strategy_id P3 --output_format json
    python scripts/example_backtest.py --batch strategies.json
    python scripts/example_backtest.py --server
"""

import argparse
import datetime as dt
import json
import math
import random
import statistics
import sys
from pathlib import Path

FEE = 0.0002


def invented_returns(n_days: int) -> list[float]:
    """Returns of each day, the same in every run."""
    draw = random.Random(7)  # noqa: S311
    return [
        0.0006 * math.sin(day / 9.0) + 0.0002 + draw.gauss(0.0, 0.0004) for day in range(n_days)
    ]


def backtest(config: dict) -> dict:
    """Hold the pair while its trailing mean, known at the close of the day before, is high."""
    parameters, settings = config["parameters"], config["settings"]
    first = dt.date.fromisoformat(settings["start_date"])
    n_days = (dt.date.fromisoformat(settings["end_date"]) - first).days + 1
    returns = invented_returns(n_days)
    lookback, floor = parameters["lookback"], parameters["floor"]
    earned, held, holdings = [], False, []
    for day in range(n_days):
        seen = returns[max(0, day - lookback) : day]
        wanted = len(seen) == lookback and statistics.fmean(seen) > floor
        earned.append((returns[day] if wanted else 0.0) - (FEE if wanted != held else 0.0))
        held = wanted
        holdings.append(held)
    if not any(holdings):
        return {"success": False, "error": "nothing was ever bought"}
    wealth, peak, drawdown = 1.0, 1.0, 0.0
    for change in earned:
        wealth *= 1.0 + change
        peak = max(peak, wealth)
        drawdown = max(drawdown, 1.0 - wealth / peak)
    active = [change for change, was in zip(earned, holdings, strict=True) if was]
    spread = statistics.stdev(earned)
    return {
        "success": True,
        "performance": {
            "final_capital": settings["initial_capital"] * wealth,
            "total_return": wealth - 1.0,
            "total_roi": (wealth - 1.0) * 365 / n_days,
            "win_rate": sum(change > 0 for change in active) / len(active),
            "max_drawdown": drawdown,
            "avg_holding_days": None,
            "sharpe_ratio": statistics.fmean(earned) / spread * math.sqrt(365) if spread else 0.0,
        },
        "daily_returns": {
            (first + dt.timedelta(days=day)).isoformat(): change
            for day, change in enumerate(earned)
        },
    }


def main() -> None:
    """Run one strategy, a list of them, or each line of standard input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", metavar="FILE")
    parser.add_argument("--strategy_id")
    parser.add_argument("--output_format", choices=["json", "text"], default="json")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--batch", metavar="FILE")
    parser.add_argument("--server", action="store_true")
    options = parser.parse_args()
    if options.server or options.batch:
        if options.server:
            configs = (json.loads(line) for line in sys.stdin)
        else:
            configs = json.loads(Path(options.batch).read_text(encoding="utf-8"))
        for config in configs:
            found = {"strategy_id": config["strategy_id"], **backtest(config)}
            print(json.dumps(found), flush=True)
        return
    config = json.loads(Path(options.config).read_text(encoding="utf-8"))
    print(f"[INFO] strategy {options.strategy_id or config['strategy_id']}: {{loading prices ...}}")
    result = backtest(config)
    if not options.quiet:
        print("[INFO] done", file=sys.stderr)
    if options.output_format == "text":
        for name, value in result.get("performance", {}).items():
            print(f"{name:20} {value}")
        return
    print(json.dumps(result, indent=2))
    print("[INFO] finished")


if __name__ == "__main__":
    main()
