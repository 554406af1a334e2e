"""Time what a person waits for who looks at a finished session."""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspect_times import browser_times
from live_lag import live_lag
from study_json import study_json

_REPEATS = 3


def inspect_session(url: str, session_id: str) -> dict[str, Any]:
    """Time queries, report, studies and pages of a recorded session.

    Parameters
    ----------
    url : str
        Of the database.
    session_id : str
        A finished session.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = _report(url, session_id, Path(folder) / "report.html")
    studies = study_json(url)
    return {
        **{f"query_{name}_s": seconds for name, seconds in _queries(url, session_id).items()},
        **report,
        **browser_times(url, session_id),
        "live_lag_s": live_lag(url),
        "study_json_mb": max(study["response_mb"] for study in studies.values()),
        "studies": studies,
    }


def _queries(url: str, session_id: str) -> dict[str, float]:
    """Median processor time of each typed query over all strategies."""
    from studies import Session
    from studies.analysis import (
        best_so_far,
        count_failures,
        distinct_groups,
        importance_of,
        in_against_out,
        lifts,
        marginals,
        neighbourhoods_of,
        read_filter,
        read_table,
    )

    session = Session.open(url, session_id)
    figures = ("total_return", "max_drawdown", "trade_count", "turnover", "fees_paid")
    out_of_sample = f"oos_{next(iter(session.directions))}"
    outside = [out_of_sample] if out_of_sample in session.figures else []
    table = read_table(session, [*figures, *outside])
    chosen = read_filter(session, "max_drawdown < 0.05 and trade_count >= 10")
    asked: dict[str, Callable[[], Any]] = {
        "read": lambda: read_table(session),
        "filter": lambda: chosen.mask(table),
        "distinct": lambda: distinct_groups(table),
        "marginals": lambda: marginals(table),
        "lift": lambda: lifts(table),
        "anova": lambda: importance_of(table),
        "neighbours": lambda: neighbourhoods_of(table),
        "best_so_far": lambda: best_so_far(table),
        "failures": lambda: count_failures(table),
    }
    if outside:
        asked["in_against_out"] = lambda: in_against_out(table)
    return {name: _seconds(ask) for name, ask in asked.items()}


def _seconds(ask: Callable[[], Any]) -> float:
    times = []
    for _ in range(_REPEATS):
        began = time.process_time()
        ask()
        times.append(time.process_time() - began)
    return statistics.median(times)


def _report(url: str, session_id: str, target: Path) -> dict[str, float]:
    """Processor time and size of ``mass-tuning report`` as a whole command, the second run."""
    command = [sys.executable, "-m", "studies", "--database", url, "report", session_id]
    for _ in range(2):
        target.unlink(missing_ok=True)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.perf_counter()
        subprocess.run([*command, "-o", str(target)], check=True, stdout=subprocess.DEVNULL)
        wall_s = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "report_processor_s": processor_s,
        "report_wall_s": wall_s,
        "report_mb": target.stat().st_size / 1e6,
    }
