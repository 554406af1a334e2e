"""The benchmark ``external``: what a session adds to the time of a program of the user's own."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["external_overhead"]

_PROGRAM = Path(__file__).with_name("example_backtest.py")
_DATES = {"start_date": "2025-01-01", "end_date": "2025-01-31"}
_SIZES = {"process": 200, "batch": 2_000, "server": 2_000}


def external_overhead(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time sessions of the example program in each mode, beside the program alone."""
    found: dict[str, Any] = {}
    for mode, most in _SIZES.items():
        size = min(most, arguments.size)
        with tempfile.TemporaryDirectory() as folder:
            alone, in_session = _seconds(mode, size, Path(folder))
        found[f"{mode}_strategies"] = size
        found[f"{mode}_alone_ms_each"] = 1e3 * alone / size
        found[f"{mode}_overhead_ms_each"] = 1e3 * (in_session - alone) / size
        found[f"{mode}_ratio"] = in_session / alone
    return found


def _seconds(mode: str, size: int, folder: Path) -> tuple[float, float]:
    """Return the time of the program alone for all strategies, and that of a session's run."""
    from studies import Session, TuningConfig

    words = {"process": ["--quiet", "--config", "{config}"], "batch": ["--batch", "{config}"]}
    command = [sys.executable, str(_PROGRAM), *words.get(mode, ["--server"])]
    options = {
        "command": command,
        "mode": mode,
        "figures": {"sharpe_ratio": "performance.sharpe_ratio"},
    }
    config = TuningConfig.from_mapping(
        {
            "database": f"sqlite:///{folder / 'bench.db'}",
            "objective": {"type": "external", "metrics": {"sharpe_ratio": "maximize"}}
            | {"options": options},
            "parameters": {
                "lookback": {"range": [2, 21]},
                "floor": {"range": [-0.001, 0.0], "step": 0.00001},
            },
            "backtest": _DATES,
        }
    )
    session = Session.create(config, method="sobol", size=size)
    objective: Any = session.objective()
    configs = objective.configurations(session.design.indices(0, size))
    began = time.perf_counter()
    _run_alone(command, mode, configs, folder, objective.chunk_size)
    alone = time.perf_counter() - began
    began = time.perf_counter()
    progress = session.run()
    in_session = time.perf_counter() - began
    if progress.failed or progress.done != size:
        raise RuntimeError(f"{mode}: {progress.failed} of {progress.done} strategies failed")
    session.engine.dispose()
    return alone, in_session


def _run_alone(
    command: Sequence[str],
    mode: str,
    configs: Sequence[dict[str, Any]],
    folder: Path,
    n_together: int,
) -> None:
    """Do what a shell script would: files written, the program run, its output read.

    A batch is as large as those of the session.
    """
    if mode == "server":
        lines = "".join(json.dumps(config) + "\n" for config in configs)
        subprocess.run(command, input=lines.encode(), stdout=subprocess.PIPE, check=True)
        return
    path = folder / "config.json"
    for start in range(0, len(configs), n_together):
        together = configs[start : start + n_together]
        path.write_text(json.dumps(together[0] if mode == "process" else together))
        filled = [part.replace("{config}", str(path)) for part in command]
        subprocess.run(filled, stdout=subprocess.PIPE, check=True)
